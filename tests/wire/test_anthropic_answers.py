"""Anthropic's messages: what the server sends back, whole, streamed and in error, as the ladder will see it."""

import json
from typing import Any

import pytest

from orchestration.core.result import Answer, ToolCall, Usage
from orchestration.door import Door
from tests.servers import ScriptedServer
from tests.servers.behaviours import Behaviour, as_json, body, error, events, html
from tests.servers.messages import block, fails, message, problem, says, streams, use, uses
from tests.wire import asking
from tests.wire.asking import outline

THOUGHT = {"type": "thinking", "thinking": "Hm", "signature": "c2lnbmVk"}
HIDDEN = {"type": "redacted_thinking", "data": "b3BhcXVl"}
ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
SPENT = ("rate_limit_error", "You have reached your limit")


async def answer(server: ScriptedServer, door: Door, scripted: Behaviour) -> Answer:
    return await asking.answer("anthropic", server, door, scripted)


def declined(explanation: str | None) -> dict[str, Any]:
    return {"stop_details": {"type": "refusal", "category": "cyber", "explanation": explanation}}


# Each row: what the server does, and the answer's (error, finish, text).
ROWS: dict[str, tuple[Behaviour, str | None, str, str | None]] = {
    "good": (says({"ok": True}), None, "complete", '{"ok": true}'),
    "text in several blocks": (says("a", "b"), None, "complete", "ab"),
    "thinking before text": (says(THOUGHT, HIDDEN, "x"), None, "complete", "x"),
    "blocks nobody knows": (says({"type": "server_tool_use", "id": "s", "input": {}}, "x"), None, "complete", "x"),
    "stop_sequence": (says("x", stop="stop_sequence", stop_sequence="END"), None, "complete", "x"),
    "a stop reason nobody knows": (says("x", stop="compaction"), None, "complete", "x"),
    "tool_use": (uses(("crm__get", {"id": 7})), None, "tool", None),
    "tools, and says end_turn": (says(use("x", {}), stop="end_turn"), None, "tool", None),
    "a call without a name": (says(use("", {}), stop="tool_use"), "invalid_output", "tool", None),
    "says tools, has none": (says(stop="tool_use"), "invalid_output", "tool", None),
    "max_tokens": (says('{"ok": tr', stop="max_tokens"), None, "length", '{"ok": tr'),
    "max_tokens before it began": (says(THOUGHT, stop="max_tokens"), "invalid_output", "length", None),
    "max_tokens inside a call": (says(use("x", {}), stop="max_tokens"), None, "length", None),
    "the context window is full": (says("par", stop="model_context_window_exceeded"), "too_large", "length", "par"),
    "pause_turn": (says("I'll search", stop="pause_turn"), "unavailable", "broken", "I'll search"),
    "refusal": (says(stop="refusal", **declined("It is unsafe")), "refused", "refused", None),
    "refusal in the middle": (says("par", stop="refusal", **declined(None)), "refused", "refused", "par"),
    "refusal without a word": (says(stop="refusal"), "refused", "refused", None),
    "an empty answer after tools": (says(), "invalid_output", "complete", None),
    "an empty text": (says(""), "invalid_output", "complete", None),
    "no stop reason": (says("half", stop=None), "unavailable", "broken", "half"),
    "truncated json": (body(json.dumps(message("x"))[:-9]), "invalid_output", "broken", None),
    "content of nonsense": (as_json({"type": "message", "content": "hi"}), "invalid_output", "broken", None),
    "400": (fails(400, "invalid_request_error", "prompt is too long"), "refused", "broken", None),
    "401": (fails(401, "authentication_error"), "auth", "broken", None),
    "402": (fails(402, "billing_error"), "refused", "broken", None),
    "403": (fails(403, "permission_error"), "auth", "broken", None),
    "404": (fails(404, "not_found_error", "model: x"), "not_found", "broken", None),
    "409": (fails(409, "conflict_error"), "refused", "broken", None),
    "413": (fails(413, "request_too_large"), "too_large", "broken", None),
    "413 of the gateway before it": (html(413), "too_large", "broken", None),
    "429": (fails(429, "rate_limit_error", retry_after="7"), "rate_limited", "broken", None),
    "429 ramp": (fails(429, *SPENT, "ramp_limit_exceeded", retry_after="7"), "rate_limited", "broken", None),
    "429 spent": (fails(429, *SPENT, "enforced_spend_limit_reached"), "refused", "broken", None),
    "429 spent, contract": (fails(429, *SPENT, "contract_spend_limit_reached"), "refused", "broken", None),
    "429 that only sounds spent": (fails(429, *SPENT), "rate_limited", "broken", None),
    "500": (fails(500, "api_error"), "unavailable", "broken", None),
    "504": (fails(504, "timeout_error"), "unavailable", "broken", None),
    "529": (fails(529, "overloaded_error"), "unavailable", "broken", None),
    "overloaded in 200": (as_json(ERROR), "unavailable", "broken", None),
    "rate limit in 200": (as_json(problem("rate_limit_error")), "rate_limited", "broken", None),
    "spent in 200": (as_json(problem(*SPENT, "enforced_spend_limit_reached")), "refused", "broken", None),
    "too large in 200": (as_json(problem("request_too_large")), "too_large", "broken", None),
    "timeout in 200": (as_json(problem("timeout_error")), "timeout", "broken", None),
    "a key in 200": (as_json(problem("authentication_error")), "auth", "broken", None),
    "an error without a body in 200": (as_json({"type": "error"}), "unavailable", "broken", None),
    "an error as OpenAI words it": (error(429, "x", "insufficient_quota"), "refused", "broken", None),
    "stream": (streams("Hel", "lo"), None, "complete", "Hello"),
    "stream of a call": (streams(THOUGHT, "Look", use("x", {"a": 1})), None, "tool", "Look"),
    "stream without an end": (streams("Hello", stop=None, ends=False), "unavailable", "broken", "Hello"),
    "stream that stops without a reason": (streams("Hello", stop=None), "unavailable", "broken", "Hello"),
    "stream that ends after the reason": (streams("Hello", ends=False), None, "complete", "Hello"),
    "stream cut at the limit": (streams("Hel", stop="max_tokens"), None, "length", "Hel"),
    "stream refused in the middle": (streams("Hel", stop="refusal"), "refused", "refused", "Hel"),
    "stream with an error in it": (streams("Hel", stop=None, after=[ERROR]), "unavailable", "broken", "Hel"),
    "stream with an error after its reason": (streams("Hel", after=[ERROR]), "unavailable", "broken", "Hel"),
    "stream with events nobody knows": (streams("x", after=[{"type": "news", "delta": 7}]), None, "complete", "x"),
    "stream cut inside a line": (events('data: {"type":"ping"}', end=b'event: x\ndata: {"ty'), "unavailable", "broken", None),
}


@pytest.mark.parametrize("case", ROWS)
async def test_what_the_server_sends_is_read_the_one_way(case: str, server: ScriptedServer, door: Door) -> None:
    behaviour, *expected = ROWS[case]
    assert outline(await answer(server, door, behaviour)) == tuple(expected)


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [
        (ROWS["refusal"][0], "the model refused: It is unsafe"),
        (ROWS["refusal in the middle"][0], "the model refused: cyber"),
        (ROWS["refusal without a word"][0], "the model refused: it does not say why"),
        (ROWS["the context window is full"][0], "main: prompt and answer together exceed the model's context window"),
        (ROWS["pause_turn"][0], "main: the model paused its turn for a tool of the server's, which is not gone on with"),
        (ROWS["max_tokens before it began"][0], "the model used up its tokens before it answered: allow more output"),
        (ROWS["404"][0], "main answered 404: model: x"),
        (ROWS["overloaded in 200"][0], "main answered 200, and an error in it: Overloaded"),
    ],
)
async def test_a_failure_says_what_happened(behaviour: Behaviour, words: str, server: ScriptedServer, door: Door) -> None:
    found = await answer(server, door, behaviour)
    assert found.failure is not None
    assert found.failure.message == words


async def test_all_input_is_counted_cached_or_not(server: ScriptedServer, door: Door) -> None:
    found = await answer(server, door, says("x"))
    assert (found.usage, found.status, found.request_id) == (Usage(12, 7), 200, "req_1")
    assert json.loads(found.raw) == message("x")
    streamed = await answer(server, door, streams("x"))
    assert (streamed.usage, streamed.request_id) == (Usage(12, 7), "msg_1")
    assert (await answer(server, door, says("x", usage=False))).usage == Usage()
    bare = as_json(message("x") | {"usage": {"input_tokens": 5, "cache_read_input_tokens": None, "output_tokens": 7}})
    assert (await answer(server, door, bare)).usage == Usage(5, 7)
    broken = await answer(server, door, streams("Hel", stop=None, after=[ERROR]))
    assert broken.usage == Usage(12, 1), "what a broken stream had counted is paid for"


async def test_an_error_has_the_id_to_ask_about_it_with(server: ScriptedServer, door: Door) -> None:
    found = await answer(server, door, fails(529, "overloaded_error", retry_after="3"))
    assert found.failure is not None
    assert (found.request_id, found.failure.retry_after) == ("req_1", 3.0)


@pytest.mark.parametrize("make", [says, streams])
async def test_calls_are_read_alike_whole_and_streamed(make: Any, server: ScriptedServer, door: Door) -> None:
    parts = ("Let me look", use("crm__get", {"id": 7}, "a"), use("x", {}, "b"))
    found = await answer(server, door, make(*parts, stop="tool_use"))
    assert found.tool_calls == (ToolCall("a", "crm.get", '{"id": 7}'), ToolCall("b", "x", "{}"))
    assert (found.text, found.echo) == ("Let me look", None)


async def test_an_input_is_read_however_a_server_streams_it(server: ScriptedServer, door: Door) -> None:
    """All at once where a block begins, or a text that ends too early."""
    start = {"type": "content_block_start", "index": 1, "content_block": use("x", {"a": 1})}
    whole = await answer(server, door, streams("t", after=[start]))
    assert whole.tool_calls == (ToolCall("toolu_1", "x", '{"a": 1}'),)
    cut = await answer(server, door, streams(use("x", '{"a": [1'), stop="tool_use"))
    assert cut.tool_calls[0].arguments == '{"a": [1'


@pytest.mark.parametrize("make", [says, streams])
async def test_what_has_to_go_back_unchanged_is_kept_as_it_came(make: Any, server: ScriptedServer, door: Door) -> None:
    parts = (THOUGHT, HIDDEN, "", "Let me look", use("x", {"a": 1}))
    found = await answer(server, door, make(*parts, stop="tool_use"))
    assert found.echo == {"of": "main/m1", "content": [THOUGHT, HIDDEN, block("Let me look"), use("x", {"a": 1})]}
    without_calls = await answer(server, door, make(THOUGHT, "x"))
    assert without_calls.echo is None
