"""The look, measured: no accessibility violation, nothing wider than a phone, no literal colour outside the tokens."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import events
from tests.live.axe import assert_sound, violations

GOOD_NEWS_STAYS = "const soon = setTimeout; window.setTimeout = (act, ms, ...more) => ms < 8000 && soon(act, ms, ...more)"
"""However long it takes to look at a page: else it goes by itself after some seconds."""
PAGES = ("/gallery/?toasts=1", "/reference/", "/account/password/", "/account/logout/", "/account/2fa/", "/nowhere/")


def test_no_page_violates_axe_or_overflows(sign_in: Callable[[User], Page], admin: User) -> None:
    page = sign_in(admin)
    page.add_init_script(GOOD_NEWS_STAYS)
    assert_sound(page, *PAGES)


def test_kept_events_are_sound_folded_and_open(sign_in: Callable[[User], Page], viewer: User, site: str) -> None:
    page = sign_in(viewer)
    assert_sound(page, "/events/")
    for name, payload in (("a" * 100, {"text": "y" * 5000}), ("parcel.left", {"sku": "Xenotransplantation" * 12, "n": [1, 2]})):
        sent = events.send(name=name, correlation="Order" * 90, payload=payload, by="shop" * 30)
    assert_sound(page, "/events/", "/events/?name=parcel.left", "/events/?text=none", f"/events/{sent['id']}/")
    page.goto("/events/")
    page.locator(".event__payload > summary").click()
    assert_sound(page)


def test_the_sign_in_page_passes_axe_and_keeps_the_chosen_theme(page: Page) -> None:
    page.emulate_media(color_scheme="light")
    page.goto("/account/login/")
    page.get_by_role("button", name="Dark").click()
    page.reload()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert violations(page) == []
    page.get_by_role("button", name="As the system").click()
    page.reload()
    assert page.locator("html").get_attribute("data-theme") is None


def test_pages_work_by_keyboard_from_the_skip_link_on(sign_in: Callable[[User], Page], admin: User) -> None:
    page = sign_in(admin)
    page.goto("/gallery/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "q"


def test_the_editor_paints_what_is_typed_and_marks_problems(sign_in: Callable[[User], Page], admin: User) -> None:
    page = sign_in(admin)
    page.goto("/gallery/")
    area = page.locator("#draft")
    before = area.input_value()
    page.locator("#draft-problems [data-goto='7']").click()
    assert area.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)") == "steps:"
    page.keyboard.press("Control+]")
    assert area.input_value() == before.replace("\nsteps:", "\n  steps:")
    page.keyboard.press("Control+[")
    assert area.input_value() == before
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type("<b>")
    assert area.input_value() == before.replace("\nsteps:\n", "\nsteps:\n  <b>\n")
    assert page.locator(".editor__paint").inner_text().rstrip("\n") == area.input_value().rstrip("\n")
    assert page.locator(".editor__gutter .error").all_inner_texts() == ["7", "12"]


def test_only_superusers_see_the_gallery(as_designer: Any, as_admin: Any) -> None:
    assert as_designer.get("/gallery/").status_code == 403
    assert as_admin.get("/gallery/").status_code == 200


def test_colours_stand_in_the_tokens_alone_and_are_all_that_a_theme_changes() -> None:
    literal = re.compile(r"#[0-9a-fA-F]{3,8}\b(?![-\w])|\b(?:rgb|hsl|oklch)a?\(|light-dark\(|prefers-color-scheme|data-theme")
    for sheet in (Path(settings.STATICFILES_DIRS[0]) / "css").glob("*.css"):
        if sheet.name != "tokens.css":
            assert not literal.search(sheet.read_text()), sheet.name


def test_on_a_phone_the_open_tab_is_in_sight_and_a_cut_edge_fades(sign_in: Callable[[User], Page], admin: User) -> None:
    page = sign_in(admin)
    page.set_viewport_size({"width": 360, "height": 800})
    page.goto("/settings/people/")
    tabs = page.get_by_role("navigation", name="Parts of the settings")
    expect(tabs.get_by_role("link", name="People")).to_be_in_viewport(ratio=0.9)
    expect(tabs).to_have_attribute("data-more", "before")
    page.goto("/settings/")
    expect(tabs).to_have_attribute("data-more", "after")
    page.set_viewport_size({"width": 1280, "height": 800})
    expect(tabs).to_have_attribute("data-more", "")


def test_words_before_a_colon_in_a_block_text_are_painted_as_no_keys(sign_in: Callable[[User], Page], admin: User) -> None:
    page = sign_in(admin)
    page.goto("/gallery/")
    block = "    prompt: |\n      Note: {{ text }}\n\n      refund: money\n"
    source = f"steps:\n  - id: a\n{block}    next: b\n  - >-\n   so: on\nlast: 1\n"
    painted = page.evaluate(
        """async (source) => {
          const { paint } = await import("/static/js/yaml.js");
          const found = paint(source);
          const of = (kind) => [...found.querySelectorAll(kind)].map((span) => span.textContent);
          return [of(".y-key"), of(".y-value"), found.textContent];
        }""",
        source,
    )
    assert painted == [["steps", "id", "prompt", "next", "last"], ["{{ text }}"], source + "\n"]
