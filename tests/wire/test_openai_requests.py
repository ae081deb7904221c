"""Chat completions: the exact requests."""

import json
from typing import Any

import pytest

from orchestration.core.result import Request, ToolCall
from orchestration.door import Door
from orchestration.llm import openai
from orchestration.llm.ask import Message, ProviderSpec, ToolSpec
from tests.servers import ScriptedServer, behaviours
from tests.wire import asking
from tests.wire.asking import KEY, LABEL, question, sent


def provider(url: str = "http://127.0.0.1:1/v1", **more: Any) -> ProviderSpec:
    return asking.provider("openai", url, **more)


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
    await asking.answer("openai", server, door, behaviours.chat("ok"))
    (seen,) = server.seen
    assert seen.headers["authorization"] == f"Bearer {KEY}"
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
