"""Workers that are started wrongly, killed, and told to end while they move runs."""

import signal

import pytest

from orchestration.acts import reach
from orchestration.models import Run, StepRecord, Tool, Worker
from orchestration.record.clock import database_now
from tests.engine.publishing import end, publish, workflow
from tests.server.conftest import House
from tests.server.fleet import until
from tests.server.test_fleet import Latches

pytestmark = pytest.mark.postgresql


def test_a_worker_that_does_not_run_in_threads_is_refused_in_a_sentence(house: House) -> None:
    """Of `-P gevent`, written apart, Celery looks for gevent before it looks for Interlock."""
    refused = {pool: house.fleet.worker(f"-P{pool}") for pool in ("prefork", "solo", "gevent")}
    for pool, worker in refused.items():
        assert worker.ended() != 0
        assert worker.said.splitlines()[-1] == (
            f"Interlock's workers run in threads, and this one was started with the pool {pool}, beside which no engine runs. "
            "Start it with: celery -A config worker -P threads -c 4"
        )
        assert not Worker.objects.filter(pid=worker.pid).exists()


def test_a_worker_says_at_its_start_which_versions_no_longer_hold(house: House) -> None:
    look = {"http": {"url": f"{house.server.url}/tools/look"}, "effect": "none"}
    reach.put_tool(name="desk.look", body=look, by="ada")
    publish({**workflow({"id": "look", "type": "tool", "tool": "desk.look", "next": "done"}, end(), models={}), "id": "looks"})
    Tool.objects.all().delete()
    worker = house.fleet.worker().ready()
    worker.until("Version 1 of looks no longer holds: what it names is gone or has changed. look: ")
    reach.put_tool(name="desk.look", body=look, by="ada")
    worker.listening()
    assert worker.said.count("no longer holds") == 1
    worker.told(signal.SIGTERM)
    assert worker.ended() == 0


def test_what_a_killed_worker_held_is_moved_by_another_and_nothing_is_done_twice(
    house: House, latches: Latches, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the heartbeat that a deployment has. A page that watches meanwhile keeps its socket all the time."""
    count = 40
    house.fleet.up(webs=1, workers=1)
    [doomed] = house.fleet.workers
    with house.client() as client, house.fleet.webs[0].watching(house.cookie, "runs") as page:
        runs = [client.start("sends", n=n)["id"] for n in range(count)]
        until(lambda: len(house.sent(*runs)) == count, "each has sent its first call")
        heir = house.fleet.worker().ready()
        assert {run.holder for run in Run.objects.filter(id__in=runs)} == {doomed.row.id}
        doomed.killed()
        killed = database_now()
        for latch in latches:
            latch.open()
        ended = house.ended(*runs)
        while "tick" not in page.recv(20):
            pass
    assert {(run.outcome, run.seq, run.deaths, run.suspicion) for run in ended} == {("good", 4, 0, 0)}
    sent = house.sent(*runs)
    assert len(set(sent)) == 3 * count
    assert len(sent) == 4 * count, "the calls that were under way are sent again, with their keys"
    assert heir.lives
    firsts = StepRecord.objects.filter(run__in=runs, seq=1).values_list("finished", flat=True)
    waits = sorted((at - killed).total_seconds() for at in firsts)
    with capsys.disabled():
        print(f"\nkill -9 of a worker that held {count} runs: moving again after {waits[0]:.1f} to {waits[-1]:.1f} s")


def test_workers_that_are_told_to_end_one_after_the_other_give_back_what_they_hold_and_nobody_is_blamed(
    house: House, latches: Latches
) -> None:
    """A rolling deploy, under runs whose calls take longer than the workers do to end."""
    count = 20
    house.fleet.up(webs=1, workers=1)
    with house.client() as client:
        runs = [client.start("sends", n=n)["id"] for n in range(count)]
    for times, latch in enumerate(latches, 1):
        until(lambda times=times: len(house.sent(*runs)) >= times * count, "all are under way")
        [old] = house.fleet.workers
        new = house.fleet.worker().ready()
        assert Run.objects.filter(id__in=runs, holder=old.row.id).count(), "the fault did not bite"
        since = len(old.lines)  # a child of it, that ran suspects, may have said the same
        old.told(signal.SIGTERM)
        old.until("Ending: no call is begun any more", since)
        latch.open()
        assert old.ended() == 0
        assert old.row.stopped is not None
        assert not Run.objects.filter(holder=old.row.id).exists()
    ended = house.ended(*runs)
    assert new.lives
    assert {(run.outcome, run.seq, run.deaths, run.suspicion) for run in ended} == {("good", 4, 0, 0)}
    assert len(house.sent(*runs)) == 3 * count, "what was under way was brought to its end before they ended"
