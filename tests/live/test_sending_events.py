"""A run that waits for an event is answered through the page."""

from collections.abc import Callable

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.models import Event
from tests.factories import awaiting, move
from tests.live.axe import assert_sound


def test_a_waiting_run_is_answered_from_its_page(sign_in: Callable[[User], Page], operator: User, site: str) -> None:
    run = awaiting("T-1")
    page = sign_in(operator)
    page.goto(f"/runs/{run.id}/")
    page.get_by_role("link", name="Send this event").click()
    expect(page.get_by_label("Name")).to_have_value("payment.received")
    expect(page.get_by_label("Correlation")).to_have_value("T-1")
    assert_sound(page)
    page.get_by_label("Amount").fill("five")
    page.get_by_role("button", name="Send the event").click()
    expect(page.get_by_text("Must be a number")).to_be_visible()
    page.get_by_role("button", name="Write it as JSON").click()
    expect(page.get_by_label("Payload (JSON)")).to_have_value('{\n  "amount": "five"\n}')
    page.get_by_label("Payload (JSON)").fill('{"amount": 5}')
    assert_sound(page)
    page.get_by_role("button", name="Send the event").click()
    expect(page.get_by_role("status", name="Messages")).to_contain_text("payment.received is sent: this run took it.")
    expect(page.locator("#chosen")).to_contain_text("it has, and the run goes on")
    assert Event.objects.get().run_id == run.id
    assert_sound(page, "/events/send/", f"/events/send/?run={run.id}")
    assert move(run).outcome == "good"
