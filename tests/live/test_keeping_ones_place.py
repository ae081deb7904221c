"""Whoever works in the form of a step, or in its outline, sees where they are and stays there."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from tests.live.test_outline_editing import at, tab_to
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
    return box.height > 0 && seen(box.top + 2) && (box.height > 150 || seen(box.bottom - 2));
}"""

BEGINS = """() => {
    const box = document.querySelector("#step-panel")?.getBoundingClientRect().top ?? 0;
    const head = document.querySelector("#panel > .panel__head");
    return 20 + Math.max(box, getComputedStyle(head).position === "sticky" ? head.getBoundingClientRect().bottom : 0);
}"""
"""Where nothing lies over a form any more."""


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


def seen_at(page: Page, selector: str) -> float:
    return float(page.locator(selector).evaluate("e => e.getBoundingClientRect().top"))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("where", ["outline", "design"])
def test_what_is_turned_into_text_or_rows_stays_where_it_is_with_the_focus_in_it(
    sign_in: SignIn, designer: User, site: str, where: str, size: str
) -> None:
    make()
    page = sign_in(designer)
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})

    def turn(name: str, way: str) -> None:
        button = f"button[value='{way} {name}']"
        tab_to(page, button)
        page.wait_for_function(IN_SIGHT)
        before = seen_at(page, f":is(.field, .group):has(> {button}, > .row > {button})")
        page.keyboard.press("Enter")
        there = f"button[value='{'rows' if way == 'text' else 'text'} {name}']"
        expect(page.locator(there)).to_be_visible()
        page.wait_for_function(IN_SIGHT)
        now = seen_at(page, f":is(.field, .group):has(> {there}, > .row > {there})")
        assert abs(now - before) < 2 or before < page.evaluate(BEGINS), "its beginning was in sight"

    page.goto(PAGES[where].replace("step=sort", "step=fork"))
    expect(page.locator("#panel")).to_have_attribute("data-step", "fork")
    page.locator("#step-id").focus()
    turn("v/cases/0/when", "text")
    at(page, "[id='v/cases/0/when~text-code']")
    turn("v/cases/0/when", "rows")
    at(page, "[name='v/cases/0/when/join']")
    turn("v/cases/0/when", "text")
    page.keyboard.press("Control+a")
    page.keyboard.insert_text("size(run.input.text) > 3")
    rows = "button[value='rows v/cases/0/when']"
    tab_to(page, rows)
    before = seen_at(page, rows)
    page.keyboard.press("Enter")
    expect(page.locator("#panel")).to_contain_text("This is more than rows can say. It stays as CEL.")
    at(page, rows)
    assert abs(seen_at(page, rows) - before) < 2
    expect(page.get_by_role("alert")).to_have_count(0)

    page.goto(PAGES[where])
    expect(page.locator("#panel")).to_have_attribute("data-step", "sort")
    page.locator("[name='v/prompt']").focus()
    turn("v/input", "text")
    at(page, "[name='v/input~text']")
    turn("v/output", "text")
    at(page, "[name='v/output~text']")
    turn("v/output", "rows")
    at(page, "[name='v/output/fields/0/name']")
