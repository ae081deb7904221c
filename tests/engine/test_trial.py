"""Trying one step: what it leaves behind, and what it may do to the world."""

from typing import Any

import pytest

from orchestration import fsck
from orchestration.acts.trial import try_step
from orchestration.core.errors import Refused
from orchestration.models import Act, Call, Run, StepRecord
from orchestration.record.pack import unpack_all
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import ask, tool
from tests.servers import behaviours as b


def tried() -> list[tuple[str, str, object]]:
    acts = Act.objects.filter(verb="try").order_by("number")
    return [(act.subject, act.by, unpack_all([act.detail])[0]) for act in acts]


def test_who_tried_what_is_on_record_and_nothing_else(floor: Floor) -> None:
    step, tools = tool(floor)
    definition = workflow(step, end(), tools=tools)
    found = try_step(definition=definition, step="send", input={"text": "hello"}, mocks=None, by="dora")
    assert found["result"] == {"kind": "done"}
    [(subject, by, detail)] = tried()
    assert (subject, by) == ("workflow:sample", "dora")
    assert isinstance(detail, dict)
    assert (detail["step"], detail["input"], detail["mocks"]) == ("send", {"text": "hello"}, {})
    assert not any(model.objects.exists() for model in (Run, Call, StepRecord))
    assert list(fsck.check()) == []


def test_it_is_on_record_before_anything_is_sent(floor: Floor) -> None:
    step, tools = tool(floor, effect="irreversible")
    with pytest.raises(Refused, match="not called in a trial"):
        try_step(definition=workflow(step, end(), tools=tools), step="send", input={}, by="dora")
    assert len(tried()) == 1
    assert floor.server.seen == []


def test_what_can_t_be_tried_leaves_nothing(floor: Floor) -> None:
    step, tools = tool(floor)
    with pytest.raises(Refused, match="or a list of these"):
        try_step(definition=workflow(step, end(), tools=tools), step="send", input={}, mocks={"send": {"x": 1}}, by="dora")
    assert tried() == []


def test_each_trial_is_a_call_of_its_own_to_an_idempotent_tool(floor: Floor) -> None:
    step, tools = tool(floor)
    for text in ("one", "two"):
        try_step(definition=workflow(step, end(), tools=tools), step="send", input={"text": text}, by="dora")
    assert [effect.body for effect in floor.server.ledger.effects] == ['{"text":"one"}', '{"text":"two"}']


class TestMocks:
    def step(self, **more: Any) -> dict[str, Any]:
        label = {"type": "object", "required": ["label"], "properties": {"label": {"enum": ["a", "b"]}}}
        return workflow(ask(output=label, **more), end())

    def tried(self, mocks: dict[str, Any], **more: Any) -> dict[str, Any]:
        return try_step(definition=self.step(**more), step="classify", input={"text": "x"}, mocks=mocks, by="dora")

    def test_an_answer_as_it_might_come_shows_what_repair_makes_of_it(self, floor: Floor) -> None:
        answers = [{"answer": "no JSON"}, {"answer": {"label": "c"}}, {"output": {"label": "a"}}]
        found = self.tried({"classify": answers}, repair={"attempts": 2})
        assert [call["kind"] for call in found["calls"]] == ["attempt", "repair", "repair"]
        assert (found["result"]["kind"], found["output"]) == ("done", {"label": "a"})
        assert "output.label" in found["calls"][2]["request"]["body"], "the model is told what was wrong"
        assert {call["cost"] for call in found["calls"]} == {0}
        once = self.tried({"classify": {"answer": "no JSON"}}, repair={"attempts": 2})
        assert (once["result"]["kind"], len(once["calls"])) == ("invalid", 3)
        assert floor.server.seen == []

    def test_an_error_first_and_an_answer_then_shows_a_retry(self, floor: Floor) -> None:
        mocks = {"classify": [{"error": "rate_limited"}, {"output": {"label": "b"}}]}
        found = self.tried(mocks, retry={"attempts": 2, "errors": ["rate_limited"], "backoff": "1ms"})
        assert ([call["kind"] for call in found["calls"]], found["output"]) == (["attempt", "retry"], {"label": "b"})

    def test_an_output_that_breaks_its_contract_is_refused_and_says_what_to_write_instead(self, floor: Floor) -> None:
        with pytest.raises(Refused, match=r": output.label must .* write `answer` in place of") as caught:
            self.tried({"classify": [{"output": {"label": "a"}}, {"output": {"label": "c"}}]})
        assert [(p.code, p.path) for p in caught.value.problems] == [("mock_breaks_contract", "mocks.classify[1].output.label")]

    def test_a_tool_in_a_models_hands_is_mocked_by_its_own_name_alone(self, floor: Floor) -> None:
        tools = tool(floor, effect="irreversible")[1]
        floor.server.script(b.calls(("send_it", {"text": "x"})), b.chat({"label": "a"}))
        definition = self.step(tools=["send_it"], max_rounds=2) | {"tools": tools}
        mocked = {"send_it": {"answer": {"sent": "well"}}}
        found = try_step(definition=definition, step="classify", input={"text": "x"}, mocks=mocked, by="dora")
        assert [call["path"] for call in found["calls"]][:2] == ["classify/round.1", "classify/tool.1.0"]
        assert '"well"' in found["calls"][1]["response"]["raw"]

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("clasify", "There is no step or tool clasify here; did you mean classify?"),
            ("done", "Done is not called where Classify is tried; there is classify."),
        ],
    )
    def test_one_that_nothing_asks_for_is_refused_since_the_call_would_be_real(self, floor: Floor, name: str, words: str) -> None:
        with pytest.raises(Refused) as caught:
            self.tried({name: {"output": {"label": "a"}}})
        assert [(p.code, p.path, p.message) for p in caught.value.problems] == [("unknown_mock", f"mocks.{name}", words)]
        assert (floor.server.seen, tried()) == ([], [])


OK = {"id": "ok", "label": "Ok", "to": "done"}


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"id": "x", "type": "human", "actions": [OK], "deadline": "1d", "on_deadline": "done"},
         "X waits for a person, so there is nothing to try alone. Start a run, and answer it in the inbox."),
        ({"id": "x", "type": "loop", "max": 2, "body": [{"id": "y", "type": "set", "values": {}}], "next": "done"},
         "X is a loop, which can't be tried as a whole. Try the steps in it: y."),
    ],
)  # fmt: skip
def test_what_can_t_be_tried_alone_says_why_and_what_to_do(db: None, step: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused) as caught:
        try_step(definition=workflow(step, end()), step="x", input={}, by="dora")
    assert [problem.message for problem in caught.value.problems] == [words]


class TestAWait:
    def tried(self, mocks: dict[str, Any] | None = None, **keys: Any) -> dict[str, Any]:
        step = {"id": "x", "type": "wait", "next": "done", **keys}
        if "event" in keys:
            step |= {"deadline": "1d", "on_deadline": "done", "correlation": "${run.input.text}"}
        given = {"run": {"input": {"text": "T-1", "n": 60}}}
        return try_step(definition=workflow(step, end(), models={}), step="x", input=given, mocks=mocks or {}, by="dora")

    def test_shows_what_an_event_leads_to_without_waiting_for_it(self, db: None) -> None:
        schema = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}
        came = self.tried({"x": {"output": {"amount": 5}}}, event="paid", output=schema)
        assert (came["result"]["kind"], came["output"], came["decision"]["rule"]) == ("done", {"amount": 5.0}, "steps[0].next")
        broken = self.tried({"x": {"answer": {"amount": "5"}}}, event="paid", output=schema)
        assert (broken["result"]["kind"], broken["decision"]["rule"]) == ("invalid", "on_failure")
        late = self.tried({"x": {"error": "timeout"}}, event="paid", output=schema)
        assert (late["result"]["kind"], late["decision"]["rule"]) == ("timed_out", "steps[0].on_deadline")
        with pytest.raises(Refused, match="must") as refused:
            self.tried({"x": {"output": {"amount": "5"}}}, event="paid", output=schema)
        assert refused.value.problems[0].code == "mock_breaks_contract"

    @pytest.mark.parametrize(
        ("mocks", "code"),
        [({}, "mock_needed"), ({"x": {"error": "refused"}}, "bad_mock"), ({"y": {"output": 1}}, "unknown_mock")],
    )
    def test_says_what_it_needs_to_be_told(self, db: None, mocks: dict[str, Any], code: str) -> None:
        with pytest.raises(Refused) as refused:
            self.tried(mocks, event="paid")
        assert [problem.code for problem in refused.value.problems] == [code]

    def test_comes_to_its_moment_at_once(self, db: None) -> None:
        assert self.tried(until="300d")["result"] == {"kind": "done"}
        assert self.tried(until="${run.input.n}", deadline="1m", on_deadline="done")["result"]["kind"] == "done"
        assert self.tried(until="${run.input.n}", deadline="59s", on_deadline="done")["result"]["kind"] == "timed_out"


class TestWithinChildRuns:
    def flow(self) -> dict[str, Any]:
        way = {"id": "way", "type": "branch", "cases": [{"when": "item > steps.base.n", "to": "note"}], "default": "note"}
        note = {"id": "note", "type": "set", "values": {"n": "${item + steps.base.n}", "at": "${index}"}}
        each = {"id": "each", "type": "map", "over": "${[1.0, 2.0]}", "max_items": 5, "body": [way, note], "next": "looks"}
        arm = {"id": "legal", "body": [{"id": "law", "type": "set", "values": {"n": "${steps.base.n}"}}]}
        looks = {"id": "looks", "type": "parallel", "branches": [arm], "next": "done"}
        base = {"id": "base", "type": "set", "values": {"n": 10.0}, "next": "each"}
        return workflow(base, each, looks, end(), models={})

    def given(self, **more: Any) -> dict[str, Any]:
        return {"run": {"input": {"text": "x", "n": 1}}, "steps": {"base": {"n": 10.0}}, **more}

    def test_a_step_in_the_body_of_a_map_is_given_an_item(self, db: None) -> None:
        found = try_step(definition=self.flow(), step="note", input=self.given(item=2.0, index=4), by="dora")
        assert found["output"] == {"n": 12.0, "at": 4}
        found = try_step(definition=self.flow(), step="way", input=self.given(item=20.0, index=0), by="dora")
        assert found["decision"]["to"] == "each[0]/note"

    def test_a_step_in_an_arm_is_tried_like_any(self, db: None) -> None:
        assert try_step(definition=self.flow(), step="law", input=self.given(), by="dora")["output"] == {"n": 10.0}

    def test_what_holds_others_is_not_tried_as_a_whole(self, db: None) -> None:
        told = {"each": "is a map, .* in it: way and note", "looks": "is a parallel, .*: law", "legal": "an arm, .*: law"}
        for step, words in told.items():
            with pytest.raises(Refused, match=words):
                try_step(definition=self.flow(), step=step, input={}, by="dora")
