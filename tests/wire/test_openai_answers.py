"""Chat completions: what each kind of server sends back, as the ladder will see it."""

import json

import pytest

from orchestration.core.result import Answer, ToolCall, Usage
from orchestration.door import Door
from tests.servers import ScriptedServer, behaviours
from tests.servers.behaviours import Behaviour, body, completion, events, stream
from tests.wire import asking
from tests.wire.asking import outline


async def answer(server: ScriptedServer, door: Door, scripted: Behaviour) -> Answer:
    return await asking.answer("openai", server, door, scripted)


# Each row: what the server does, and the answer's (error, finish, text).

GOOD = '{"ok": true}'
DELTA_CALLS = [
    {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "crm__get", "arguments": '{"i'}}]},
    {"tool_calls": [{"index": 1, "id": "b", "function": {"name": "x", "arguments": "{}"}}]},
    {"tool_calls": [{"index": 0, "function": {"arguments": 'd":7}'}}]},
]

VLLM_ERROR = {"object": "error", "message": "bad", "type": "BadRequestError", "code": 400}
OLLAMA_CALL = {"id": "c", "function": {"name": "crm__get", "arguments": {"id": 7}}}
PARTS = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]

ROWS: dict[str, tuple[Behaviour, str | None, str, str | None]] = {
    "good": (behaviours.chat({"ok": True}), None, "complete", GOOD),
    "prose": (behaviours.prose("Sure!"), None, "complete", "Sure!"),
    "cut at the limit": (behaviours.chat('{"ok": tr', "length"), None, "length", '{"ok": tr'),
    "cut before it began": (behaviours.chat("", "length", reasoning_content="Hmm"), "invalid_output", "length", None),
    "empty content": (behaviours.chat(""), "invalid_output", "complete", None),
    "null content": (behaviours.chat(None), "invalid_output", "complete", None),
    "no finish reason": (behaviours.chat("half", None), "unavailable", "broken", "half"),
    "a finish nobody knows": (behaviours.chat("x", "eos_token"), None, "complete", "x"),
    "a refusal": (behaviours.chat(None, refusal="I can't"), "refused", "refused", None),
    "filtered": (behaviours.chat("par", "content_filter"), "refused", "filtered", "par"),
    "content in parts": (behaviours.chat(PARTS), None, "complete", "ab"),
    "truncated json": (body(json.dumps(completion("x"))[:-9]), "invalid_output", "broken", None),
    "duplicate keys": (body('{"choices":[],"choices":[]}'), "invalid_output", "broken", None),
    "no choices": (body("{}"), "invalid_output", "broken", None),
    "choices of nonsense": (body('{"choices":[{"message":"hi"}]}'), "invalid_output", "broken", None),
    "401": (behaviours.error(401, "bad key", "invalid_api_key"), "auth", "broken", None),
    "403": (behaviours.error(403), "auth", "broken", None),
    "404 model": (behaviours.error(404, "no such model", "model_not_found"), "not_found", "broken", None),
    "408": (behaviours.error(408), "timeout", "broken", None),
    "413": (behaviours.error(413), "refused", "broken", None),
    "400 context": (behaviours.error(400, "too long", "context_length_exceeded"), "refused", "broken", None),
    "429": (behaviours.rate_limited(), "rate_limited", "broken", None),
    "429 quota": (behaviours.quota_spent(), "refused", "broken", None),
    "429 spend limit": (behaviours.error(429, "x", "project_spend_limit_exceeded"), "refused", "broken", None),
    "402 credits (OpenRouter)": (behaviours.error(402, "credits", 402), "refused", "broken", None),
    "503 overloaded": (behaviours.error(503, "busy", "server_is_overloaded"), "unavailable", "broken", None),
    "Azure filtered prompt": (behaviours.error(400, "filtered", "content_filter"), "refused", "filtered", None),
    "llama.cpp integer code": (behaviours.error(400, "bad grammar", 400, "invalid_request_error"), "refused", "broken", None),
    "llama.cpp loading": (behaviours.error(503, "Loading model", 503, "unavailable_error"), "unavailable", "broken", None),
    "llama.cpp extras": (body(json.dumps({**completion("x", reasoning_content="r"), "timings": {}})), None, "complete", "x"),
    "vLLM flat error": (
        behaviours.as_json(VLLM_ERROR, 400), "refused", "broken", None,
    ),
    "vLLM flat error with 200": (
        behaviours.as_json(VLLM_ERROR), "refused", "broken", None,
    ),
    "Ollama error as text": (behaviours.as_json({"error": "model 'x' not found"}, 404), "not_found", "broken", None),
    "Ollama stop with tool calls": (
        behaviours.chat("", "stop", tool_calls=[OLLAMA_CALL]), None, "tool", None,
    ),
    "OpenRouter 502 in 200": (behaviours.error(200, "Provider returned error", 502), "unavailable", "broken", None),
    "OpenRouter 429 in 200": (behaviours.error(200, "slow", 429), "rate_limited", "broken", None),
    "OpenRouter error in a choice": (
        body(json.dumps({"choices": [{"error": {"code": 403, "message": "moderated"}, "message": {}}]})), "auth", "broken", None,
    ),
    "an error of words in 200": (behaviours.error(200, "x", "insufficient_quota"), "refused", "broken", None),
    "a call without a name": (behaviours.chat("", "tool_calls", tool_calls=[{"id": "c"}]), "invalid_output", "tool", None),
    "says tools, has none": (behaviours.chat(None, "tool_calls"), "invalid_output", "tool", None),
    "stream": (stream(), None, "complete", "Hello"),
    "stream without an end": (stream(finish=None, done=False), "unavailable", "broken", "Hello"),
    "stream done without a reason": (stream(finish=None), "unavailable", "broken", "Hello"),
    "stream ends after the reason": (stream(done=False), None, "complete", "Hello"),
    "stream of tool calls": (stream(DELTA_CALLS, "tool_calls"), None, "tool", None),
    "stream cut inside a line": (
        events('data: {"choices":[{"delta":{"content":"Hel"}}]}', end=b'data: {"choi'), "unavailable", "broken", "Hel",
    ),
    "stream with an error (OpenRouter)": (
        events(": OPENROUTER PROCESSING", 'data: {"choices":[{"delta":{"content":"Hel"}}]}', 'data: {"error":{"code":502}}'),
        "unavailable", "broken", "Hel",
    ),
    "stream with choices: null (vLLM)": (
        events(
            'data: {"choices":[{"delta":{"content":"x"},"finish_reason":"stop"}]}',
            'data: {"choices":null,"usage":{}}',
            "data: [DONE]",
        ),
        None, "complete", "x",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
async def test_what_a_server_sends_is_read_the_one_way(case: str, server: ScriptedServer, door: Door) -> None:
    behaviour, *expected = ROWS[case]
    assert outline(await answer(server, door, behaviour)) == tuple(expected)


async def test_a_good_answer_has_its_usage_its_id_and_its_raw_text(server: ScriptedServer, door: Door) -> None:
    found = await answer(server, door, behaviours.chat({"ok": True}))
    assert (found.usage, found.status, found.request_id) == (Usage(12, 7), 200, "req-1")
    assert json.loads(found.raw) == completion({"ok": True})
    streamed = await answer(server, door, stream())
    assert (streamed.usage, streamed.request_id) == (Usage(12, 7), "chatcmpl-1")
    assert (await answer(server, door, behaviours.chat("x", usage=False))).usage == Usage()


async def test_tool_calls_keep_their_arguments_as_the_model_wrote_them(server: ScriptedServer, door: Door) -> None:
    found = await answer(server, door, behaviours.calls(("crm__get", '{"id": nonsense'), ("x", {"a": 1}), content="Let me look"))
    assert found.tool_calls == (ToolCall("call_0", "crm.get", '{"id": nonsense'), ToolCall("call_1", "x", '{"a": 1}'))
    assert found.text == "Let me look"
    streamed = await answer(server, door, stream(DELTA_CALLS, "tool_calls"))
    assert streamed.tool_calls == (ToolCall("a", "crm.get", '{"id":7}'), ToolCall("b", "x", "{}"))
    whole = [{"tool_calls": [{"id": name, "function": {"name": name, "arguments": "{}"}}]} for name in ("p", "q")]
    without_index = await answer(server, door, stream(whole, "stop"))
    assert [(call.name, call.arguments) for call in without_index.tool_calls] == [("p", "{}"), ("q", "{}")]
