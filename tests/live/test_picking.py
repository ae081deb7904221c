"""Values are picked and not typed: by mouse, then by keyboard alone, into what takes a value and into what takes a place."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from orchestration.acts import drafts
from orchestration.core.definition import parse
from orchestration.models import Workflow
from tests.live.axe import assert_sound
from tests.live.test_outline_editing import at, tab_to

SignIn = Callable[[User], Page]

expect.set_options(timeout=20_000)

TEXT = """\
interlock: 1
id: picking
input: {type: object, required: [message, amount], properties: {message: {type: string}, amount: {type: number}}}
outcomes: {ok: {kind: success}, broken: {kind: failure}}
on_failure: broken
models: {main: {provider: default}}
start: sort
steps:
  - id: sort
    type: llm
    title: Sort it
    model: main
    prompt: Sort it.
    output:
      type: object
      required: [kind, confidence]
      properties: {kind: {enum: [refund, bug]}, confidence: {type: number}, about: {type: string}}
    next: tell
  - {id: tell, type: set, values: {}, next: way}
  - {id: way, type: branch, cases: [{when: steps.tell.said == 'x', to: done}], default: done}
  - {id: done, type: end, outcome: ok}
"""


@pytest.fixture
def page(sign_in: SignIn, designer: User, site: str) -> Page:
    drafts.push(text=TEXT, by="dora")
    return sign_in(designer)


def steps() -> dict[str, Any]:
    return {step["id"]: step for step in parse(Workflow.objects.get(id="picking").draft).data["steps"]}


def pick(page: Page, name: str) -> Locator:
    """Presses the button beside a field; gives the list."""
    page.locator(f".field:has(> [name='{name}']) > [data-pick]").click()
    expect(page.get_by_role("dialog", name="Pick a value")).to_be_visible()
    return page.get_by_role("listbox")


def test_a_value_is_picked_by_mouse(page: Page) -> None:
    page.goto("/workflows/picking/?version=draft&step=tell")
    page.get_by_role("button", name="Add a value").click()
    page.locator("[name='v/values/0/name']").fill("said")
    value = page.locator("[name='v/values/0/value']")
    said = page.locator(".field:has(> [name='v/values/0/value']) > [data-said]")

    listed = pick(page, "v/values/0/value")
    expect(listed.get_by_role("group")).to_have_count(3)
    expect(listed.get_by_role("group").nth(1)).to_contain_text("Sort it")
    expect(listed.locator("[data-path='steps.sort.kind']")).to_contain_text("refund or bug")
    expect(listed.locator("[data-path='steps.sort.about']")).to_contain_text("may be absent")
    expect(listed.locator("[data-path='steps.way'], [data-path='steps.tell']")).to_have_count(0)
    page.get_by_role("combobox", name="Search what can be read").fill("number it")
    expect(listed.get_by_role("option")).to_have_count(1)
    assert_sound(page)
    page.get_by_role("option", name="Sort it’s confidence").click()
    expect(value).to_have_value("${steps.sort.confidence}")
    expect(value).to_be_focused()
    expect(said).to_have_text("Sort it’s confidence, a number")

    pick(page, "v/values/0/value").locator("[data-path='steps.sort.kind']").click()
    expect(value).to_have_value("${steps.sort.kind}")  # what stood there alone is what was meant to change
    page.keyboard.type(" for ")
    pick(page, "v/values/0/value").locator("[data-path='run.input.message']").click()
    page.keyboard.type("!")
    expect(value).to_have_value("${steps.sort.kind} for ${run.input.message}!")
    expect(said).to_be_hidden()
    value.fill("${steps.sort.kidn}")
    expect(said).to_have_text("There is no place steps.sort.kidn that could be read here.")
    value.fill("${run.input.message}")
    page.locator("#panel button[value=save]").click()
    expect(page.locator("#panel .said")).to_contain_text("Changed")
    assert steps()["tell"]["values"] == {"said": "${run.input.message}"}
    expect(said).to_have_text("The run’s message, text")


def test_a_place_is_picked_by_keyboard_alone(page: Page) -> None:
    keys = page.keyboard
    page.goto("/workflows/picking/?version=draft&step=way")
    place = "[name='v/cases/0/when/items/0/place']"
    tab_to(page, place)
    expect(page.locator(f".field:has(> {place}) > [data-said]")).to_contain_text("There is no place steps.tell.said")
    keys.press("Tab")
    keys.press("Enter")
    at(page, "#picker-search")
    keys.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    at(page, place)
    keys.press("Alt+ArrowDown")
    at(page, "#picker-search")
    keys.type("sort it refund")
    expect(page.locator("#picker [role=option]")).to_have_count(1)
    for _ in "sort it refund":
        keys.press("Backspace")
    for pressed, path in (
        ("ArrowDown", "run.input.amount"), ("ArrowUp", "run.input"), ("ArrowUp", "error.step"), ("ArrowDown", "run.input"),
        ("PageDown", "steps.tell"), *(("ArrowUp", f"steps.sort.{name}") for name in ("about", "confidence", "kind")),
    ):  # fmt: skip
        keys.press(pressed)
        expect(page.locator("#picker [aria-selected=true]")).to_have_attribute("data-path", path)
        active = page.locator("#picker-search").get_attribute("aria-activedescendant")
        expect(page.locator(f"#{active}")).to_have_attribute("data-path", path)
    keys.press("Enter")
    expect(page.locator(place)).to_have_value("steps.sort.kind")
    value = page.locator("[name='v/cases/0/when/items/0/value']")
    expect(value.locator("option")).to_have_text(["Choose one", "refund", "bug", "x"])  # its contract lists them
    at(page, place)
    assert steps()["way"]["cases"][0]["when"] == "steps.tell.said == 'x'", "nothing is saved by that"
    keys.press("Tab")
    keys.press("Tab")
    keys.press("Tab")
    at(page, "[name='v/cases/0/when/items/0/value']")
    keys.type("bug")
    tab_to(page, "#panel button[value='save']")
    keys.press("Enter")
    expect(page.locator("#panel .said")).to_contain_text("Changed")
    assert steps()["way"]["cases"][0]["when"] == "steps.sort.kind == 'bug'"


def test_what_is_added_within_a_case_is_made_here_and_says_where_it_stands(page: Page) -> None:
    posted: list[str] = []
    page.on("request", lambda request: posted.append(request.url) if request.method == "POST" else None)
    page.goto("/workflows/picking/?version=draft&step=way")
    row = "v/cases/0/when/items"
    page.locator(f"button[value='add {row}']").click()
    expect(page.locator(f"[name='{row}/1/place']")).to_be_focused()
    for number in (0, 1):
        page.locator(f"button[value='add {row}/1/others']").click()
        expect(page.locator(f"[name='{row}/1/others/{number}/place']")).to_be_focused()
    expect(page.get_by_role("button", name="Pick a value for place, one more 2, row 2, if, case 1")).to_be_visible()
    page.locator(f"[name='{row}/1/others/1/place']").fill("run.input.amount")
    page.locator(f"[name='{row}/1/others/1/value']").fill("3")
    page.locator(f"button[value='take {row}/1/others 0']").click()
    assert posted == []
    page.locator(f"[name='{row}/1/place']").fill("steps.sort.kind")
    page.locator(f"[name='{row}/1/value']").fill("bug")  # while the server is asked what may be chosen there
    expect(page.locator(f"select[name='{row}/1/value']")).to_have_value("bug")
    page.locator("#panel button[value=save]").click()
    expect(page.locator("#panel .said")).to_contain_text("Changed")
    either = {"any": ["steps.sort.kind == 'bug'", "run.input.amount == 3"]}
    assert steps()["way"]["cases"][0]["when"] == {"all": ["steps.tell.said == 'x'", either]}
