"""Anthropic's messages: builds the request and sends it. What comes back is read in `blocks`.

Options of a provider that speaks this:

    version                 anthropic-version; default 2026-10-21, and 2023-06-01 where a step sets what that one refuses
    path                    after the base URL; default /messages, with /v1 before it where the base URL names no version
    query                   {name: value} added to the URL
    auth                    header that carries the key bare; default by version: `Authorization: Bearer`, before it x-api-key
    max_tokens              sent where nobody says how long an answer may be; default 4096, since this protocol wants a number
    stream                  ask for a stream; it is read to its end all the same
    schema_with_tools       false: no output format beside tools, but an instruction
    extra                   {field: value} added to every request

Most newer models think before they answer unless told otherwise, and what they think counts as output: allow for it in
`max_output_tokens`, or say `extra: {thinking: {type: disabled}}` where the model knows that.
"""

import re
from collections.abc import Mapping
from typing import Any

from orchestration.core.params import free
from orchestration.core.prompt import Message
from orchestration.core.result import Answer, Request, ToolCall
from orchestration.door import Door
from orchestration.llm.account import request as request_to
from orchestration.llm.ask import Ask, ProviderSpec, ToolSpec
from orchestration.llm.blocks import as_input, read
from orchestration.llm.reading import whose
from orchestration.llm.schema import instruction, is_recursive, portable, wire_name

__all__ = ["build", "perform", "read"]

_BEFORE, _SINCE = "2023-06-01", "2026-10-21"
_SAMPLING = ("temperature", "top_p", "top_k")
"""Refused since 2026-10-21, at their defaults too."""
_MAX_TOKENS = 4096
_UNIONS = ("anyOf", "oneOf", "allOf")


def build(ask: Ask, provider: ProviderSpec) -> Request:
    """The exact request. Sampling fields are sent only where the step sets them."""
    options = provider.options
    model = ask.model or provider.default_model
    format_, told = _structure(ask, provider)
    body: dict[str, Any] = {
        "model": model,
        "max_tokens": ask.max_output_tokens or options.get("max_tokens", _MAX_TOKENS),
        "messages": _messages(ask.messages, whose(provider.name, model)),
    }
    if system := "\n\n".join(filter(None, (*(m.content for m in ask.messages if m.role == "system"), told))):
        body["system"] = system
    if ask.tools:
        body["tools"] = [_tool(tool) for tool in ask.tools]
    if format_ is not None:
        body["output_config"] = {"format": format_}
    _add(body, free(ask.params))
    if options.get("stream"):
        body["stream"] = True
    _add(body, options.get("extra", {}))
    version = str(options.get("version") or (_BEFORE if body.keys() & set(_SAMPLING) else _SINCE))
    key = ("Authorization", "Bearer ") if version >= _SINCE else ("x-api-key", "")
    path = "/messages" if re.search(r"/v\d+$", provider.base_url.rstrip("/")) else "/v1/messages"
    return request_to("anthropic", path, key, body, ask, provider, anthropic_version=version)


async def perform(request: Request, secrets: Mapping[str, str], door: Door) -> Answer:
    """Send the request as it was committed. Never raises for what the provider does."""
    return read(await door.send(request, secrets), request)


def _add(body: dict[str, Any], more: Mapping[str, Any]) -> None:
    """`output_config` holds our format, and somebody else's effort."""
    for name, value in more.items():
        both = isinstance(value, Mapping) and isinstance(body.get(name), dict)
        body[name] = {**value, **body[name]} if both else value


def _structure(ask: Ask, provider: ProviderSpec) -> tuple[dict[str, Any] | None, str]:
    """The output format to send, or what to tell the model in its place."""
    if ask.schema is None:
        return None, ""
    beside_tools = not ask.tools or provider.options.get("schema_with_tools", True)
    fit = portable(ask.schema) if provider.structured == "json_schema" and beside_tools else None
    if fit is not None and not is_recursive(fit[0]):
        return {"type": "json_schema", "schema": fit[0]}, ""
    return None, instruction(ask.schema)


def _tool(tool: ToolSpec) -> dict[str, Any]:
    """Its schema has to be an object's, with no union at the top. What is left out here is checked when it is called."""
    schema = {"type": "object", **{name: value for name, value in tool.schema.items() if name not in _UNIONS}}
    described = {"description": tool.description} if tool.description else {}
    return {"name": wire_name(tool.name), **described, "input_schema": schema}


# The conversation: users and assistants in turns, each turn of content blocks


def _messages(messages: tuple[Message, ...], of: str) -> list[dict[str, Any]]:
    """Messages of one role in a row are one turn, so that each call's result stands in the turn after it. `of` is who is asked:
    what it once said goes back to the letter, what others said as text and calls."""
    turns: list[dict[str, Any]] = []
    ids: dict[str, str] = {}
    for message in messages:
        if message.role == "system":
            continue
        role = "assistant" if message.role == "assistant" else "user"
        if message.tool_calls:
            ids = _ids(message.tool_calls, turns)
        content = _content(message, ids, of)
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += content
        elif content:
            turns.append({"role": role, "content": content})
    return turns


def _content(message: Message, ids: Mapping[str, str], of: str) -> list[dict[str, Any]]:
    """Blocks without text are refused, so there are none."""
    said = message.content or ""
    if message.tool_call_id is not None:
        answered = {"type": "tool_result", "tool_use_id": ids.get(message.tool_call_id, message.tool_call_id)}
        return [{**answered, "content": said} if said else answered]
    if message.echo is not None and message.echo["of"] == of:
        return list(message.echo["content"])
    calls = [
        {"type": "tool_use", "id": ids[call.id], "name": wire_name(call.name), "input": as_input(call.arguments)}
        for call in message.tool_calls
    ]
    return [*([{"type": "text", "text": said}] if said.strip() else []), *calls]


def _ids(calls: tuple[ToolCall, ...], turns: list[dict[str, Any]]) -> dict[str, str]:
    """Ids as they may be sent: of letters, digits, _ and -, each once in a conversation. Other servers' need be neither."""
    used = {block["id"] for turn in turns for block in turn["content"] if block["type"] == "tool_use"}
    found: dict[str, str] = {}
    for call in calls:
        plain = re.sub(r"[^A-Za-z0-9_-]", "_", call.id)
        while plain in used:
            plain = f"{plain}_{len(used)}"
        used.add(plain)
        found[call.id] = plain
    return found
