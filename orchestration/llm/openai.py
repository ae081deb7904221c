"""OpenAI-compatible chat completions: builds the request and sends it. What comes back is read in `completion`.

Options of a provider that speaks this:

    path                    after the base URL; default /chat/completions
    query                   {name: value} added to the URL, as Azure's api-version
    auth                    header that carries the key bare, as api-key; default `Authorization: Bearer`
    max_tokens_field        max_tokens or max_completion_tokens; default: the latter at api.openai.com
    system_role             system or developer; default system
    stream                  ask for a stream; it is read to its end all the same
    tools_with_schema       send a response format beside tools (llama.cpp refuses that); default by instruction
    extra                   {field: value} added to every request, as chat_template_kwargs
"""

from collections.abc import Mapping
from typing import Any

from yarl import URL

from orchestration.core.params import free
from orchestration.core.prompt import Message
from orchestration.core.result import Answer, Request
from orchestration.door import Door
from orchestration.llm.account import request as request_to
from orchestration.llm.ask import Ask, ProviderSpec, ToolSpec
from orchestration.llm.completion import read
from orchestration.llm.schema import instruction, portable, wire_name

__all__ = ["build", "perform", "read"]


def build(ask: Ask, provider: ProviderSpec) -> Request:
    """The exact request. Sampling fields are sent only where the step sets them: some models refuse even their defaults."""
    options = provider.options
    format_, told = _structure(ask, provider)
    body: dict[str, Any] = {"model": ask.model or provider.default_model, "messages": _messages(ask, options, told)}
    if ask.tools:
        body["tools"] = [_tool(tool) for tool in ask.tools]
    if format_ is not None:
        body["response_format"] = format_
    if ask.max_output_tokens is not None:
        body[_limit_field(provider)] = ask.max_output_tokens
    body.update(free(ask.params))
    if options.get("stream"):
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    body.update(options.get("extra", {}))
    return request_to("openai", "/chat/completions", ("Authorization", "Bearer "), body, ask, provider)


async def perform(request: Request, secrets: Mapping[str, str], door: Door) -> Answer:
    """Send the request as it was committed. Never raises for what the provider does."""
    return read(await door.send(request, secrets), request)


def _limit_field(provider: ProviderSpec) -> str:
    """OpenAI's newer models refuse max_tokens; most other servers do not know its successor, and ignore it."""
    default = "max_completion_tokens" if URL(provider.base_url).host == "api.openai.com" else "max_tokens"
    return str(provider.options.get("max_tokens_field", default))


def _structure(ask: Ask, provider: ProviderSpec) -> tuple[dict[str, Any] | None, str]:
    """The response format to send, and what to tell the model where that alone does not say it."""
    if ask.schema is None:
        return None, ""
    beside_tools = not ask.tools or provider.options.get("tools_with_schema", False)
    fit = portable(ask.schema) if provider.structured == "json_schema" and beside_tools else None
    if fit is not None:
        schema, strict = fit
        name = wire_name(ask.schema_name) or "answer"
        return {"type": "json_schema", "json_schema": {"name": name, "schema": schema, "strict": strict}}, ""
    as_object = provider.structured == "json_object" and beside_tools and ask.schema.get("type") == "object"
    return ({"type": "json_object"} if as_object else None), instruction(ask.schema)


def _tool(tool: ToolSpec) -> dict[str, Any]:
    function = {"name": wire_name(tool.name), "description": tool.description, "parameters": dict(tool.schema)}
    return {"type": "function", "function": function}


def _messages(ask: Ask, options: Mapping[str, Any], told: str) -> list[dict[str, Any]]:
    role = options.get("system_role", "system")
    messages = [_message(message, role) for message in ask.messages]
    if told and messages and messages[0]["role"] == role:
        messages[0]["content"] = f"{messages[0]['content']}\n\n{told}"
    elif told:
        messages.insert(0, {"role": role, "content": told})
    return messages


def _message(message: Message, system_role: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "role": system_role if message.role == "system" else message.role,
        "content": message.content,
    }
    if message.tool_calls:
        made["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": wire_name(call.name), "arguments": call.arguments}}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        made["tool_call_id"] = message.tool_call_id
    return made
