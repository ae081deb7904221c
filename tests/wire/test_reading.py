"""What every protocol over HTTP makes of a reply, good or broken, in the same way."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.result import Request
from orchestration.door import Door, Reply
from orchestration.llm import PROTOCOLS
from tests.servers import ScriptedServer, behaviours
from tests.servers.behaviours import Behaviour, body
from tests.wire.asking import PATHS, answer, outline

BROKEN: dict[str, tuple[Behaviour, str]] = {
    "empty body": (behaviours.empty(), "invalid_output"),
    "html with 200": (behaviours.html(), "invalid_output"),
    "html with 502": (behaviours.html(502), "unavailable"),
    "not an object": (body("[1]"), "invalid_output"),
    "an object of nothing": (body("{}"), "invalid_output"),
    "100,000 deep": (body("[" * 100_000), "invalid_output"),
    "NaN": (body('{"choices":NaN}'), "invalid_output"),
    "10^5000": (body('{"content":1' + "0" * 5000 + "}"), "invalid_output"),
    "50 MB": (behaviours.large(), "too_large"),
    "a bomb": (behaviours.bomb(), "too_large"),
    "hang": (behaviours.hang(), "timeout"),
    "drip": (behaviours.drip(), "timeout"),
    "reset": (behaviours.reset(), "unavailable"),
    "cut body": (behaviours.cut(), "unavailable"),
    "an error of nothing in 200": (behaviours.as_json({"error": True}), "unavailable"),
    "stream of garbage": (behaviours.events("data: nonsense", "data: [DONE]"), "invalid_output"),
    "stream of nothing": (behaviours.events(), "unavailable"),
    "stream of pings": (behaviours.events("event: ping\ndata: {}", ": comment", "data: [1]"), "unavailable"),
}


@pytest.mark.parametrize("protocol", PATHS)
@pytest.mark.parametrize("case", BROKEN)
async def test_what_is_no_answer_is_broken(case: str, protocol: str, server: ScriptedServer, door: Door) -> None:
    behaviour, error = BROKEN[case]
    assert outline(await answer(protocol, server, door, behaviour)) == (error, "broken", None)


@pytest.mark.parametrize("protocol", PATHS)
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry_after": "7"}, 7.0),
        ({"retry_after": "0.25"}, 0.25),
        ({"retry_after_ms": "1500", "retry_after": "9"}, 1.5),
        ({"retry_after": "Wed, 21 Oct 2026 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 30.0),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:30 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "nan"}, None),
    ],
)
async def test_when_to_come_back_is_understood_in_each_spelling(
    headers: dict[str, str], seconds: float | None, protocol: str, server: ScriptedServer, door: Door
) -> None:
    found = await answer(protocol, server, door, behaviours.rate_limited(**headers))
    assert found.failure is not None
    assert found.failure.retry_after == seconds


@given(
    st.binary(max_size=300) | st.text(alphabet='{}[]":,data \n0choiesmgxtnp', max_size=200).map(str.encode),
    st.sampled_from([200, 429, 500]),
    st.sampled_from(list(PATHS)),
)
@settings(max_examples=200)
def test_no_body_makes_a_reader_raise_or_pass_for_good(data: bytes, status: int, protocol: str) -> None:
    reply = Reply(status, {"content-type": "text/event-stream" if data[:1] == b"d" else "application/json"}, data)
    assert PROTOCOLS[protocol].read(reply, Request(protocol, "main")).failure is not None


WORDS = [
    "stop", "x", "429", "", "text", "tool_use", "thinking", "error", "end_turn", "refusal", "message_start", "message_delta",
    "content_block_start", "content_block_delta", "text_delta", "input_json_delta",
]  # fmt: skip
FIELDS = [
    "choices", "message", "content", "error", "code", "type", "tool_calls", "function", "arguments", "index", "usage", "delta",
    "finish_reason", "refusal", "id", "name", "text", "prompt_tokens", "function_call", "stop_reason", "stop_details", "input",
    "input_tokens", "partial_json", "content_block", "thinking", "details", "error_code",
]  # fmt: skip
ROOTS = [
    "choices", "error", "usage", "id", "object", "type", "content", "stop_reason", "message", "delta", "index", "content_block",
]  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 600) | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner),
    max_leaves=30,
)


@given(
    st.lists(st.dictionaries(st.sampled_from(ROOTS), JSON), min_size=1, max_size=4),
    st.booleans(),
    st.sampled_from(list(PATHS)),
)
@settings(max_examples=150)
def test_fields_of_any_type_are_borne(values: list[dict[str, Any]], streamed: bool, protocol: str) -> None:
    texts = [json.dumps(value) for value in values]
    data = "".join(f"data: {text}\n\n" for text in texts) if streamed else texts[0]
    found = PROTOCOLS[protocol].read(Reply(200, {}, data.encode()), Request(protocol, "main"))
    assert found.failure is not None or found.text or found.tool_calls
