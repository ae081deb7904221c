"""Whoever works in the form of a step, or in its outline, sees where they are and stays there."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import drafts
from tests.live.drawing import looping
from tests.live.test_outline_editing import at, tab_to
from tests.live.test_writing_texts import LETTER, editor, make, step

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


def make_wrong() -> None:
    sort, *others = LETTER["steps"]
    drafts.push(text={**LETTER, "steps": [{**sort, "prompt": "Sort {{ txt }} of {{ peple }}."}, *others]}, by="dora")


@pytest.mark.parametrize(("width", "height"), [(1440, 420), (390, 844)])
def test_after_each_change_of_an_outline_one_goes_on_where_it_was_and_sees_what_was_done(
    sign_in: SignIn, designer: User, site: str, width: int, height: int
) -> None:
    make_wrong()
    page = sign_in(designer)
    keys = page.keyboard
    page.set_viewport_size({"width": width, "height": height})
    page.goto(OUTLINE)
    expect(page.locator("#step-sort")).to_have_class("step step--open")
    expect(page.locator("#outline [aria-current]")).to_have_text("Sort")
    page.locator("#open-fork").focus()
    keys.press("Enter")
    at(page, "#panel")
    expect(page.locator("#outline [aria-current]")).to_have_text("Fork")

    keys.press("Escape")
    at(page, "#open-fork")
    keys.press("m")
    at(page, "#edit-fork")
    tab_to(page, "#name-fork")
    keys.type("Mine")
    keys.press("Tab")
    keys.type("sort")
    keys.press("Enter")
    expect(page.locator("#fork-id-error")).to_contain_text("sort")
    at(page, "#id-fork")
    expect(page.locator("#fork-id-error")).to_be_in_viewport()
    expect(page.locator("#id-fork")).to_be_in_viewport()
    expect(page.locator("#id-fork")).to_have_value("sort")
    expect(page.locator("#name-fork")).to_have_value("Mine")
    keys.type("choose")
    keys.press("Control+a")
    keys.type("choose")
    keys.press("Enter")
    at(page, "#open-choose")
    expect(page.locator("#said")).to_contain_text("choose")

    page.locator("#open-finish").focus()
    keys.press("Alt+ArrowDown")
    expect(page.locator("#menu-finish")).to_contain_text("It is the last already.")
    at(page, "#open-finish")
    keys.press("d")
    at(page, "#open-finish_2")
    expect(page.locator("#said")).not_to_be_in_viewport()
    expect(page.locator(".toast")).to_have_text(page.locator("#said").inner_text())
    expect(page.locator(".toast")).to_be_in_viewport()
    keys.press("Delete")
    at(page, "#open-finish")
    keys.press("Control+z")
    at(page, "#open-finish_2")
    keys.press("Control+z")
    at(page, "#open-finish")

    fixes = page.locator("#outline-aside .problem__fixes button")
    expect(fixes).to_have_count(2)
    fixes.first.focus()
    keys.press("Enter")
    expect(fixes).to_have_count(1)
    expect(fixes).to_be_focused()
    keys.press("Enter")
    at(page, "#open-sort")
    assert step("sort")["prompt"] == "Sort {{ text }} of {{ people }}."


def test_a_form_that_is_saved_with_problems_says_both_and_leaves_the_focus(sign_in: SignIn, designer: User, site: str) -> None:
    make()
    page = sign_in(designer)
    keys = page.keyboard
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(OUTLINE)
    prompt = editor(page, "Prompt")
    prompt.focus()
    keys.press("Control+End")
    keys.type(" {{ txt }}.")
    keys.press("Control+Enter")
    expect(page.locator("#panel-said")).to_contain_text("Set Sort’s prompt")
    expect(page.get_by_role("alert")).to_have_text("It is saved. Something in it still needs another look: Prompt.")
    expect(prompt).to_be_focused()
    page.wait_for_function(IN_SIGHT)
    page.locator(".step-form__still a").click()
    at(page, "#panel-wrong")
    page.wait_for_function(IN_SIGHT)
    page.get_by_role("alert").get_by_role("link").click()
    expect(prompt).to_be_focused()
    page.wait_for_function(IN_SIGHT)
    page.locator("#panel [data-to-step]").click()
    at(page, "#open-sort")
    expect(page.locator("#open-sort")).to_be_in_viewport()


def test_who_mends_the_last_problem_on_the_design_page_hears_that_there_is_none(
    sign_in: SignIn, designer: User, site: str
) -> None:
    first, loop, after, last = looping()["steps"]
    wrong = {**after, "values": {"n": "${step.first.n}", "m": "${runs.input.text}"}}
    drafts.push(text={**looping(), "steps": [first, loop, wrong, last]}, by="dora")
    page = sign_in(designer)
    page.goto("/workflows/looping/design/")
    page.locator(".cv[data-ready]").wait_for()
    page.locator("#design-problems > summary").click()
    fixes = page.locator("#design-head .problem__fixes button")
    fixes.first.focus()
    page.keyboard.press("Enter")
    expect(fixes).to_have_count(1)
    at(page, "#design-problems > summary")
    fixes.first.focus()
    page.keyboard.press("Enter")
    at(page, "#design-verdict")
    expect(page.locator("#design-verdict")).to_have_text("no problems")
