"""Chat completions: exact requests, and what each kind of server sends back, as the ladder will see it."""

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.catalog import Price
from orchestration.core.result import Answer, Request, ToolCall, Usage
from orchestration.door import Door, Limits, Reply
from orchestration.llm import openai
from orchestration.llm.ask import Ask, Message, ProviderSpec, ToolSpec
from orchestration.llm.schema import portable, wire_name
from orchestration.llm.tokens import cost, estimate, estimate_messages
from tests.servers import ScriptedServer, behaviours
from tests.servers.behaviours import Behaviour, body, completion, events, stream

LABEL = {
    "type": "object",
    "required": ["label", "confidence"],
    "properties": {"label": {"enum": ["refund", "bug"]}, "confidence": {"type": "number", "minimum": 0, "maximum": 1}},
}


@pytest.fixture(scope="module")
def running() -> Iterator[ScriptedServer]:
    with ScriptedServer() as started:
        yield started


@pytest.fixture
def server(running: ScriptedServer) -> ScriptedServer:
    running.reset()
    return running


@pytest_asyncio.fixture
async def door(server: ScriptedServer) -> AsyncIterator[Door]:
    async with Door(reach=[server.place], limits=Limits(connect=1, body_bytes=2_000_000)) as opened:
        yield opened


def provider(url: str = "http://127.0.0.1:1/v1", **more: Any) -> ProviderSpec:
    return ProviderSpec(**{"name": "main", "protocol": "openai", "base_url": url, "secret": "key", **more})


def question(**more: Any) -> Ask:
    messages = (Message("system", "You sort."), Message("user", "Ticket: ${secrets.key}"))
    return Ask(**{"model": "m1", "messages": messages, "timeout": 0.5, "key": "k1", **more})


def sent(request: Request) -> dict[str, Any]:
    found = json.loads(request.body or "")
    assert isinstance(found, dict)
    return found


async def answer(server: ScriptedServer, door: Door, *scripted: Behaviour, **more: Any) -> Answer:
    server.script(*scripted)
    return await openai.perform(openai.build(question(**more), provider(server.base_url)), {"key": "sk-canary-123456"}, door)


# Requests


def test_a_request_holds_what_the_step_sets_and_no_more() -> None:
    request = openai.build(question(), provider("https://api.example/v1/"))
    assert request == Request(
        protocol="openai",
        target="main",
        url="https://api.example/v1/chat/completions",
        headers=(
            ("Accept", "application/json"),
            ("Content-Type", "application/json"),
            ("User-Agent", "Interlock"),
            ("Authorization", "Bearer ${secrets.key}"),
            ("Idempotency-Key", "k1"),
        ),
        body='{"model":"m1","messages":[{"role":"system","content":"You sort."},'
        '{"role":"user","content":"Ticket: \\u0024{secrets.key}"}]}',
        timeout=0.5,
        key="k1",
    )


def test_the_same_question_gives_the_same_bytes() -> None:
    asks = question(schema=LABEL, params={"temperature": 0, "seed": 7}, tools=(ToolSpec("crm.get", "d", LABEL),))
    assert openai.build(asks, provider()) == openai.build(asks, provider())


async def test_text_of_a_run_that_names_a_secret_reaches_the_model_as_text(server: ScriptedServer, door: Door) -> None:
    await answer(server, door, behaviours.chat("ok"))
    (seen,) = server.seen
    assert seen.headers["authorization"] == "Bearer sk-canary-123456"
    assert json.loads(seen.body)["messages"][1]["content"] == "Ticket: ${secrets.key}"


@pytest.mark.parametrize(
    ("url", "options", "url_sent", "field", "header"),
    [
        ("https://api.openai.com/v1", {}, "https://api.openai.com/v1/chat/completions", "max_completion_tokens", "Authorization"),
        ("http://127.0.0.1:8080/v1", {}, "http://127.0.0.1:8080/v1/chat/completions", "max_tokens", "Authorization"),
        (
            "https://x.openai.azure.com/openai/deployments/d",
            {"query": {"api-version": "2024-10-21"}, "auth": "api-key", "max_tokens_field": "max_completion_tokens"},
            "https://x.openai.azure.com/openai/deployments/d/chat/completions?api-version=2024-10-21",
            "max_completion_tokens",
            "api-key",
        ),
        ("https://h/openai/v1/", {"path": "/chat"}, "https://h/openai/v1/chat", "max_tokens", "Authorization"),
    ],
    ids=["openai", "llama.cpp", "azure", "other path"],
)
def test_servers_differ_in_address_key_and_limit(
    url: str, options: dict[str, Any], url_sent: str, field: str, header: str
) -> None:
    request = openai.build(question(max_output_tokens=300), provider(url, options=options))
    assert request.url == url_sent
    assert sent(request)[field] == 300
    assert "${secrets.key}" in dict(request.headers)[header]


def test_a_step_cannot_overwrite_what_is_ours_and_a_provider_can_add_what_it_needs() -> None:
    options = {"extra": {"chat_template_kwargs": {"thinking": False}}, "stream": True, "system_role": "developer"}
    found = sent(openai.build(question(params={"model": "x", "stream": False, "top_p": 0.5}), provider(options=options)))
    assert (found["model"], found["stream"], found["top_p"]) == ("m1", True, 0.5)
    assert found["stream_options"] == {"include_usage": True}
    assert found["chat_template_kwargs"] == {"thinking": False}
    assert found["messages"][0]["role"] == "developer"


def test_a_conversation_with_tools_is_written_as_the_protocol_has_it() -> None:
    messages = (
        Message("user", "hi"),
        Message("assistant", None, (ToolCall("c1", "crm.get_customer", '{"id":"7"}'),)),
        Message("tool", '{"tier":"vip"}', tool_call_id="c1"),
    )
    found = sent(openai.build(question(messages=messages, tools=(ToolSpec("crm.get_customer", "Looks up", LABEL),)), provider()))
    call = {"id": "c1", "type": "function", "function": {"name": "crm__get_customer", "arguments": '{"id":"7"}'}}
    assert found["messages"][1] == {"role": "assistant", "content": None, "tool_calls": [call]}
    assert found["messages"][2] == {"role": "tool", "content": '{"tier":"vip"}', "tool_call_id": "c1"}
    assert found["tools"][0]["function"] == {"name": "crm__get_customer", "description": "Looks up", "parameters": LABEL}


@pytest.mark.parametrize(
    ("structured", "tools", "format_", "told"),
    [
        ("json_schema", False, "json_schema", False),
        ("json_schema", True, None, True),
        ("json_object", False, "json_object", True),
        ("none", False, None, True),
    ],
)
def test_a_schema_goes_as_a_format_where_the_server_has_one_else_by_instruction(
    structured: Any, tools: bool, format_: str | None, told: bool
) -> None:
    specs = (ToolSpec("t.x", "", LABEL),) if tools else ()
    found = sent(openai.build(question(schema=LABEL, tools=specs, schema_name="classify"), provider(structured=structured)))
    assert found.get("response_format", {}).get("type") == format_
    assert ("JSON Schema" in found["messages"][0]["content"]) is told
    assert ('"enum":["refund","bug"]' in found["messages"][0]["content"]) is told
    bare = sent(openai.build(question(schema=LABEL, messages=(Message("user", "x"),)), provider(structured="none")))
    assert [message["role"] for message in bare["messages"]] == ["system", "user"]


CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
SCHEMAS: dict[str, tuple[dict[str, Any], tuple[dict[str, Any], bool] | None]] = {
    "limits are left out": (
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "string", "maxLength": 9, "pattern": "^x"}}},
        (CLOSED, True),
    ),
    "optional stays optional": (
        {"type": "object", "properties": {"a": {"type": "string"}}},
        ({**CLOSED, "required": []}, False),
    ),
    "nested, nullable, referenced": (
        {
            "type": "object",
            "required": ["l"],
            "properties": {"l": {"type": "array", "items": {"$ref": "#/definitions/n"}, "minItems": 1}},
            "definitions": {"n": {"type": ["string", "null"]}},
        },
        (
            {
                "type": "object",
                "required": ["l"],
                "additionalProperties": False,
                "properties": {"l": {"type": "array", "items": {"$ref": "#/$defs/n"}}},
                "$defs": {"n": {"type": ["string", "null"]}},
            },
            True,
        ),
    ),
    "a list at the root": ({"type": "array", "items": {"type": "string"}}, None),
    "free keys": ({"type": "object", "properties": {"a": {"type": "object"}}}, None),
    "typed free keys": ({**CLOSED, "additionalProperties": {"type": "string"}}, None),
    "conditions": ({**CLOSED, "if": {}, "then": {}}, None),
    "an untyped place": ({**CLOSED, "properties": {"a": {}}}, None),
    "boolean schema": ({**CLOSED, "properties": {"a": True}}, None),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_the_portable_subset_never_says_more_than_the_schema(case: str) -> None:
    schema, expected = SCHEMAS[case]
    before = json.dumps(schema)
    assert portable(schema) == expected
    assert json.dumps(schema) == before


# Answers. Each row: what the server does, and the answer's (error, finish, text).

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
    "empty body": (behaviours.empty(), "invalid_output", "broken", None),
    "html with 200": (behaviours.html(), "invalid_output", "broken", None),
    "html with 502": (behaviours.html(502), "unavailable", "broken", None),
    "truncated json": (body(json.dumps(completion("x"))[:-9]), "invalid_output", "broken", None),
    "duplicate keys": (body('{"choices":[],"choices":[]}'), "invalid_output", "broken", None),
    "not an object": (body("[1]"), "invalid_output", "broken", None),
    "no choices": (body("{}"), "invalid_output", "broken", None),
    "choices of nonsense": (body('{"choices":[{"message":"hi"}]}'), "invalid_output", "broken", None),
    "100,000 deep": (body("[" * 100_000), "invalid_output", "broken", None),
    "NaN": (body('{"choices":NaN}'), "invalid_output", "broken", None),
    "10^5000": (body('{"choices":1' + "0" * 5000 + "}"), "invalid_output", "broken", None),
    "50 MB": (behaviours.large(), "too_large", "broken", None),
    "a bomb": (behaviours.bomb(), "too_large", "broken", None),
    "hang": (behaviours.hang(), "timeout", "broken", None),
    "drip": (behaviours.drip(), "timeout", "broken", None),
    "reset": (behaviours.reset(), "unavailable", "broken", None),
    "cut body": (behaviours.cut(), "unavailable", "broken", None),
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
    "an error of nothing in 200": (behaviours.as_json({"error": True}), "unavailable", "broken", None),
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
    "stream of garbage": (events("data: nonsense", "data: [DONE]"), "invalid_output", "broken", None),
    "stream of nothing": (events(), "unavailable", "broken", None),
}  # fmt: skip


@pytest.mark.parametrize("case", ROWS)
async def test_what_a_server_sends_is_read_the_one_way(case: str, server: ScriptedServer, door: Door) -> None:
    behaviour, error, finish, text = ROWS[case]
    found = await answer(server, door, behaviour)
    assert (found.failure and found.failure.code.value, found.finish, found.text) == (error, finish, text), found
    if found.failure is not None:
        assert found.failure.sent
        assert len(found.failure.message) < 500
    assert "sk-canary" not in repr(found)


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
    headers: dict[str, str], seconds: float | None, server: ScriptedServer, door: Door
) -> None:
    found = await answer(server, door, behaviours.rate_limited(**headers))
    assert found.failure is not None
    assert found.failure.retry_after == seconds


@given(
    st.binary(max_size=300) | st.text(alphabet='{}[]":,data \n0choiesmgx', max_size=200).map(str.encode),
    st.sampled_from([200, 429, 500]),
)
@settings(max_examples=200)
def test_no_body_makes_the_reader_raise_or_pass_for_good(data: bytes, status: int) -> None:
    reply = Reply(status, {"content-type": "text/event-stream" if data[:1] == b"d" else "application/json"}, data)
    assert openai.read(reply, Request("openai", "main")).failure is not None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 600) | st.sampled_from(["stop", "x", "429", ""]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["choices", "message", "content", "error", "code", "type", "tool_calls", "function", "arguments", "index", "usage",
             "delta", "finish_reason", "refusal", "id", "name", "text", "prompt_tokens", "function_call"]
        ), inner,
    ),
    max_leaves=30,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["choices", "error", "usage", "id", "object"]), JSON), st.booleans())
@settings(max_examples=300)
def test_fields_of_any_type_are_borne(value: dict[str, Any], streamed: bool) -> None:
    text = json.dumps(value)
    reply = Reply(200, {}, f"data: {text}\n\n".encode() if streamed else text.encode())
    found = openai.read(reply, Request("openai", "main"))
    assert found.failure is not None or found.text or found.tool_calls


# Tokens and dollars


def test_costs_are_exact_and_unknown_where_something_is() -> None:
    price = Price(0.15, 0.6)
    assert cost(Usage(1_000_000, 1_000_000), price) == 750_000_000
    assert cost(Usage(1, 0), Price(0.0375, 0.0)) == 38  # 37.5 rounded up
    assert cost(Usage(1, 1), None) is None
    assert cost(Usage(None, 1), price) is None


@pytest.mark.parametrize(
    ("text", "real"),
    [  # counted with cl100k_base and known vocabularies of a similar size
        ("", 0),
        ("The quick brown fox jumps over the lazy dog.", 10),
        ('{"label":"refund","confidence":0.93}', 13),
        ("1234567890", 4),
        ("Die Würde des Menschen ist unantastbar.", 13),
        ("東京は日本の首都です。", 11),
    ],
)
def test_an_estimate_is_rather_too_high(text: str, real: int) -> None:
    assert real <= estimate(text) <= 3 * real + 1


def test_an_estimate_of_a_question_counts_its_tools() -> None:
    bare = estimate_messages((Message("user", "hi"),))
    assert bare < estimate_messages((Message("user", "hi"),), (ToolSpec("a.b", "Looks up", LABEL),))


def test_names_for_the_wire_are_within_what_servers_take() -> None:
    assert wire_name("crm.get_customer") == "crm__get_customer"
    assert wire_name("a b/" + "x" * 99) == "a_b_" + "x" * 60
