"""Limits that are met: before the call that would break them, by rule, and what a person may then say."""

from typing import Any

import pytest

from orchestration.acts import resolve
from orchestration.models import Call, Run
from orchestration.record.pack import unpack_all
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import ask, tool
from tests.servers import behaviours as b
from tests.servers.behaviours import Behaviour

STEPS = {"limits": {"steps": 2}}


def put(id: str, next: str = "done") -> dict[str, Any]:
    return {"id": id, "type": "set", "values": {"n": 1}, "next": next}


class TestAPersonIsAsked:
    """Where the workflow names no step for it."""

    def met(self, floor: Floor) -> Run:
        run = floor.run(workflow(put("a", "b"), put("b", "c"), put("c", "d"), put("d"), end(), **STEPS), proven=False)
        pause = floor.escalation(run)
        assert (run.status, pause.kind, floor.paths(run)) == ("waiting", "limit", ["a", "b"])
        return run

    def test_and_lets_it_go_on(self, floor: Floor) -> None:
        run = self.met(floor)
        resolve.resolve(escalation=floor.escalation(run).id, action="continue", values={}, by="otto")
        ended = floor.ended(run.id)
        assert (ended.outcome, floor.paths(ended)) == ("good", ["a", "b", "c", "c", "d", "done"])
        lifted = floor.records(ended)[2]
        assert (lifted["type"], lifted["actor"]) == ("limit", "otto")
        assert lifted["decision"]["sentence"] == "otto lifted the limit on its steps."

    def test_and_lets_it_go_on_without_that_one_alone(self, floor: Floor) -> None:
        """The other limits hold on, and are asked about in their turn."""
        floor.server.default(
            b.as_json(b.completion({"label": "a"}) | {"usage": {"prompt_tokens": 100, "completion_tokens": 900}})
        )
        priced = {"main": {"provider": "main", "usd_per_mtok_in": 1000, "usd_per_mtok_out": 1000}}
        steps = [
            put("a", "b"),
            put("b", "one"),
            ask("one", next="two", max_input_tokens=99),
            ask("two", max_input_tokens=99),
            end(),
        ]
        run = floor.run(workflow(*steps, models=priced, limits={"steps": 2, "cost_usd": 1.5}), proven=False)
        for rule, said in (("limits.steps", "on its steps"), ("limits.cost_usd", "on what it may cost")):
            pause = floor.escalation(run)
            assert (pause.kind, unpack_all([pause.reason])[0]["rule"]) == ("limit", rule)
            resolve.resolve(escalation=pause.id, action="continue", values={}, by="otto")
            run = floor.rested(run.id)
            assert f"otto lifted the limit {said}." in [record["decision"]["sentence"] for record in floor.records(run)]
        assert run.outcome == "good"
        assert unpack_all([run.spent])[0]["lifted"] == ["steps", "cost_usd"]
        assert len(floor.server.seen_at()) == 2

    def test_and_stops_it(self, floor: Floor) -> None:
        run = self.met(floor)
        resolve.resolve(escalation=floor.escalation(run).id, action="abort", values={}, by="otto")
        run.refresh_from_db()
        assert (run.status, run.outcome) == ("failed", "bad")
        assert floor.records(run)[-1]["decision"]["sentence"] == "otto stopped the run. The run ended as bad, a failure."


def test_machine_time_is_what_calls_took_and_a_call_is_given_no_more_than_is_left(floor: Floor) -> None:
    floor.server.default(b.hang())
    limits = {"machine_time": "300ms", "on_breach": "over"}
    catch = [{"errors": ["*"], "to": "two"}]
    run = floor.run(workflow(ask("one", catch=catch), ask("two", catch=[{"errors": ["*"], "to": "done"}]), end(),
                             end({"why": "${error.message}"}, id="over"), limits=limits))  # fmt: skip
    assert floor.paths(run) == ["one", "two", "over"]
    assert floor.calls(run) == [("one", "attempt", "timeout")]
    assert "machine time" in floor.output(run)["why"]


class TestWhatBreaksOff:
    PRICED = {"main": {"provider": "main", "usd_per_mtok_in": 1000, "usd_per_mtok_out": 2000}}

    def call(self, floor: Floor, answer: Behaviour, **more: Any) -> Call:
        floor.server.default(answer)
        step = ask(max_output_tokens=100, timeout="700ms", catch=[{"errors": ["*"], "to": "done"}])
        run = floor.run(workflow(step, end(), models=self.PRICED, **more))
        found = Call.objects.get(run=run)
        assert (run.outcome, run.cost, found.reserved > 0) == ("good", found.cost, True)
        assert "reserved" not in unpack_all([run.spent])[0]
        return found

    @pytest.mark.parametrize("answer", [b.hang(), b.reset(), b.cut(), b.stall(b"")], ids=["hang", "reset", "cut", "stall"])
    def test_costs_all_that_was_reserved_where_nothing_is_known(self, floor: Floor, answer: Behaviour) -> None:
        call = self.call(floor, answer)
        assert (call.cost, call.tokens_in > 0, call.tokens_out) == (call.reserved, True, 0)

    @pytest.mark.parametrize("end", [b"", b"data: {"], ids=["without an end", "in the middle of a line"])
    def test_costs_what_came_of_it(self, floor: Floor, end: bytes) -> None:
        lines = [f'data: {{"choices": [{{"index": 0, "delta": {{"content": "{text}"}}}}]}}' for text in ("Hel", "lo", " you")]
        call = self.call(floor, b.events(*lines, end=end))
        assert call.tokens_out == 3
        assert call.cost == (call.tokens_in * 1000 + 3 * 2000) * 1000 < call.reserved

    def test_costs_what_came_of_a_stream_that_stood_still(self, floor: Floor) -> None:
        chunk = b'data: {"choices": [{"index": 0, "delta": {"content": "Hello you"}}]}\n\n'
        call = self.call(floor, b.stall(chunk, "text/event-stream"))
        assert (call.tokens_out, call.cost < call.reserved) == (3, True)
        assert unpack_all([call.response])[0]["text"] == "Hello you"

    @pytest.mark.parametrize("status", [400, 429, 503])
    def test_an_error_status_costs_nothing(self, floor: Floor, status: int) -> None:
        assert self.call(floor, b.error(status)).cost == 0

    def test_and_a_call_that_never_left_neither(self, floor: Floor) -> None:
        floor.server.stop()
        assert self.call(floor, b.hang()).cost == 0

    def test_counts_for_the_limit(self, floor: Floor) -> None:
        floor.server.default(b.reset())
        step = ask(max_output_tokens=100, max_input_tokens=100, retry={"attempts": 9, "backoff": "10ms"})
        limits = {"cost_usd": 0.7, "on_breach": "over"}
        run = floor.run(workflow(step, end(), end(id="over"), models=self.PRICED, limits=limits))
        assert floor.paths(run) == ["classify", "over"]
        assert len(floor.server.seen_at()) == Call.objects.filter(run=run).count() < 9
        assert 0.4 < run.cost / 1e9 <= 0.7


def test_a_second_breach_ends_the_run(floor: Floor) -> None:
    answer = b.completion({"label": "a"}) | {"usage": {"prompt_tokens": 100, "completion_tokens": 900}}
    floor.server.default(b.as_json(answer))
    priced = {"main": {"provider": "main", "usd_per_mtok_in": 1000, "usd_per_mtok_out": 1000}}
    limits = {"cost_usd": 1.5, "on_breach": "over"}
    steps = [ask("one", next="two", max_input_tokens=200), ask("two", max_input_tokens=200), end()]
    run = floor.run(workflow(*steps, ask("over", max_input_tokens=200), models=priced, limits=limits))
    assert (run.status, run.outcome) == ("failed", "bad")
    assert floor.paths(run) == ["one", "two", "over"]
    assert [record["decision"]["rule"] for record in floor.records(run)[1:]] == ["limits.on_breach", "limits.cost_usd"]
    assert len(floor.server.seen_at()) == 1
    assert run.cost == 1_000_000_000


def test_a_call_that_had_left_keeps_its_key_when_a_person_lifts_the_limit(floor: Floor) -> None:
    """Between the attempt and its retry the machine time is used up. What goes on is the same visit: the tool, which has done it
    already, does nothing new."""
    step, tools = tool(floor, retry={"attempts": 2, "backoff": "10ms"}, timeout="1s")
    floor.server.script(b.hang(), path="/tools/send")
    run = floor.run(workflow(step, end(), tools=tools, limits={"machine_time": "200ms"}), proven=False)
    assert floor.escalation(run).kind == "limit"
    resolve.resolve(escalation=floor.escalation(run).id, action="continue", values={}, by="otto")
    ended = floor.ended(run.id)
    assert ended.outcome == "good"
    assert len({call.key for call in Call.objects.filter(run=ended)}) == 1
    assert (len(floor.server.ledger.requests), len(floor.server.ledger.effects)) == (2, 1)
    assert [(record["path"], record["visit"], record["type"]) for record in floor.records(ended)[:2]] == [
        ("send", 1, "limit"), ("send", 1, "tool"),
    ]  # fmt: skip


def test_where_a_breach_sends_the_run_to_a_step_that_it_was_at_the_old_answer_is_not_taken_for_new(floor: Floor) -> None:
    floor.server.script(b.chat({"label": "a"}), b.chat({"label": "b"}))
    steps = [ask("one", next="two"), put("two", "three"), put("three"), end({"label": "${steps.one.label}"})]
    run = floor.run(workflow(*steps, limits={"steps": 2, "on_breach": "one"}))
    assert floor.paths(run) == ["one", "two", "three", "one", "two", "three", "done"]
    assert floor.output(run) == {"label": "b"}
    assert len(floor.server.seen_at()) == 2


def test_people_and_ends_are_let_through(floor: Floor) -> None:
    actions = [{"id": "ok", "label": "Fine", "to": "done"}]
    check = {"id": "check", "type": "human", "actions": actions, "deadline": "1h", "on_deadline": "done"}
    run = floor.run(workflow(put("a", "check"), check, end(), limits={"steps": 1}), proven=False)
    resolve.resolve(escalation=floor.escalation(run).id, action="ok", values={}, by="otto")
    assert floor.ended(run.id).outcome == "good"
