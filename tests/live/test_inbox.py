"""The inbox in a real browser: deciding by keyboard, drafts that keep themselves, being overtaken, and how it looks."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import resolve, runs
from orchestration.models import Escalation
from tests.engine.conftest import Floor, floor, server  # noqa: F401 - fixtures
from tests.engine.publishing import end, publish, workflow
from tests.live.axe import assert_sound
from tests.web.test_inbox import HUMAN

WIDE = " " * 90 + "in columns"
TOP = "inbox => inbox.getBoundingClientRect().top"
SignIn = Callable[[User], Page]


@pytest.fixture
def asked(site: str, floor: Floor) -> list[Escalation]:  # noqa: F811
    """Two questions of one workflow."""
    ends = [end({"lines": "${steps.check.values.lines}"}), end(id="no", outcome="bad")]
    publish(workflow(HUMAN, *ends))
    started = [runs.start(workflow="sample", input={"text": f"ticket {n}{WIDE}", "n": n}, by="ada") for n in (1, 2)]
    return [floor.escalation(floor.rested(run)) for run in started]


def seen(page: Page) -> None:
    """The question has been in sight for as long as it takes until it may be answered."""
    expect(page.locator("#answer[data-seen]")).to_be_attached()


def let_be_seen(page: Page) -> None:
    """The same where the clock is set."""
    page.clock.run_for(100)
    page.clock.run_for(1_000)
    seen(page)


@pytest.mark.parametrize("by", ["key", "mouse"])
def test_who_presses_again_at_once_does_not_answer_the_question_that_came_next(
    site: str, sign_in: SignIn, operator: User, floor: Floor, by: str  # noqa: F811
) -> None:  # fmt: skip
    publish(workflow(HUMAN, end(), end(id="no", outcome="bad")))
    asked = [
        floor.escalation(floor.rested(runs.start(workflow="sample", input={"text": "x", "n": n}, by="ada", key=f"T-{n}")))
        for n in range(3)
    ]
    decided = Escalation.objects.filter(status="resolved", resolved_by="otto")
    page = sign_in(operator)
    accept, said = page.get_by_role("button", name="Accept it"), page.locator(".inbox__last")
    page.clock.install()
    page.goto(f"/inbox/{asked[0].id}/")
    page.clock.pause_at(page.evaluate("new Date(Date.now() + 5_000).toISOString()"))
    seen(page)
    expect(said).to_be_empty()
    top = page.locator(".inbox").evaluate(TOP)

    def press() -> None:
        page.keyboard.press("1") if by == "key" else accept.click()

    press()
    expect(said).to_contain_text("You answered T-0 with Accept it: “Check the label”, sample")
    expect(said.get_by_role("link")).to_have_attribute("href", f"/runs/{asked[0].run_id}/")
    page.wait_for_load_state()  # by then its keys are heard
    following = page.url
    assert page.locator(".inbox").evaluate(TOP) == top, "what is said moves nothing"
    page.clock.run_for(100)
    for waited in (400, 500):
        page.clock.run_for(waited)
        press()
        expect(accept).to_contain_text("Just came: read it first", use_inner_text=True)
        expect(page.locator("#inbox-early")).to_contain_text("Not answered")
    page.keyboard.down("1") if by == "key" else page.mouse.down()
    page.clock.run_for(200)
    seen(page)
    if by == "key":
        page.keyboard.down("1")  # held
        page.keyboard.up("1")
    else:
        page.mouse.up()
    expect(accept).to_contain_text("Just came", use_inner_text=True)
    assert page.url == following and decided.count() == 1
    page.reload()
    expect(said).to_contain_text("T-0")
    let_be_seen(page)
    expect(accept).not_to_contain_text("Just came", use_inner_text=True)
    press()
    expect(said).not_to_contain_text("T-0")
    assert decided.count() == 2
    page.goto("/inbox/?tab=done")
    expect(said).to_contain_text("with Accept it")


def test_the_main_job_by_keyboard(
    asked: list[Escalation], sign_in: SignIn, operator: User, floor: Floor  # noqa: F811
) -> None:  # fmt: skip
    page = sign_in(operator)
    page.goto("/inbox/")
    expect(page.locator("#inbox-list .ask")).to_have_count(2)
    page.keyboard.press("j")
    expect(page.get_by_role("heading", name="Check the label")).to_be_visible()
    page.wait_for_load_state()
    page.keyboard.press("c")
    expect(page.locator("#presence")).to_contain_text("15 min left")
    first = page.url.rstrip("/").rpartition("/")[2]
    page.get_by_label("Amount").fill("12")
    expect(page.locator("[data-was]:visible")).to_have_text("was 3.5")
    page.get_by_label("Amount").fill("3.5")
    expect(page.locator("[data-was]:visible")).to_have_count(0)
    page.get_by_role("button", name="Add to lines").click()
    page.keyboard.type("two 1 2")
    page.get_by_role("textbox", name="Line 1", exact=True).fill("first")
    page.keyboard.press("Enter")
    assert page.url.rstrip("/").endswith(first), "Enter in a field decides nothing"
    page.locator("#asked").click()
    seen(page)
    page.keyboard.press("1")
    expect(page.locator(".inbox__last")).to_contain_text("Check the label")
    expect(page.locator(".inbox__last a")).to_have_attribute("href", f"/runs/{Escalation.objects.get(id=first).run_id}/")
    assert page.url.rstrip("/").rpartition("/")[2] in {one.id for one in asked} - {first}, "the next one is open"
    done = floor.ended(Escalation.objects.get(id=first).run_id)
    assert floor.output(done) == {"lines": ["first", "two 1 2"]}


def test_a_wrong_field_is_brought_into_sight_and_its_text_kept(asked: list[Escalation], sign_in: SignIn, operator: User) -> None:
    page = sign_in(operator)
    page.goto(f"/inbox/{asked[0].id}/")
    page.get_by_label("Amount").fill("about four")
    seen(page)
    page.keyboard.press("Control+Enter")
    expect(page.get_by_role("alert").first).to_contain_text("Amount")
    expect(page.get_by_role("alert").first).to_be_focused()
    expect(page.get_by_label("Amount")).to_be_in_viewport()
    seen(page)
    with page.expect_navigation():
        page.keyboard.press("1")
    expect(page.get_by_role("alert").first).to_be_focused()
    expect(page.get_by_label("Amount")).to_have_value("about four")
    page.keyboard.press("e")
    expect(page.get_by_label("Amount")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.type("1")
    expect(page.get_by_label("Amount")).to_have_value("about four1")
    page.keyboard.press("Escape")
    expect(page.get_by_label("Amount")).not_to_be_focused()
    page.keyboard.press("c")
    expect(page.locator("#presence")).to_contain_text("15 min left")
    assert Escalation.objects.get(id=asked[0].id).answer == "null", "nothing of it decided anything"


@pytest.mark.parametrize(("values", "said"), [({"label": "bug", "lines": ["one"]}, ["was empty"]), ({"lines": [""]}, [])])
def test_a_field_that_was_empty_says_so_and_one_to_which_nothing_was_proposed_says_nothing(
    site: str, sign_in: SignIn, operator: User, floor: Floor, values: Any, said: list[str]  # noqa: F811
) -> None:  # fmt: skip
    publish(workflow({**HUMAN, "values": values}, end({"lines": "${steps.check.values.lines}"}), end(id="no", outcome="bad")))
    run = floor.rested(runs.start(workflow="sample", input={"text": "x", "n": 1}, by="ada"))
    page = sign_in(operator)
    page.goto(f"/inbox/{floor.escalation(run).id}/")
    page.wait_for_load_state()
    page.get_by_label("Amount").fill("900")
    assert page.locator("[data-was]:visible").all_inner_texts() == said
    seen(page)
    page.get_by_role("button", name="Accept it").click()
    expect(page.get_by_role("alert").first).to_be_focused()
    assert page.locator("[data-was]:visible").all_inner_texts() == said, "the server says the same"
    assert page.locator("[data-was] q:visible").count() == 0


def test_what_is_typed_keeps_itself_and_whoever_is_overtaken_is_told(
    asked: list[Escalation], sign_in: SignIn, operator: User
) -> None:
    page = sign_in(operator)
    page.goto(f"/inbox/{asked[0].id}/")
    page.get_by_role("textbox", name="Line 1", exact=True).fill("half a thou")
    expect(page.locator("[data-draft-status]")).to_have_text("Draft kept.")
    page.reload()
    expect(page.get_by_role("textbox", name="Line 1", exact=True)).to_have_value("half a thou")
    page.get_by_role("textbox", name="Line 1", exact=True).fill("half a thought")
    resolve.resolve(escalation=asked[0].id, action="stop", values={}, by="ada")
    expect(page.locator("#presence")).to_contain_text("ada decided this")
    expect(page.get_by_role("alert").first).to_contain_text("Yours was not taken")
    expect(page.get_by_role("textbox", name="Line 1", exact=True)).to_have_value("half a thought")
    expect(page.get_by_role("textbox", name="Line 1", exact=True)).not_to_be_editable()
    expect(page.get_by_role("button", name="Accept it")).to_have_count(0)
    expect(page.locator(".dossier__due")).to_be_hidden()
    expect(page.locator("#inbox-list .ask")).to_have_count(1)


def test_what_cannot_be_undone_asks_for_a_second_press_of_its_key(
    site: str, sign_in: SignIn, operator: User, floor: Floor  # noqa: F811
) -> None:  # fmt: skip
    tools = {"send": {"http": {"method": "POST", "url": f"{floor.server.url}/tools/send"}, "effect": "irreversible"}}
    send = {"id": "send", "type": "tool", "title": "Send it", "tool": "send", "next": "done"}
    actions = [{"id": "go", "label": "Send", "to": "send", "form": "ignored"}, HUMAN["actions"][1]]
    escalation = {"queue": "support", "deadline": "1d", "on_deadline": "bad"}
    publish(workflow({**HUMAN, "actions": actions}, send, end(), end(id="no", outcome="bad"), tools=tools, escalation=escalation))
    first, second, third = (
        floor.escalation(floor.rested(runs.start(workflow="sample", input={"text": str(n), "n": n}, by="ada"))) for n in range(3)
    )
    page = sign_in(operator)
    button = page.get_by_role("button", name="Send")
    page.goto(f"/inbox/{first.id}/")
    seen(page)
    page.keyboard.press("1")
    expect(button).to_be_focused()
    expect(button).to_contain_text("once more, or Enter")
    page.locator("#asked").click()
    expect(button).not_to_contain_text("once more", use_inner_text=True)
    page.keyboard.press("1")
    assert Escalation.objects.get(id=first.id).status == "open", "the second press comes after the first, and nothing between"
    page.keyboard.press("1")
    expect(page.locator(".inbox__last")).to_contain_text("Send")
    page.goto(f"/inbox/{second.id}/")
    seen(page)
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator(".inbox__last")).to_contain_text("Send")
    page.goto(f"/inbox/{third.id}/")
    seen(page)
    page.keyboard.press("2")
    expect(page.locator(".inbox__last")).to_contain_text("Stop here")
    assert {floor.ended(one.run_id).outcome for one in (first, second)} == {"good"}


def test_a_number_presses_nothing_that_is_off_the_screen(asked: list[Escalation], sign_in: SignIn, operator: User) -> None:
    page = sign_in(operator)
    page.set_viewport_size({"width": 700, "height": 400})
    page.goto(f"/inbox/{asked[0].id}/")
    expect(page.get_by_role("button", name="Stop here")).not_to_be_in_viewport()
    seen(page)
    page.keyboard.press("2")
    expect(page.get_by_role("button", name="Stop here")).to_be_in_viewport()
    assert Escalation.objects.get(id=asked[0].id).status == "open"
    page.keyboard.press("2")
    expect(page.locator(".inbox__last")).to_contain_text("Stop here")


def test_it_works_without_scripts(asked: list[Escalation], sign_in: SignIn, operator: User, site: str, chromium: Any) -> None:
    cookies = sign_in(operator).context.cookies()
    context = chromium.new_context(base_url=site, java_script_enabled=False)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(f"/inbox/{asked[0].id}/")
    page.get_by_role("textbox", name="Line 1", exact=True).fill("kept")
    page.get_by_role("button", name="Add to lines").click()
    page.get_by_role("textbox", name="Line 2", exact=True).fill("more")
    page.get_by_role("button", name="Take line 1 away").click()
    page.get_by_role("button", name="Accept it").click()
    assert "You answered run" in page.content()
    page.goto("/inbox/?tab=done")
    page.locator(".ask").first.click()
    assert '"more"' in page.content() and '"kept"' not in page.content()
    context.close()


def test_no_page_of_the_inbox_violates_axe_or_overflows(asked: list[Escalation], sign_in: SignIn, operator: User) -> None:
    page = sign_in(operator)
    resolve.resolve(escalation=asked[1].id, action="stop", values={}, by="ada")
    assert_sound(page, "/inbox/", "/inbox/?tab=mine", f"/inbox/{asked[0].id}/", f"/inbox/{asked[1].id}/")
    page.goto(f"/inbox/{asked[0].id}/")
    page.get_by_label("Amount").fill("about four")
    seen(page)
    page.get_by_role("button", name="Accept it").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    assert_sound(page)
