"""Workers that die over one run, are stopped and wake, or are told to end: who suffers, and who goes on."""

import asyncio
import signal
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from orchestration import fsck, tasks
from orchestration.acts import resolve, runs
from orchestration.core import state
from orchestration.executor import pulse, sweep, visit
from orchestration.executor.engine import Engine
from orchestration.models import Call, Escalation, Provider, Run, StepRecord, Worker
from orchestration.record.clock import database_now
from orchestration.record.late import keep_late
from orchestration.record.pack import unpack_all
from orchestration.record.rows import AnswerRow
from tests.engine.conftest import PATIENCE, Floor
from tests.engine.outages import until
from tests.engine.processes import Process, bury, environment
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_runs import ask, tool
from tests.servers import ScriptedServer
from tests.servers import behaviours as b

GOOD = b.chat({"label": "a"})


@pytest.fixture
def yard(transactional_db: None, server: ScriptedServer, settings: Any) -> Iterator[ScriptedServer]:
    """A database and a server, and no engine: workers are started by hand."""
    settings.REACH = (server.place,)
    Provider.objects.create(name="main", protocol="openai", base_url=server.base_url, default_model="m")
    yield server
    assert [str(finding) for finding in fsck.check()] == []


def start(definition: dict[str, Any], count: int = 1) -> list[str]:
    version = publish(definition)
    return [runs.start(workflow=version.workflow_id, input={"text": "x", "n": 0}, by="ada") for _ in range(count)]


def finish(server: ScriptedServer, *wanted: str, group: int = 0) -> list[Run]:
    """These runs, moved by an engine of this process until each has ended or asks a person."""
    floor = Floor(server)
    floor.engine = Engine(name="heir", group=group, on_commit=floor._on_commit).start()
    tasks.use_engine(floor.engine)
    try:
        return [floor.rested(run) for run in wanted]
    finally:
        tasks.use_engine(None)
        floor.engine.stop(1.0)


def test_a_run_that_kills_its_worker_is_quarantined_after_three_deaths_alone_and_the_others_finish(
    yard: ScriptedServer,
) -> None:
    guilty, *innocent = start(workflow(ask(), end()), 4)
    armed = f"before_send=kill:{guilty}"
    yard.default(b.hang())
    Process(yard, armed).died()
    assert set(Run.objects.values_list("suspicion", flat=True)) == {1}, "all were held by the one that died"
    for level, group in enumerate(sweep.GROUPS[:-1], 2):
        Process(yard, armed, group=group).died()
        assert set(Run.objects.values_list("suspicion", "deaths")) == {(level, 0)}, "together they killed another"
    yard.default(GOOD)
    for deaths in (1, 2, 3):
        Process(yard, armed, group=1).died()
        assert Run.objects.get(id=guilty).deaths == deaths
    found = Run.objects.filter(id__in=innocent)
    assert set(found.values_list("status", "suspicion", "deaths")) == {("succeeded", 0, 0)}

    [quarantined] = finish(yard, guilty)
    pause = quarantined.escalations.get()
    assert (quarantined.status, pause.kind) == ("quarantined", "quarantine")
    assert Call.objects.filter(run=guilty).count() == 1, "it was never asked twice under another key"
    resolve.resolve(escalation=pause.id, action="retry", values={}, by="otto")
    [ended] = finish(yard, guilty)
    assert (ended.outcome, ended.deaths) == ("good", 0)


def test_runs_in_flight_on_a_machine_that_dies_again_and_again_are_not_blamed_for_it(yard: ScriptedServer) -> None:
    """Eight at once, then the suspects together, then one of them alone: whatever it is that kills, nobody is quarantined."""
    yard.default(b.hang())
    wanted = start(workflow(ask(), end()), 8)
    for group, in_flight in ((0, 8), *((group, 8) for group in sweep.GROUPS[:-1]), (1, 1)):
        before = len(yard.seen)
        machine = Process(yard, group=group).claiming()
        until(lambda before=before, most=in_flight: len(yard.seen) == before + most, "all are in flight")
        machine.told(signal.SIGKILL)
        machine.died()
    alone = len(sweep.GROUPS)
    assert sorted(Run.objects.values_list("suspicion", "deaths")) == [(alone, 0)] * 7 + [(alone, 1)]
    yard.default(GOOD)
    ended = finish(yard, *wanted, group=1)
    assert [(run.outcome, run.deaths, run.suspicion) for run in ended] == [("good", 0, 0)] * 8
    assert not Escalation.objects.exists()
    assert Call.objects.count() == 8, "each was asked again under its key"


def test_a_worker_whose_loop_is_blocked_stops_beating_and_its_runs_go_on_elsewhere(
    timed: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread of the heart lives, and says nothing for a loop that does not turn."""
    monkeypatch.setattr(sweep, "BEAT", 0.01)
    monkeypatch.setattr(pulse, "FROZEN_LOOP", 0.2)
    timed.server.script(b.hang(), GOOD)
    run = timed.start(workflow(ask(), end()))
    _until_seen(timed.server)
    blocked, go_on, woken, stopped = threading.Event(), threading.Event(), [0], timed.engine.pulse._stopped

    def wait(seconds: float) -> bool:
        woken[0] += 1
        return stopped.wait(seconds)

    monkeypatch.setattr(timed.engine.pulse, "_stopped", SimpleNamespace(wait=wait, set=stopped.set))

    def block() -> None:
        blocked.set()
        go_on.wait(PATIENCE)

    timed.engine._loop.call_soon_threadsafe(block)
    assert blocked.wait(PATIENCE)
    until(lambda: time.monotonic() - timed.engine.pulse.turned > 2 * pulse.FROZEN_LOOP, "the loop has stood for long enough")
    timed.clock.advance(sweep.LAPSE.total_seconds() + 1)
    before = woken[0]
    until(lambda: woken[0] > before + 3, "the thread lives, and has had its chance to beat")
    assert sweep.recover(timed.clock.now()).lapsed == 1
    heir = Engine(name="heir", group=1, on_commit=timed._on_commit, clock=timed.clock).start()
    heir.look()
    ended = timed.ended(run)
    go_on.set()
    heir.stop(1.0)
    assert (ended.outcome, timed.calls(ended)) == ("good", [("classify", "attempt", "")])
    timed.engine.stop(grace=0.0)
    assert Worker.objects.get(id=timed.engine.id).refused == 1, "it wanted to give back what was not its own any more"
    assert Run.objects.get(id=run).revision == ended.revision


def test_who_has_ended_stays_ended_whatever_its_heart_was_about_to_say(timed: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last heartbeat read what it tells before the end, and is slow to write it."""
    monkeypatch.setattr(sweep, "BEAT", 0.01)
    heart, told, reading, ended = timed.engine.pulse, timed.engine.pulse._facts, threading.Event(), threading.Event()

    def slowly() -> tuple[int, int]:
        facts = told()
        if threading.current_thread() is heart._thread:
            reading.set()
            ended.wait(0.5)
        return facts

    def unregister() -> None:
        pulse.Pulse.unregister(heart)
        ended.set()

    monkeypatch.setattr(heart, "_facts", slowly)
    monkeypatch.setattr(heart, "unregister", unregister)
    assert reading.wait(PATIENCE)
    timed.engine.stop(grace=0.0)
    heart._thread.join(PATIENCE)
    assert Worker.objects.get(id=timed.engine.id).stopped is not None


def test_suspects_are_run_apart_in_a_process_that_a_worker_starts(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """`manage.py isolate`, started by the sweep. What comes through a step is no suspect any more."""
    for name, value in {**environment(floor.server), "DJANGO_SETTINGS_MODULE": "tests.engine.worker_settings"}.items():
        monkeypatch.setenv(name, value)
    floor.server.default(GOOD)
    version = publish(workflow(ask(), end()))
    tasks.use_engine(None)
    run = runs.start(workflow=version.workflow_id, input={"text": "x", "n": 0}, by="ada")
    Run.objects.filter(id=run).update(suspicion=1)
    floor.engine.look()
    ended = floor.ended(run)
    assert (ended.outcome, ended.suspicion) == ("good", 0)
    apart = Worker.objects.exclude(id=floor.engine.id).get()
    assert (apart.group, apart.name.partition("@")[0]) == (sweep.GROUPS[0], "isolation")


def test_a_thousand_runs_of_a_worker_that_died_go_on_together_and_none_is_blamed(yard: ScriptedServer) -> None:
    now = database_now()
    for name, beat in (("dead", now - 2 * sweep.LAPSE), ("apart", now)):
        Worker.objects.create(id=name, name=name, pid=1, group=0, capacity=1000, started=now, beat=beat)
    version = publish(workflow(ask(), end()))
    Run.objects.bulk_create(
        Run(
            id=f"{number:026}",
            workflow_id=version.workflow_id,
            version=version,
            input="{}",
            created=now,
            created_by="ada",
            status="held",
            holder="dead",
            step_deadline=now + timedelta(hours=1),
            state_hash=state.start({}).hash,
        )
        for number in range(1000)
    )
    assert sweep.recover(now).lapsed == 1000
    assert set(Run.objects.values_list("status", "suspicion", "deaths")) == {("ready", 1, 0)}
    assert sweep.suspects(now) == {sweep.GROUPS[0]}
    assert len(sweep.claim("apart", sweep.GROUPS[0], sweep.GROUPS[0], now)) == 1000


def test_that_process_is_there_before_a_worker_whose_heart_is_late_is_taken_for_dead(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**environment(floor.server), "DJANGO_SETTINGS_MODULE": "tests.engine.worker_settings"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sweep, "LATE", timedelta(hours=-1))  # to the worker of this process, every heart is late
    floor.server.default(GOOD)
    version = publish(workflow(ask(), end()))
    tasks.use_engine(None)
    now, hour = database_now(), timedelta(hours=1)
    late = Worker.objects.create(name="late", pid=1, group=0, capacity=9, started=now, beat=now + hour / 2)
    for n in range(2):
        run = runs.start(workflow=version.workflow_id, input={"text": "x", "n": n}, by="ada")
        Run.objects.filter(id=run).update(status="held", holder=late.id, step_deadline=now + hour, due=None)
    floor.engine.look()
    floor.until(run, lambda _: Worker.objects.filter(group__in=sweep.GROUPS).exists())
    assert set(Run.objects.values_list("holder", "suspicion")) == {(late.id, 0)}
    Worker.objects.filter(id=late.id).update(beat=now - hour)
    floor.engine.look()
    assert {floor.ended(run.id).outcome for run in Run.objects.all()} == {"good"}


def test_a_rolling_deploy_gives_runs_back_and_blames_nobody(yard: ScriptedServer) -> None:
    """SIGTERM in the middle of a call that outlasts the grace. The next worker goes on at once, without a heartbeat to lapse."""
    yard.default(b.hang())
    [run] = start(workflow(ask(), end()))
    worker = Process(yard, grace=0.1).claiming()
    _until_seen(yard)
    worker.told(signal.SIGTERM)
    assert worker.ended() == 0
    given_back = Run.objects.get(id=run)
    assert (given_back.status, given_back.suspicion, given_back.deaths) == ("ready", 0, 0)
    yard.default(GOOD)
    [ended] = finish(yard, run)
    assert ended.outcome == "good"
    assert Call.objects.filter(run=run).count() == 1


def _until_seen(server: ScriptedServer) -> None:
    """Returns once a request has reached the server."""
    assert server.came.wait(PATIENCE)


@pytest.mark.parametrize("effect", ["idempotent", "irreversible"])
def test_a_worker_that_sleeps_through_its_lapse_writes_nothing_when_it_wakes(
    yard: ScriptedServer, effect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP with the answer in hand; another takes over and ends the run; SIGCONT."""
    monkeypatch.setattr(visit, "UNKNOWN_MARGIN", timedelta(seconds=-3600))
    floor = Floor(yard)
    step, tools = tool(floor, effect=effect)
    [run] = start(workflow(step, end(), tools=tools))
    sleeper = Process(yard, "after_send=stop", quiet=True)
    sleeper.stopped()
    worker = Worker.objects.get(pid=sleeper.pid)
    bury(sleeper.pid)
    [taken] = finish(yard, run, group=1)
    assert taken.status == ("waiting" if effect == "irreversible" else "succeeded")
    before = (list(Run.objects.values()), list(StepRecord.objects.values()), yard.ledger.requests)

    sleeper.woken()
    sleeper.told(signal.SIGTERM)
    assert sleeper.ended() == 0
    assert (list(Run.objects.values()), list(StepRecord.objects.values()), yard.ledger.requests) == before
    worker.refresh_from_db()
    assert worker.refused == 1, "the fault did not bite"
    assert len(yard.ledger.effects) == 1
    call = Call.objects.get(run=run)
    response, output, late = unpack_all([call.response, call.output, call.late])
    assert late["output"] == {"message_id": "m1", "echo": '{"text":"hello"}'}, "what it had in hand is kept as evidence"
    assert late["response"]["status"] == 200
    assert ("status" in response, output) == ((False, None) if effect == "irreversible" else (True, late["output"]))
    if effect == "irreversible":
        runs.cancel(run=run, by="otto")


def test_an_answer_that_came_too_late_is_kept_once_and_changes_nothing(floor: Floor) -> None:
    """A step that hung was taken over; then the call that hung is answered after all."""
    answered = threading.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await asyncio.to_thread(answered.wait, PATIENCE)
        return await b.as_json({"message_id": "x" * 9000})(request)

    floor.server.script(slow, path="/tools/send")
    step, tools = tool(floor, timeout="60s")
    run = floor.start(workflow(step, end({"id": "${steps.send.message_id}"}), tools=tools))
    _until_seen(floor.server)
    Run.objects.filter(id=run).update(step_deadline=database_now())
    floor.engine.look()
    ended = floor.ended(run)
    assert (floor.output(ended), floor.engine.refused) == ({"id": "m1"}, 0)
    before = list(Run.objects.values()), list(StepRecord.objects.values()), list(Call.objects.values())
    answered.set()
    floor.until(run, lambda _: Call.objects.exclude(late="null").exists())
    call = Call.objects.get(run=run)
    assert unpack_all([call.late])[0]["output"] == {"message_id": "x" * 9000}
    late = AnswerRow(call.finished, "null", "null", "null", 0, 0, 0, run, call.path, call.visit, call.n)
    assert keep_late([late], {}) == 0, "it has one"
    after = list(Call.objects.values())
    assert after[0].pop("late").startswith("@")
    assert before[2][0].pop("late") == "null"
    assert (list(Run.objects.values()), list(StepRecord.objects.values()), after) == before


def test_a_worker_that_was_taken_for_dead_and_woke_goes_on_working(timed: Floor) -> None:
    worker = Worker.objects.get(id=timed.engine.id)
    Worker.objects.filter(id=worker.id).update(stopped=timed.clock.now())
    timed.server.default(GOOD)
    assert timed.run(workflow(ask(), end())).outcome == "good"
    timed.engine.look()
    timed.run({**workflow(end()), "id": "other"})
    timed.engine.pulse.beat()
    worker.refresh_from_db()
    assert worker.stopped is None, "if it dies now, nobody would notice"
