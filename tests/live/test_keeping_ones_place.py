"""Whoever works in the form of a step, or in its outline, sees where they are and stays there."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.live.test_writing_texts import make

SignIn = Callable[[User], Page]

expect.set_options(timeout=20_000)

OUTLINE = "/workflows/letters/?version=draft&step=sort"
PAGES = {"outline": OUTLINE, "page": "/workflows/letters/steps/sort/", "design": "/workflows/letters/design/?step=sort"}
SIZES = {"wide": (1440, 560), "phone": (390, 844)}

IN_SIGHT = """() => {
    const focus = document.activeElement, box = focus.getBoundingClientRect();
    const seen = y => { const hit = document.elementFromPoint(box.left + Math.min(12, box.width / 2), y);
                        return hit && (focus.contains(hit) || hit.contains(focus) && !hit.matches("form, section, main, body")
                                       || hit.closest("label")?.control === focus); };
    return box.height > 0 && seen(box.top + 2) && seen(box.bottom - 2);
}"""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("where", PAGES)
def test_what_has_the_focus_is_clear_of_what_sticks(sign_in: SignIn, designer: User, site: str, where: str, size: str) -> None:
    make()
    page = sign_in(designer)
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.goto(PAGES[where])
    expect(page.locator("#panel .cm-editor").first).to_be_visible()
    page.locator("#step-id").focus()
    for key, end in (("Tab", "#panel-save"), ("Shift+Tab", "#step-id")):
        for _ in range(80):
            page.keyboard.press(key)
            page.wait_for_function(IN_SIGHT, timeout=3_000)
            if page.locator(end).and_(page.locator(":focus")).count():
                break
        else:
            raise AssertionError(f"{end} is never come to")
