"""What waits, waits as a row: backoffs, deadlines and hung steps, by a clock that the test sets. Nothing sleeps holding a run."""

from datetime import timedelta
from typing import Any

import pytest

from orchestration import tasks
from orchestration.acts import resolve, runs
from orchestration.core.errors import Conflict
from orchestration.models import Escalation, Run, Worker
from orchestration.record.clock import database_now
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import ask, tool
from tests.servers import behaviours as b

DAY = 86_400


def human(**more: Any) -> dict[str, Any]:
    actions = [{"id": "accept", "label": "Accept", "to": "done"}]
    return {"id": "check", "type": "human", "actions": actions, "deadline": "2d", "on_deadline": "late", **more}


class TestBackoff:
    def test_it_gives_the_run_back_until_it_is_due(self, timed: Floor) -> None:
        timed.server.script(b.error(503), b.error(503), b.chat({"label": "a"}))
        run = timed.start(workflow(ask(retry={"attempts": 3, "backoff": "1h", "factor": 2, "max_backoff": "3h"}), end()))
        for hours in (1, 2):
            waiting = timed.given_back(run, after=hours)
            assert (waiting.holder, waiting.step_deadline) == (None, None)
            wait = (waiting.due - timed.clock.now()) / timedelta(hours=hours)
            assert 0.75 <= wait <= 1
            timed.advance(hours * 3600)
        assert timed.ended(run).outcome == "good"
        assert len(timed.server.seen_at()) == 3

    def test_it_is_never_shorter_than_the_other_side_asked_for(self, timed: Floor) -> None:
        timed.server.script(b.rate_limited(retry_after="120"), b.chat({"label": "a"}))
        run = timed.start(workflow(ask(retry={"attempts": 2, "backoff": "1s"}), end()))
        waiting = timed.given_back(run)
        assert waiting.due - timed.clock.now() == timedelta(seconds=120)
        timed.advance(119)
        timed.engine.look()
        assert Run.objects.get(id=run).status == "ready"
        timed.advance(1)
        assert timed.ended(run).outcome == "good"

    def test_a_run_that_waits_can_be_cancelled_and_calls_nobody_again(self, timed: Floor) -> None:
        timed.server.default(b.error(503))
        run = timed.start(workflow(ask(retry={"attempts": 3, "backoff": "1h"}), end()))
        timed.given_back(run)
        assert runs.cancel(run=run, by="otto", reason="enough") == "cancelled"
        timed.advance(DAY)
        with pytest.raises(Conflict, match="ended already: cancelled"):
            runs.cancel(run=run, by="otto")
        assert timed.ended(run).status == "cancelled"
        assert len(timed.server.seen_at()) == 1


class TestDeadlines:
    def definition(self) -> dict[str, Any]:
        return workflow(human(), end(), end({"why": "late"}, id="late", outcome="bad"))

    def test_a_person_who_does_not_answer_in_time_is_gone_past_by_rule(self, timed: Floor) -> None:
        run = timed.run(self.definition())
        timed.advance(2 * DAY - 1)
        pause = timed.escalation(run)
        assert pause.due == run.due
        timed.advance(2)
        ended = timed.ended(run.id)
        assert (ended.status, timed.output(ended)) == ("failed", {"why": "late"})
        pause.refresh_from_db()
        assert pause.status == "expired"
        first = timed.records(ended)[0]
        assert first["decision"]["rule"] == "steps[0].on_deadline"
        assert first["decision"]["sentence"] == "Went to Late because nobody answered Check in time."

    def test_a_record_says_since_when_it_waited_and_when_that_was_over(self, timed: Floor) -> None:
        """Never the deadline, which may lie ahead; and of what a person was asked, the time that it took."""
        looked = {"id": "look", "type": "set", "values": {"n": 1}, "next": "check"}
        asked = workflow(looked, human(on_deadline="again"), end(), human(id="again"), end(id="late"))
        run = timed.run(asked)
        timed.advance(2 * DAY)
        run = timed.until(run.id, lambda found: found.place == "again" and found.status == "waiting")
        second = timed.escalation(run)
        since = database_now() - timedelta(hours=1)  # acts go by the database's clock
        Escalation.objects.filter(id=second.id).update(created=since)
        resolve.resolve(escalation=second.id, action="accept", values={}, by="otto")
        look, late, answered, done = timed.records(timed.ended(run.id))
        first = Escalation.objects.get(run=run, status="expired")
        assert look["queued"] == run.created
        assert (late["queued"], late["started"]) == (first.created, first.created)
        assert late["finished"] - late["started"] >= timedelta(days=2)
        assert (answered["queued"], answered["started"]) == (since, since)
        second.refresh_from_db()
        assert second.resolved <= answered["finished"] == done["queued"]

    def test_who_answers_after_the_deadline_is_told(self, timed: Floor) -> None:
        run = timed.run(self.definition())
        pause = timed.escalation(run)
        timed.advance(3 * DAY)
        timed.ended(run.id)
        with pytest.raises(Conflict, match="expired"):
            resolve.resolve(escalation=pause.id, action="accept", values={}, by="otto")

    def test_a_deadline_outlives_the_worker_that_was_about_to_act_on_it(self, timed: Floor) -> None:
        """It is claimed because it is late; its holder dies before it writes; whoever takes over knows still why."""
        from orchestration.executor import sweep

        run = timed.run(self.definition())
        now = timed.clock.now() + timedelta(seconds=3 * DAY)  # this engine comes to it later
        dead = Worker.objects.create(name="dead", pid=1, group=0, capacity=1, started=now, beat=now - 2 * sweep.LAPSE)
        assert list(sweep.claim(dead.id, 0, 1, now)) == [run.id]
        assert sweep.recover(now).lapsed == 1
        timed.clock.advance(3 * DAY)
        Run.objects.filter(id=run.id).update(suspicion=0)  # so that this engine takes it, and not a child process
        timed.engine.look()
        ended = timed.ended(run.id)
        assert timed.output(ended) == {"why": "late"}
        assert Escalation.objects.filter(run=ended).count() == 1

    def test_an_unknown_effect_that_nobody_answers_for_ends_as_the_workflow_says(self, timed: Floor) -> None:
        step, tools = tool(timed, effect="irreversible")
        timed.server.script(b.error(502), path="/tools/send")
        more = {"escalation": {"queue": "ops", "deadline": "4h", "on_deadline": "bad"}}
        run = timed.run(workflow(step, end(), tools=tools, **more))
        pause = timed.escalation(run)
        assert (pause.kind, pause.queue) == ("unknown", "ops")
        timed.advance(4 * 3600 + 1)
        ended = timed.ended(run.id)
        assert (ended.status, ended.outcome) == ("failed", "bad")
        assert timed.records(ended)[-1]["decision"]["rule"] == "escalation.on_deadline"


def test_a_hung_step_is_taken_over_and_its_holder_writes_nothing_any_more(timed: Floor) -> None:
    """The step's deadline has passed, though the worker lives: the run goes on elsewhere, and what comes late is refused."""
    timed.server.script(b.hang(), b.chat({"label": "a"}))
    run = timed.start(workflow(ask(timeout="5s"), end()))
    timed.until(run, lambda found: found.status == "held" and timed.server.seen_at() != [])
    fence = Run.objects.get(id=run).fence
    timed.advance(5 + 61)
    ended = timed.ended(run)
    assert (ended.outcome, timed.calls(ended)) == ("good", [("classify", "attempt", "")])
    assert ended.fence >= fence + 2
    timed.engine.stop(grace=0.0)
    assert Worker.objects.get(id=timed.engine.id).refused == 1
    assert Run.objects.get(id=run).revision == ended.revision


def test_a_run_whose_hint_was_lost_is_found_by_the_sweep(floor: Floor) -> None:
    """And nobody asks the engine to look: it does so by itself."""
    tasks.use_engine(None)
    assert floor.ended(floor.start(workflow(end()))).outcome == "good"
