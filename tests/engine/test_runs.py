"""What a definition becomes: runs through every step type and every rung, on a real engine. Each run ends up sound (`fsck`)."""

import json
from typing import Any

import pytest

from orchestration.acts import resolve, runs
from orchestration.core.errors import Conflict, Refused
from orchestration.models import Call, Escalation, Run
from tests.engine.conftest import Floor
from tests.engine.publishing import end, publish, workflow
from tests.servers import behaviours as b

LABEL = {"type": "object", "required": ["label"], "properties": {"label": {"enum": ["a", "b"]}}}


def ask(id: str = "classify", **more: Any) -> dict[str, Any]:
    step = {"id": id, "type": "llm", "model": "main", "prompt": "Sort: {{ text }}", "input": {"text": "${run.input.text}"}}
    return {**step, "output": LABEL, "next": "done", **more}


def tool(floor: Floor, id: str = "send", effect: str = "idempotent", **more: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A tool step, and the `tools` that it needs."""
    schema = {"type": "object", "required": ["message_id"], "properties": {"message_id": {"type": "string"}}}
    http = {"method": "POST", "url": f"{floor.server.url}/tools/{id}"}
    step = {"id": id, "type": "tool", "tool": f"{id}_it", "input": {"text": "hello"}, "next": "done", "timeout": "5s", **more}
    return step, {f"{id}_it": {"http": http, "effect": effect, "output": schema}}


class TestTheLadder:
    def test_a_good_answer_goes_on(self, floor: Floor) -> None:
        floor.server.script(b.fenced({"label": "a"}))
        run = floor.run(workflow(ask(), end({"label": "${steps.classify.label}"})), {"text": "hello"})
        assert (run.status, run.outcome, floor.output(run)) == ("succeeded", "good", {"label": "a"})
        assert floor.paths(run) == ["classify", "done"]
        record = floor.records(run)[0]
        assert record["input"] == {"text": "hello"}
        assert record["decision"]["sentence"] == "Went on to Done."
        assert (record["tokens_in"], record["tokens_out"]) == (12, 7)

    def test_a_broken_answer_is_repaired_and_told_what_was_wrong(self, floor: Floor) -> None:
        floor.server.script(b.prose(), b.chat({"label": "z"}), b.chat({"label": "b"}))
        run = floor.run(workflow(ask(repair={"attempts": 2}), end()))
        assert run.outcome == "good"
        kinds = [("classify", "attempt", "invalid_output"), ("classify", "repair", "invalid_output"), ("classify", "repair", "")]
        assert floor.calls(run) == kinds
        assert "must be one of" in floor.server.seen_at()[2].body
        assert len({call.key for call in Call.objects.filter(run=run)}) == 3

    def test_transport_retries_repeat_the_same_bytes_under_the_same_key(self, floor: Floor) -> None:
        floor.server.script(b.error(503), b.rate_limited(), b.chat({"label": "a"}))
        run = floor.run(workflow(ask(retry={"attempts": 3, "backoff": "10ms"}), end()))
        assert run.outcome == "good"
        assert [kind for _, kind, _ in floor.calls(run)] == ["attempt", "retry", "retry"]
        assert len({call.key for call in Call.objects.filter(run=run)}) == 1
        assert len({seen.body for seen in floor.server.seen_at()}) == 1

    def test_a_fallback_model_then_a_step_in_its_place(self, floor: Floor) -> None:
        floor.server.default(b.prose())
        keywords = {"id": "keywords", "type": "set", "values": {"label": "b"}, "next": "done"}
        step = ask(fallback=[{"model": "small"}, {"step": "keywords"}])
        run = floor.run(workflow(step, keywords, end({"label": "${steps.classify.label}"})))
        assert floor.output(run) == {"label": "b"}
        assert floor.paths(run) == ["classify/fallback.keywords", "classify", "done"]
        assert floor.records(run)[1]["result"] == {"kind": "done", "degraded": True}
        assert [kind for _, kind, _ in floor.calls(run)] == ["attempt", "fallback"]

    def test_what_nothing_catches_ends_in_on_failure(self, floor: Floor) -> None:
        floor.server.default(b.error(401))
        run = floor.run(workflow(ask(), end()))
        assert (run.status, run.outcome) == ("failed", "bad")
        assert floor.records(run)[-1]["decision"]["rule"] == "on_failure"

    def test_a_catch_goes_to_its_step_with_the_error_in_sight(self, floor: Floor) -> None:
        floor.server.default(b.error(404))
        step = ask(catch=[{"errors": ["timeout"], "to": "done"}, {"errors": ["*"], "to": "sorry"}])
        run = floor.run(workflow(step, end(), end({"why": "${error.code}"}, id="sorry")))
        assert floor.output(run) == {"why": "not_found"}
        assert "classify" in floor.records(run)[0]["decision"]["sentence"].lower()


class TestLoops:
    def loop(self, **more: Any) -> list[dict[str, Any]]:
        body = [{"id": "bump", "type": "set", "values": {"n": "${carry.n + 1.0}"}}]
        loop = {
            "id": "grow", "type": "loop", "max": 5, "carry": {"n": "${run.input.n}"}, "update": {"n": "${steps.bump.n}"},
            "body": body, "next": "done", **more,
        }  # fmt: skip
        return [loop, end({"n": "${steps.grow.n}"}), end(id="tired")]

    def run(self, floor: Floor, **more: Any) -> Run:
        return floor.run(workflow(*self.loop(**more)))

    def test_until_closes_it_and_its_record_comes_then(self, floor: Floor) -> None:
        run = self.run(floor, until="carry.n >= 3.0", on_exhausted="tired")
        assert floor.output(run) == {"n": 3.0}
        assert floor.paths(run) == ["grow[1]/bump", "grow[2]/bump", "grow[3]/bump", "grow", "done"]
        assert floor.records(run)[0]["decision"]["to"] == "grow[2]/bump"

    def test_it_stops_by_rule_when_rounds_are_used_up(self, floor: Floor) -> None:
        run = self.run(floor, until="carry.n >= 30.0", on_exhausted="tired")
        assert floor.paths(run)[-2:] == ["grow", "tired"]
        assert "5 of 5" in floor.records(run)[4]["decision"]["sentence"]

    def test_it_stops_by_rule_when_it_makes_no_progress(self, floor: Floor) -> None:
        run = self.run(
            floor, until="carry.n >= 30.0", progress="${carry.n > 2.0 ? 2.0 : carry.n}", on_stalled="tired", on_exhausted="tired"
        )
        assert floor.paths(run) == ["grow[1]/bump", "grow[2]/bump", "grow[3]/bump", "grow", "tired"]
        assert floor.records(run)[2]["decision"]["series"] == [1.0, 2.0, 2.0]


class TestPeople:
    def human(self, **more: Any) -> dict[str, Any]:
        form = {"type": "object", "required": ["label"], "properties": {"label": {"enum": ["a", "b"]}}}
        actions = [
            {"id": "accept", "label": "Accept", "to": "done"},
            {"id": "stop", "label": "Stop", "to": "no", "form": "ignored"},
        ]
        return {
            "id": "check", "type": "human", "form": form, "values": {"label": "a"}, "actions": actions, "deadline": "2d",
            "on_deadline": "no", **more,
        }  # fmt: skip

    def start(self, floor: Floor) -> tuple[Run, Escalation]:
        run = floor.run(workflow(self.human(), end({"label": "${steps.check.values.label}"}), end(id="no", outcome="bad")))
        assert (run.status, run.place) == ("waiting", "check")
        return run, floor.escalation(run)

    def test_a_person_corrects_and_the_run_goes_on(self, floor: Floor) -> None:
        run, pause = self.start(floor)
        with pytest.raises(Refused) as refused:
            resolve.resolve(escalation=pause.id, action="accept", values={"label": "z"}, by="otto")
        assert refused.value.problems[0].path == "values.label"
        assert floor.escalation(run).id == pause.id
        resolve.resolve(escalation=pause.id, action="accept", values={"label": "b"}, by="otto", revision=run.revision)
        assert floor.output(floor.ended(run.id)) == {"label": "b"}
        with pytest.raises(Conflict) as conflict:
            resolve.resolve(escalation=pause.id, action="stop", values={}, by="vera")
        assert conflict.value.details["by"] == "otto"
        assert floor.records(run)[0]["actor"] == "otto"

    def test_cancel_ends_a_run_that_waits(self, floor: Floor) -> None:
        run, pause = self.start(floor)
        assert runs.cancel(run=run.id, by="otto", reason="a mistake") == "cancelled"
        run.refresh_from_db()
        pause.refresh_from_db()
        assert (run.status, pause.status) == ("cancelled", "cancelled")
        assert floor.records(run)[-1]["decision"]["sentence"] == "otto cancelled the run: a mistake."

    def test_cancel_reaches_a_run_in_the_middle_of_a_call(self, floor: Floor) -> None:
        floor.server.default(b.hang())
        version = publish(workflow(ask(), end()))
        run = runs.start(workflow=version.workflow_id, input={"text": "x", "n": 0}, by="ada")
        floor.until(run, lambda found: found.status == "held" and Call.objects.filter(run=found).exists())
        assert runs.cancel(run=run, by="otto") == "asked"
        assert floor.ended(run).status == "cancelled"


class TestEffects:
    def test_an_irreversible_call_whose_end_nobody_knows_asks_a_person(self, floor: Floor) -> None:
        step, tools = tool(floor, effect="irreversible", catch=[{"errors": ["*"], "to": "sorry"}])
        floor.server.script(b.error(502), path="/tools/send")
        run = floor.run(workflow(step, end({"id": "${steps.send.message_id}"}), end(id="sorry"), tools=tools))
        pause = floor.escalation(run)
        assert (run.status, pause.kind) == ("waiting", "unknown")
        resolve.resolve(escalation=pause.id, action="happened", values={"message_id": "m7"}, by="otto")
        assert floor.output(floor.ended(run.id)) == {"id": "m7"}
        assert len(floor.server.ledger.requests) == 1

    def test_did_not_happen_makes_a_new_visit_with_a_new_key(self, floor: Floor) -> None:
        step, tools = tool(floor, effect="irreversible")
        floor.server.script(b.error(502), path="/tools/send", effect=False)
        run = floor.run(workflow(step, end(), tools=tools))
        resolve.resolve(escalation=floor.escalation(run).id, action="did_not_happen", values={}, by="otto")
        assert floor.ended(run.id).outcome == "good"
        assert [record["visit"] for record in floor.records(run)] == [1, 2, 1]
        assert len({call.key for call in Call.objects.filter(run=run)}) == 2


class TestRounds:
    def step(self, floor: Floor, rounds: int = 3, **more: Any) -> dict[str, Any]:
        tools = {"look": {"http": {"method": "POST", "url": f"{floor.server.url}/tools/look"}, "effect": "none",
                          "input": {"type": "object", "required": ["q"], "properties": {"q": {"type": "string"}}}}}  # fmt: skip
        return workflow(ask(tools=["look"], max_rounds=rounds, **more), end(), end(id="sorry"), tools=tools)

    def test_tools_are_answered_and_each_is_a_record(self, floor: Floor) -> None:
        floor.server.script(b.calls(("look", {"q": "x"}), ("nothing", {}), ("look", "{bad")), b.chat({"label": "a"}))
        floor.server.default(b.as_json({"found": 3}), "/tools/look")
        run = floor.run(self.step(floor))
        assert run.outcome == "good"
        parts = ["round.1", "tool.1.0", "tool.1.1", "tool.1.2", "round.2"]
        assert floor.paths(run) == [*(f"classify/{part}" for part in parts), "classify", "done"]
        results = [record["result"]["kind"] for record in floor.records(run)]
        assert results == ["done", "done", "failed", "failed", "done", "done", "done"]
        told = floor.server.seen_at()[1].body
        assert "there is no tool nothing" in told
        assert '\\"found\\":3' in told

    def test_rounds_used_up_are_the_error_limit(self, floor: Floor) -> None:
        floor.server.default(b.calls(("look", {"q": "x"})))
        run = floor.run(self.step(floor, catch=[{"errors": ["limit"], "to": "sorry"}]))
        assert floor.paths(run)[-2:] == ["classify", "sorry"]
        assert len(floor.server.seen_at()) == 3

    def test_who_comes_after_the_rounds_are_used_up_is_not_asked_and_named(self, floor: Floor) -> None:
        floor.server.default(b.calls(("look", {"q": "x"})))
        definition = self.step(floor, rounds=2, fallback=[{"model": "small"}], catch=[{"errors": ["limit"], "to": "sorry"}])
        run = floor.run(definition)
        assert len(floor.server.seen_at()) == 2
        said = floor.records(run)[-2]["result"]["error"]["message"]
        assert said.endswith("the models of this step share its 2 rounds, so small could not be asked")
        floor.server.default(b.chat("no JSON"))
        enough = floor.run({**definition, "id": "enough"})
        assert "could not be asked" not in floor.records(enough)[-2]["result"]["error"]["message"]

    def test_a_repair_is_a_round_and_the_model_sees_what_was_wrong_with_it_from_then_on(self, floor: Floor) -> None:
        wrong, good = b.chat({"label": 7}), b.chat({"label": "a"})
        floor.server.script(wrong, b.calls(("look", {"q": "x"})), b.chat("no JSON"), good)
        floor.server.default(b.as_json({"found": 3}), "/tools/look")
        run = floor.run(self.step(floor, rounds=4, repair={"attempts": 2}))
        parts = ["round.1", "round.2", "tool.2.0", "round.3", "round.4"]
        assert floor.paths(run) == [*(f"classify/{part}" for part in parts), "classify", "done"]
        kinds = ["attempt", "repair", "attempt", "repair"]
        assert [call.kind for call in Call.objects.filter(run=run, protocol="openai").order_by("intended")] == kinds
        last = [(m["role"], m["content"]) for m in json.loads(floor.server.seen_at()[3].body)["messages"]]
        roles = ["user", "assistant", "user", "assistant", "tool", "assistant", "user"]
        assert [role for role, _ in last if role != "system"] == roles
        assert "output.label" in last[-5][1], "the first repair is still told, two rounds later"
        assert last[-2][1] == "no JSON"

    def test_max_rounds_bounds_what_the_model_is_asked_repairs_and_all(self, floor: Floor) -> None:
        floor.server.default(b.chat("no JSON"))
        run = floor.run(self.step(floor, repair={"attempts": 9}, catch=[{"errors": ["invalid_output"], "to": "sorry"}]))
        assert floor.paths(run)[-2:] == ["classify", "sorry"]
        assert len(floor.server.seen_at()) == 3

    def test_retries_are_one_budget_over_the_rounds_of_a_model_and_a_fallback_has_its_own(self, floor: Floor) -> None:
        down, look = b.error(503), b.calls(("look", {"q": "x"}))
        floor.server.script(down, look, down, down, b.chat("no JSON"), b.chat({"label": "a"}))
        floor.server.default(b.as_json({"found": 3}), "/tools/look")
        once_more = {"attempts": 2, "errors": ["unavailable"], "backoff": "1ms"}
        more = {"retry": once_more, "repair": {"attempts": 1}, "fallback": [{"model": "other"}]}
        definition = self.step(floor, rounds=5, **more)
        definition["models"]["other"] = {"provider": "main", "model": "other"}
        run = floor.run(definition)
        calls = Call.objects.filter(run=run, protocol="openai").order_by("intended")
        made = [(call.path.partition("/")[2], call.kind, call.rung) for call in calls]
        assert made == [
            ("round.1", "attempt", 0), ("round.1", "retry", 0), ("round.2", "attempt", 0),
            ("round.3", "fallback", 1), ("round.3", "retry", 1), ("round.4", "repair", 1),
        ]  # fmt: skip
        assert "no JSON" not in floor.server.seen_at()[4].body
        assert run.outcome == "good"


class TestLimits:
    def test_a_budget_shows_before_the_call_that_would_break_it(self, floor: Floor) -> None:
        answer = b.completion({"label": "a"}) | {"usage": {"prompt_tokens": 100, "completion_tokens": 900}}
        floor.server.default(b.as_json(answer))
        prices = {"provider": "main", "usd_per_mtok_in": 1000, "usd_per_mtok_out": 1000}
        more = {"models": {"main": prices}, "limits": {"cost_usd": 1.5, "on_breach": "over"}}
        steps = [
            ask("one", next="two", max_input_tokens=200),
            ask("two", max_input_tokens=200),
            end(),
            end({"why": "${error.message}"}, id="over"),
        ]
        run = floor.run(workflow(*steps, **more))
        assert floor.paths(run) == ["one", "two", "over"]
        assert len(floor.server.seen_at()) == 1
        assert "$1.5" in floor.output(run)["why"]
