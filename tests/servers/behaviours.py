"""Ways in which a server answers, good and bad. Each function returns a `Behaviour`: what to do with one request.

They work on any path: `chat` and `stream` speak chat completions, the rest is plain HTTP and its breakages.
"""

import asyncio
import gzip
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiohttp import web

WRITTEN = web.AppKey("written", list[int])  # bytes of a large body that left, in one cell
Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


def body(data: bytes | str, status: int = 200, content_type: str = "application/json", **headers: str) -> Behaviour:
    """These very bytes. Header names are given with underscores: `retry_after="2"`."""

    async def answer(request: web.Request) -> web.StreamResponse:
        raw = data.encode() if isinstance(data, str) else data
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(body=raw, status=status, headers={"content-type": content_type, **named})

    return answer


def as_json(value: Any, status: int = 200, **headers: str) -> Behaviour:
    return body(json.dumps(value), status, **headers)


def completion(content: Any = None, finish: str | None = "stop", usage: bool = True, **message: Any) -> dict[str, Any]:
    """A chat completion as a server would write it; a `content` that is an object is written as JSON text."""
    text = json.dumps(content) if isinstance(content, dict) else content
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "scripted",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text, **message}, "finish_reason": finish}],
        **({"usage": {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}} if usage else {}),
    }


def chat(content: Any = None, finish: str | None = "stop", usage: bool = True, **message: Any) -> Behaviour:
    return as_json(completion(content, finish, usage, **message), x_request_id="req-1")


def calls(*wanted: tuple[str, Any], content: str | None = None) -> Behaviour:
    """A completion that asks for tools: (name, arguments) pairs; arguments that are text go out as they are."""
    made = [
        {
            "id": f"call_{index}",
            "type": "function",
            "function": {"name": name, "arguments": given if isinstance(given, str) else json.dumps(given)},
        }
        for index, (name, given) in enumerate(wanted)
    ]
    return chat(content, finish="tool_calls", tool_calls=made)


def prose(text: str = "Certainly! I would say that it is a refund.") -> Behaviour:
    return chat(text)


def fenced(value: Any) -> Behaviour:
    return chat(f"Here you are:\n```json\n{json.dumps(value)}\n```\nAnything else?")


def truncated(value: Any) -> Behaviour:
    text = json.dumps(value)
    return chat(text[: len(text) * 2 // 3], finish="length")


def empty() -> Behaviour:
    return body(b"")


def html(status: int = 200) -> Behaviour:
    return body("<!doctype html><title>Gateway</title><h1>Please sign in</h1>", status, "text/html")


def error(status: int, message: str = "no", code: Any = None, kind: str | None = None, **headers: str) -> Behaviour:
    """An error as OpenAI words it, under any status: 200 too, as some gateways do."""
    return as_json({"error": {"message": message, "type": kind, "param": None, "code": code}}, status, **headers)


def rate_limited(**headers: str) -> Behaviour:
    return error(429, "slow down", "rate_limit_exceeded", "requests", **headers)


def quota_spent() -> Behaviour:
    return error(429, "You exceeded your current quota", "insufficient_quota", "insufficient_quota")


def redirect(location: str, status: int = 302) -> Behaviour:
    return body(b"", status, location=location)


def hang() -> Behaviour:
    """Takes the request and never answers."""

    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    return answer


def stall(first: bytes = b'{"half":', content_type: str = "application/json") -> Behaviour:
    """Begins a body and never goes on."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await _begin(request, **{"content-type": content_type})
        await response.write(first)
        await asyncio.Event().wait()
        raise AssertionError

    return answer


def drip(every: float = 0.01) -> Behaviour:
    """A byte at a time, without an end: no limit between two bytes ever trips."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await _begin(request)
        while True:
            await response.write(b" ")
            await asyncio.sleep(every)

    return answer


def reset(first: bytes | None = None) -> Behaviour:
    """Resets the connection: before any answer, or after the first bytes of one."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        if first is not None:
            response = await _begin(request)
            await response.write(first)
        _abort(request)
        return response

    return answer


def cut(data: bytes = b'{"half": ', announced: int | None = 1000) -> Behaviour:
    """Hangs up before the announced length has come, or (None) in the middle of a chunked body."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await _begin(request, **({"content-length": str(announced)} if announced else {}))
        await response.write(data)
        assert request.transport is not None
        request.transport.close()
        return response

    return answer


def large(size: int = 50_000_000, announced: bool = False) -> Behaviour:
    """A JSON string of about `size` bytes. What was written before the client went away is counted in the app."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = await _begin(request, **({"content-length": str(size)} if announced else {}))
        block = b'"' + b"x" * 65_535
        for _ in range(size // len(block)):
            await response.write(block)
            request.app[WRITTEN][0] += len(block)
        return response

    return answer


def bomb(size: int = 64_000_000) -> Behaviour:
    """A small gzip body that unfolds to `size` bytes."""
    return body(gzip.compress(bytes(size), 6), content_encoding="gzip")


def zipped(data: bytes) -> Behaviour:
    return body(gzip.compress(data), content_encoding="gzip")


def events(*lines: str, end: bytes = b"") -> Behaviour:
    """Server-sent events, the lines as given, each followed by an empty one."""
    return body("".join(f"{line}\n\n" for line in lines).encode() + end, content_type="text/event-stream")


def stream(
    deltas: Iterable[dict[str, Any]] = ({"content": "Hel"}, {"content": "lo"}), finish: str | None = "stop", done: bool = True
) -> Behaviour:
    """A streamed completion. Without `finish` and `done` it is the stream that has no end."""
    chunks: list[dict[str, Any]] = [{"choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    if finish:
        chunks.append({"choices": [{"index": 0, "delta": {}, "finish_reason": finish}]})
    if done:
        chunks.append({"choices": [], "usage": {"prompt_tokens": 12, "completion_tokens": 7}})
    lines = [f"data: {json.dumps({'id': 'chatcmpl-1', **chunk})}" for chunk in chunks]
    return events(*lines, *(["data: [DONE]"] if done else []))


async def _begin(request: web.Request, **headers: str) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "application/json", **headers})
    await response.prepare(request)
    return response


def _abort(request: web.Request) -> None:
    assert request.transport is not None
    connection: socket.socket = request.transport.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    request.transport.abort()


BY_NAME: dict[str, Callable[..., Behaviour]] = {
    made.__name__: made
    for made in (
        as_json, bomb, chat, cut, drip, empty, error, fenced, hang, html, large, prose, quota_spent, rate_limited, redirect,
        reset, stall, stream, truncated,
    )
}  # fmt: skip
"""What another process may script, as {"name": "error", "status": 503}."""
