"""Anthropic's messages: the exact requests, and that its server would take them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core.result import Request, ToolCall
from orchestration.door import Door
from orchestration.llm import anthropic
from orchestration.llm.ask import Message, ProviderSpec, ToolSpec
from tests.servers import MESSAGES, ScriptedServer, messages
from tests.wire import asking
from tests.wire.asking import KEY, LABEL, question, sent

CALL = ToolCall("toolu_1", "crm.get_customer", '{"id":"7"}')
USED = {"type": "tool_use", "id": "toolu_1", "name": "crm__get_customer", "input": {"id": "7"}}
THOUGHT = {"type": "thinking", "thinking": "", "signature": "c2lnbmVk"}


def provider(url: str = "https://api.example/v1", **more: Any) -> ProviderSpec:
    return asking.provider("anthropic", url, **more)


def text(*said: str) -> list[dict[str, str]]:
    return [{"type": "text", "text": each} for each in said]


def result(content: str, id: str = "toolu_1") -> dict[str, str]:
    return {"type": "tool_result", "tool_use_id": id, "content": content}


def turns(*conversation: Message, **more: Any) -> Any:
    """The turns that a conversation is sent as. The server takes them."""
    body = sent(anthropic.build(question(messages=conversation), provider(**more)))
    assert list(messages.faults(body, "2026-10-21")) == []
    return body["messages"]


def test_a_request_holds_what_the_step_sets_and_no_more() -> None:
    request = anthropic.build(question(max_output_tokens=300), provider("https://api.example/v1/"))
    assert request == Request(
        protocol="anthropic",
        target="main",
        url="https://api.example/v1/messages",
        headers=(
            ("Accept", "application/json"),
            ("Content-Type", "application/json"),
            ("User-Agent", "Interlock"),
            ("Authorization", "Bearer ${secrets.key}"),
            ("Idempotency-Key", "k1"),
            ("anthropic-version", "2026-10-21"),
        ),
        body='{"model":"m1","max_tokens":300,'
        '"messages":[{"role":"user","content":[{"type":"text","text":"Ticket: \\u0024{secrets.key}"}]}],"system":"You sort."}',
        timeout=0.5,
        key="k1",
    )


@pytest.mark.parametrize(
    ("base", "url"),
    [
        ("https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1/messages"),
        ("https://models.example/anthropic", "https://models.example/anthropic/v1/messages"),
    ],
)
def test_a_base_url_is_taken_with_and_without_its_version(base: str, url: str) -> None:
    assert anthropic.build(question(), provider(base)).url == url
    options = {"path": "/x", "query": {"a": "b"}}
    assert anthropic.build(question(), provider(base, options=options)).url == f"{base.rstrip('/')}/x?a=b"


@pytest.mark.parametrize(
    ("params", "options", "version", "key"),
    [
        ({}, {}, "2026-10-21", ("Authorization", f"Bearer {KEY}")),
        ({"temperature": 0}, {}, "2023-06-01", ("x-api-key", KEY)),
        ({"top_k": 5}, {}, "2023-06-01", ("x-api-key", KEY)),
        ({}, {"extra": {"top_p": 0.5}}, "2023-06-01", ("x-api-key", KEY)),
        ({"stop_sequences": ["END"]}, {}, "2026-10-21", ("Authorization", f"Bearer {KEY}")),
        ({}, {"version": "2023-06-01"}, "2023-06-01", ("x-api-key", KEY)),
        ({}, {"auth": "x-api-key"}, "2026-10-21", ("x-api-key", KEY)),
    ],
)
async def test_the_version_goes_by_sampling_and_the_key_by_the_version(
    params: dict[str, Any],
    options: dict[str, Any],
    version: str,
    key: tuple[str, str],
    server: ScriptedServer,
    door: Door,
) -> None:
    asked = anthropic.build(question(params=params), provider(server.base_url, options=options))
    assert (await anthropic.perform(asked, {"key": KEY}, door)).failure is None
    (seen,) = server.seen_at(MESSAGES)
    assert seen.headers["anthropic-version"] == version
    given_keys = {name: seen.headers[name] for name in ("authorization", "x-api-key") if name in seen.headers}
    assert given_keys == {key[0].lower(): key[1]}


async def test_a_version_that_refuses_what_the_step_sets_says_so(server: ScriptedServer, door: Door) -> None:
    options = {"version": "2026-10-21"}
    asked = anthropic.build(question(params={"temperature": 1.0}), provider(server.base_url, options=options))
    found = await anthropic.perform(asked, {"key": KEY}, door)
    assert found.failure is not None
    assert (found.failure.code, found.failure.message) == (
        "refused",
        "main answered 400: temperature: Extra inputs are not permitted",
    )


async def test_text_of_a_run_that_names_a_secret_reaches_the_model_as_text(server: ScriptedServer, door: Door) -> None:
    await asking.answer("anthropic", server, door, messages.says("ok"))
    (seen,) = server.seen
    assert json.loads(seen.body)["messages"][0]["content"] == text("Ticket: ${secrets.key}")


def test_a_number_of_tokens_is_always_sent() -> None:
    assert sent(anthropic.build(question(), provider()))["max_tokens"] == 4096
    assert sent(anthropic.build(question(), provider(options={"max_tokens": 9})))["max_tokens"] == 9
    assert sent(anthropic.build(question(max_output_tokens=7, params={"max_tokens": 1 << 20}), provider()))["max_tokens"] == 7


def test_a_step_cannot_overwrite_what_is_ours_and_a_provider_can_add_what_it_needs() -> None:
    params = {"model": "x", "system": "y", "stream": False, "output_config": {"effort": "low", "format": None}}
    options = {"stream": True, "extra": {"thinking": {"type": "disabled"}}}
    own = {"Anthropic-Version": "2023-01-01", "anthropic-beta": "b"}
    request = anthropic.build(question(params=params, schema=LABEL), provider(options=options, headers=own))
    found = sent(request)
    assert (found["model"], found["system"], found["stream"]) == ("m1", "You sort.", True)
    assert found["output_config"]["effort"] == "low"
    assert found["output_config"]["format"]["type"] == "json_schema"
    assert found["thinking"] == {"type": "disabled"}
    versions = [value for name, value in request.headers if name.lower() == "anthropic-version"]
    assert versions == ["2023-01-01"]


# Structured output

CLOSED = {
    "type": "object",
    "required": ["label", "confidence"],
    "additionalProperties": False,
    "properties": {"label": {"enum": ["refund", "bug"]}, "confidence": {"type": "number"}},
}
TREE = {
    "type": "object",
    "required": ["top"],
    "properties": {"top": {"$ref": "#/$defs/node"}},
    "$defs": {"node": {"type": "object", "properties": {"below": {"type": "array", "items": {"$ref": "#/$defs/node"}}}}},
}


@pytest.mark.parametrize(
    ("schema", "structured", "tools", "options", "format_"),
    [
        (LABEL, "json_schema", False, {}, CLOSED),
        (LABEL, "json_schema", True, {}, CLOSED),
        (LABEL, "json_schema", True, {"schema_with_tools": False}, None),
        (LABEL, "json_object", False, {}, None),
        (LABEL, "none", False, {}, None),
        (TREE, "json_schema", False, {}, None),
        ({"type": "array"}, "json_schema", False, {}, None),
    ],
    ids=["by format", "beside tools", "not beside tools", "no such format", "none", "recursive", "not portable"],
)
def test_a_schema_goes_as_a_format_where_the_server_has_one_else_by_instruction(
    schema: Any, structured: Any, tools: bool, options: Any, format_: Any
) -> None:
    specs = (ToolSpec("t.x", "", LABEL),) if tools else ()
    found = sent(anthropic.build(question(schema=schema, tools=specs), provider(structured=structured, options=options)))
    assert found.get("output_config", {}).get("format", {}).get("schema") == format_
    assert found["system"].startswith("You sort.")
    assert ("JSON Schema" in found["system"]) is (format_ is None)
    assert list(messages.faults(found, "2026-10-21")) == []
    bare = sent(anthropic.build(question(schema=schema, messages=(Message("user", "x"),)), provider(structured="none")))
    assert bare["system"].startswith("Answer with one JSON value")


# Tools


@pytest.mark.parametrize(
    ("schema", "sent_schema"),
    [
        (LABEL, LABEL),
        ({}, {"type": "object"}),
        ({"anyOf": [{"required": ["a"]}], "properties": {"a": {"type": "string"}}},
         {"type": "object", "properties": {"a": {"type": "string"}}}),
    ],
)  # fmt: skip
def test_a_tools_schema_is_an_objects(schema: dict[str, Any], sent_schema: dict[str, Any]) -> None:
    found = sent(anthropic.build(question(tools=(ToolSpec("crm.get_customer", "Looks up", schema),)), provider()))
    assert found["tools"] == [{"name": "crm__get_customer", "description": "Looks up", "input_schema": sent_schema}]
    assert list(messages.faults(found, "2026-10-21")) == []
    bare = sent(anthropic.build(question(tools=(ToolSpec("x", "", schema),)), provider()))
    assert bare["tools"] == [{"name": "x", "input_schema": sent_schema}]


def test_a_conversation_with_tools_is_written_as_the_protocol_has_it() -> None:
    other = ToolCall("toolu_2", "x", "")
    found = turns(
        Message("system", "s"),
        Message("user", "hi"),
        Message("assistant", "Let me look", (CALL, other)),
        Message("tool", '{"tier":"vip"}', tool_call_id="toolu_1"),
        Message("tool", "", tool_call_id="toolu_2"),
    )
    assert found == [
        {"role": "user", "content": text("hi")},
        {"role": "assistant", "content": [*text("Let me look"), USED, {**USED, "id": "toolu_2", "name": "x", "input": {}}]},
        {"role": "user", "content": [result('{"tier":"vip"}'), {"type": "tool_result", "tool_use_id": "toolu_2"}]},
    ]


@pytest.mark.parametrize("arguments", ['{"id": nonsense', "[1]", "7", '"text"'])
def test_an_input_that_is_no_object_goes_as_one(arguments: str) -> None:
    call = ToolCall("a", "x", arguments)
    found = turns(Message("user", "q"), Message("assistant", None, (call,)), Message("tool", "no", tool_call_id="a"))
    assert found[1]["content"] == [{"type": "tool_use", "id": "a", "name": "x", "input": {"arguments": arguments}}]


def test_ids_of_other_servers_are_made_fit_and_each_stands_once() -> None:
    def asks(id: str) -> tuple[Message, Message]:
        return Message("assistant", None, (ToolCall(id, "x", "{}"),)), Message("tool", "r", tool_call_id=id)

    found = turns(Message("user", "q"), *asks("functions.get:0"), *asks("call_0"), *asks("call_0"))
    used = [turn["content"][0]["id"] for turn in found if turn["role"] == "assistant"]
    assert used[:2] == ["functions_get_0", "call_0"]
    assert len(set(used)) == 3
    assert [turn["content"][0]["tool_use_id"] for turn in found[2::2]] == used


def test_messages_of_one_role_are_one_turn_and_empty_ones_none() -> None:
    found = turns(Message("user", "a"), Message("user", "b"), Message("assistant", " "), Message("user", "c"))
    assert found == [{"role": "user", "content": text("a", "b", "c")}]


def test_what_a_model_thought_goes_back_to_the_letter_to_that_model_alone() -> None:
    content = [THOUGHT, {"type": "text", "text": "Let me look"}, USED]
    said = Message("assistant", "Let me look", (CALL,), echo={"of": "main/m1", "content": content})
    talk = (Message("user", "q"), said, Message("tool", "r", tool_call_id="toolu_1"))
    assert turns(*talk)[1]["content"] == content
    assert turns(*talk, name="other")[1]["content"] == content[1:]
    other = sent(anthropic.build(question(messages=talk, model="m2"), provider()))
    assert other["messages"][1]["content"] == content[1:]


IDS = st.text(alphabet="ab.:_0", min_size=1, max_size=3)
WORDS = st.sampled_from(["", " ", "x", "y"])


@st.composite
def conversations(draw: st.DrawFn) -> tuple[Message, ...]:
    """What the engine may ask: rounds of tools, each answered, and repairs; the last word is never the model's."""
    found = [Message("system", draw(WORDS)), Message("user", "q" + draw(WORDS))]
    for _ in range(draw(st.integers(0, 4))):
        ids = draw(st.lists(IDS, max_size=3, unique=True))
        calls = tuple(ToolCall(each, "a.b", draw(st.sampled_from(["{}", "", "nonsense", '{"a":1}']))) for each in ids)
        if calls:
            found.append(Message("assistant", draw(WORDS), calls))
            found += [Message("tool", draw(WORDS), tool_call_id=call.id) for call in calls]
        else:
            found += [Message("assistant", draw(WORDS)), Message("user", "told")]
    return tuple(found)


@given(conversations(), st.booleans())
def test_the_server_takes_whatever_the_engine_may_ask(talk: tuple[Message, ...], structured: bool) -> None:
    asked = question(messages=talk, tools=(ToolSpec("a.b", "d", LABEL),), schema=LABEL if structured else None)
    assert list(messages.faults(sent(anthropic.build(asked, provider())), "2026-10-21")) == []
    assert anthropic.build(asked, provider()) == anthropic.build(asked, provider())
