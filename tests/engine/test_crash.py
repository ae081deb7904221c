"""At each named point of the protocol, for each effect class, a worker dies, meets an error, or sleeps until it is taken for
dead; another takes its run over. What happened is judged by the effect ledger of the tool server, which is on disk and saw
everything, and by `fsck`."""

import json
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from orchestration import fsck, tasks
from orchestration.acts import reach, resolve, runs
from orchestration.executor import visit
from orchestration.executor.engine import Engine
from orchestration.models import Call, Escalation, Provider, Run, StepRecord, Tool
from orchestration.queries import records
from orchestration.record import failpoints
from orchestration.record.clock import SetClock, database_now
from tests.engine.conftest import PATIENCE, Floor
from tests.engine.processes import Process, bury
from tests.engine.publishing import end, publish, workflow
from tests.servers import ScriptedServer
from tests.servers import behaviours as b

POINTS = ("after_claim", "before_intent", "after_intent", "before_send", "after_send", "before_answer")
COMMITS = {"none": 2, "idempotent": 2, "reconcilable": 2, "irreversible": 3}
"""For each effect class, how many commits the run below takes: the first states the intent, for the last class the second."""
MATRIX = [
    (effect, point)
    for effect, commits in COMMITS.items()
    for point in (*POINTS, *(f"{when}_commit@{n}" for n in range(1, commits + 1) for when in ("before", "after")))
]
ASLEEP = [
    (effect, point)
    for effect, point in MATRIX
    if connection.vendor != "sqlite" or (effect == "irreversible" and not point.startswith("before_commit"))
]
"""On SQLite those that matter most, since there is but one process in use. Who sleeps in a transaction holds its only lock, and
nobody can write; PostgreSQL takes the locks away from it."""
ASKS = ("after_intent", "before_send", "after_send", "before_answer", "after_commit@2", "before_commit@3")
"""Where an irreversible call is intended, and nobody has its answer."""


class Scene:
    """One run whose only call is a tool's, a worker that dies over it, and one that takes it over."""

    def __init__(self, folder: Path) -> None:
        self.ledger = folder / "ledger.jsonl"
        self.server = ScriptedServer(ledger=self.ledger)

    def publish(self, effect: str, **more: Any) -> str:
        schema = {"type": "object", "required": ["message_id"], "properties": {"message_id": {"type": "string"}}}
        tool: dict[str, Any] = {
            "http": {"method": "POST", "url": f"{self.server.url}/tools/send"}, "effect": effect, "output": schema,
        }  # fmt: skip
        if effect == "reconcilable":
            tool["reconcile"] = {"method": "GET", "url": f"{self.server.url}/effects/${{key}}"}
        step = {"id": "send", "type": "tool", "tool": "send_it", "input": {"n": 1}, "next": "done", "timeout": "5s", **more}
        before = {"id": "before", "type": "set", "values": {"n": 1}, "next": "send"}
        return publish(workflow(before, step, end({"id": "${steps.send.message_id}"}), tools={"send_it": tool})).workflow_id

    def die(self, failpoint: str) -> None:
        """A worker process that takes up the run, and is dead at the end of this."""
        Process(self.server, armed(failpoint, "kill")).died()

    def sleep(self, failpoint: str) -> Process:
        """The same, asleep at the end of this, and taken for dead."""
        impatient = "-c idle_in_transaction_session_timeout=500"
        sleeper = Process(self.server, armed(failpoint, "stop"), quiet=True, session=impatient).stopped()
        bury(sleeper.pid)
        return sleeper

    def err(self, workflow: str, failpoint: str, monkeypatch: pytest.MonkeyPatch) -> Run:
        """A worker of this process that takes up a run, meets an error, and goes on with it by itself."""
        point, _, at = failpoint.partition("@")
        last = failpoints._passed[point] + int(at or 1)
        monkeypatch.setitem(failpoints._armed, point, ("error", last, ""))
        floor = Floor(self.server, SetClock(database_now() + timedelta(minutes=1)))
        floor.engine.start()
        tasks.use_engine(floor.engine)
        try:
            run = start(workflow)
            floor.until(run, lambda found: failpoints._passed[point] >= last and found.status != "held")

            def rests(found: Run) -> bool:
                """Its rest after the error, and after a call that a busy machine was too slow for, is by the set clock."""
                if found.status == "ready" and found.due is not None and found.due > floor.clock.now():  # type: ignore[union-attr]
                    floor.advance(60)
                return found.status in (*Run.ENDED, Run.Status.WAITING, Run.Status.QUARANTINED)

            return floor.until(run, rests)
        finally:
            tasks.use_engine(None)
            floor.engine.stop(1.0)

    def take_over(self, run: str, group: int = 1, until: Callable[[Run], bool] | None = None) -> Run:
        """Another worker goes on with it, until it ends or waits: one for suspects, or an ordinary one (`group` 0)."""
        until = until or (lambda found: found.status in (*Run.ENDED, Run.Status.WAITING))
        changed = threading.Event()
        engine = Engine(name="heir", group=group, on_commit=lambda commits: changed.set()).start()
        tasks.use_engine(engine)
        try:
            while not until(found := Run.objects.get(id=run)):
                assert changed.wait(PATIENCE), f"{found.status} at {found.place}"
                changed.clear()
            return found
        finally:
            tasks.use_engine(None)
            engine.stop(1.0)

    def sent(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.ledger.read_text().splitlines()] if self.ledger.exists() else []


@pytest.fixture
def scene(transactional_db: None, tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    found = Scene(tmp_path)
    with found.server:
        settings.REACH = (found.server.place,)
        monkeypatch.setattr(visit, "UNKNOWN_MARGIN", timedelta(seconds=-3600))  # a person is asked at once
        Provider.objects.create(name="main", protocol="openai", base_url=found.server.base_url, default_model="m")
        yield found
    assert [str(finding) for finding in fsck.check(found.ledger if found.ledger.exists() else None)] == []


def start(workflow: str) -> str:
    return runs.start(workflow=workflow, input={"text": "x", "n": 0}, by="ada")


def armed(failpoint: str, action: str) -> str:
    point, _, at = failpoint.partition("@")
    return f"{point}={action}@{at or 1}"


def judge(scene: Scene, found: Run, effect: str, failpoint: str) -> None:
    """Taken over, the run has ended; or a person is asked, whose answer ends it."""
    if effect == "irreversible" and failpoint in ASKS:
        pause = Escalation.objects.get(run=found)
        assert (found.status, pause.kind) == ("waiting", "unknown")
        resolve.resolve(escalation=pause.id, action="happened", values={"message_id": "told"}, by="otto")
        found = scene.take_over(found.id, group=0)
    calls = Call.objects.filter(run=found).values_list("error", "resent")
    assert (found.status, found.outcome, found.seq) == ("succeeded", "good", 3), list(calls)
    assert len({line["body"] for line in scene.sent()}) <= 1


@pytest.mark.parametrize(("effect", "failpoint"), MATRIX)
def test_a_worker_that_dies_there_loses_and_doubles_nothing(scene: Scene, failpoint: str, effect: str) -> None:
    run = start(scene.publish(effect))
    scene.die(failpoint)
    happened = len(scene.sent())
    found = scene.take_over(run)
    assert effect != "irreversible" or failpoint not in ASKS or len(scene.sent()) == happened
    judge(scene, found, effect, failpoint)


@pytest.mark.parametrize(("effect", "failpoint"), MATRIX)
def test_an_error_there_loses_and_doubles_nothing(
    scene: Scene, failpoint: str, effect: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge(scene, scene.err(scene.publish(effect), failpoint, monkeypatch), effect, failpoint)


@pytest.mark.parametrize(("effect", "failpoint"), ASLEEP)
def test_a_worker_that_sleeps_there_until_it_is_taken_for_dead_writes_nothing_when_it_wakes(
    scene: Scene, failpoint: str, effect: str
) -> None:
    run = start(scene.publish(effect))
    sleeper = scene.sleep(failpoint)
    found = scene.take_over(run)
    before = (found.status, found.revision, found.fence, found.commit_id)
    sleeper.woken()
    sleeper.told(signal.SIGTERM)
    assert sleeper.ended() == 0
    found.refresh_from_db()
    assert (found.status, found.revision, found.fence, found.commit_id) == before
    judge(scene, found, effect, failpoint)


def test_a_worker_that_dies_over_a_retry_asks_no_less_than_the_retry_would(scene: Scene) -> None:
    retry = {"attempts": 3, "errors": ["unavailable"], "backoff": "10ms"}
    run = runs.start(workflow=scene.publish("reconcilable", retry=retry), input={"text": "x", "n": 0}, by="ada")
    scene.server.script(b.error(502), path="/tools/send")
    scene.die("after_intent@2")
    assert Call.objects.filter(run=run).count() == 2
    assert scene.take_over(run).outcome == "good"
    assert len(scene.sent()) == 1, "it had happened, and was not sent again"


def test_that_it_did_not_happen_counts_once_its_sender_can_t_be_alive_any_more(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "UNKNOWN_MARGIN", timedelta(hours=1))
    run = runs.start(workflow=scene.publish("reconcilable"), input={"text": "x", "n": 0}, by="ada")
    scene.die("after_intent")
    found = scene.take_over(run, until=lambda run: run.wait == "backoff" and run.status == "ready")
    call = Call.objects.get(run=run)
    assert found.due == call.deadline + timedelta(hours=1)
    assert scene.sent() == []
    monkeypatch.setattr(visit, "UNKNOWN_MARGIN", timedelta(hours=-1))
    Run.objects.filter(id=run).update(due=found.created)
    assert scene.take_over(run).outcome == "good"


def test_a_tool_that_has_gone_can_t_be_asked(scene: Scene) -> None:
    http = {"method": "POST", "url": f"{scene.server.url}/tools/send"}
    body = {"http": http, "effect": "reconcilable", "reconcile": {"method": "GET", "url": f"{scene.server.url}/effects/${{key}}"}}
    reach.put_tool(name="desk.send", body=body, by="ada")
    send = {"id": "send", "type": "tool", "tool": "desk.send", "input": {"n": 1}, "next": "done"}
    publish(workflow(send, end()))
    run = runs.start(workflow="sample", input={"text": "x", "n": 0}, by="ada")
    scene.die("after_intent")
    Tool.objects.all().delete()
    found = scene.take_over(run)
    assert (found.status, Escalation.objects.get(run=run).kind) == ("waiting", "unknown")
    assert scene.sent() == []
    runs.cancel(run=run, by="otto")


def test_what_a_dead_worker_left_was_queued_since_the_step_before_it(scene: Scene) -> None:
    run = runs.start(workflow=scene.publish("idempotent"), input={"text": "x", "n": 0}, by="ada")
    scene.die("after_send")
    found = scene.take_over(run)
    before, send, done = StepRecord.objects.filter(run=run).order_by("seq")
    assert before.queued == found.created
    assert send.queued == before.finished
    assert send.started == Call.objects.get(run=run).intended
    assert done.queued == send.finished


def test_a_run_that_is_cancelled_in_the_midst_of_a_call_may_leave_it_open(scene: Scene) -> None:
    run = runs.start(workflow=scene.publish("irreversible"), input={"text": "x", "n": 0}, by="ada")
    scene.die("after_send")
    assert runs.cancel(run=run, by="otto") == "cancelled"
    assert Call.objects.get(run=run).finished is None


def test_a_call_that_is_sent_again_says_so_and_what_was_lost_is_charged(scene: Scene, viewer: User, client: Client) -> None:
    """Twice its worker dies over it. It stays one call, which tells when it was sent again, and charges what was lost."""
    scene.server.default(b.chat("Hello yourself."))
    priced = {"main": {"provider": "main", "usd_per_mtok_in": 1000, "usd_per_mtok_out": 2000}}
    ask = {"id": "ask", "type": "llm", "model": "main", "prompt": "Hello", "max_output_tokens": 100, "next": "done"}
    run = start(publish(workflow(ask, end(), models=priced)).workflow_id)
    scene.die("after_send")
    Process(scene.server, armed("before_answer", "kill"), group=1).died()
    found = scene.take_over(run)
    call, told = Call.objects.get(run=run), records.record(run, 1).calls[0]
    assert call.finished and call.intended < told.resent[0].at < told.resent[1].at < call.finished
    assert [again.died for again in told.resent] == [True, True]
    answered = (12 * 1000 + 7 * 2000) * 1000
    assert (found.cost, call.cost) == (call.cost, answered + 2 * call.reserved)

    client.force_login(viewer)
    page = client.get(f"/runs/{run}/", {"seq": 1}).content.decode()
    assert page.count("<dt>Sent again</dt>") == 2
    assert "sent 3 times" in page
    assert "Ask, call 1: the worker that had sent it was lost" in page  # the gap in the timeline
    kept = json.loads(b"".join(client.get(f"/runs/{run}/evidence.json")))["records"][0]["calls"][0]  # type: ignore[call-overload]
    assert [again["because"] for again in kept["resent"]] == ["the worker that had sent it was lost"] * 2


def test_a_call_that_was_cut_off_by_an_end_is_sent_again_by_nobody_s_fault(scene: Scene) -> None:
    scene.server.script(b.hang(), path="/tools/send")
    run = start(scene.publish("idempotent", timeout="60s"))
    engine = Engine(name="victim").start()
    while not scene.server.seen_at("/tools/send"):
        pass
    engine.stop(0.0)
    assert scene.take_over(run, group=0).outcome == "good"
    (again,) = records.record(run, 2).calls[0].resent
    assert again.why == "the worker that had sent it was told to end"
