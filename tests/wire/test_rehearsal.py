"""Rehearsed answers: which rule wins, what the record shows, and that anyone's own workflow gets some answer."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.contract import contract
from orchestration.core.errors import ErrorCode
from orchestration.core.result import Answer, Request, ToolCall, Usage
from orchestration.llm import PROTOCOLS, rehearsal
from orchestration.llm.ask import Ask, Message, Place, ProviderSpec, ToolSpec

SCHEMA = {
    "type": "object",
    "required": ["label", "confidence"],
    "properties": {"label": {"enum": ["refund", "bug"]}, "confidence": {"type": "number", "minimum": 0.5, "maximum": 1}},
}
SCRIPT: list[dict[str, Any]] = [
    {"step": "classify", "when": ["Refund", "please"], "call": 2, "reply": {"label": "refund", "confidence": 0.9}},
    {"step": "classify", "when": "refund", "reply": "I think it is a refund", "tokens": {"in": 410, "out": 38}},
    {"step": "classify", "when": "broken", "error": "rate_limited", "retry_after": 3},
    {"step": "classify", "when": "long", "reply": '{"label": "ref', "finish": "length"},
    {"path": "refine[2]/critique", "reply": {"score": 9}},
    {"step": "answer", "round": 1, "tools": [{"name": "crm.get_customer", "arguments": {"id": "7"}}]},
    {"step": "answer", "round": 2, "matches": r"order (?P<order>[A-Z]+-\d+)", "reply": {"about": [r"Order \g<order>"], "n": 1}},
    {"step": "answer", "round": 2, "reply": "No order"},
]
PROVIDER = ProviderSpec("main", "rehearsal", options={"speed": 0, "scripts": {"triage": SCRIPT}}, default_model="rehearsal")


def ask(text: str, workflow: str = "triage", schema: dict[str, Any] | None = None, **place: Any) -> Ask:
    messages = (Message("system", "refund please"), Message("user", text), Message("tool", "refund", tool_call_id="c"))
    return Ask(
        "", messages, schema=schema, place=Place(**{"workflow": workflow, "step": "classify", **place}), key="k", timeout=5
    )


async def play(asked: Ask, provider: ProviderSpec = PROVIDER) -> Answer:
    return await rehearsal.perform(rehearsal.build(asked, provider), {}, None)


@pytest.mark.parametrize(
    ("asked", "text", "finish"),
    [
        (ask("a REFUND please", call=2), '{"label":"refund","confidence":0.9}', "complete"),
        (ask("a REFUND please"), "I think it is a refund", "complete"),
        (ask("how long?"), '{"label": "ref', "length"),
        (ask("x", step="critique", path="refine[2]/critique"), '{"score":9}', "complete"),
        (ask("where is order AB-12?", step="answer", round=2), '{"about":["Order AB-12"],"n":1}', "complete"),
        (ask("hello", step="answer", round=2), "No order", "complete"),
        (ask("hello", step="nobody", path="refine[1]/critique"), "This is a rehearsed answer to the step nobody.", "complete"),
    ],
)
async def test_the_first_rule_that_fits_is_the_answer(asked: Ask, text: str, finish: str) -> None:
    found = await play(asked)
    assert (found.failure, found.text, found.finish) == (None, text, finish)


async def test_tools_errors_and_tokens_are_scripted_too() -> None:
    called = await play(ask("x", step="answer"))
    assert (called.tool_calls, called.finish) == ((ToolCall("call_0", "crm.get_customer", '{"id":"7"}'),), "tool")
    broken = await play(ask("it is broken"))
    assert broken.failure is not None
    assert (broken.failure.code, broken.failure.retry_after) == (ErrorCode.RATE_LIMITED, 3)
    assert (await play(ask("refund"))).usage == Usage(410, 38)
    estimated = (await play(ask("x", step="nobody"))).usage
    assert estimated.tokens_in is not None
    assert estimated.tokens_in > 10
    assert estimated.tokens_out is not None


OTHER = {**SCHEMA, "properties": {**SCHEMA["properties"], "why": {"type": "string"}}, "required": ["label", "why"]}
SCORE = {"type": "object", "properties": {"score": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("asked", "text", "script"),
    [
        (ask("a refund please", step="sort", schema=SCHEMA, call=2), '{"label":"refund","confidence":0.9}', "classify"),
        (ask("x", step="judge", path="again[2]/judge", schema=SCORE), '{"score":9}', "critique"),
        (ask("x", step="critique", path="again[2]/critique", schema=SCORE), '{"score":9}', None),
        (ask("x", step="judge", path="again[3]/judge", schema=SCORE), "{}", True),
        (ask("a refund please", step="sort", schema=OTHER, call=2), '{"label":"refund","why":""}', True),
        (ask("a refund please", step="sort", call=2), "This is a rehearsed answer to the step sort.", True),
        (ask("nothing of that", schema=SCHEMA), '{"label":"refund","confidence":1.0}', True),
    ],
)
async def test_a_step_that_was_renamed_is_answered_by_the_script_of_the_one_whose_replies_keep_its_contract(
    asked: Ask, text: str, script: str | bool | None
) -> None:
    """`script`: whose it is; True where the answer was made up, and the record says so."""
    scripted = json.loads(rehearsal.build(asked, PROVIDER).body or "")["scripted"]
    assert ((await play(asked)).text, scripted.get("made_up") or scripted.get("script")) == (text, script)
    twice = [*SCRIPT, {"step": "again", "reply": {"label": "bug", "confidence": 1}}, {"step": "more", "reply": {"score": 1}}]
    unclear = ProviderSpec("main", "rehearsal", options={"speed": 0, "scripts": {"triage": twice}})
    found = json.loads(rehearsal.build(asked, unclear).body or "")["scripted"]
    assert "script" not in found, "two scripts might be meant"


async def test_where_no_rule_fits_the_answer_keeps_the_contract() -> None:
    found = await play(ask("x", workflow="my_own", schema=SCHEMA))
    assert contract(SCHEMA).check(json.loads(found.text or "")) == ()


def test_the_request_is_the_record_of_question_and_script() -> None:
    request = rehearsal.build(ask("a REFUND please", path="classify", visit=3, call=2, schema=SCHEMA), PROVIDER)
    assert request == rehearsal.build(ask("a REFUND please", path="classify", visit=3, call=2, schema=SCHEMA), PROVIDER)
    found = json.loads(request.body or "")
    question = found["question"]
    assert {key: question[key] for key in ("workflow", "step", "path", "visit", "call", "model")} == {
        "workflow": "triage", "step": "classify", "path": "classify", "visit": 3, "call": 2, "model": "rehearsal",
    }  # fmt: skip
    assert question["messages"][1] == {"role": "user", "content": "a REFUND please"}
    assert question["schema"] == SCHEMA
    assert found["scripted"] == {"reply": {"label": "refund", "confidence": 0.9}, "seconds": 0}


async def test_a_slow_answer_ends_at_its_deadline() -> None:
    provider = ProviderSpec("main", "rehearsal", options={"scripts": {"*": [{"reply": "x", "seconds": 60}]}})
    asked = Ask("m", (Message("user", "x"),), timeout=0.05)
    found = await play(asked, provider)
    assert found.failure is not None
    assert found.failure.code == ErrorCode.TIMEOUT


@given(st.text(), st.dictionaries(st.sampled_from(["step", "path", "when", "reply"]), st.text(max_size=5)), st.integers(1, 3))
@settings(max_examples=60)
async def test_any_question_gets_an_answer(text: str, rule: dict[str, Any], call: int) -> None:
    provider = ProviderSpec("main", "rehearsal", options={"speed": 0, "scripts": {"triage": [rule]}})
    clean = text.encode("utf-8", "replace").decode()
    assert (await play(ask(clean, call=call, schema=SCHEMA), provider)).failure is None


def test_every_protocol_has_the_same_shape() -> None:
    for name, module in PROTOCOLS.items():
        provider = ProviderSpec("main", name, "http://127.0.0.1:1/v1")
        made = module.build(
            Ask("m", (Message("user", "x"),), (ToolSpec("a.b", "", SCHEMA),), SCHEMA, place=Place("w", "s")), provider
        )
        assert isinstance(made, Request)
        assert made.protocol == name
        assert callable(module.perform)
