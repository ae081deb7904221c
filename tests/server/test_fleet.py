"""Web and worker processes on one database: a run that is started at one is moved by another, and shown at a third."""

import json

import pytest

from tests.server.conftest import House, Latch
from tests.server.fleet import PATIENCE, WorkerProcess, until

Latches = tuple[Latch, Latch]
pytestmark = pytest.mark.postgresql


def hints(worker: WorkerProcess, since: int = 0) -> int:
    """How many messages about runs it has got."""
    return sum("advance_run" in line and "received" in line for line in worker.lines[since:])


def test_a_run_that_is_started_at_one_process_is_moved_by_another_and_shown_at_a_third(house: House, latches: Latches) -> None:
    house.fleet.up(webs=2, workers=2)
    before = {worker.listening(): len(worker.lines) for worker in house.fleet.workers}
    _, there = house.fleet.webs
    with house.client(0) as client:
        run = client.start("sends")["id"]
        until(lambda: house.sent(run), "its first call has left")
        until(lambda: sum(hints(worker, since) for worker, since in before.items()) == 1, "one worker got a hint")
        with there.watching(house.cookie, f"run.{run}") as page:
            shown = json.loads(page.recv(PATIENCE))
            assert shown == {"topic": f"run.{run}", "revision": house.run(run).revision}
            for latch in latches:
                latch.open()
            told = json.loads(page.recv(PATIENCE))
            assert told["revision"] > shown["revision"], "what a worker commits is told to who watches elsewhere"
        answer = client.get(f"runs/{run}").json()
        waited = client.start("asks", wait=30)
    [found] = house.ended(run)
    assert (found.outcome, found.seq, len(house.sent(run))) == ("good", 4, 3)
    assert answer["id"] == run
    assert (waited["status"], waited["outcome"]) == ("succeeded", "good"), waited
