"""Schedules: each occurrence starts one run, or is told of; whoever looks after it, whatever happens in between."""

import threading
from datetime import UTC, datetime, timedelta
from itertools import permutations, takewhile
from typing import Any

import pytest
from django.db import OperationalError, connection
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase as RolledBack

from orchestration import fsck
from orchestration.acts import firing, restored, runs, schedules
from orchestration.core.cron import timetable
from orchestration.executor.engine import Engine
from orchestration.models import Act, Run, Schedule
from orchestration.record.clock import database_now
from orchestration.record.recorder import patiently
from tests.engine.conftest import PATIENCE, Floor
from tests.engine.hall import MINUTES, NOON, Hall, detail, fired, narrower, of, sound, started, told, trail
from tests.engine.processes import Process
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_races import at_once
from tests.servers import ScriptedServer

MINUTE = timedelta(minutes=1)


def every(minutes: int, since: datetime = NOON) -> list[datetime]:
    return [since + n * MINUTE for n in range(1, minutes + 1)]


# What is due


def test_an_occurrence_starts_one_run_that_says_by_what(hall: Hall) -> None:
    made = hall.make(name="Morning report", cron="0 8 * * *", zone="Europe/Berlin", labels={"team": "desk"})
    assert of(made).next == datetime(2026, 11, 23, 7, tzinfo=UTC)
    hall.tick(hours=18)
    assert hall.look() == []
    hall.tick(hours=1)
    assert hall.sweep() == 1
    [run] = Run.objects.all()
    row = of(made)
    assert (row.fired, row.run, row.next) == (
        datetime(2026, 11, 23, 7, tzinfo=UTC),
        run.id,
        datetime(2026, 11, 24, 7, tzinfo=UTC),
    )
    assert (run.schedule, run.created_by, run.status) == (made, f"schedule:{made}", "ready")
    assert fsck.unpack_all([run.labels])[0] == {"schedule": "Morning report", "team": "desk"}
    assert fsck.unpack_all([run.input])[0] == {"text": "x", "n": 1}
    assert trail(made) == [("create_schedule", "dora")]


@pytest.mark.parametrize(
    ("catchup", "most", "wanted", "passed"),
    [
        ("skip", 100, every(100)[-2:], {"count": 98, "rule": "skip"}),
        ("last", 100, every(100)[-1:], {"count": 99, "rule": "last"}),
        ("all", 100, every(100), None),
        ("all", 1000, every(100), None),
        ("all", 30, every(100)[-30:], {"count": 70, "rule": "most"}),
    ],
)
def test_after_a_hundred_were_missed_it_does_as_it_says_and_tells_what_it_passed_over(
    hall: Hall, catchup: str, most: int, wanted: list[datetime], passed: dict[str, Any] | None
) -> None:
    """Nobody looked for a hundred minutes. At the hundredth, two are no more than a minute late."""
    made = hall.make(catchup=catchup, most=most)
    hall.tick(minutes=100)
    hall.sweep()
    assert fired(made) == wanted
    assert (of(made).next, of(made).fired) == (NOON + 101 * MINUTE, NOON + 100 * MINUTE)
    found = told(made, "passed")
    assert (found and {key: found[key] for key in ("count", "rule")}) == passed
    assert [verb for verb, _ in trail(made)] == ["create_schedule", *(["pass_over"] if passed else [])]
    if passed:
        until = (NOON + passed["count"] * MINUTE).isoformat()
        assert (found["since"], found["until"]) == ((NOON + MINUTE).isoformat(), until)
        assert detail(made, "pass_over") == found


NIGHTS = [
    ("30 2 * * *", "2026-03-28T12:00", ["2026-03-29T01:00", "2026-03-30T00:30"]),
    ("30 2 * * *", "2026-10-24T12:00", ["2026-10-25T00:30", "2026-10-26T01:30"]),
    ("*/30 2 * * *", "2026-03-28T12:00", ["2026-03-30T00:00", "2026-03-30T00:30"]),
    (
        "*/30 2 * * *", "2026-10-24T12:00",
        [*(f"2026-10-25T0{at}" for at in ("0:00", "0:30", "1:00", "1:30")), "2026-10-26T01:00", "2026-10-26T01:30"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("cron", "begin", "wanted"), NIGHTS)
@pytest.mark.parametrize("absent", [False, True])
def test_in_the_nights_in_which_clocks_are_changed_each_fires_once(
    hall: Hall, cron: str, begin: str, wanted: list[str], absent: bool
) -> None:
    """Whether workers look every ten minutes, or come back after two days and make up for all."""
    hall.clock.at = datetime.fromisoformat(begin).replace(tzinfo=UTC)
    made = hall.make(cron=cron, zone="Europe/Berlin", catchup="all")
    for _ in range(1 if absent else 230):
        hall.tick(minutes=2300 if absent else 10)
        hall.sweep()
    assert [f"{at:%Y-%m-%dT%H:%M}" for at in fired(made)] == wanted


# Who meets whom


@pytest.mark.parametrize("order", sorted(set(permutations("aaabbb"))), ids="".join)
def test_of_two_workers_that_fire_the_same_one_does(hall: Hall, order: tuple[str, ...]) -> None:
    made = hall.make(catchup="all")
    hall.tick(minutes=3)
    workers = {name: iter(hall.look()) for name in "ab"}
    moved = [next(workers[name])() for name in order]
    assert sum(moved) == 3
    assert fired(made) == every(3)


@pytest.mark.parametrize("meanwhile", ["pause", "pause and resume", "change", "delete"])
def test_what_a_person_did_first_holds_for_a_worker_that_has_looked_already(hall: Hall, meanwhile: str) -> None:
    made = hall.make()
    hall.tick(minutes=1)
    seen = hall.look()
    if meanwhile == "change":
        schedules.change(schedule=made, body={**MINUTES, "input": {"text": "y", "n": 2}}, by="dora")
    elif meanwhile == "delete":
        schedules.delete(schedule=made, by="dora")
    else:
        schedules.pause(schedule=made, by="otto")
    if meanwhile == "pause and resume":
        schedules.resume(schedule=made, by="otto")
    assert [start() for start in seen] == [False]
    assert started(made) == []
    hall.sweep()
    assert len(started(made)) == (1 if meanwhile == "change" else 0), "what was due when it was changed starts as it says now"
    if meanwhile == "change":
        assert fsck.unpack_all(Run.objects.values_list("input", flat=True))[0] == {"text": "y", "n": 2}


def test_what_comes_while_it_is_paused_is_not_made_up_for(hall: Hall) -> None:
    made = hall.make(catchup="all")
    schedules.pause(schedule=made, by="otto")
    schedules.pause(schedule=made, by="otto")
    assert (of(made).paused, of(made).next) == (True, None)
    hall.tick(minutes=100)
    assert hall.sweep() == 0
    schedules.resume(schedule=made, by="otto")
    schedules.resume(schedule=made, by="otto")
    assert of(made).next == NOON + 101 * MINUTE
    hall.tick(minutes=1)
    hall.sweep()
    assert fired(made) == [NOON + 101 * MINUTE]
    assert told(made, "passed") is None
    assert trail(made) == [("create_schedule", "dora"), ("pause_schedule", "otto"), ("resume_schedule", "otto")]


def test_a_write_whose_reply_is_lost_is_done_again_and_starts_nothing_twice(hall: Hall) -> None:
    made = hall.make()
    hall.tick(minutes=1)
    [start] = hall.look()
    tried: list[bool] = []

    def lost() -> bool:
        tried.append(start())
        if len(tried) == 1:
            raise OperationalError("server closed the connection unexpectedly")
        return tried[-1]

    if connection.in_atomic_block:  # as the recorder does, but for the connection, which is the test's
        with pytest.raises(OperationalError):
            lost()
        lost()
    else:
        patiently(lost)
    assert tried == [True, False]
    assert fired(made) == every(1)


def test_when_the_clock_steps_back_nothing_fires_again(hall: Hall) -> None:
    made = hall.make(catchup="all")
    hall.tick(minutes=5)
    hall.sweep()
    hall.tick(hours=-1)
    assert hall.sweep() == 0
    changed = {**MINUTES, "cron": "*/2 * * * *", "catchup": "all", "input": {"text": "y", "n": 2}}
    schedules.change(schedule=made, body=changed, by="dora")
    schedules.pause(schedule=made, by="dora")
    schedules.resume(schedule=made, by="dora")
    hall.tick(hours=1, minutes=1)
    hall.sweep()
    assert fired(made) == [*every(5), NOON + 6 * MINUTE]


class TestWhoeverLooks(RolledBack):
    """Workers look and write in any order, clocks jump, people pause and change it."""

    @settings(max_examples=20)
    @given(st.data())
    def test_no_occurrence_starts_two_runs_and_none_is_lost_silently(self, data: st.DataObject) -> None:
        with Hall().watching() as hall:
            catchup = data.draw(st.sampled_from(["skip", "last", "all"]))
            made = hall.make(catchup=catchup, most=1000, cron="*/7 * * * *")
            seen: dict[int, list[Any]] = {0: [], 1: [], 2: []}
            disturbed = False
            for _ in range(data.draw(st.integers(1, 25))):
                act = data.draw(st.sampled_from(["tick", "look", "write", "write", "back", "pause", "resume", "change"]))
                worker = data.draw(st.integers(0, 2))
                if act == "tick":
                    hall.tick(minutes=data.draw(st.sampled_from([1, 6, 30, 400])))
                elif act == "back":
                    hall.tick(minutes=-60)
                elif act == "look":
                    seen[worker] = hall.look()
                elif act == "write" and seen[worker]:
                    seen[worker].pop(0)()
                elif act in ("pause", "resume"):
                    getattr(schedules, act)(schedule=made, by="otto")
                    disturbed = True
                elif act == "change":
                    body = {**MINUTES, "cron": "*/7 * * * *", "catchup": catchup, "most": 1000, "input": {"text": "y", "n": 3}}
                    schedules.change(schedule=made, body=body, by="dora")
            schedules.resume(schedule=made, by="otto")
            hall.tick(days=1)
            hall.sweep()
            found = fired(made)
            assert len(set(found)) == len(found)
            assert found == sorted(found)
            if not disturbed:
                passed = Act.objects.filter(subject=f"schedule:{made}", verb="pass_over").values_list("detail", flat=True)
                skipped = sum(each["count"] for each in fsck.unpack_all(passed))
                table = timetable("*/7 * * * *", "UTC")
                due = len(list(takewhile(lambda at: at <= hall.clock.at, table.since(NOON))))
                assert len(found) + skipped == due
                assert catchup != "all" or skipped == 0
            sound()


@pytest.mark.django_db(transaction=True)
def test_of_workers_that_fire_at_one_moment_one_does_fifty_times() -> None:
    with Hall().watching() as hall:
        made = hall.make(catchup="all")
        hall.tick(minutes=50)
        pairs = list(zip(hall.look(), hall.look(), hall.look(), strict=True))
        for three in pairs:
            assert sorted(at_once(*three), key=str) == [False, False, True]
        assert fired(made) == every(50)
        sound()


@pytest.mark.parametrize("failpoint", ["before_fire", "after_fire"])
def test_a_worker_that_dies_between_has_started_nothing_and_another_starts_it_once(
    transactional_db: None, server: ScriptedServer, failpoint: str
) -> None:
    publish(workflow(end(), models={}))
    made = schedules.create(workflow="sample", body=MINUTES, by="dora")
    due = database_now().replace(second=0, microsecond=0) - MINUTE
    Schedule.objects.filter(id=made).update(next=due)
    Process(server, f"{failpoint}=kill@1").died()
    assert (Run.objects.count(), of(made).next) == (0, due), "the fault did not bite"
    heir = Engine(name="heir", schedules=firing.due).start()
    try:
        assert _comes(lambda: len(started(made)) >= 1 and of(made).next > database_now())
    finally:
        heir.stop(1.0)
    occurrences = fired(made)
    assert len(set(occurrences)) == len(occurrences)
    assert occurrences[0] >= due
    sound()


def _comes(condition: Any) -> bool:
    pause = threading.Event()
    return any(condition() or pause.wait(0.05) for _ in range(int(PATIENCE / 0.05)))


class TestWithARealEngine:
    def test_its_sweep_starts_what_is_due_and_runs_it(self, timed: Floor) -> None:
        publish(workflow(end(), models={}))
        made = schedules.create(workflow="sample", body={**MINUTES, "cron": "0 * * * *", "catchup": "all"}, by="dora")
        last = of(made).next + timedelta(hours=2)
        timed.clock.at = last
        timed.engine.look()
        under_way = Run.objects.filter(schedule=made).exclude(status="succeeded")
        assert _comes(lambda: of(made).next > last and not under_way.exists())
        found = fired(made)
        assert found[-3:] == [last - timedelta(hours=hours) for hours in (2, 1, 0)]
        assert len(set(found)) == len(found), "the whole hour may have been just then"

    def test_one_that_can_not_start_holds_nobody_up(self, timed: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        publish(workflow(end(), models={}))
        schedules.create(workflow="sample", body={**MINUTES, "cron": "0 * * * *"}, by="dora")
        monkeypatch.setattr(firing, "_move", lambda firing: 1 / 0)
        run = timed.start(workflow(end(), models={}))
        timed.advance(3 * 3600)
        assert timed.ended(run).outcome == "good"
        monkeypatch.undo()
        timed.engine.look()
        assert _comes(lambda: Run.objects.count() == 2)


# What can't start


def test_an_input_that_no_longer_fits_is_told_and_the_schedule_goes_on(hall: Hall) -> None:
    made = hall.make(catchup="all")
    narrower()
    hall.tick(minutes=3)
    hall.sweep()
    assert started(made) == []
    trouble = told(made, "trouble")
    assert (trouble["code"], trouble["path"], trouble["count"]) == ("missing_key", "input.more", 3) or trouble
    assert trouble["count"] == 3
    assert (trouble["since"], trouble["occurrence"]) == (every(3)[0].isoformat(), every(3)[2].isoformat())
    assert of(made).next == NOON + 4 * MINUTE
    assert [verb for verb, _ in trail(made)] == ["create_schedule", "refuse"], "the same is told once"
    assert detail(made, "refuse")["message"] == trouble["message"]
    publish(workflow(end(), models={}))
    hall.tick(minutes=1)
    hall.sweep()
    assert fired(made) == [NOON + 4 * MINUTE]
    assert told(made, "trouble") is None


def test_a_surprise_is_told_and_the_schedule_goes_on(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    made = hall.make()

    def broken(**_: Any) -> str:
        with connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")  # after which PostgreSQL takes nothing in that transaction
        return ""

    hall.tick(minutes=1)
    monkeypatch.setattr(runs, "start", broken)
    if connection.vendor == "sqlite":
        monkeypatch.setattr(firing, "passing", lambda error: False)  # to SQLite a missing table is trouble of the database's
    hall.sweep()
    assert (told(made, "trouble")["code"], of(made).next) == ("surprise", NOON + 2 * MINUTE)
    monkeypatch.undo()
    assert started(made) == []


def test_trouble_of_the_database_is_none_of_the_schedules(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    made = hall.make()
    hall.tick(minutes=1)
    [start] = hall.look()

    def gone(**_: Any) -> str:
        raise OperationalError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(runs, "start", gone)
        with pytest.raises(OperationalError):
            start()
    assert (told(made, "trouble"), of(made).next) == (None, NOON + MINUTE)
    assert start()
    assert fired(made) == every(1)


def test_a_line_that_this_machine_can_not_read_is_paused_and_told(hall: Hall) -> None:
    made = hall.make()
    other = hall.make(name="Other")
    Schedule.objects.filter(id=made).update(zone="Mars/Olympus")
    hall.tick(minutes=1)
    hall.sweep()
    assert (of(made).paused, told(made, "trouble")["code"]) == (True, "unknown_zone")
    assert fired(other) == every(1)
    assert any("can't be read" in str(finding) for finding in fsck.check())
    schedules.change(schedule=made, body=MINUTES, by="dora")


def test_after_a_restore_what_is_due_is_passed_over_since_it_may_have_been_started(hall: Hall) -> None:
    made = hall.make(catchup="all")
    hall.tick(minutes=10)
    restored.lift(by="ops")
    assert hall.sweep() == 0
    assert (told(made, "passed")["count"], told(made, "passed")["rule"]) == (10, "restored")
    hall.tick(minutes=1)
    hall.sweep()
    assert fired(made) == [NOON + 11 * MINUTE]
