"""A checker that has never failed proves nothing: a sound database, broken in each way that an invariant names."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.db.models import BaseConstraint, Model

from orchestration import fsck, vault
from orchestration.acts import resolve, schedules
from orchestration.models import Act, Blob, Call, Escalation, Run, Schedule, StepRecord, Worker
from orchestration.record.clock import database_now
from tests import database
from tests.engine.conftest import Floor, _working
from tests.engine.hall import MINUTES
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import tool
from tests.servers import ScriptedServer


class Sound:
    """A run that sent something, asked a person, was answered and ended; and one that waits for a person."""

    def __init__(self, floor: Floor) -> None:
        step, tools = tool(floor, next="check")
        actions = [{"id": "ok", "label": "Fine", "to": "done"}]
        check = {"id": "check", "type": "human", "actions": actions, "deadline": "1d", "on_deadline": "done"}
        definition = workflow(step, check, end({"id": "${steps.send.message_id}"}), tools=tools)
        self.run = floor.run(definition, {"text": "x" * 9_000})
        resolve.resolve(escalation=floor.escalation(self.run).id, action="ok", values={}, by="otto")
        self.run = floor.ended(self.run.id)
        self.waiting = floor.another(self.run)
        self.call = Call.objects.get(run=self.run)

    def runs(self, **changes: Any) -> None:
        Run.objects.filter(id=self.run.id).update(**changes)

    def waits(self, **changes: Any) -> None:
        Run.objects.filter(id=self.waiting.id).update(**changes)

    def record(self, seq: int, **changes: Any) -> None:
        StepRecord.objects.filter(run=self.run, seq=seq).update(**changes)


@pytest.fixture
def sound(transactional_db: None, server: ScriptedServer, settings: Any) -> Sound:
    with _working(Floor(server), settings) as floor:  # which finds nothing when it ends
        return Sound(floor)


def guard(model: type[Model], name: str) -> tuple[type[Model], BaseConstraint]:
    return model, next(each for each in model._meta.constraints if each.name == name)


ONE_OPEN = guard(Escalation, "one_open_escalation_a_run")
AN_EXIT = guard(Run, "run_has_an_exit")
IS_DUE = guard(Schedule, "schedule_is_due_or_paused")


@pytest.fixture
def mended(transactional_db: None) -> Iterator[None]:
    """Puts the guards back that some of the breaks take away."""
    yield
    for model, constraint in (ONE_OPEN, AN_EXIT, IS_DUE):
        with connection.cursor() as cursor:
            there = connection.introspection.get_constraints(cursor, model._meta.db_table)
        if constraint.name not in there:
            database.empty()
            with connection.schema_editor() as editor:
                editor.add_constraint(model, constraint)


def without(model: type[Model], constraint: BaseConstraint) -> None:
    with connection.schema_editor() as editor:
        editor.remove_constraint(model, constraint)


def unanswerable(sound: Sound, status: str) -> None:
    Escalation.objects.filter(run=sound.waiting).update(status="expired")
    sound.waits(status=status, due=None)


def late_call(sound: Sound) -> None:
    Call.objects.filter(run=sound.run).update(intended=sound.run.ended + timedelta(days=1))


def lost_start(sound: Sound) -> None:
    Act.objects.filter(subject=f"run:{sound.waiting.id}").update(subject="run:none")


def held(sound: Sound, until: datetime) -> None:
    """By the worker of the fixture, which has ended, and lives again."""
    Worker.objects.update(beat=database_now(), stopped=None)
    sound.waits(status="held", holder=Worker.objects.exclude(id="dead").get().id, step_deadline=until)


def unguarded(guarded: tuple[type[Model], BaseConstraint], write: Callable[[], Any]) -> None:
    """What the database itself refuses."""
    if connection.vendor == "sqlite":  # which would have to make the table anew
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA ignore_check_constraints = ON")
            write()
            cursor.execute("PRAGMA ignore_check_constraints = OFF")
    else:
        without(*guarded)
        write()


def never_due(sound: Sound) -> None:
    unguarded(AN_EXIT, lambda: sound.waits(status="ready", due=None, holder=None))


def drop_record(sound: Sound) -> None:
    StepRecord.objects.filter(run=sound.run, seq=2).delete()


def second_pause(sound: Sound) -> None:
    without(*ONE_OPEN)
    pause = Escalation.objects.get(run=sound.waiting)
    pause.pk = "another"
    pause.save(force_insert=True)


def schedule(sound: Sound, **changes: Any) -> None:
    made = schedules.create(workflow="sample", body={**MINUTES, "cron": "0 0 1 1 *"}, by="dora")
    Schedule.objects.filter(id=made).update(**changes)


def leak(sound: Sound) -> None:
    vault.put("desk", 's3cr3t-"canary"')
    sound.record(1, output=json.dumps({"said": 's3cr3t-"canary"'}))


BREAKS: list[tuple[str, str, Callable[[Sound], Any]]] = [
    ("a record is gone", "I2", drop_record),
    ("an output was changed", "I2", lambda s: s.record(1, output='{"message_id":"m9"}')),
    ("a decision was changed", "I2", lambda s: s.record(1, decision=json.dumps({"kind": "advance", "to": "done"}))),
    ("a hash was changed", "I2", lambda s: s.record(2, state_hash="0" * 64)),
    ("the run's hash was changed", "I2", lambda s: s.runs(state_hash="0" * 64)),
    ("the run's seq is ahead", "I2", lambda s: s.runs(seq=9)),
    ("the input was changed", "I2", lambda s: s.runs(input='{"text":"y"}')),
    ("a blob is gone", "I2", lambda s: Blob.objects.all().delete()),
    ("a blob was changed", "I2", lambda s: Blob.objects.update(body='"other"')),
    ("ready and never due", "I4", never_due),
    ("held for longer than anything takes", "I4", lambda s: held(s, database_now() + timedelta(days=1))),
    ("held by nobody", "I4", lambda s: s.waits(status="held", holder="gone", step_deadline=s.waiting.due)),
    ("a schedule that is never due", "I4", lambda s: unguarded(IS_DUE, lambda: schedule(s, next=None))),
    ("a schedule by a line that can't be read", "I4", lambda s: schedule(s, cron="61 * * * *")),
    ("a run that says what did not start it", "I8", lambda s: s.runs(schedule="another")),
    ("waiting for nothing", "I4", lambda s: unanswerable(s, "waiting")),
    ("quarantined without a question", "I4", lambda s: unanswerable(s, "quarantined")),
    ("over, and a pause is open", "I5", lambda s: Escalation.objects.filter(run=s.run).update(status="open")),
    ("over, and due", "I5", lambda s: s.runs(due=s.run.ended)),
    ("over, and going on", "I5", lambda s: s.runs(status="ready", due=s.run.ended, ended=None)),
    ("ended by nothing", "I5", lambda s: s.waits(status="cancelled", ended=s.waiting.created, due=None)),
    ("a call long after the end", "I5", late_call),
    ("over, and a call of it is open", "I7", lambda s: Call.objects.filter(run=s.run).update(finished=None)),
    ("a key of another ask", "I7", lambda s: Call.objects.filter(run=s.run).update(key="0" * 40)),
    ("an accepted start without its run", "I8", lost_start),
    ("a secret in a record", "I9", leak),
    ("two pauses at once", "I11", second_pause),
    ("an answer without its act", "I11", lambda s: Act.objects.filter(verb="resolve").delete()),
    ("an act was changed", "I11", lambda s: Act.objects.filter(verb="resolve").update(by="vera")),
    ("an act was removed", "I11", lambda s: Act.objects.filter(subject=f"run:{s.run.id}", number=1).delete()),
]  # fmt: skip


@pytest.mark.parametrize(("invariant", "broken"), [row[1:] for row in BREAKS], ids=[row[0] for row in BREAKS])
def test_what_is_broken_is_found(mended: None, sound: Sound, invariant: str, broken: Callable[[Sound], Any]) -> None:
    broken(sound)
    found = list(fsck.check())
    assert invariant in {finding.invariant for finding in found}, found
    assert all(finding.row and finding.message for finding in found)


def test_what_a_sweep_frees_sooner_or_later_is_sound(sound: Sound) -> None:
    """Whatever a dead worker held, however long it is dead; a step that hangs; and a call that may take a day."""
    now = database_now()
    Worker.objects.create(id="dead", name="dead", pid=1, capacity=1, started=now, beat=now - timedelta(days=1))
    held(sound, now - timedelta(days=1))
    assert list(fsck.check()) == []
    Worker.objects.filter(id="dead").update(beat=now - timedelta(days=1))
    sound.waits(holder="dead", step_deadline=now + timedelta(minutes=1))
    assert list(fsck.check()) == []
    Call.objects.filter(run=sound.waiting).update(finished=None, deadline=now + timedelta(days=1))
    sound.waits(step_deadline=now + timedelta(days=1, minutes=1))
    assert list(fsck.check()) == []


class TestEffects:
    """What only an outside witness can tell, by its ledger."""

    def check(self, sound: Sound, tmp_path: Path, *lines: dict[str, Any], effect: str = "idempotent") -> set[str]:
        Call.objects.filter(run=sound.run).update(effect=effect)
        ledger = tmp_path / "ledger.jsonl"
        ledger.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return {finding.invariant for finding in fsck.check(ledger)}

    def line(self, sound: Sound, **more: Any) -> dict[str, Any]:
        request = fsck.unpack_all([sound.call.request])[0]
        return {"key": sound.call.key, **{part: request[part] for part in ("method", "url", "body")}, **more}

    def test_one_effect_with_its_intent_is_sound(self, sound: Sound, tmp_path: Path) -> None:
        assert self.check(sound, tmp_path, self.line(sound)) == set()
        assert self.check(sound, tmp_path, self.line(sound), self.line(sound, repeat=True)) == set()
        assert self.check(sound, tmp_path, self.line(sound), self.line(sound), effect="none") == set()

    @pytest.mark.parametrize("effect", ["idempotent", "reconcilable", "irreversible"])
    def test_an_effect_that_happened_twice(self, sound: Sound, tmp_path: Path, effect: str) -> None:
        assert self.check(sound, tmp_path, self.line(sound), self.line(sound), effect=effect) == {"I6"}

    def test_an_irreversible_one_may_not_even_be_sent_twice(self, sound: Sound, tmp_path: Path) -> None:
        lines = self.line(sound), self.line(sound, repeat=True)
        assert self.check(sound, tmp_path, *lines, effect="irreversible") == {"I6"}

    def test_an_effect_without_an_intent_and_one_with_other_bytes(self, sound: Sound, tmp_path: Path) -> None:
        assert self.check(sound, tmp_path, self.line(sound, key="0" * 40)) == {"I7"}
        for other in ({"body": "{}"}, {"method": "PUT"}, {"url": "http://127.0.0.1/elsewhere"}):
            assert self.check(sound, tmp_path, self.line(sound, **other)) == {"I7"}
