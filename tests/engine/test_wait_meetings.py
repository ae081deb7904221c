"""Events and runs that meet: each event goes to one run, each wait takes one, and none is lost, whoever is first or dies over
it."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from orchestration import fsck
from orchestration.acts import runs
from orchestration.executor import sweep
from orchestration.models import Event, Run, StepRecord, Version
from orchestration.record import events as writing
from orchestration.record.apply import apply
from orchestration.record.clock import SetClock, database_now
from orchestration.record.pack import unpack_all
from tests.engine.conftest import PATIENCE
from tests.engine.publishing import publish
from tests.engine.stepped import Gate, Stage, SteppedEngine
from tests.engine.test_crash import Scene, scene
from tests.engine.test_races import at_once
from tests.engine.test_wait import PAID, pay, paying, wait

__all__ = ["scene"]
ROUNDS = 250
AWAITS = 'paid "x"'


class Street:
    """Stepped engines on one database, and what becomes of a run."""

    def __init__(self) -> None:
        self.version = publish(paying())
        self.stage = Stage(SetClock(database_now() + timedelta(minutes=1)))

    def start(self) -> str:
        return runs.start(workflow=self.version.workflow_id, input={"text": "x", "n": 0}, by="ada")

    def engine(self) -> SteppedEngine:
        return SteppedEngine(self.stage, 0, 10)

    def claimed(self, run: str) -> SteppedEngine:
        engine = self.engine()
        engine.claim({run})
        return engine

    def waiting(self) -> str:
        run = self.start()
        engine = self.claimed(run)
        self.commit(engine)
        assert self.status(run) == ("waiting", "event", AWAITS)
        return run

    def gate(self, engine: SteppedEngine) -> Gate:
        [gate] = [gate for gate in self.stage.gates if gate.engine is engine]
        return gate

    def commit(self, engine: SteppedEngine) -> bool:
        """Writes what the engine's only run wants written, and lets it go on."""
        gate = self.gate(engine)
        gate.future.set_running_or_notify_cancel()
        [written] = apply([gate.subject])
        gate.future.set_result(written)
        self.stage.settle()
        return written

    def match(self, engine: SteppedEngine) -> None:
        self.stage.settle(engine.matching.look(self.stage.clock.now()))

    def status(self, run: str) -> tuple[str, str, str]:
        return Run.objects.values_list("status", "wait", "awaits").get(id=run)

    def took(self, run: str) -> str | None:
        """The event that its first record took."""
        packed = StepRecord.objects.filter(run=run, seq=1).values_list("result", flat=True).first()
        return unpack_all([packed])[0].get("event", {}).get("id") if packed else None


@pytest.fixture
def street(db: None) -> Iterator[Street]:
    found = Street()
    yield found
    found.stage.close()
    assert [str(finding) for finding in fsck.check()] == []


class TestOneAfterTheOther:
    def test_an_event_that_comes_between_the_look_and_the_wait_is_found_by_a_sweep(self, street: Street) -> None:
        run = street.start()
        engine = street.claimed(run)  # it has looked, and is about to wait
        sent = pay()
        assert sent["run"] is None
        street.commit(engine)
        assert street.status(run) == ("waiting", "event", AWAITS)
        street.match(engine)
        assert street.status(run) == ("waiting", "event", "")
        engine.claim({run})
        street.commit(engine)
        assert (street.took(run), street.status(run)[0]) == (sent["id"], "succeeded")

    def test_a_sweep_looks_back_as_far_as_a_run_may_be_on_its_way(self, street: Street) -> None:
        engine = street.engine()
        street.match(engine)
        run = street.start()
        slow = street.claimed(run)
        sent = pay()
        street.stage.clock.advance(59)
        street.match(engine)  # nobody waits yet
        street.commit(slow)
        street.stage.clock.advance(2)
        street.match(engine)
        assert Event.objects.get(id=sent["id"]).run_id == run

    def test_of_two_runs_that_come_for_one_event_one_takes_it_and_the_other_waits(self, street: Street) -> None:
        sent = pay()
        first, second = street.start(), street.start()
        one, other = street.claimed(first), street.claimed(second)  # both have seen it, and commit where they are
        street.commit(other)
        street.commit(one)
        street.commit(other)
        street.commit(one)
        assert street.took(second) == sent["id"]
        assert (street.took(first), street.status(first)) == (None, ("waiting", "event", AWAITS))

    def test_the_place_is_committed_before_an_event_is_taken_for_it(self, street: Street) -> None:
        """Whoever takes the run up after a crash could come to another place else, and the event would be nobody's."""
        sent = pay()
        before = {"id": "before", "type": "set", "values": {"n": 1}, "next": "pay"}
        street.version = publish(paying(before, wait(output=PAID)))
        run = street.start()
        engine = street.claimed(run)
        commit = street.gate(engine).subject
        assert (commit.row.status, commit.row.place, len(commit.records)) == ("held", "pay", 1)
        assert Event.objects.get().run_id is None
        street.commit(engine)
        assert Event.objects.get().run_id == run
        street.commit(engine)
        assert Event.objects.get(id=sent["id"]).seq == 2

    def test_at_the_deadline_what_came_before_it_was_acted_on_counts(self, street: Street) -> None:
        run = street.waiting()
        street.stage.clock.advance(2 * 86_400)
        sent = pay()  # nobody has noticed yet that it is over
        engine = street.claimed(run)
        assert sent["run"] == run
        street.commit(engine)
        assert street.took(run) == sent["id"]
        assert Run.objects.get(id=run).outcome == "good"

    def test_an_event_that_comes_while_the_deadline_is_acted_on_is_kept(self, street: Street) -> None:
        run = street.waiting()
        street.stage.clock.advance(2 * 86_400)
        engine = street.claimed(run)
        assert pay()["run"] is None
        street.commit(engine)
        assert (street.took(run), Run.objects.get(id=run).outcome) == (None, "late")
        street.match(engine)
        assert Event.objects.filter(run=None).count() == 1

    def test_a_second_event_finds_no_run_that_was_given_one(self, street: Street) -> None:
        run = street.waiting()
        first, second = pay(), pay(amount=6.0)
        assert (first["run"], second["run"]) == (run, None)
        street.commit(street.claimed(run))
        assert street.took(run) == first["id"]

    def test_whoever_takes_over_a_run_that_was_given_an_event_goes_on_with_that_one(self, street: Street) -> None:
        run = street.waiting()
        sent = pay()
        dead = street.claimed(run)
        dead.dead = True
        sweep.release(dead.id, street.stage.clock.now())
        pay(amount=6.0)
        street.commit(street.claimed(run))
        assert street.took(run) == sent["id"]

    def test_a_worker_that_was_taken_over_from_takes_no_event_for_its_run(self, street: Street) -> None:
        pay()
        run = street.start()
        slow = street.claimed(run)
        gate = street.gate(slow)
        sweep.release(slow.id, street.stage.clock.now())
        assert apply([gate.subject]) == [False]
        assert not writing.take(Event.objects.get().id, run, gate.subject.fence, gate.subject.revision)
        assert Event.objects.get().run_id is None

    def test_an_event_that_was_given_already_wakes_nobody_else(self, street: Street) -> None:
        first, second = street.waiting(), street.waiting()
        sent = pay()
        assert sent["run"] == first
        assert writing.give(sent["id"], AWAITS, database_now()) is None
        assert street.status(second) == ("waiting", "event", AWAITS)
        street.commit(street.claimed(first))

    def test_a_run_that_is_cancelled_while_it_comes_for_an_event_leaves_it(self, street: Street) -> None:
        pay()
        run = street.start()
        engine = street.claimed(run)
        assert runs.cancel(run=run, by="otto") == "asked"
        assert not street.commit(engine)  # it is told, and stays
        while street.status(run)[0] == "held":
            street.commit(engine)
        assert street.status(run)[0] == "cancelled"
        assert Event.objects.get().run_id is None

    def test_a_run_that_is_cancelled_just_before_it_takes_an_event_leaves_it(self, street: Street) -> None:
        pay()
        run = street.start()
        engine = street.claimed(run)
        take = writing.take

        def be_quicker(*given: Any) -> bool:
            assert runs.cancel(run=run, by="otto") == "asked"
            return take(*given)

        with patch.object(writing, "take", be_quicker):
            street.commit(engine)
        street.commit(engine)
        assert street.status(run)[0] == "cancelled"
        assert Event.objects.get().run_id is None


def waiting_runs(version: Version, addresses: list[str]) -> None:
    now = database_now()
    Run.objects.bulk_create(
        [
            Run(
                id=f"run-{number}", workflow_id=version.workflow_id, version=version, input="{}", created=now, created_by="ada",
                status="waiting", wait="event", awaits=address, since=now + timedelta(milliseconds=number),
                due=now + timedelta(days=1), state_hash="",
            )
            for number, address in enumerate(addresses)
        ]
    )  # fmt: skip


def test_a_child_run_that_is_to_be_stopped_is_given_no_event_any_more(db: None) -> None:
    """Another that waits for the same would miss it."""
    waiting_runs(publish(paying()), [AWAITS, AWAITS, ""])
    Run.objects.filter(id="run-0").update(parent="run-2", parent_path="each", parent_visit=1)
    asked = {"verb": "cancel", "by": "", "reason": "enough were done"}
    stop = partial(sweep.ask_children, path="each", visit=1, asked=asked, now=database_now(), whom="ended IS NULL")
    assert stop("run-2", fence=7) == [], "it is another's"
    assert stop("run-2", fence=0) == ["run-0"]
    assert [pay()["run"], pay()["run"]] == ["run-1", None]


class TestAtOneMoment:
    """In threads, round after round."""

    def sent(self, senders: int) -> list[list[str | None]]:
        """By round, which run each sender's event went to."""
        line = threading.Barrier(senders)

        def send_all() -> list[str | None]:
            found = []
            for number in range(ROUNDS):
                line.wait(PATIENCE)
                found.append(pay(f"c{number}")["run"])
            return found

        told = at_once(*[send_all] * senders)
        assert all(isinstance(each, list) for each in told), told
        return [list(each) for each in zip(*told, strict=True)]

    def test_of_two_events_for_one_run_one_is_given_and_one_is_kept(self, transactional_db: None) -> None:
        waiting_runs(publish(paying()), [f'paid "c{number}"' for number in range(ROUNDS)])
        for number, told in enumerate(self.sent(2)):
            assert sorted(told, key=str) == [None, f"run-{number}"]
        assert Counter(Event.objects.values_list("run__awaits", flat=True)) == {None: ROUNDS, "": ROUNDS}

    def test_two_events_for_two_runs_go_one_to_each(self, transactional_db: None) -> None:
        waiting_runs(publish(paying()), [f'paid "c{number // 2}"' for number in range(2 * ROUNDS)])
        for number, told in enumerate(self.sent(2)):
            assert sorted(map(str, told)) == sorted([f"run-{2 * number}", f"run-{2 * number + 1}"])

    def test_an_event_and_a_run_that_begins_to_wait_find_each_other(self, transactional_db: None) -> None:
        """At the latest by a sweep."""
        waiting_runs(publish(paying()), ["" for _ in range(ROUNDS)])
        line = threading.Barrier(2)
        began = database_now()

        def begin() -> int:
            found = 0
            for number in range(ROUNDS):
                line.wait(PATIENCE)
                address = f'paid "c{number}"'
                if writing.find(f"run-{number}", address, database_now()) is None:
                    found += Run.objects.filter(id=f"run-{number}").update(awaits=address)
            return found

        def send() -> list[str | None]:
            found = []
            for number in range(ROUNDS):
                line.wait(PATIENCE)
                found.append(pay(f"c{number}")["run"])
            return found

        waited, told = at_once(begin, send)
        given = sum(run is not None for run in told)
        while found := writing.match(began, database_now()):
            given += found
        assert given == waited
        assert Run.objects.exclude(awaits="").count() == 0

    def test_sweeps_at_one_moment_give_each_event_once(self, transactional_db: None) -> None:
        version = publish(paying())
        began = database_now()
        for number in range(60):
            pay(f"c{number // 2}")
        waiting_runs(version, [f'paid "c{number // 3}"' for number in range(90)])
        given = at_once(*[lambda: writing.match(began, database_now())] * 4)
        assert sum(given) == 60, given
        assert Run.objects.exclude(awaits="").count() == 30, "nobody was woken for nothing"
        assert set(Counter(Event.objects.values_list("run", flat=True)).values()) == {1}


@pytest.mark.parametrize("point", ["after_claim", "before_commit@1", "after_commit@1", "after_taking", "before_commit@2"])
def test_a_worker_that_dies_over_a_kept_event_leaves_it_to_its_heir(scene: Scene, point: str) -> None:
    version = publish(paying())
    sent = pay()
    run = runs.start(workflow=version.workflow_id, input={"text": "x", "n": 0}, by="ada")
    scene.die(point)
    ended = scene.take_over(run)
    assert (ended.outcome, ended.seq) == ("good", 2)
    assert Event.objects.values_list("id", "run", "seq").get() == (sent["id"], run, 1)


@pytest.mark.parametrize("point", ["after_claim", "before_commit@1", "after_commit@1"])
def test_a_worker_that_dies_over_a_given_event_leaves_it_to_its_heir(scene: Scene, point: str) -> None:
    version = publish(paying())
    run = runs.start(workflow=version.workflow_id, input={"text": "x", "n": 0}, by="ada")
    scene.take_over(run, group=0)
    sent = pay()
    assert sent["run"] == run
    scene.die(point)
    ended = scene.take_over(run)
    assert (ended.outcome, ended.seq) == ("good", 2)
    assert Event.objects.values_list("id", "run", "seq").get() == (sent["id"], run, 1)


@pytest.mark.parametrize("point", ["after_claim", "before_commit@1", "after_commit@1"])
def test_a_worker_that_dies_over_the_deadline_leaves_it_to_its_heir(scene: Scene, point: str) -> None:
    version = publish(paying())
    run = runs.start(workflow=version.workflow_id, input={"text": "x", "n": 0}, by="ada")
    scene.take_over(run, group=0)
    past = database_now() - timedelta(days=2)
    Run.objects.filter(id=run).update(since=past, due=past + timedelta(days=1))
    scene.die(point)
    assert scene.take_over(run).outcome == "late"


def explained(sql: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN {'QUERY PLAN ' if connection.vendor == 'sqlite' else ''}{sql}")
        return str(cursor.fetchall())


def test_ten_thousand_runs_that_wait_are_found_through_their_index(transactional_db: None) -> None:
    waiting_runs(publish(paying()), [f'paid "c{number}"' for number in range(10_000)])
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE orchestration_run")
    with CaptureQueriesContext(connection) as made:
        assert writing.match(database_now(), database_now()) == 0
        assert pay("c77")["run"] == "run-77"
    looks = [query["sql"] for query in made if "awaits" in query["sql"]]
    assert len(looks) == 2
    assert ["run_awaits" in explained(look) for look in looks] == [True, True]
    assert not any("run_by_status" in explained(look) for look in looks)
