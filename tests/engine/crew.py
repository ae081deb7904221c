"""A crew of stepped engines on one database, people beside them, and a clock: what a test does with them, one thing after the
other. Everything happens in the test's own transaction, which is rolled back at the end. Nothing is left to chance or to real
time: what is done twice goes the same way twice."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from itertools import count
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from django.db import connection, transaction
from django.db.models import F

from orchestration import fsck
from orchestration.acts import audit, events, moving, resolve, restored, runs
from orchestration.core import event as addresses
from orchestration.core.errors import Conflict, ErrorCode
from orchestration.core.result import Answer, Failure
from orchestration.executor import bench, children, claims, escalate, held, pulse, sweep
from orchestration.executor import engine as engine_module
from orchestration.models import Escalation, Run, Version
from orchestration.record import clock as clocks
from orchestration.record import events as given
from orchestration.record.clock import SetClock
from tests.engine.sample import EVENT
from tests.engine.stepped import Gate, Injected, Slow, Stage, SteppedEngine
from tests.engine.witness import Witness, stopping

GROUPS = (0, 0, *sweep.GROUPS)
"""Places in the crew: two ordinary workers, and one for each kind of suspects."""
ROOM = 2
ROUNDS = 30
"""Within which everything comes to rest once the faults have stopped; an hour each."""
OUTPUT = {"message_id": "m1"}


class Crew:
    def __init__(self, version: Version) -> None:
        self.workflow = version.workflow_id
        self.clock = SetClock(datetime(2026, 11, 22, 12, tzinfo=UTC))
        self.latest = self.clock.at
        self.witness = Witness(self.clock)
        self._numbers = count(1)
        self._open = ExitStack()
        self._open.enter_context(transaction.atomic())
        self._open.enter_context(self.witness.watching())
        for module in (fsck, audit, events, restored, runs, clocks):
            self._open.enter_context(patch.object(module, "database_now", self.clock.now))
        self._open.enter_context(patch.object(moving, "DatabaseClock", lambda: self.clock))
        self._elapsed = 0.0
        for module in (engine_module, bench, claims, pulse):
            self._open.enter_context(patch.object(module, "time", SimpleNamespace(monotonic=lambda: self._elapsed)))
        for module, name in (
            (runs, "run"),
            (engine_module, "worker"),
            (escalate, "pause"),
            (held, "commit"),
            (children, "child"),
            (given, "event"),
        ):
            self._open.enter_context(patch.object(module, "new_id", lambda name=name: f"{name}-{next(self._numbers)}"))
        self.stage = Stage(self.clock)
        self.engines: dict[int, SteppedEngine] = {}
        """Those at work now, by place. One is started when it is first needed."""
        self.keys: dict[str, tuple[str, int]] = {}
        """What each idempotency key has started: the run, and its size."""
        self.answered: list[tuple[dict[str, Any], dict[str, Any]]] = []
        """What people have sent, and what they were answered."""
        self.sent: dict[str, tuple[str, dict[str, Any]]] = {}
        """What each idempotency key has sent: for which run's key, and what was answered."""
        self.backup: tuple[str, Any] | None = None
        self._judged = (0, 0)

    def close(self) -> None:
        self.stage.close()
        transaction.set_rollback(True)
        self._open.close()

    # the world

    def read_all(self) -> None:
        """Nobody keeps a plan, so that runs which are new are read too before they are moved."""
        self._open.enter_context(patch.object(claims, "kept_plan", lambda *version: None))

    def tick(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self._elapsed += max(seconds, 0.0)
        self.latest = max(self.latest, self.clock.at)

    def back_up(self) -> None:
        self.backup = transaction.savepoint(), self.witness.remember()

    def restore(self) -> None:
        """The database of the backup, with its fences lifted, while the workers of now go on as long as they can."""
        assert self.backup is not None
        point, remembered = self.backup
        transaction.savepoint_rollback(point)
        restored.lift(by="ops")
        Run.objects.filter(restored__gt=0).update(revision=F("revision") - restored.LIFT)  # the fence has to do alone
        self.witness.forget(remembered, restored.LIFT, self.clock.at)
        self.keys = {key: found for key, found in self.keys.items() if found[0] in self.witness.runs}
        self.sent = {key: found for key, found in self.sent.items() if found[1]["id"] in self.witness.events.told}
        self.answered, self.backup, self.engines = [], None, {}
        for engine in self.stage.engines:
            engine.old = True

    # people and clients

    def start(self, size: int = 0, key: str = "k1") -> str:
        """A run of this size; the same as before for the same key."""
        before, size = self.keys.get(key, (None, size))
        run = runs.start(workflow=self.workflow, input={"text": key, "n": size}, by="ada", idempotency=key)
        self.witness.check(before in (None, run), f"{key} started {run} beside {before}")
        self.keys[key] = run, size
        self.witness.started(run)
        return run

    def awaited(self) -> list[str]:
        """The texts with which runs wait for an event."""
        rows = (told.row for told in self.witness.runs.values())
        return sorted({addresses.parts_of(row.awaits)[1] for row in rows if row.status == "waiting" and row.awaits})

    def send(self, text: str, key: str) -> dict[str, Any]:
        """An event for whoever waits with this text; the same as before for the same key."""
        before = self.sent.get(key)
        text = before[0] if before else text
        answer = events.send(name=EVENT, correlation=text, payload={"n": 1}, by="shop", idempotency=key)
        self.witness.check(before is None or before[1] == answer, f"{key} was answered {answer}, and before that {before}")
        told = self.witness.events.told.get(answer["id"])
        self.witness.check(
            told is not None and (before or told.run == answer["run"]), f"{key} was answered {answer}, and it is {told}"
        )
        self.sent[key] = text, answer
        self.witness.writes += 1
        return answer

    def cancel(self, run: str, by: str = "otto", interrupted: int | None = None) -> None:
        """`interrupted`: somebody is quicker, between the look and the write; the number says who."""
        over, status = self.witness.runs[run].over, self.witness.runs[run].row.status
        with self._interrupted(interrupted, run) as quicker:
            try:
                found = runs.cancel(run=run, by=by)
            except Conflict:
                self.witness.check(self.witness.runs[run].over, f"{run} is not over, and could not be cancelled")
                return
        now = self.witness.runs[run].row.status
        self.witness.check(not over, f"{run} was over, and was cancelled")
        self.witness.check(found == "asked" or now == "cancelled", f"{run} was {found}, and is {now}")
        waits = status == "held" or stopping(self.witness.runs[run].row)
        self.witness.check(quicker or (found == "asked") == waits, f"{run} was {status}; to cancel it {found}")

    def answer(self, pause: str, action: int = 0, by: str = "otto", interrupted: int | None = None) -> None:
        status = self.witness.pauses[pause][0]
        run, request = self._request(pause, action, by)
        with self._interrupted(interrupted, run) as quicker:
            try:
                answer = resolve.resolve(**request)
            except Conflict:
                self.witness.check(quicker or status != "open", f"{pause} was {status}, and {by} could not answer it")
                return
        self.witness.check(status == "open", f"{pause} was {status}, and {by} answered it")
        self.witness.check(self.witness.pauses[pause] == ("resolved", by), f"{by} was told to have answered {pause}")
        self.answered.append((request, answer))

    def answer_again(self, number: int) -> None:
        """The very request that was sent before."""
        request, answer = self.answered[number % len(self.answered)]
        self.witness.check(resolve.resolve(**request) == answer, f"sent again, {request} was answered otherwise")
        self.witness.writes += 1

    def _request(self, pause: str, action: int, by: str) -> tuple[str, dict[str, Any]]:
        run, kind, packed = Escalation.objects.values_list("run_id", "kind", "actions").get(id=pause)
        actions = [chosen["id"] for chosen in fsck.unpack_all([packed])[0]]
        given = OUTPUT if kind == "unknown" else {}
        chosen = {"escalation": pause, "action": actions[action % len(actions)], "values": given, "by": by}
        return run, {**chosen, "idempotency": f"r{next(self._numbers)}"}

    @contextmanager
    def _interrupted(self, number: int | None, run: str) -> Iterator[list[str]]:
        """Gives who was quicker, if anybody wrote."""
        quicker: list[str] = []

        def happen() -> None:
            self.witness.interrupt = lambda: None
            before = self.witness.writes
            who = self._be_quicker(number or 0, run)
            if self.witness.writes != before:
                quicker.append(who)

        if number is not None:
            self.witness.interrupt = happen
        try:
            yield quicker
        finally:
            self.witness.interrupt = lambda: None

    def _be_quicker(self, number: int, run: str) -> str:
        gate = next((gate for gate in self.stage.gates if gate.kind == "commit" and gate.subject.run_id == run), None)
        pause = Escalation.objects.filter(run=run, status="open").values_list("id", flat=True).first()
        if gate is not None:
            self.pass_gate(gate)
            return "its holder"
        if number % 3 == 0:
            self.engine(number).claim({run})
            return "a worker"
        with suppress(Conflict):
            if number % 3 == 1 and pause is not None:
                resolve.resolve(**self._request(pause, number, "ada")[1])
            else:
                runs.cancel(run=run, by="ada")
        return "ada"

    # workers

    def engine(self, number: int) -> SteppedEngine:
        place = number % len(GROUPS)
        if place not in self.engines:
            self.engines[place] = SteppedEngine(self.stage, GROUPS[place], ROOM)
        return self.engines[place]

    def sweep(self, engine: SteppedEngine, judges: bool = True) -> None:
        """It beats, and takes back what nobody moves any more."""
        sweep.recover(engine.pulse.beat(), judges)
        for run in sweep.asked(engine.id):
            engine.poke(run)
        self.stage.settle(engine.matching.look(self.clock.now()))

    def everybody_claims(self, slow: Slow = "") -> None:
        for place, group in enumerate(GROUPS):
            if any(self.witness.claimable(run, group, self.clock.at) for run in self.witness.runs):
                self.engine(place).claim(slow=slow)

    def take_over(self, engine: SteppedEngine) -> None:
        """All others have not beaten for too long."""
        self.tick(sweep.LAPSE.total_seconds() + 1)
        self.sweep(engine)
        self.everybody_claims()

    def gone(self, engine: SteppedEngine) -> None:
        """Dead, by itself or after SIGTERM."""
        engine.dead = True
        self.engines = {place: each for place, each in self.engines.items() if each is not engine}

    # gates

    def gate(self, number: int = 0, *kinds: str, of: SteppedEngine | None = None) -> Any:
        """None where nobody waits at such a one."""
        gates = [gate for gate in self.stage.gates if (not kinds or gate.kind in kinds) and of in (None, gate.engine)]
        return gates[number % len(gates)] if gates else None

    def pass_gate(self, gate: Gate) -> None:
        if gate.kind == "commit":
            self.flush([gate])
        elif gate.kind == "call":
            self.reply(gate, "good")
        else:
            gate.work()
            self.stage.settle()

    def flush(self, gates: list[Gate]) -> None:
        """Commits of different runs of one worker."""
        fresh = [gate for gate in gates if not gate.sent and gate.future.set_running_or_notify_cancel()]
        told = self.witness.write([gate.subject for gate in fresh], fresh[0].engine.id) if fresh else []
        for gate, written in zip(fresh, told, strict=True):
            gate.future.set_result(written)
        for gate in gates:
            if gate.sent:
                gate.future.set_result(self.witness.replay(gate.subject, gate.engine.id))
        self.stage.settle()

    def lose_the_reply(self, gate: Gate, written: bool) -> None:
        """To a commit, which the database has `written` or not."""
        if not gate.sent and gate.future.set_running_or_notify_cancel():
            gate.sent = True
            if written:
                self.witness.write([gate.subject], gate.engine.id)

    def fail(self, gate: Gate) -> None:
        if not gate.sent:
            gate.future.set_exception(Injected("the disk is full"))
            self.stage.settle()

    def reach(self, gate: Gate) -> None:
        """A call reaches the other side, and is not answered yet."""
        if not gate.sent and gate.subject.method != "GET":
            (self.witness.reach_late if gate.engine.old else self.witness.reach)(gate.subject)
        gate.sent = True

    def reply(self, gate: Gate, how: str) -> None:
        if how == "not_sent" and not gate.sent:
            gate.future.set_result(Answer(failure=Failure(ErrorCode.UNAVAILABLE, "no connection", sent=False)))
        else:
            self.reach(gate)
            gate.future.set_result(self._answer_to(gate, how))
        self.stage.settle()

    def _answer_to(self, gate: Gate, how: str) -> Answer:
        if gate.subject.method == "GET":
            known = gate.subject.url.rpartition("/")[2] in self.witness.sent
            return Answer(output=OUTPUT) if known else Answer(failure=Failure(ErrorCode.NOT_FOUND, "never heard of it"))
        if how == "good":
            return Answer(output=OUTPUT, raw='{"message_id":"m1"}', status=200)
        return Answer(failure=Failure(ErrorCode.REFUSED if how == "refused" else ErrorCode.UNAVAILABLE, how))

    # what must be so

    def judge(self, healed: bool = False) -> None:
        """After anything that was done. Before it is `healed` nobody need have swept."""
        self.tick(0.01)
        if self._judged[0] != self.witness.writes:
            self.witness.compare()
        if self._judged[1] != self.witness.commits:
            found = [str(finding) for finding in fsck.check()]
            self.witness.wrong += [each for each in found if healed or not each.endswith("no sweep has freed it")]
        self._judged = self.witness.writes, self.witness.commits
        for engine in self.stage.engines:
            self.witness.wrong += [f"{engine!r} was surprised: {error!r}" for error in engine.surprises if not engine.old]
        assert not self.witness.wrong, "\n".join(self.witness.wrong)

    def heal(self) -> None:
        """No more faults: within a bound, every run ends or asks a person, and all that is written is sound."""
        for engine in list(self.stage.engines):
            self.gone(engine)
        for _ in range(ROUNDS):
            if all(self._rests(run) for run in self.witness.runs):
                break
            self.tick(3600)
            for engine in self.engines.values():
                engine.pulse.beat()
            self.sweep(self.engine(0))
            self.everybody_claims()
            while gate := self.gate():
                self.pass_gate(gate)
        self.witness.wrong += [f"{run} is {told.row}" for run, told in self.witness.runs.items() if not self._rests(run)]
        self.witness.compare_whole()
        self.witness.events.missed(self.clock.now())
        self.witness.commits += 1
        self.judge(healed=True)
        connection.check_constraints()

    def _rests(self, run: str) -> bool:
        told = self.witness.runs[run]
        asks = Escalation.objects.filter(run=run, status__in=Escalation.PENDING).exists()
        return told.over or (asks and told.row.status in ("waiting", "quarantined"))
