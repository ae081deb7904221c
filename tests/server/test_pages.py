"""A person at a page of the server mode, behind a proxy that ends TLS: signing in, and a web process that is killed meanwhile."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from orchestration.acts import runs
from tests.server.conftest import PASSWORD, House
from tests.server.fleet import PATIENCE
from tests.servers.proxy import Proxy

pytestmark = pytest.mark.postgresql
expect.set_options(timeout=20_000)


@pytest.fixture
def proxy(house: House, tmp_path: Path) -> Iterator[Proxy]:
    """Before the one web process."""
    house.fleet.up(webs=1, workers=1)
    with Proxy(house.fleet.webs[0].port, tmp_path) as proxy:
        yield proxy


@pytest.fixture
def page(house: House, proxy: Proxy, chromium: Browser) -> Iterator[Page]:
    """Signed in, as people do it."""
    context = chromium.new_context(base_url=proxy.url, ignore_https_errors=True, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE * 1000)
    page = context.new_page()
    page.goto("/runs/")
    page.get_by_label("Username").fill("olga")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/runs/")
    yield page
    context.close()


def test_a_page_whose_web_process_is_killed_says_so_lets_nobody_act_and_shows_the_truth_when_it_is_back(
    house: House, page: Page, capsys: pytest.CaptureFixture[str]
) -> None:
    assert {cookie["secure"] for cookie in page.context.cookies()} == {True}
    [web] = house.fleet.webs
    with house.client() as client:
        asked = house.asked(client.start("asking")["id"])
    page.clock.install()  # it goes on by itself, and can be put forward
    page.goto(f"/inbox/{asked.id}/")
    word, decided = page.locator("[data-live-word]"), page.locator("#presence[data-decided]")
    expect(word).to_have_text("Live")
    web.killed()
    expect(word).to_have_text("Reconnecting")
    runs.cancel(run=asked.run_id, by="ada")
    for _ in range(8):
        page.clock.fast_forward(8_000)  # it has tried in vain for long
    expect(word).to_have_text("Stale")
    expect(decided).not_to_be_attached()
    page.locator("#answer button[name=action]").first.click(force=True)
    expect(page.locator("#answer .guard-note")).to_be_visible()
    house.fleet.web(web.port).ready()
    back = time.monotonic()
    expect(decided).to_be_attached()
    seen = time.monotonic() - back
    expect(word).to_have_text("Live")
    with capsys.disabled():
        print(f"\nkill -9 of a web process under a page: the truth shows {seen:.1f} s after it is back")
