"""A worker that can't write what its runs want written: who is told, who waits, and who goes on."""

import sqlite3
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection

from orchestration import fsck, tasks
from orchestration.acts import resolve, runs
from orchestration.executor import sweep
from orchestration.executor.engine import Engine
from orchestration.models import Call, Escalation, Run, Worker
from orchestration.record import failpoints, recorder
from orchestration.record.apply import apply
from tests.engine.conftest import PATIENCE, Floor
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_runs import ask
from tests.servers import behaviours as b

GOOD = b.chat({"label": "a"})


class TestWhenItCantWrite:
    def test_a_commit_that_fails_is_a_surprise_and_the_run_is_tried_again(
        self, timed: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        timed.server.default(GOOD)
        monkeypatch.setitem(failpoints._armed, "before_commit", ("error", failpoints._passed["before_commit"] + 2, ""))
        run = timed.start(workflow(ask(), end()))
        timed.until(run, lambda found: found.deaths == 1)
        timed.advance(60)
        ended = timed.ended(run)
        assert (ended.outcome, ended.deaths) == ("good", 0)
        assert Call.objects.filter(run=run).count() == 1

    def test_after_three_surprises_a_person_is_asked_and_told_what_it_was(
        self, timed: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*args: Any, **more: Any) -> None:
            raise ZeroDivisionError("a slip of ours")

        monkeypatch.setattr("orchestration.executor.visit.prepare", broken)
        run = timed.start(workflow(ask(), end()))
        for deaths in (1, 2, 3):
            timed.until(run, lambda found, deaths=deaths: found.deaths == deaths)
            timed.advance(60)
        found = timed.rested(run)
        pause = timed.escalation(found)
        assert (found.status, pause.kind) == ("quarantined", "quarantine")
        assert "ZeroDivisionError: a slip of ours" in fsck.unpack_all([pause.reason])[0]["because"]
        resolve.resolve(escalation=pause.id, action="abort", values={}, by="otto")
        assert timed.ended(run).outcome == "bad"

    def test_a_quarantine_that_nobody_attends_to_ends_as_the_workflow_says(self, timed: Floor) -> None:
        """At a pause of its own too, whose way on is for who was asked there; and where its worker dies over that as well."""
        rules = {"escalation": {"queue": "ops", "deadline": "4h", "on_deadline": "bad"}}
        actions = [{"id": "ok", "label": "Fine", "to": "done"}]
        check = {"id": "check", "type": "human", "actions": actions, "deadline": "1d", "on_deadline": "done"}
        waiting = timed.run(workflow(check, end(), **rules))
        timed.engine.stop(grace=0.0)
        Run.objects.filter(id=waiting.id).update(suspicion=2, deaths=3, due=timed.clock.now(), status="ready", wait="")
        timed.engine = Engine(name="test", on_commit=timed._on_commit, clock=timed.clock).start()
        found = timed.until(waiting.id, lambda found: found.status == "quarantined")
        pause = timed.escalation(found)
        assert (pause.kind, pause.due) == ("quarantine", found.due)
        assert found.due == timed.clock.now() + timedelta(hours=4)
        timed.clock.advance(4 * 3600 + 1)
        now = timed.clock.now()
        dead = Worker.objects.create(name="dead", pid=1, group=0, capacity=1, started=now, beat=now - 2 * sweep.LAPSE)
        assert list(sweep.claim(dead.id, 0, 1, now)) == [found.id]
        assert sweep.recover(now).lapsed == 1
        timed.engine.look()
        ended = timed.ended(found.id)
        assert (ended.status, ended.outcome) == ("failed", "bad")
        assert timed.records(ended)[-1]["decision"]["rule"] == "escalation.on_deadline"
        assert sorted(Escalation.objects.filter(run=ended).values_list("kind", "status")) == [
            ("human", "cancelled"), ("quarantine", "expired"),
        ]  # fmt: skip

    @pytest.mark.parametrize("lost", ["before", "after"])
    def test_a_connection_lost_around_commit_is_asked_about_and_nothing_is_written_twice(
        self, floor: Floor, lost: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Before: nothing was written. After: everything was, and the reply was lost."""
        floor.server.default(GOOD)
        bitten: list[int] = []

        def breaking(commits: Any) -> list[bool]:
            if len(bitten) < 3:
                bitten.append(len(commits))
                if lost == "after":
                    apply(commits)
                raise OperationalError("server closed the connection unexpectedly")
            return apply(commits)

        monkeypatch.setattr(recorder, "apply", breaking)
        run = floor.run(workflow(ask(), end()))
        assert (run.outcome, len(bitten) >= 2) == ("good", True)
        assert floor.paths(run) == ["classify", "done"]
        assert len(floor.server.seen_at()) == 1

    @pytest.mark.sqlite
    def test_a_lock_held_by_another_process_is_waited_for(self, floor: Floor) -> None:
        floor.server.default(GOOD)
        run = floor.start({**workflow(ask(), end())})
        floor.ended(run)
        other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
        version = publish({**workflow(ask(), end()), "id": "other"})
        tasks.use_engine(None)
        run = runs.start(workflow=version.workflow_id, input={"text": "x", "n": 0}, by="ada")
        other.execute("BEGIN IMMEDIATE")
        floor.engine.hint(run)
        blocked: Future[Any] = floor.engine.recorder.job(lambda: Worker.objects.filter(id="none").update(held=0))
        with pytest.raises(TimeoutError):
            blocked.result(0.5)
        assert Run.objects.get(id=run).status == "ready"
        other.execute("ROLLBACK")
        other.close()
        assert blocked.result(PATIENCE) == 0
        assert floor.ended(run).outcome == "good"


def test_a_commit_that_is_no_longer_wanted_does_not_end_the_recorder(floor: Floor) -> None:
    """A task that is cancelled while its commit waits for the flush takes its future with it."""
    floor.server.default(b.hang())
    run = floor.start(workflow(ask(), end()))
    floor.until(run, lambda found: Call.objects.filter(run=found).exists())
    future = floor.engine.recorder.job(lambda: None)
    future.cancel()
    again = floor.engine.recorder.job(lambda: 7)
    assert again.result(PATIENCE) == 7
    assert floor.engine.recorder.alive
    floor.engine.stop(grace=0.0)
    assert Run.objects.get(id=run).status == "ready"
