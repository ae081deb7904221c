"""Who is signed out while typing finds the text again, in this tab, for this person, and nothing is sent by itself."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from orchestration.accounts import give_role
from orchestration.acts import resolve
from orchestration.models import Escalation, Run
from orchestration.roles import Role
from tests.conftest import PASSWORD
from tests.engine.conftest import Floor, floor, server  # noqa: F401 - fixtures
from tests.live.axe import violations
from tests.live.test_inbox import asked, seen  # noqa: F401 - fixtures

SignIn = Callable[[User], Page]


def typed(page: Page) -> list[str]:
    return [box.input_value() for box in page.locator("#answer [data-item] input:not([type=hidden])").all()]


def write(page: Page, address: str) -> None:
    """An answer with two more lines than were proposed, while no draft can be kept on the server."""
    page.goto(address)
    page.route("**/draft/", lambda route: route.abort())
    page.get_by_role("button", name="Add to lines").click()
    page.keyboard.type("second thought")
    page.get_by_role("button", name="Add to lines").click()
    page.keyboard.type("third")


def sign_in_again(page: Page, name: str) -> None:
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def offer(page: Page) -> Any:
    return page.locator("#answer [data-typed-offer]")


@pytest.mark.parametrize("cookies", ["kept", "gone"])
def test_an_answer_survives_a_lost_session(
    asked: list[Escalation], sign_in: SignIn, operator: User, floor: Floor, cookies: str  # noqa: F811
) -> None:  # fmt: skip
    page = sign_in(operator)
    address = f"/inbox/{asked[0].id}/"
    write(page, address)
    Session.objects.all().delete()
    if cookies == "gone":
        page.context.clear_cookies()
    seen(page)
    page.get_by_role("button", name="Accept it").click()
    if cookies == "gone":
        expect(page.get_by_role("heading", name="This form was too old")).to_be_visible()
        expect(page.locator("[data-typed-note]")).to_be_visible()
        page.get_by_role("link", name="Open the page again").click()
    expect(page.locator("[data-typed-note]")).to_contain_text("What you typed is kept in this tab")
    assert violations(page) == []
    sign_in_again(page, "otto")
    page.wait_for_url(f"**{address}")
    assert typed(page) == ["one"]
    expect(offer(page)).to_be_visible()
    assert violations(page) == []
    page.get_by_role("button", name="Take it up again").click()
    expect(page.locator("#answer [data-item]")).to_have_count(3)
    page.wait_for_load_state()  # what is pressed before the scripts run can't be known to have been sent
    assert typed(page) == ["one", "second thought", "third"]
    expect(offer(page)).to_be_hidden()
    assert Escalation.objects.get(id=asked[0].id).status == "open", "taking it up decides nothing"
    seen(page)
    page.get_by_role("button", name="Accept it").click()
    expect(page.locator(".inbox__last")).to_contain_text("You answered")
    assert floor.output(floor.ended(asked[0].run_id)) == {"lines": ["one", "second thought", "third"]}
    page.wait_for_load_state()
    assert not page.evaluate("Object.keys(sessionStorage).some(key => key.startsWith('interlock:'))"), "what arrived is not kept"


def test_it_is_offered_to_who_typed_it_and_to_nobody_else(
    asked: list[Escalation], sign_in: SignIn, operator: User  # noqa: F811
) -> None:  # fmt: skip
    other = User.objects.create_user("oona", password=PASSWORD)
    give_role(other, Role.OPERATOR)
    page = sign_in(operator)
    address = f"/inbox/{asked[0].id}/"
    write(page, address)
    Session.objects.all().delete()
    seen(page)
    page.get_by_role("button", name="Accept it").click()
    sign_in_again(page, "oona")
    page.wait_for_url(f"**{address}")
    expect(page.get_by_role("button", name="Accept it")).to_be_visible()
    expect(offer(page)).to_be_hidden()
    Session.objects.all().delete()
    page.goto(address)
    sign_in_again(page, "otto")
    expect(offer(page)).to_be_visible()
    page.get_by_role("button", name="Drop it").click()
    page.reload()
    expect(page.get_by_role("button", name="Accept it")).to_be_visible()
    expect(offer(page)).to_be_hidden()


def test_what_was_typed_into_a_question_that_others_decided_is_still_to_be_seen(
    asked: list[Escalation], sign_in: SignIn, operator: User  # noqa: F811
) -> None:  # fmt: skip
    page = sign_in(operator)
    address = f"/inbox/{asked[0].id}/"
    write(page, address)
    Session.objects.all().delete()
    seen(page)
    page.get_by_role("button", name="Accept it").click()
    resolve.resolve(escalation=asked[0].id, action="stop", values={}, by="ada")
    sign_in_again(page, "otto")
    expect(page.locator("[data-typed-left]")).to_contain_text("did not arrive")
    expect(page.locator("[data-typed-left]")).to_contain_text("second thought")


def test_the_input_of_a_run_and_the_reason_of_a_cancel_survive_too(
    asked: list[Escalation], sign_in: SignIn, operator: User  # noqa: F811
) -> None:  # fmt: skip
    page = sign_in(operator)
    before = Run.objects.count()
    page.goto("/workflows/sample/run/")
    page.get_by_label("Text").fill("a long letter")
    page.get_by_label("Business key").fill("T-99")
    Session.objects.all().delete()
    page.get_by_role("button", name="Start the run").click()
    sign_in_again(page, "otto")
    page.get_by_role("button", name="Take it up again").click()
    expect(page.get_by_label("Text")).to_have_value("a long letter")
    expect(page.get_by_label("Business key")).to_have_value("T-99")
    assert Run.objects.count() == before, "nothing is started by itself"
    page.goto(f"/runs/{asked[0].run_id}/cancel/")
    page.get_by_label("Reason").fill("wrong customer")
    Session.objects.all().delete()
    page.get_by_role("button", name="Cancel the run").click()
    sign_in_again(page, "otto")
    page.get_by_role("button", name="Take it up again").click()
    expect(page.get_by_label("Reason")).to_have_value("wrong customer")
    assert Run.objects.get(id=asked[0].run_id).status == "waiting"


def test_a_form_that_is_asked_for_as_json_and_back_offers_nothing(
    asked: list[Escalation], sign_in: SignIn, operator: User  # noqa: F811
) -> None:  # fmt: skip
    page = sign_in(operator)
    page.goto("/workflows/sample/run/")
    page.wait_for_load_state()
    page.get_by_label("Text").fill("a long letter")
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_role("alert").first).to_be_visible()
    page.wait_for_load_state()
    page.get_by_role("button", name="Write it as JSON").click()
    raw = page.get_by_label("Everything JSON")
    expect(raw).to_have_value(re.compile("a long letter"))
    page.wait_for_load_state()
    expect(page.locator("[data-typed-offer]")).to_be_hidden()
    raw.fill('{"text": "a longer letter", "n": 1')
    page.get_by_role("button", name="Start the run").click()
    expect(page.get_by_text("a comma is missing, or a bracket at line 1")).to_be_visible()
    page.wait_for_load_state()
    raw.fill('{"text": "a longer letter", "n": 1}')
    page.get_by_role("button", name="Fill in as a form").click()
    expect(page.get_by_label("Text")).to_have_value("a longer letter")
    page.wait_for_load_state()
    expect(page.locator("[data-typed-offer]")).to_be_hidden()
    page.goto("/workflows/sample/run/")
    page.get_by_role("button", name="Take it up again").click()
    expect(page.get_by_label("Text")).to_have_value("a longer letter")
