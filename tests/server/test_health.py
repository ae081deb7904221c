"""What the house says of its workers, which are other processes: who lives, what they hold, what waits, who came too late."""

import signal
from typing import Any

import httpx
import pytest

from orchestration.models import Run, Worker
from orchestration.queries.health import health
from tests.engine.processes import bury
from tests.server.conftest import House
from tests.server.fleet import PATIENCE, until
from tests.server.test_fleet import Latches

pytestmark = pytest.mark.postgresql
NOBODY = "No worker is moving runs at the moment"


@pytest.fixture
def browser(house: House) -> Any:
    house.fleet.up(webs=1, workers=2)
    url = house.fleet.webs[0].url
    with httpx.Client(base_url=url, headers={"Cookie": house.cookie}, timeout=PATIENCE, trust_env=False) as browser:
        yield browser


def test_health_says_who_lives_what_they_hold_and_who_came_too_late_and_that_nobody_moves_runs(
    house: House, latches: Latches, browser: httpx.Client
) -> None:
    sleeper, other = house.fleet.workers
    with house.client() as client:
        runs = [client.start("sends", n=n)["id"] for n in range(12)]
        until(lambda: len(house.sent(*runs)) == 12, "all are under way")
        theirs = set(Run.objects.filter(holder=sleeper.row.id).values_list("id", flat=True))
        until(lambda: sum(worker.held for worker in health().workers) == 12, "both say what they hold")
        page = browser.get("/settings/").text
        assert f"process {sleeper.pid}" in page and f"process {other.pid}" in page
        assert NOBODY not in page

        before, worker = health().refused, sleeper.row
        sleeper.told(signal.SIGSTOP)
        bury(sleeper.pid)
        for latch in latches:
            latch.open()
        house.ended(*runs)
        assert f"process {sleeper.pid}" not in browser.get("/settings/").text
        sleeper.told(signal.SIGCONT)
        until(lambda: Worker.objects.get(id=worker.id).refused == len(theirs), "what it had in hand is refused")
        assert theirs, "the fault did not bite"

        house.fleet.up(webs=1, workers=0)
        assert health().refused == before + len(theirs), "those of workers that have ended count too"
        waiting = client.start("asks")["id"]
    assert {run.deaths for run in Run.objects.filter(id__in=runs)} == {0}
    for address in ("/runs/", "/inbox/", f"/runs/{waiting}/", "/workflows/"):
        assert NOBODY in browser.get(address).text, address
    page = browser.get("/settings/").text
    assert "Nobody moves runs" in page
    assert (health().backlog, health().oldest_due > 0) == (1, True)
    assert browser.get("/healthz").json() == {"status": "ok"}, "people can still look, and answer what they are asked"
    house.fleet.up(webs=1, workers=1)
    house.ended(waiting)
