"""From a commit to the page that shows it, in Chromium: the nudge, the socket, the fragment, and the frame that draws it. The
commit is taken to be there when the call that follows it arrives at its tool, a millisecond or so later."""

from typing import Any

from django.conf import settings
from django.test import Client
from playwright.sync_api import Page, sync_playwright

from tests import browser
from tests.bench.floor import definition
from tests.bench.processes import PATIENCE, Site, person, site
from tests.bench.table import middle, row
from tests.engine.publishing import publish

COMMITS = 60
BEFORE = 5
SHOWN = """revision => { window.shown = new Promise(done => {
    const look = () => Number(document.getElementById("run").dataset.liveRevision) > revision
        ? requestAnimationFrame(() => done(Date.now())) : requestAnimationFrame(look);
    look(); }); }"""


def main() -> None:
    if (chromium := browser.find()) is None:
        row("from commit to pixel", "-", browser.MISSING)
        return
    with site() as there, there.client() as client:
        call = {"id": "call", "type": "tool", "tool": "nothing", "input": {}}
        loop = {
            "id": "again", "type": "loop", "max": 1_000, "carry": {"n": 0}, "update": {"n": "${iter.index}"}, "body": [call],
            "next": "done", "on_exhausted": "done",
        }  # fmt: skip
        tools = {"nothing": there.tools.definition(timeout="10m")}
        publish(definition("watched", loop, tools=tools, limits={"steps": 3_000}))
        run = client.post("/workflows/watched/runs", json={"input": {}}).raise_for_status().json()["id"]
        there.tools.came.get(timeout=PATIENCE)
        cookie = session(there.url)  # before there is a loop in this thread, which Django would mind
        with sync_playwright() as play:
            started = play.chromium.launch(executable_path=chromium, args=list(browser.FLAGS))
            page = started.new_page()
            page.context.add_cookies([cookie])
            page.goto(f"{there.url}/runs/{run}/")
            page.locator("html[data-live=live]").wait_for()
            took = [_shown(page, there) for _ in range(COMMITS + BEFORE)][BEFORE:]
            started.close()
        client.post(f"/runs/{run}/cancel", json={"reason": "measured"})
        there.tools.open()
    row("from commit to pixel", f"{middle(took):.0f} ms", f"p95 {middle(took, 0.95):.0f}")


def _shown(page: Page, there: Site) -> float:
    """Milliseconds from the next commit to the frame that shows it."""
    page.evaluate(SHOWN, page.evaluate("Number(document.getElementById('run').dataset.liveRevision)"))
    there.tools.open()
    came = there.tools.came.get(timeout=PATIENCE)
    return float(page.evaluate("window.shown") - 1000 * came)


def session(url: str) -> Any:
    client = Client()
    client.force_login(person())
    value = client.cookies[settings.SESSION_COOKIE_NAME].value
    return {"name": settings.SESSION_COOKIE_NAME, "value": value, "url": url, "secure": not settings.EMBEDDED}
