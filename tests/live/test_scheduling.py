"""A schedule in a real browser: its times as they are typed, by keyboard alone; and how its pages look."""

from collections.abc import Callable

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import schedules
from orchestration.models import Schedule
from orchestration.record.pack import unpack_all
from tests.engine.publishing import publish
from tests.factories import asking
from tests.live.axe import assert_sound
from tests.web.test_schedule_pages import BODY, PLACE

SignIn = Callable[[User], Page]


def test_its_times_show_as_they_are_typed_and_enter_makes_nothing(sign_in: SignIn, designer: User, site: str) -> None:
    publish(asking())
    page = sign_in(designer)
    page.goto(PLACE)
    page.get_by_role("link", name="New schedule").click()
    coming = page.locator("#coming")
    expect(coming).to_contain_text("08:00")
    page.get_by_label("Name").fill("Half past two")
    page.get_by_label("Times").fill("30 2 * * *")
    page.get_by_label("Time zone").fill("Europe/Berlin")
    expect(coming.locator("li").first).to_contain_text("02:30")
    expect(coming).to_contain_text("UTC+0")
    page.get_by_label("Times").fill("0 0 30 2 *")
    expect(coming).to_contain_text("never comes")
    page.get_by_label("Text").fill("Good morning")
    page.get_by_label("Times").press("Enter")
    expect(page.get_by_label("Text")).to_have_value("Good morning")
    assert not Schedule.objects.exists()
    page.get_by_role("button", name="Make it").click()
    expect(page.get_by_text("never comes").first).to_be_visible()
    page.get_by_label("Times").fill("30 2 * * *")
    page.get_by_role("button", name="Make it").click()
    expect(page.locator(".toast")).to_contain_text("Half past two is made")
    made = Schedule.objects.get()
    assert (made.cron, made.zone, unpack_all([made.input])[0]) == ("30 2 * * *", "Europe/Berlin", {"text": "Good morning"})
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("heading", name="Would come next")).to_be_visible()
    page.locator("[data-key=e]").click()
    expect(page.get_by_role("heading", name="Edit Half past two")).to_be_visible()


def test_its_pages_pass_axe_and_fit(sign_in: SignIn, designer: User, site: str) -> None:
    publish(asking())
    page = sign_in(designer)
    assert_sound(page, PLACE)  # none yet
    made = schedules.create(workflow="asking", body={**BODY, "name": "A" * 100}, by="dora")
    paths = ("new/", "", f"{made}/", f"{made}/edit/", f"{made}/delete/")
    assert_sound(page, *(PLACE + path for path in paths))


def test_its_times_are_seen_while_they_are_typed_on_a_phone_too(sign_in: SignIn, designer: User, site: str) -> None:
    publish(asking())
    page = sign_in(designer)
    page.set_viewport_size({"width": 390, "height": 480})  # what a keyboard leaves
    page.goto(f"{PLACE}new/")
    cron, zone, coming = page.get_by_label("Times", exact=True), page.get_by_label("Time zone"), page.locator("#coming")
    cron.fill("30 2 * * *")
    expect(coming.locator("li").first).to_contain_text("02:30")
    page.evaluate("scrollTo(0, document.querySelector('#id_cron').getBoundingClientRect().top + scrollY - 140)")
    expect(coming.locator("li").nth(1)).to_be_in_viewport(ratio=1)
    stood = zone.evaluate("field => field.getBoundingClientRect().top + scrollY")
    cron.fill("0 0 30 2 *")
    expect(coming).to_contain_text("never comes")
    assert abs(zone.evaluate("field => field.getBoundingClientRect().top + scrollY") - stood) < 2
    page.set_viewport_size({"width": 1440, "height": 900})
    cron.fill("30 2 * * *")
    expect(coming.locator("li").first).to_contain_text("02:30")
    page.get_by_label("Labels").scroll_into_view_if_needed()
    expect(coming).to_be_in_viewport(ratio=1)
    assert coming.evaluate(
        "it => it.getBoundingClientRect().left > document.querySelector('#id_labels').getBoundingClientRect().right"
    )
