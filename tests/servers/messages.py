"""Ways in which Anthropic's messages answer, and what that server refuses, as its own SDK and documentation have it.

`checked` stands before any other behaviour and answers as the real one does what is not in order: 400 with the place.
"""

import json
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

from aiohttp import web

from tests.servers.behaviours import Behaviour, as_json, events

USAGE = {"input_tokens": 5, "cache_creation_input_tokens": 4, "cache_read_input_tokens": 3, "output_tokens": 7}


def message(*content: Any, stop: str | None = "end_turn", usage: bool = True, **more: Any) -> dict[str, Any]:
    """A message as the server writes it; a content that is text becomes a block of it, another object its JSON text."""
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": [block(part) for part in content],
        "stop_reason": stop,
        "stop_sequence": None,
        "stop_details": None,
        **({"usage": USAGE} if usage else {}),
        **more,
    }


def block(part: Any) -> dict[str, Any]:
    if isinstance(part, dict) and "type" in part:
        return part
    return {"type": "text", "text": part if isinstance(part, str) else json.dumps(part)}


def use(name: str, given: Any, id: str = "toolu_1") -> dict[str, Any]:
    return {"type": "tool_use", "id": id, "name": name, "input": given}


def says(*content: Any, stop: str | None = "end_turn", **more: Any) -> Behaviour:
    return as_json(message(*content, stop=stop, **more), request_id="req_1")


def uses(*wanted: tuple[str, Any], before: Sequence[Any] = ()) -> Behaviour:
    """Asks for tools: (name, input) pairs."""
    return says(*before, *(use(name, given, f"toolu_{index}") for index, (name, given) in enumerate(wanted)), stop="tool_use")


def problem(kind: str, message: str = "no", code: str | None = None) -> dict[str, Any]:
    details = {"details": {"error_code": code}} if code else {}
    return {"type": "error", "error": {"type": kind, "message": message, **details}, "request_id": "req_1"}


def fails(status: int, kind: str, message: str = "no", code: str | None = None, **headers: str) -> Behaviour:
    return as_json(problem(kind, message, code), status, request_id="req_1", **headers)


def streams(*content: Any, stop: str | None = "end_turn", ends: bool = True, after: Sequence[Any] = ()) -> Behaviour:
    """The same message as events, each text and input in two pieces; without `stop` and `ends` the stream that has no end.
    `after` are further events, before the end."""
    start = {**message(stop=None), "usage": {**USAGE, "output_tokens": 1}}
    found: list[dict[str, Any]] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for index, part in enumerate(map(block, content)):
        found += _pieces(index, part)
    if stop:
        delta = {"stop_reason": stop, "stop_sequence": None, "stop_details": None}
        found.append({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 7}})
    found += after
    if ends:
        found.append({"type": "message_stop"})
    return events(*(f"event: {event['type']}\ndata: {json.dumps(event)}" for event in found))


def _pieces(index: int, part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    empty: dict[str, Any] = {"text": {"text": ""}, "tool_use": {"input": {}}, "thinking": {"thinking": "", "signature": ""}}
    yield {"type": "content_block_start", "index": index, "content_block": {**part, **empty.get(part["type"], {})}}
    for delta in _deltas(part):
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def _deltas(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if part["type"] == "text":
        half = len(part["text"]) // 2
        yield from ({"type": "text_delta", "text": text} for text in (part["text"][:half], part["text"][half:]))
    elif part["type"] == "tool_use" and part["input"]:
        text = part["input"] if isinstance(part["input"], str) else json.dumps(part["input"])
        yield from ({"type": "input_json_delta", "partial_json": piece} for piece in (text[:3], text[3:]))
    elif part["type"] == "thinking":
        yield {"type": "thinking_delta", "thinking": part["thinking"]}
        yield {"type": "signature_delta", "signature": part["signature"]}


# What it refuses

_VERSIONS = ("2023-06-01", "2026-10-21")
_SAMPLING = {"temperature", "top_p", "top_k"}
_KNOWN = {
    "model", "max_tokens", "messages", "system", "tools", "tool_choice", "output_config", "thinking", "stop_sequences", "stream",
    "metadata", "service_tier", "cache_control", "container", "inference_geo",
}  # fmt: skip
_LIMITS = {"minimum", "maximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems", "pattern", "oneOf", "not", "if"}


def checked(then: Behaviour) -> Behaviour:
    """As `then`, where the request is in order; else 401 or 400."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if "x-api-key" not in request.headers and not request.headers.get("authorization", "").startswith("Bearer "):
            return await fails(401, "authentication_error", "x-api-key header is required")(request)
        fault = next(faults(await request.json(), request.headers.get("anthropic-version", "")), None)
        return await (then if fault is None else fails(400, "invalid_request_error", fault))(request)

    return answer


def faults(body: dict[str, Any], version: str) -> Iterator[str]:
    """Why the server refuses a request."""
    if version not in _VERSIONS:
        yield f"anthropic-version: {version!r} is not a valid version"
    for name in body.keys() - _KNOWN - (_SAMPLING if version < "2026-10-21" else set()):
        yield f"{name}: Extra inputs are not permitted"
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        yield "max_tokens: Field required"
    if not body.get("messages"):
        yield "messages: at least one message is required"
    if "system" in body and not body["system"]:
        yield "system: text content blocks must be non-empty"
    for tool in body.get("tools", ()):
        yield from _tool_faults(tool)
    for index, turn in enumerate(body.get("messages", ())):
        yield from (f"messages.{index}: {fault}" for fault in _turn_faults(turn))
    yield from _pairing_faults(body.get("messages", ()))
    yield from _schema_faults(body.get("output_config", {}).get("format", {}).get("schema"))


def _tool_faults(tool: dict[str, Any]) -> Iterator[str]:
    schema = tool.get("input_schema", {})
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool.get("name", "")):
        yield "tools: name should match pattern"
    if schema.get("type") != "object" or schema.keys() & {"anyOf", "oneOf", "allOf"}:
        yield "tools: input_schema should be an object's, without a union at the top level"


def _turn_faults(turn: dict[str, Any]) -> Iterator[str]:
    if turn.get("role") not in ("user", "assistant"):
        yield "role: Input should be 'user' or 'assistant'"
    if not turn.get("content"):
        yield "content must be non-empty"
    for part in turn["content"] if isinstance(turn.get("content"), list) else []:
        if part["type"] == "text" and not part["text"].strip():
            yield "text content blocks must contain non-whitespace text"
        if part["type"] == "tool_use" and not isinstance(part["input"], dict):
            yield "tool_use.input: Input should be a valid dictionary"
        if part["type"] == "tool_use" and not re.fullmatch(r"[a-zA-Z0-9_-]+", part["id"]):
            yield "tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"
        if (part["type"] == "tool_result") is (turn["role"] == "assistant") and part["type"] != "text":
            yield f"{part['type']} blocks can only be in the other role's messages"


def _pairing_faults(turns: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Each call's result stands at the head of the next turn, and no id comes twice."""
    ids: list[str] = []
    before: list[str] = []
    for turn in turns:
        blocks = turn["content"] if isinstance(turn["content"], list) else []
        results = [part["tool_use_id"] for part in blocks if part["type"] == "tool_result"]
        if sorted(results) != sorted(before):
            yield f"`tool_use` ids without `tool_result` blocks immediately after, or the reverse: {before} {results}"
        if any(part["type"] != "tool_result" for part in blocks[: len(results)]):
            yield "tool_result blocks have to come first"
        before = [part["id"] for part in blocks if part["type"] == "tool_use"]
        ids += before
    if before:
        yield f"`tool_use` ids were found without `tool_result` blocks immediately after: {before}"
    if len(ids) != len(set(ids)):
        yield "`tool_use` ids must be unique"
    if turns and turns[-1]["role"] == "assistant":
        yield "This model does not support assistant message prefill"
    if any(one["role"] == other["role"] for one, other in pairwise(turns)):
        yield "roles do not alternate"  # which the server would combine by itself; ours should not need that


def _schema_faults(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for item in schema:
            yield from _schema_faults(item)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        yield "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
    if wrong := schema.keys() & _LIMITS:
        yield f"output_config.format.schema: properties {sorted(wrong)} are not supported"
    for name, inner in schema.items():
        for each in inner.values() if name in ("properties", "$defs") else [inner]:
            yield from _schema_faults(each) if name not in ("enum", "const", "required") else ()
