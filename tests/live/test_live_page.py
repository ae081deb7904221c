"""What js/live.js promises, in a real browser over a scripted socket and a set clock: a page knows whether it is current,
catches up, takes nothing from who is using it, and lets nobody act while it is stale."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, WebSocketRoute, expect

PART = """<section id="part" data-live-topic="run.7" data-live-revision="{r}" data-live-href="/part">
<p id="shown">revision {r}</p><details id="fold"><summary>Fold</summary>inside</details>
<button id="inner">Inner</button></section>"""
PAGE = """<!doctype html><title>Live</title><script src="/static/django_htmx/htmx-2.min.js"></script>
<script type="module" src="/static/js/live.js"></script>
<span data-live-indicator hidden><i role="status" data-live-word></i></span>
<div data-live-stale hidden>stale</div>{part}
<form data-guard action="/act"><input id="text" name="text"><button>Act</button></form>"""


PATIENCE = 20
"""Seconds after which what did not come about fails the test."""


class Script:
    """The other side: what `/part` answers, what came over the socket, and what was acted."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.revision = 1
        self.up = True
        self.answers = True
        self.gone = False
        self.sockets: list[WebSocketRoute] = []
        self.said: list[Any] = []
        self.asked: list[str | None] = []
        self.acted = 0

    def serve_page(self, route: Route) -> None:
        body = "It was pruned." if self.gone else PAGE.format(part=PART.format(r=self.revision))
        route.fulfill(body=body, content_type="text/html")

    def serve_part(self, route: Route) -> None:
        etag = route.request.headers.get("if-none-match")
        self.asked.append(etag)
        if not self.answers:
            route.abort()
        elif self.gone:
            route.fulfill(status=404, headers={"HX-Refresh": "true"})
        elif etag == f'"{self.revision}"':
            route.fulfill(status=304)
        else:
            route.fulfill(body=PART.format(r=self.revision), content_type="text/html")

    def act(self, route: Route) -> None:
        self.acted += 1
        route.fulfill(status=204)

    def socket(self, ws: WebSocketRoute) -> None:
        if not self.up:
            ws.close()
            return
        self.sockets.append(ws)
        ws.on_message(lambda text: self.said.append(text))

    def nudge(self, revision: int) -> None:
        self.sockets[-1].send(f'{{"topic": "run.7", "revision": {revision}}}')

    def word(self, expected: str) -> None:
        expect(self.page.locator("[data-live-word]")).to_have_text(expected)


@pytest.fixture
def live(page: Page) -> Script:
    """An open page that is live, at revision 1."""
    script = Script(page)
    page.clock.install()
    page.route("**/live-page", script.serve_page)
    page.route("**/part", script.serve_part)
    page.route("**/act*", script.act)
    page.route_web_socket("**/live/", script.socket)
    page.goto("/live-page")
    wait_until(page, lambda: bool(script.said))
    script.nudge(1)
    script.word("Live")
    return script


def wait_until(page: Page, true: Callable[[], bool]) -> None:
    """Lets the browser work until `true()`; the page's own clock stands still meanwhile."""
    given_up = time.monotonic() + PATIENCE
    while time.monotonic() < given_up:
        if true():
            return
        page.evaluate("1")
    raise AssertionError("it did not come about")


def test_the_page_says_what_it_watches_again_at_each_heartbeat(live: Script) -> None:
    assert live.said == ['{"watch":["run.7"]}']
    live.sockets[-1].send('{"tick": 1}')
    wait_until(live.page, lambda: len(live.said) == 2)


def test_a_nudge_fetches_the_fragment_once_and_an_old_one_nothing(live: Script) -> None:
    live.revision = 2
    live.nudge(2)
    expect(live.page.locator("#shown")).to_have_text("revision 2")
    live.nudge(2)
    live.nudge(1)
    live.revision = 5
    live.nudge(5)  # three revisions in between were lost; the fragment is whole, so nothing is missing
    expect(live.page.locator("#shown")).to_have_text("revision 5")
    assert live.asked == ['"1"', '"2"']


def test_a_page_of_what_is_gone_is_loaded_anew_and_says_so(live: Script) -> None:
    live.gone = True
    live.nudge(9)
    expect(live.page.get_by_text("It was pruned.")).to_be_visible()


def test_focus_folds_and_text_outside_survive_a_refresh(live: Script) -> None:
    live.page.fill("#text", "half a sentence")
    live.page.locator("#fold summary").click()
    live.page.focus("#inner")
    live.revision = 2
    live.nudge(2)
    expect(live.page.locator("#shown")).to_have_text("revision 2")
    expect(live.page.locator("#inner")).to_be_focused()
    assert live.page.locator("#fold").evaluate("e => e.open")
    assert live.page.input_value("#text") == "half a sentence"


def test_a_selection_is_not_torn_away(live: Script) -> None:
    live.page.evaluate("getSelection().selectAllChildren(document.getElementById('shown'))")
    live.revision = 2
    live.nudge(2)
    expect(live.page.locator("#part")).to_have_attribute("data-live-held", "")
    assert live.page.inner_text("#shown") == "revision 1"
    live.page.evaluate("getSelection().removeAllRanges()")
    live.page.clock.run_for(1100)
    expect(live.page.locator("#shown")).to_have_text("revision 2")


def test_what_is_pressed_is_there_until_it_is_let_go_of(live: Script) -> None:
    clicks: list[str] = []
    live.page.expose_function("clicked", lambda what: clicks.append(what))
    live.page.locator("#inner").evaluate("inner => inner.addEventListener('click', () => clicked('inner'))")
    live.page.locator("#inner").hover()
    live.page.mouse.down()
    live.revision = 2
    live.nudge(2)
    expect(live.page.locator("#part")).to_have_attribute("data-live-held", "")
    live.page.mouse.up()
    live.page.clock.run_for(100)
    expect(live.page.locator("#shown")).to_have_text("revision 2")
    assert clicks == ["inner"]


def test_without_a_socket_the_page_polls_and_stays_current_then_comes_back(live: Script) -> None:
    live.up = False
    live.sockets[-1].close()
    live.word("Reconnecting")
    live.revision = 2
    live.page.clock.run_for(6000)
    expect(live.page.locator("#shown")).to_have_text("revision 2")
    for _ in range(4):
        asked = len(live.asked)
        live.page.clock.run_for(5000)
        wait_until(live.page, lambda before=asked: len(live.asked) > before)  # type: ignore[misc]
    live.word("Reconnecting")
    live.up = True
    live.page.clock.run_for(21_000)
    wait_until(live.page, lambda: len(live.sockets) == 2)
    live.revision = 3
    live.nudge(3)
    expect(live.page.locator("#shown")).to_have_text("revision 3")
    live.word("Live")


def test_a_page_shows_the_truth_within_two_seconds_of_the_servers_return_however_long_it_was_gone(live: Script) -> None:
    live.page.clock.pause_at(live.page.evaluate("Date.now()") / 1000 + 1)  # from here on it goes only when it is told to
    live.up = live.answers = False
    live.sockets[-1].close()
    for _ in range(122):
        asked = len(live.asked)
        live.page.clock.run_for(1_000)
        wait_until(live.page, lambda before=asked: len(live.asked) > before)  # type: ignore[misc]
    live.word("Stale")
    live.revision = 2
    live.up = live.answers = True
    live.page.clock.run_for(1_500)
    expect(live.page.locator("#shown")).to_have_text("revision 2")
    live.page.clock.run_for(500)  # the socket is dialled at a moment of chance, perhaps before
    wait_until(live.page, lambda: len(live.sockets) == 2)
    live.nudge(2)
    live.word("Live")


def test_nobody_acts_on_a_stale_page_and_nothing_typed_is_lost(live: Script) -> None:
    live.up = live.answers = False
    live.sockets[-1].close()
    live.page.fill("#text", "kept")
    live.page.clock.run_for(17_000)
    live.word("Stale")
    expect(live.page.locator("[data-live-stale]")).to_be_visible()
    live.page.locator("#text").press("Enter")
    live.page.get_by_role("button", name="Act").click(force=True)
    assert live.acted == 0
    expect(live.page.locator(".guard-note")).to_have_count(1)
    assert live.page.input_value("#text") == "kept"

    live.up = live.answers = True
    live.page.clock.run_for(21_000)
    wait_until(live.page, lambda: len(live.sockets) == 2)
    live.nudge(1)
    live.word("Live")
    expect(live.page.locator(".guard-note")).to_have_count(0)
    with live.page.expect_request("**/act*"):
        live.page.locator("#text").press("Enter")


def test_a_stale_page_that_is_behind_is_not_live_before_it_has_caught_up(live: Script) -> None:
    live.up = live.answers = False
    live.sockets[-1].close()
    live.page.clock.run_for(17_000)
    live.word("Stale")
    live.up = True
    live.page.clock.run_for(21_000)
    wait_until(live.page, lambda: len(live.sockets) == 2)
    live.revision = 9
    live.nudge(9)
    wait_until(live.page, lambda: bool(live.asked))
    live.word("Stale")
    live.answers = True
    live.nudge(9)
    expect(live.page.locator("#shown")).to_have_text("revision 9")
    live.word("Live")


def test_a_socket_that_has_gone_silent_is_given_up(live: Script) -> None:
    live.page.clock.run_for(30_000)
    wait_until(live.page, lambda: len(live.sockets) == 2)
    wait_until(live.page, lambda: bool(live.asked))  # meanwhile it was polled
