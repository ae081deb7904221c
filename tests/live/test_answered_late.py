"""Somebody goes on while the server takes its time, or does not answer: nothing that they typed is lost, they are asked where it
would be and only there, and what they see is what they chose."""

import json
import re
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import APIResponse, Dialog, Locator, Page, Route, expect

from tests.engine.publishing import publish
from tests.factories import asking
from tests.live.drawing import drawn, entitle, node, opened

SignIn = Callable[[User], Page]
PAGES = ["design", "outline"]

expect.set_options(timeout=20_000)


@pytest.fixture
def page(sign_in: SignIn, designer: User, site: str) -> Page:
    publish(asking())
    return sign_in(designer)


def at(page: Page, where: str) -> Page:
    if where == "design":
        return opened(page, "asking")
    page.goto("/workflows/asking/?version=draft")
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")  # no key is heard before
    return page


def choose(page: Page, where: str, step: str) -> None:
    (node(page, step) if where == "design" else page.locator(f"#open-{step}")).click()


def title(page: Page) -> Locator:
    return page.locator("#panel").get_by_label("Title")


def save(page: Page) -> None:
    page.locator("#panel-save").click()


def holding(page: Page, step: str, method: str) -> list[Route]:
    """What is asked for or sent, one at a time."""
    held: list[Route] = []
    page.route(
        f"**/steps/{step}/",
        lambda route: held.append(route) if route.request.method == method and not held else route.fallback(),
    )
    return held


def answering(page: Page, answers: list[bool]) -> list[str]:
    """Answers each question in turn; what was asked."""
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(f"{dialog.type}: {dialog.message}")
        if not answers or answers.pop(0):
            dialog.accept()
        else:
            dialog.dismiss()

    page.on("dialog", answer)
    return asked


@pytest.mark.parametrize("where", PAGES)
def test_who_saves_and_chooses_the_next_step_at_once_is_not_asked_whether_to_lose_it(page: Page, where: str) -> None:
    at(page, where)
    asked = answering(page, [])
    choose(page, where, "note")
    title(page).fill("Mine")
    held = holding(page, "note", "POST")
    with page.expect_request("**/steps/note/"):
        save(page)
    choose(page, where, "ask")
    choose(page, where, "done")
    if where == "design":
        expect(page.locator(".cv-bar__what")).to_have_text("Done")
        page.keyboard.press("Enter")
    held.pop().continue_()
    expect(page.locator("#step-id")).to_have_value("done")
    expect(node(page, "note") if where == "design" else page.locator("#open-note")).to_contain_text("Mine")
    assert drawn("asking")["steps"]["note"]["title"] == "Mine"
    assert asked == []


@pytest.mark.parametrize("where", PAGES)
def test_who_types_while_the_next_step_is_on_its_way_is_asked_before_that_takes_its_place(page: Page, where: str) -> None:
    at(page, where)
    asked = answering(page, [False, True])
    choose(page, where, "note")
    expect(title(page)).to_be_visible()
    held = holding(page, "done", "GET")
    for kept in (True, False):
        with page.expect_request("**/steps/done/"):
            choose(page, where, "done")
        title(page).fill("Typed meanwhile")
        with page.expect_event("dialog"):
            held.pop().continue_()
        if kept:
            expect(title(page)).to_have_value("Typed meanwhile")
            expect(page.locator("#step-id")).to_have_value("note")
            if where == "design":
                expect(page.locator(".cv-bar__what")).to_have_text("Note")
            title(page).fill("")
        elif where == "design":
            page.unroute("**/steps/done/")
    expect(page.locator("#step-id")).to_have_value("done")
    assert len(asked) == 2 and all("not saved" in each for each in asked)


def test_who_opens_a_step_that_is_on_its_way_goes_to_its_form_and_not_to_the_former_one(page: Page) -> None:
    at(page, "design")
    choose(page, "design", "note")
    expect(page.locator("#step-id")).to_have_value("note")
    held = holding(page, "done", "GET")
    with page.expect_request("**/steps/done/"):
        choose(page, "design", "done")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.closest('#step-panel')") is None
    held[0].continue_()
    expect(page.locator("#step-id")).to_have_value("done")
    expect(page.locator("#step-panel :focus")).to_have_count(1)
    page.unroute("**/steps/done/")


def test_what_does_not_come_is_told_and_not_taken_for_what_was_there_before(page: Page) -> None:
    at(page, "design")
    choose(page, "design", "note")
    title(page).fill("Mine")
    fails = re.compile(r"/steps/")
    page.route(fails, lambda route: route.fulfill(status=503, content_type="text/html", body="<h1>The database is full</h1>"))
    save(page)
    told = page.locator(".toast")
    expect(told).to_contain_text("The database is full")
    expect(title(page)).to_have_value("Mine")
    page.unroute(fails)
    save(page)
    expect(page.locator("#panel-said")).to_contain_text("Mine")
    expect(told).to_have_count(0)
    page.route(fails, lambda route: route.abort())
    choose(page, "design", "done")
    expect(told).to_contain_text("The server did not answer")
    expect(page.locator("#step-id")).to_have_count(0)
    page.unroute(fails)
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#step-id")).to_have_value("done")
    expect(told).to_have_count(0)


def test_who_is_signed_out_meanwhile_is_asked_before_what_they_typed_is_left(page: Page) -> None:
    at(page, "design")
    asked = answering(page, [False])
    choose(page, "design", "note")
    title(page).fill("Mine")
    Session.objects.all().delete()
    with page.expect_event("dialog"):
        save(page)
    expect(title(page)).to_have_value("Mine")
    assert [each.split(":")[0] for each in asked] == ["beforeunload"]


def rename(page: Page, step: str, words: str) -> None:
    node(page, step).click()
    page.keyboard.press("F2")
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def test_what_others_did_meanwhile_stays_drawn_when_the_answer_to_an_earlier_edit_comes(page: Page) -> None:
    at(page, "design")
    late: list[tuple[Route, APIResponse]] = []
    page.route("**/commands/", lambda route: late.append((route, route.fetch())))
    with page.expect_request("**/commands/"):
        rename(page, "ask", "Mine")
    expect(page.locator("#draft-lately")).to_have_attribute("data-live-revision", "2")
    entitle("note", "Theirs", 2)
    expect(node(page, "note")).to_contain_text("Theirs")
    route, answer = late.pop()
    route.fulfill(response=answer)
    page.unroute("**/commands/")
    rename(page, "done", "Mine too")
    expect(node(page, "done")).to_contain_text("Mine too")
    expect(node(page, "note")).to_contain_text("Theirs")
    expect(page.locator(".cv-notice")).to_have_count(0)
    assert [drawn("asking")["steps"][step]["title"] for step in ("note", "ask", "done")] == ["Theirs", "Mine", "Mine too"]


def test_a_form_from_before_it_was_saved_does_not_take_the_place_of_what_was(page: Page) -> None:
    at(page, "design")
    choose(page, "design", "note")
    expect(title(page)).to_be_visible()
    late: list[tuple[Route, APIResponse]] = []
    page.route(
        "**/steps/note/",
        lambda route: late.append((route, route.fetch())) if route.request.method == "GET" and not late else route.fallback(),
    )
    with page.expect_request("**/steps/note/"):
        page.keyboard.press("Alt+ArrowRight")
    title(page).fill("Mine")
    save(page)
    expect(page.locator("#panel-said")).to_contain_text("Mine")
    expect(node(page, "note")).to_contain_text("Mine")
    route, answer = late[0]
    with page.expect_event("requestfinished"):
        route.fulfill(response=answer)
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")
    expect(title(page)).to_have_value("Mine")
    expect(page.locator("#panel-said")).to_contain_text("Mine")


def test_who_presses_delete_again_before_the_answer_removes_it_once(page: Page) -> None:
    at(page, "design")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.post_data or "") if request.url.endswith("/commands/") else None)
    held: list[Route] = []
    page.route("**/commands/", lambda route: held.append(route))
    node(page, "note").click()
    with page.expect_request("**/commands/"):
        page.keyboard.press("Delete")
        page.keyboard.press("Delete")
    held.pop().continue_()
    page.unroute("**/commands/")
    expect(node(page, "note")).to_have_count(0)
    rename(page, "done", "Mine")
    expect(node(page, "done")).to_contain_text("Mine")
    assert [command["do"] for body in sent for command in json.loads(body)["commands"]] == ["remove", "set"]


def test_a_drawing_that_could_not_be_fetched_says_so_in_words_and_is_fetched_when_asked_for(page: Page) -> None:
    at(page, "design")
    page.route("**/graph/**", lambda route: route.abort())
    entitle("note", "Theirs", 1)
    notice = page.locator(".cv-notice")
    expect(notice).to_contain_text("The server did not answer")
    page.unroute("**/graph/**")
    notice.get_by_role("button", name="Try again").click()
    expect(node(page, "note")).to_contain_text("Theirs")
    expect(notice).to_have_count(0)


def test_an_outline_undoes_as_often_as_that_was_pressed_and_no_more_than_there_is(page: Page) -> None:
    for number in (1, 2, 3):
        entitle("note", f"Title {number}", number)
    at(page, "outline")
    note = page.locator("#open-note")
    expect(note).to_have_text("Title 3")
    refused: list[int] = []
    page.on("response", lambda answer: refused.append(answer.status) if answer.status == 422 else None)
    undo_twice_at_once(page)
    expect(note).to_have_text("Title 1")
    undo_twice_at_once(page)
    expect(note).to_have_text("Note")
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_disabled()
    page.keyboard.press("Control+Shift+z")
    expect(note).to_have_text("Title 1")
    assert refused == []


def undo_twice_at_once(page: Page) -> None:
    """The second time before the answer to the first is there."""
    acts = re.compile(r"/outline/$")
    held: list[Route] = []
    page.route(acts, lambda route: route.fallback() if held or route.request.method == "GET" else held.append(route))
    with page.expect_request(lambda request: request.method == "POST"):
        page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    held[0].continue_()
    expect(page.locator("#acting.htmx-request")).to_have_count(0)
    page.unroute(acts)
