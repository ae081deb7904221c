"""What every page keeps up to date by itself: how long things take, and how many questions wait."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from dashboard import presentation
from orchestration.acts import resolve, runs
from orchestration.models import Escalation, Run
from tests.engine.conftest import Floor, floor, server  # noqa: F401 - fixtures
from tests.factories import asked, move
from tests.web.test_run_pages import TRIAGE, waiting  # noqa: F401 - fixtures

SignIn = Callable[[User], Page]
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
SECONDS = (
    0,
    0.4,
    0.99,
    4.9,
    5,
    44.6,
    59.4,
    59.6,
    60,
    123.4,
    3599.9,
    3600,
    7 * 3600 + 3570,
    28_798.7,
    86_399,
    86_400,
    172_795,
    2e6,
)
SAID: dict[str, Callable[[float], str]] = {
    "ago": lambda s: presentation.ago(NOW - timedelta(seconds=s), NOW),
    "due": lambda s: f"overdue by {presentation.coarse(s)}",
    "since": presentation.coarse,
    "lasting": presentation.lasted,
    "until": lambda s: "due now",
}
AHEAD: dict[str, Callable[[float], str]] = {
    "due": lambda s: f"due in {presentation.left(s)}",
    "until": lambda s: f"next in {presentation.coarse(s)}" if s >= 1 else "due now",
}


def test_the_script_says_times_as_the_server_does(page: Page) -> None:
    wanted = [(kind, -s, say(s)) for kind, say in SAID.items() for s in SECONDS if s or kind != "until"]
    wanted += [(kind, s, say(s)) for kind, say in AHEAD.items() for s in SECONDS if s]
    times = "".join(f'<time datetime="{(NOW + timedelta(seconds=s)).isoformat()}" data-{kind}>x</time>' for kind, s, _ in wanted)
    body = f'<!doctype html><script type="module" src="/static/js/page.js"></script>{times}'
    page.route("**/times", lambda route: route.fulfill(body=body, content_type="text/html"))
    page.clock.set_fixed_time(NOW)
    page.goto("/times")
    expect(page.get_by_text("x", exact=True)).to_have_count(sum(s <= -7 * 86400 for kind, s, _ in wanted if kind == "ago"))
    told = page.locator("time").all_inner_texts()
    assert [(kind, s, text) for (kind, s, _), text in zip(wanted, told, strict=True) if text != "x"] == [
        (kind, s, said) for kind, s, said in wanted if kind != "ago" or s > -7 * 86400
    ]


@pytest.mark.parametrize("address", ["/runs/", "/runs/{run}/", "/inbox/{escalation}/"])
def test_nothing_that_goes_on_stands_still_on_a_page_that_says_it_is_live(
    sign_in: SignIn, viewer: User, waiting: Run, address: str, site: str  # noqa: F811
) -> None:  # fmt: skip
    page = sign_in(viewer)
    page.clock.install()
    page.goto(address.format(run=waiting.id, escalation=Escalation.objects.get(run=waiting).id))
    expect(page.locator("[data-live-word]")).to_have_text("Live")

    def told() -> Any:
        kinds = ":is([data-ago], [data-since], [data-lasting], [data-due])"
        return page.locator(f"main time{kinds}").evaluate_all("all => all.map(one => one.textContent)")

    before = told()
    assert before
    page.clock.run_for(61_000)
    after = told()
    assert [one for one, other in zip(before, after, strict=True) if one == other] == [], (before, after)


def test_the_count_in_the_bar_follows_on_pages_that_are_not_live_themselves(sign_in: SignIn, viewer: User, site: str) -> None:
    first = asked("One")
    second = runs.start(workflow="asking", input={"text": "Two"}, by="otto")
    page = sign_in(viewer)
    page.goto("/workflows/")
    count = page.locator("#inbox-count")
    expect(count).to_have_text(", open: 1")
    move(Run.objects.get(id=second))
    page.evaluate("window.same = true")
    resolve.resolve(escalation=first.id, action="drop", values={}, by="otto")
    expect(count).to_have_text(", open: 1")
    resolve.resolve(escalation=Escalation.objects.get(run=second).id, action="drop", values={}, by="otto")
    expect(count).to_be_hidden()
    asked("Three")
    expect(count).to_be_visible()
    expect(page.locator("[data-live-indicator]")).to_be_hidden()
    assert page.evaluate("window.same")


def test_the_bar_and_the_list_say_the_same_number(sign_in: SignIn, viewer: User, site: str) -> None:
    first = asked("One")
    page = sign_in(viewer)
    page.goto("/inbox/")
    expect(page.locator("#inbox-list .tabs .count").first).to_have_text("1")
    resolve.resolve(escalation=first.id, action="drop", values={}, by="otto")
    expect(page.locator("#inbox-list .tabs .count").first).to_have_text("0")
    expect(page.locator("#inbox-count")).to_be_hidden()
