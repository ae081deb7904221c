"""People and workers who meet on one run: one wins, the other is told, and nothing is done twice."""

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from orchestration.acts import escalations, resolve, runs
from orchestration.core.errors import Conflict, Refused
from orchestration.executor import sweep
from orchestration.models import Act, Call, Escalation, Run, Worker
from orchestration.record.clock import database_now
from tests.engine.conftest import PATIENCE, Floor
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_runs import ask, tool
from tests.servers import behaviours as b

ROUNDS = 1000
INPUT = {"text": "x", "n": 0}


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """What each gives, or raises, when all begin at one moment in threads of their own."""
    found: list[Any] = [None] * len(works)
    line = threading.Barrier(len(works))

    def work(index: int) -> None:
        line.wait(PATIENCE)
        try:
            found[index] = works[index]()
        except Exception as error:
            found[index] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=work, args=(index,)) for index in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return found


def human() -> dict[str, Any]:
    actions = [{"id": "accept", "label": "Accept", "to": "done"}, {"id": "stop", "label": "Stop", "to": "no"}]
    check = {"id": "check", "type": "human", "actions": actions, "deadline": "2d", "on_deadline": "no"}
    return workflow(check, end(), end(id="no", outcome="bad"))


class TestStarting:
    def test_ten_requests_with_one_key_are_one_run(self, floor: Floor) -> None:
        version = publish(workflow(end()))
        start = lambda: runs.start(workflow=version.workflow_id, input=INPUT, by="ada", idempotency="k1")  # noqa: E731
        found = at_once(*[start] * 10)
        assert len(set(found)) == 1, found
        assert Run.objects.count() == 1
        assert floor.ended(found[0]).outcome == "good"
        assert start() == found[0]

    def test_another_body_under_the_same_key_is_refused_and_another_persons_key_is_another(self, floor: Floor) -> None:
        version = publish(workflow(end()))
        first = runs.start(workflow=version.workflow_id, input=INPUT, by="ada", idempotency="k1")
        with pytest.raises(Refused, match="came before"):
            runs.start(workflow=version.workflow_id, input={**INPUT, "n": 1}, by="ada", idempotency="k1")
        assert runs.start(workflow=version.workflow_id, input=INPUT, by="otto", idempotency="k1") != first
        for run in Run.objects.all():
            floor.ended(run.id)


class TestClaiming:
    def test_of_two_workers_that_want_the_same_run_one_gets_it_a_thousand_times(self, transactional_db: None) -> None:
        """Both at one moment, run after run."""
        version = publish({**workflow(end()), "models": {}})
        now = database_now()
        Run.objects.bulk_create(
            [
                Run(
                    id=f"run-{number}", workflow_id=version.workflow_id, version=version, input="{}", status="ready",
                    created=now, due=now - timedelta(seconds=number), created_by="ada",
                )
                for number in range(ROUNDS)
            ]
        )  # fmt: skip
        for name in ("one", "other"):
            Worker.objects.create(id=name, name=name, pid=1, group=0, capacity=1, started=now, beat=now)

        line = threading.Barrier(2)

        def claim_all(worker: str) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for number in range(ROUNDS):
                line.wait(PATIENCE)
                found |= sweep.claim(worker, 0, 1, now, [f"run-{number}"])
            return found

        one, other = at_once(lambda: claim_all("one"), lambda: claim_all("other"))
        assert one.keys() & other.keys() == set()
        assert len(one) + len(other) == ROUNDS
        assert {row["fence"] for row in (*one.values(), *other.values())} == {1}
        held = dict(Run.objects.values_list("id", "holder"))
        assert held == dict.fromkeys(one, "one") | dict.fromkeys(other, "other")
        assert set(Run.objects.values_list("status", "fence", "revision")) == {("held", 1, 2)}


class TestAnswering:
    def test_of_two_who_answer_at_once_one_wins_and_the_other_learns_who_it_was(self, floor: Floor) -> None:
        run = floor.run(human())
        pause = floor.escalation(run)

        def answer(by: str, action: str) -> Callable[[], Any]:
            return lambda: resolve.resolve(escalation=pause.id, action=action, values={}, by=by)

        found = at_once(answer("otto", "accept"), answer("vera", "stop"), answer("ada", "accept"))
        won = [each for each in found if isinstance(each, dict)]
        lost = [each for each in found if isinstance(each, Conflict)]
        assert (len(won), len(lost)) == (1, 2), found
        pause.refresh_from_db()
        assert all(each.details.get("by") == pause.resolved_by for each in lost)
        ended = floor.ended(run.id)
        assert ended.outcome == ("bad" if pause.resolved_by == "vera" else "good")
        assert Act.objects.filter(verb="resolve").count() == 1

    def test_one_request_sent_ten_times_with_a_key_is_one_answer(self, floor: Floor) -> None:
        run = floor.run(human())
        pause = floor.escalation(run).id
        answer = lambda: resolve.resolve(escalation=pause, action="accept", values={}, by="otto", idempotency="r1")  # noqa: E731
        found = at_once(*[answer] * 10)
        assert all(each == {"escalation": pause, "run": run.id, "action": "accept"} for each in found), found
        assert floor.ended(run.id).outcome == "good"

    def test_an_answer_and_claims_of_the_same_person_do_not_get_in_each_others_way(self, floor: Floor) -> None:
        for _ in range(5):
            run = floor.run(human())
            pause = floor.escalation(run).id
            claim = lambda pause=pause: escalations.claim(escalation=pause, by="otto")  # noqa: E731
            answer = lambda pause=pause: resolve.resolve(escalation=pause, action="accept", values={}, by="otto")  # noqa: E731
            found = at_once(claim, answer, claim, claim)
            assert isinstance(found[1], dict), found
            assert all(isinstance(each, Conflict) or hasattr(each, "isoformat") for each in (found[0], *found[2:])), found
            floor.ended(run.id)

    def test_at_the_deadline_either_the_person_or_the_rule_wins(self, timed: Floor) -> None:
        for _ in range(5):
            run = timed.run(human())
            pause = timed.escalation(run)
            timed.clock.advance(3 * 86_400)
            answer = lambda pause=pause: resolve.resolve(escalation=pause.id, action="accept", values={}, by="otto")  # noqa: E731
            found, _ = at_once(answer, timed.engine.look)
            ended = timed.ended(run.id)
            pause.refresh_from_db()
            told = isinstance(found, Conflict)
            assert (ended.outcome, pause.status) == (("bad", "expired") if told else ("good", "resolved")), found

    def test_a_stale_page_and_another_persons_claim_are_told(self, floor: Floor) -> None:
        run = floor.run(human())
        pause = floor.escalation(run)
        with pytest.raises(Conflict, match="moved since you looked"):
            resolve.resolve(escalation=pause.id, action="accept", values={}, by="otto", revision=run.revision - 1)
        escalations.claim(escalation=pause.id, by="vera")
        with pytest.raises(Conflict, match="vera has claimed"):
            resolve.resolve(escalation=pause.id, action="accept", values={}, by="otto")
        resolve.resolve(escalation=pause.id, action="accept", values={}, by="vera")
        assert floor.ended(run.id).outcome == "good"


class TestCancelling:
    def test_twice_and_after_the_end(self, floor: Floor) -> None:
        run = floor.run(human())
        found = at_once(*[lambda: runs.cancel(run=run.id, by="otto")] * 2)
        assert sorted(map(str, found)) == ["The run has ended already: cancelled.", "cancelled"]
        with pytest.raises(Conflict, match="ended already"):
            runs.cancel(run=run.id, by="otto")
        assert Escalation.objects.get(run=run).status == "cancelled"

    def test_twice_while_a_worker_holds_it(self, floor: Floor) -> None:
        floor.server.default(b.hang())
        run = floor.start(workflow(ask(), end()))
        floor.until(run, lambda found: Call.objects.filter(run=found).exists())
        found = at_once(*[lambda: runs.cancel(run=run, by="otto", reason="stop it")] * 3)
        assert set(map(str, found)) <= {"asked", "The run has ended already: cancelled."}, found
        assert floor.ended(run).status == "cancelled"
        assert Run.objects.get(id=run).asked is None

    @pytest.mark.parametrize("effect", ["idempotent", "irreversible"])
    def test_a_call_with_an_effect_is_waited_for_and_its_answer_kept(self, floor: Floor, effect: str) -> None:
        """The person asks while the tool is at work: what it did is on record before the run ends."""
        begun, go_on = threading.Event(), threading.Event()
        step, tools = tool(floor, effect=effect)
        floor.server.script(_slow(begun, go_on), path="/tools/send")
        run = floor.start(workflow(step, end(), tools=tools))
        assert begun.wait(PATIENCE)
        assert runs.cancel(run=run, by="otto") == "asked"
        go_on.set()
        ended = floor.ended(run)
        assert (ended.status, floor.calls(ended)) == ("cancelled", [("send", "attempt", "")])
        assert Call.objects.get(run=run).output == '{"message_id":"m1"}'

    @pytest.mark.parametrize("then", ["backoff", "person", "end", "call"])
    def test_between_two_commits_whatever_the_run_was_about_to_do(
        self, floor: Floor, then: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The person is first by a hair: the holder finds that out when it wants to give the run back, to ask a person, to end
        it, or to send the next call. What it had is kept, and the run is cancelled then and there."""
        from orchestration.executor.bench import Bench

        first = ask("first", next="second", **({"retry": {"attempts": 3, "backoff": "1h"}} if then == "backoff" else {}))
        second: dict[str, Any] = {
            "person": {**human()["steps"][0], "id": "second"}, "call": ask("second"),
        }.get(then, {"id": "second", "type": "set", "values": {}, "next": "done"})  # fmt: skip
        floor.server.script(b.error(503) if then == "backoff" else b.chat({"label": "a"}))
        asked: list[str] = []
        commit = Bench.commit

        async def raced(self: Bench, held: Any, row: Any) -> None:
            if held.answers and not asked:
                asked.append(await self.engine.read(lambda: runs.cancel(run=held.run_id, by="otto")))
            await commit(self, held, row)

        monkeypatch.setattr(Bench, "commit", raced)
        run = floor.start(workflow(first, second, end(), end(id="no", outcome="bad")))
        ended = floor.ended(run)
        assert asked == ["asked"]
        assert ended.status == ("succeeded" if then == "end" else "cancelled")
        assert len(floor.server.seen_at()) == 1
        assert Call.objects.get(run=run, path="first").finished is not None
        assert ended.asked is None
        assert not Escalation.objects.filter(run=run, status__in=Escalation.PENDING).exists()


def _slow(begun: threading.Event, go_on: threading.Event) -> b.Behaviour:
    import asyncio

    from aiohttp import web

    async def answer(request: web.Request) -> web.StreamResponse:
        begun.set()
        await asyncio.to_thread(go_on.wait, PATIENCE)
        return web.json_response({"message_id": "m1"})

    return answer
