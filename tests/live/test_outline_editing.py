"""A workflow drawn in the outline by keyboard alone, by one who sees it or not, and on a phone."""

import re
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from orchestration.acts import drafts, events, runs
from orchestration.core.definition import parse
from orchestration.models import Run, Version, Workflow
from tests.factories import asking, awaiting, move, paying
from tests.live.axe import assert_sound

SignIn = Callable[[User], Page]

expect.set_options(timeout=20_000)


def steps(workflow: str) -> dict[str, Any]:
    found = parse(Workflow.objects.get(id=workflow).draft).data
    return {"start": found["start"], **{step["id"]: step for step in found["steps"]}}


def tab_to(page: Page, selector: str, back: bool = False) -> None:
    """Presses Tab until the focus is there."""
    for _ in range(120):
        if page.locator(selector).and_(page.locator(":focus")).count():
            return
        page.keyboard.press("Shift+Tab" if back else "Tab")
    raise AssertionError(f"the focus never comes to {selector}; it is on {page.evaluate('document.activeElement?.outerHTML')}")


def at(page: Page, selector: str) -> None:
    """Waits until the focus is there, without pressing anything."""
    expect(page.locator(selector)).to_be_focused()


def test_a_workflow_is_drawn_from_nothing_by_keyboard_alone(sign_in: SignIn, designer: User, site: str) -> None:
    page = sign_in(designer)
    keys = page.keyboard
    page.goto("/workflows/new/")
    tab_to(page, "#empty-name")
    keys.type("Count and tell")
    keys.press("Enter")
    page.wait_for_url("**/workflows/count_and_tell/design/")
    tab_to(page, "[href^='/workflows/count_and_tell/?']")
    keys.press("Enter")
    page.wait_for_url("**/workflows/count_and_tell/?*")

    tab_to(page, "#menu-start > summary")
    keys.press("Enter")
    tab_to(page, "#type-start")
    keys.type("Values")
    tab_to(page, "#title-start")
    keys.type("Count it")
    keys.press("Enter")
    at(page, "#open-count_it")
    expect(page.locator("#said")).to_contain_text("Added Count it")
    expect(page.locator("#menu-start")).not_to_have_attribute("open", "")
    assert page.get_by_role("heading", name="Count it", exact=True).count() == 1, "a title is read once, and its id apart"

    keys.press("m")
    at(page, "#edit-count_it")
    keys.press("Tab")
    at(page, "#type-count_it")
    keys.type("Branch")
    tab_to(page, "#title-count_it")
    keys.type("Is it much?")
    keys.press("Enter")
    at(page, "#open-is_it_much")
    assert (steps("count_and_tell")["start"], steps("count_and_tell")["count_it"]["next"]) == ("count_it", "is_it_much")

    keys.press("ArrowUp")
    at(page, "#open-count_it")
    keys.press("Enter")  # its panel
    at(page, "#panel")
    tab_to(page, "button[value='add v/values']")
    keys.press("Enter")
    at(page, "[name='v/values/0/name']")
    keys.type("n")
    keys.press("Tab")
    keys.type("3")
    tab_to(page, "#panel button[value='save']")
    keys.press("Enter")
    expect(page.locator("#panel-said")).to_contain_text(".")
    expect(page.locator("#step-count_it .step__lead")).to_contain_text("Computes n")
    assert steps("count_and_tell")["count_it"]["values"] == {"n": 3}

    page.locator("#open-is_it_much").focus()  # as Shift+Tab would, forty times
    keys.press("Enter")
    expect(page.locator("#panel-title")).to_have_text("Is it much?")
    expect(page.locator("#panel")).to_contain_text("Case 1 of Is it much? has no condition yet.")
    tab_to(page, "[name='v/cases/0/when/items/0/place']")
    keys.press("Alt+ArrowDown")
    at(page, "#picker-search")
    keys.type("count_it.n")
    keys.press("Enter")
    at(page, "[name='v/cases/0/when/items/0/place']")
    tab_to(page, "[name='v/cases/0/when/items/0/operator']")
    keys.type("is greater")
    tab_to(page, "[name='v/cases/0/when/items/0/value']")
    keys.type("2")
    tab_to(page, "[name='v/cases/0/label']")
    keys.type("Much")
    tab_to(page, "#panel button[value='save']")
    keys.press("Enter")
    expect(page.locator("#step-is_it_much .step__routes")).to_contain_text("steps.count_it.n > 2")
    assert steps("count_and_tell")["is_it_much"]["cases"] == [{"when": "steps.count_it.n > 2", "to": "finish", "label": "Much"}]

    page.locator("#open-finish").focus()
    keys.press("d")
    at(page, "#open-finish_2")
    keys.press("Alt+ArrowUp")
    expect(page.locator("#said")).to_contain_text("Moved")
    at(page, "#open-finish_2")
    page.locator("#open-is_it_much").focus()
    keys.press("m")
    tab_to(page, "#menu-is_it_much select[name='route:default']")
    keys.press(
        "ArrowUp"
        if page.locator("#menu-is_it_much [name='route:default'] option").nth(0).inner_text() != "Finish"
        else "ArrowDown"
    )
    assert_sound(page)
    tab_to(page, "#menu-is_it_much [aria-label^='Where'] button")
    keys.press("Enter")
    at(page, "#open-is_it_much")
    assert steps("count_and_tell")["is_it_much"]["default"] == "finish_2"

    keys.press("Control+z")
    expect(page.locator("#said")).to_contain_text("Undid")
    assert steps("count_and_tell")["is_it_much"]["default"] == "finish"
    keys.press("Control+Shift+z")
    expect(page.locator("#said")).to_contain_text("Did again")
    assert steps("count_and_tell")["is_it_much"]["default"] == "finish_2"
    page.locator("#open-finish_2").focus()
    keys.press("Delete")
    expect(page.locator("#said")).to_contain_text("Removed")
    assert "finish_2" not in steps("count_and_tell")
    expect(page.locator("#outline-aside")).to_contain_text("Proof")


def test_what_somebody_is_at_in_an_outline_is_not_lost_when_it_comes_anew(sign_in: SignIn, designer: User, site: str) -> None:
    drafts.push(text=asking(title="Ask somebody"), by="dora")
    page = sign_in(designer)
    keys = page.keyboard
    page.goto("/workflows/asking/?version=draft")
    asked: list[Route] = []

    def hold(route: Route) -> None:
        if route.request.method == "GET":
            asked.append(route)
        elif "do=duplicate" in (route.request.post_data or ""):
            answer = route.fetch()
            with page.expect_event("requestfinished", lambda request: request.url.endswith("/outline/")):
                asked.pop().fallback()
            route.fulfill(response=answer)
        else:
            route.fallback()

    page.route(re.compile(r"/outline/$"), hold)

    def retitled(step: str, title: str, revision: int) -> None:
        told = [{"do": "set", "step": step, "key": "title", "value": title}]
        drafts.edit(workflow="asking", revision=revision, by="ada", commands=told)

    page.locator("#open-note").focus()
    with page.expect_request(re.compile(r"/outline/$")):
        retitled("ask", "Theirs", 1)
    keys.press("m")
    at(page, "#edit-note")
    asked.pop().fallback()
    expect(page.locator("#open-ask")).to_have_text("Theirs")
    at(page, "#edit-note")
    expect(page.locator("#step-note [data-menu]")).to_have_attribute("aria-expanded", "true")

    tab_to(page, "#where-note")
    tab_to(page, "#type-note", back=True)
    keys.type("Wait")
    retitled("ask", "Theirs again", 2)
    expect(page.locator("#draft-lately")).to_contain_text("Theirs again")
    with page.expect_request("**/outline/?menu=note"):  # not before: nothing is taken from under one's hands
        tab_to(page, "#menu-note button:has-text('Add a step')")
    expect(page.locator("#open-ask")).to_have_text("Theirs again")
    at(page, "#menu-note button:has-text('Add a step')")
    expect(page.locator("#type-note")).to_have_value("wait")
    keys.press("Enter")
    at(page, "#open-wait")

    page.evaluate("document.addEventListener('htmx:oobErrorNoTarget', () => { document.body.dataset.beside = 'lost'; })")
    with page.expect_request(re.compile(r"/outline/$")):
        page.evaluate(
            "document.body.dispatchEvent(new CustomEvent('draft:elsewhere', {bubbles: true, detail: {revision: 1000}}))"
        )
    keys.press("d")
    at(page, "#open-wait_2")
    expect(page.locator("body")).not_to_have_attribute("data-beside", "lost")
    expect(page.locator("#outline-aside")).to_contain_text("Proof")


def test_a_step_is_added_and_edited_on_a_phone(sign_in: SignIn, designer: User, site: str) -> None:
    drafts.push(text=asking(title="Ask somebody"), by="dora")
    page = sign_in(designer)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/workflows/asking/?version=draft")
    small = "links => links.map(link => link.getBoundingClientRect()).filter(box => Math.min(box.width, box.height) < 24).length"
    assert page.locator(".route a").evaluate_all(small) == 0
    page.locator("#step-note [data-menu]").click()
    page.locator("#title-note").fill("Wait a bit")
    page.locator("#type-note").select_option("wait")
    page.locator("#menu-note").get_by_role("button", name="Add a step").click()
    at(page, "#open-wait_a_bit")
    page.locator("#open-wait_a_bit").click()
    at(page, "#panel")
    expect(page.locator("#panel-title")).to_be_in_viewport()
    page.locator("#panel [name='v/until']").fill("2d")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    page.locator("#panel").get_by_role("button", name="Save").click()
    expect(page.locator("#step-wait_a_bit .step__parts")).to_contain_text("2d")
    assert steps("asking")["wait_a_bit"] == {
        "id": "wait_a_bit",
        "type": "wait",
        "title": "Wait a bit",
        "until": "2d",
        "next": "ask",
    }


def test_two_who_edit_one_step_see_each_other(sign_in: SignIn, designer: User, admin: User, site: str) -> None:
    drafts.push(text=asking(title="Ask somebody"), by="dora")
    page = sign_in(designer)
    page.goto("/workflows/asking/steps/ask/")
    page.locator("[name='v/title']").fill("Mine")
    drafts.edit(
        workflow="asking", revision=1, by="ada", commands=[{"do": "set", "step": "ask", "key": "queue", "value": "theirs"}]
    )
    page.locator("#panel").get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("ada")
    expect(page.locator("[name='v/title']")).to_have_value("Mine")
    expect(page.locator("[name='v/queue']")).to_have_value("theirs")
    page.locator("#panel").get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#panel-title")).to_have_text("Mine")
    page.goto("/workflows/asking/?version=draft")
    page.locator("#open-ask").focus()
    told = [{"do": "set", "step": "note", "key": "title", "value": "Theirs"}]
    drafts.edit(workflow="asking", revision=3, by="ada", commands=told)
    expect(page.locator("#open-note")).to_have_text("Theirs")
    expect(page.locator("#draft-lately")).to_contain_text("ada")
    at(page, "#open-ask")
    page.keyboard.press("d")
    page.keyboard.press("d")  # while the first is being obeyed
    at(page, "#open-ask_3")
    assert set(steps("asking")) > {"ask", "ask_2", "ask_3"}
    assert (steps("asking")["ask"]["title"], steps("asking")["ask"]["queue"]) == ("Mine", "theirs")


def test_a_panel_shows_what_a_recorded_run_would_do_and_makes_a_contract_of_what_it_gave(
    sign_in: SignIn, designer: User, site: str
) -> None:
    fork = {"id": "fork", "type": "branch", "default": "unpaid", "cases": [{"when": "steps.pay.amount > 10", "to": "done"}]}
    definition = paying()
    pay, *ends = definition["steps"]
    run = awaiting(steps=[{**pay, "next": "fork"}, fork, *ends])
    events.send(name="payment.received", correlation="T-1", payload={"amount": 12.5, "by": "card"}, by="shop")
    move(run)
    later = move(Run.objects.get(id=runs.start(workflow="paying", input={"text": "T-2"}, by="otto")))
    events.send(name="payment.received", correlation="T-2", payload={"amount": 30, "by": "card"}, by="shop")
    move(later)
    page = sign_in(designer)
    page.goto("/workflows/paying/?version=draft&step=fork")
    expect(page.locator("#previewed")).not_to_contain_text("would go to")
    page.locator("#in-a-run > summary").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#previewed")).to_contain_text("would go to Done because pay.amount was 30")
    page.locator("#preview-at").select_option(index=1)
    expect(page.locator("#previewed")).to_contain_text("would go to Done because pay.amount was 12.5")
    page.locator("[name='v/cases/0/when/items/0/value']").fill("20")
    page.locator("#panel").get_by_role("button", name="Save").click()
    expect(page.locator("#panel-said")).to_contain_text(".")
    page.locator("#in-a-run").scroll_into_view_if_needed()
    expect(page.locator("#previewed")).to_contain_text("would go to Unpaid because pay.amount was 12.5")

    page.locator("#open-pay").click()
    page.get_by_role("button", name="From a recorded output").click()
    expect(page.locator("#recorded")).to_be_visible()
    at(page, "#from-recorded")
    page.keyboard.press("Enter")
    expect(page.locator("[name='v/output/fields/1/name']")).to_have_value("by")
    assert_sound(page)
    page.locator("#panel").get_by_role("button", name="Save").click()
    expect(page.locator("#panel-said")).to_contain_text("Changed")
    assert steps("paying")["pay"]["output"]["required"] == ["amount", "by"]


def test_a_tool_a_step_that_uses_it_and_a_map_are_made_and_published_by_keyboard_alone(
    sign_in: SignIn, designer: User, no_tools: None, site: str
) -> None:
    page = sign_in(designer)
    keys = page.keyboard

    def fill(name: str, text: str) -> None:
        tab_to(page, f"[name='{name}']")
        keys.type(text)

    def press(selector: str, back: bool = False) -> None:
        tab_to(page, selector, back)
        keys.press("Enter")

    def save() -> None:
        press("#panel button[value='save']")
        expect(page.locator("#panel-said")).to_contain_text(".")
        at(page, "#panel button[value='save']")

    page.goto("/workflows/new/")
    fill("title", "Ring them")
    keys.press("Enter")
    page.wait_for_url("**/workflows/ring_them/design/")
    press("[href^='/workflows/ring_them/?']")
    page.wait_for_url("**/workflows/ring_them/?*")

    keys.press("s")
    at(page, "#panel")
    press("button[value='add v/input/fields']")
    at(page, "[name='v/input/fields/0/name']")
    keys.type("people")
    tab_to(page, "[name='v/input/fields/0/kind']")
    keys.type("a list of text")
    tab_to(page, ".step-panel__jumps a[href='#group-tools']", back=True)
    keys.press("Enter")
    press("button[value='add v/tools']")
    at(page, "[name='v/tools/0/name']")
    keys.type("ring")
    tab_to(page, "[name='v/tools/0/http/method']")
    keys.type("POST")
    fill("v/tools/0/http/url", "https://phone.example/ring")
    tab_to(page, "[name='v/tools/0/effect']")
    keys.type("idempotent")
    press("button[value='add v/tools/0/input/fields']")
    at(page, "[name='v/tools/0/input/fields/0/name']")
    keys.type("who")
    press("button[value='add v/tools/0/output/fields']")
    at(page, "[name='v/tools/0/output/fields/0/name']")
    keys.type("answered")
    tab_to(page, "[name='v/tools/0/output/fields/0/kind']")
    keys.type("yes or no")
    save()

    press("#menu-start > summary", back=True)
    tab_to(page, "#type-start")
    keys.type("Map")
    fill("title", "Each of them")
    keys.press("Enter")
    at(page, "#open-each_of_them")
    keys.press("Enter")
    at(page, "#panel [data-wrong]")  # what it goes over has to be said
    fill("v/over", "${run.input.people}")
    tab_to(page, "[name='v/max_items']")
    keys.press("Control+a")
    keys.type("5")
    save()

    tab_to(page, "#open-each_of_them", back=True)
    keys.press("m")
    at(page, "#edit-each_of_them")
    keys.press("Tab")
    at(page, "#type-each_of_them")
    keys.type("Tool")
    fill("title", "Ring")
    tab_to(page, "#where-each_of_them")
    keys.type("inside")
    press("#menu-each_of_them button:has-text('Add a step')")
    at(page, "#open-ring")
    keys.press("Enter")
    at(page, "#panel [data-wrong]")  # it is given nothing yet of what the tool takes
    expect(page.locator("[name='v/tool']")).to_have_value('"ring"')
    expect(page.locator("[name='v/input/0/name']")).to_have_value("who")
    fill("v/input/0/value", "${item}")
    save()
    expect(page.locator("#outline-aside")).to_contain_text("no problems")

    tab_to(page, "#open-ring", back=True)
    keys.press("ArrowUp")  # what a new map holds: the new step is led to from there
    at(page, "#open-note")
    keys.press("Delete")
    expect(page.locator("#said")).to_contain_text("Removed")
    assert_sound(page)
    press("a.button:has-text('Publish')", back=True)
    page.wait_for_url("**/ring_them/publish/")
    fill("note", "The first")
    press("button:text-is('Publish')")
    page.wait_for_url("**/ring_them/")
    version = Version.objects.get(workflow_id="ring_them")
    data = parse(version.text).data
    mapped = next(step for step in data["steps"] if step["id"] == "each_of_them")
    assert (mapped["over"], mapped["max_items"], mapped["next"]) == ("${run.input.people}", 5, "finish")
    assert mapped["body"] == [{"id": "ring", "type": "tool", "tool": "ring", "input": {"who": "${item}"}, "title": "Ring"}]
    assert data["tools"]["ring"]["http"] == {"method": "POST", "url": "https://phone.example/ring"}
    assert version.note == "The first"
