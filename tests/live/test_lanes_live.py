"""A run with thousands of child runs in a real browser: looked at, chosen among, walked through, and followed while they move."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Page, expect

from orchestration.models import Run, Worker
from orchestration.record.clock import database_now
from tests import fans
from tests.corpora import displays
from tests.engine.conftest import Floor, floor, server  # noqa: F401  (fixtures)
from tests.live.axe import assert_sound
from tests.live.test_long_names import WIDE

SignIn = Callable[[User], Page]
MANY = [*("succeeded",) * 9, "person", "held", "failed"] * 160


@pytest.fixture
def many(site: str) -> Run:
    """A run of 2,000 items, 1,920 of which were begun."""
    now = database_now()
    Worker.objects.create(id="w", name="w", pid=1, capacity=10, started=now, beat=now)
    return fans.waiting(2_000, MANY)


def names(page: Page) -> list[str]:
    return [text.split()[1] for text in page.locator(".lane__name b").all_inner_texts()]


def test_two_thousand_lanes_stay_usable(sign_in: SignIn, operator: User, as_operator: Client, many: Run) -> None:
    with CaptureQueriesContext(connection) as made:
        assert as_operator.get(f"/runs/{many.id}/").status_code == 200
    assert len(made) < 30
    page = sign_in(operator)
    page.goto(f"/runs/{many.id}/")
    page.evaluate("window.same = true")
    assert names(page) == [str(number * 12 + 12) for number in range(12)]
    expect(page.get_by_role("img", name="Of 2,000 items: 160 failed, 160 waiting for a person")).to_be_visible()
    page.get_by_role("link", name="Waiting for a person 160").click()
    page.wait_for_url("**/?seq=open&lanes=person")
    expect(page.locator("#lanes-person")).to_have_attribute("aria-current", "true")
    assert names(page)[:2] == ["10", "22"]
    page.get_by_role("link", name="Show more").click()
    page.wait_for_url("**&from=*")
    expect(page.locator(".lane__name b").first).to_have_text(f"Item {12 * 12 + 10}")
    expect(page.locator("#lanes")).to_be_in_viewport()
    assert page.evaluate("window.same")

    page.locator(".lane__name").nth(1).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Item {13 * 12 + 10} of Each order")
    expect(page.locator("[data-live-word]")).to_have_text("Live")
    page.keyboard.press("l")
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Item {13 * 12 + 11} of Each order")
    page.get_by_role("link", name="O-1").click()
    page.wait_for_url(f"**/runs/{many.id}/")


def test_the_lanes_follow_their_runs_and_keep_what_was_chosen(sign_in: SignIn, viewer: User, many: Run) -> None:
    page = sign_in(viewer)
    page.goto(f"/runs/{many.id}/?lanes=live")
    expect(page.locator("[data-live-word]")).to_have_text("Live")
    expect(page.locator("#lanes-failed b")).to_have_text("160")
    page.evaluate("document.getElementById('lanes').seen = true; document.getElementById('run').seen = true")
    moved = Run.objects.filter(parent=many, status="held").order_by("index")[:1].get()
    Run.objects.filter(id=moved.id).update(
        status="failed", holder=None, ended=database_now(), place="", revision=2, error='{"code":"auth","message":"denied"}'
    )
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # as at each tick: it says again what it watches
    expect(page.locator("#lanes-failed b")).to_have_text("161")
    expect(page.locator("#lanes-live")).to_have_attribute("aria-current", "true")
    assert str(moved.index) not in names(page)
    assert page.evaluate("[document.getElementById('lanes').seen, document.getElementById('run').seen]") == [None, True]


def test_lanes_pass_axe_and_fit_a_phone(sign_in: SignIn, operator: User, many: Run) -> None:
    asking = Run.objects.filter(parent=many, wait="person").order_by("index")[:1].get()
    pages = (f"{many.id}/", f"{many.id}/?lanes=person", f"{asking.id}/", f"{asking.id}/?seq=0", f"{many.id}/cancel/")
    addresses = (*(f"/runs/{rest}" for rest in pages), f"/inbox/{asking.escalations.get().id}/", "/runs/")
    assert_sound(sign_in(operator), *addresses)


def test_without_scripts_lanes_are_links(chromium: Any, as_viewer: Client, site: str, many: Run) -> None:
    context = chromium.new_context(base_url=site, java_script_enabled=False)
    context.add_cookies([{"name": name, "value": cookie.value, "url": site} for name, cookie in as_viewer.cookies.items()])
    page = context.new_page()
    page.goto(f"/runs/{many.id}/")
    page.get_by_role("link", name="Failed 160").click()
    page.get_by_role("link", name="Show more").click()
    assert names(page)[0] == str(12 * 12 + 12)
    context.close()


def test_whatever_items_events_and_schedules_hold_is_shown_as_text(
    sign_in: SignIn, admin: User, site: str, floor: Floor  # noqa: F811
) -> None:  # fmt: skip
    """Each of them on every page that shows it: nothing of it becomes an element, a script or another page's width."""
    pages = displays.hostile(floor)
    page = sign_in(admin)
    page.set_viewport_size({"width": 390, "height": 844})
    trouble: list[str] = []
    page.on("console", lambda said: trouble.append(said.text) if said.type in ("error", "warning") else None)
    page.on("dialog", lambda dialog: trouble.append(dialog.message))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    for address, texts in pages.items():
        page.goto(address)
        shown = page.evaluate(displays.SHOWN)
        if missing := [text for text in texts if text not in shown]:
            trouble.append(f"{address} lacks {missing}")
        trouble += [f"{address} made {became}" for became in page.evaluate(displays.BECAME)]
        if page.evaluate("document.documentElement.scrollWidth - innerWidth") > 0:
            trouble.append(f"{address} is too wide: {page.evaluate(WIDE)}")
    assert trouble == []
