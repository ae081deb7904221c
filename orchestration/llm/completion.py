"""Reads what servers of chat completions send back, whole or streamed, and where each of them differs.

Nothing that a server says is trusted to be of the right type: a code may be a number or a word, a body may be HTML, a
status of 200 may hold an error, a stream may end in the middle without saying so.
"""

import json
from dataclasses import dataclass, field
from typing import Any

from orchestration import replies
from orchestration.core.errors import ErrorCode, Unreadable
from orchestration.core.result import Answer, Failure, Finish, Request, ToolCall, Usage
from orchestration.core.values import parse_json
from orchestration.door import Reply
from orchestration.llm.schema import tool_name

_FINISHES: dict[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "content_filter": "filtered",
    "tool_calls": "tool",
    "function_call": "tool",
    "error": "broken",
}  # anything else that is said, as stop, eos or end_turn, is an end like any other
_SPENT = ("insufficient_quota", "credit_balance", "spend_limit", "usage_limit", "billing")
_BY_WORD: tuple[tuple[str, ErrorCode], ...] = (
    *((word, ErrorCode.REFUSED) for word in (*_SPENT, "content_filter", "context_length", "invalid_request", "badrequest")),
    *((word, ErrorCode.RATE_LIMITED) for word in ("rate_limit", "ratelimit", "slow_down", "too_many")),
    *((word, ErrorCode.AUTH) for word in ("api_key", "authentication", "permission", "unauthorized", "forbidden")),
    ("not_found", ErrorCode.NOT_FOUND),
    ("timeout", ErrorCode.TIMEOUT),
)


@dataclass(slots=True)
class _Message:
    """One answer, put together from a body or from the pieces of a stream."""

    text: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    finish: str | None = None
    usage: Any = None
    id: str | None = None

    def add(self, piece: dict[str, Any]) -> None:
        """A `message` or a `delta`."""
        self.text.append(_text(piece.get("content")))
        self.refusal.append(_text(piece.get("refusal")))
        old = piece.get("function_call")
        wanted = piece.get("tool_calls") or ([{"function": old}] if isinstance(old, dict) else [])
        for position, call in enumerate(wanted if isinstance(wanted, list) else []):
            if isinstance(call, dict):
                self._add_call(position, call)

    def _add_call(self, position: int, call: dict[str, Any]) -> None:
        """Pieces of a call belong together by index. Where a server leaves it out, a new id begins a new call."""
        index, id_ = call.get("index"), _text(call.get("id"))
        if type(index) is not int:
            known = self.calls.get(position)
            index = len(self.calls) if known and id_ and known["id"] != id_ else position
        function = call.get("function")
        function = function if isinstance(function, dict) else {}
        made = self.calls.setdefault(index, {"id": "", "name": "", "arguments": ""})
        made["id"] = made["id"] or id_
        made["name"] = made["name"] or _text(function.get("name"))
        arguments = function.get("arguments")
        made["arguments"] += arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments is not None else ""


def read(reply: Reply, request: Request) -> Answer:
    """The answer in a reply. `failure` is None only for a whole, unrefused answer that holds something.

    An answer cut at the token limit has `finish` length and no failure, since what was asked for may stand before the cut:
    the contract decides, and without one the caller.
    """
    if reply.failure is not None:
        return replies.failed(reply, reply.failure, finish="broken")
    if (failure := replies.of_status(reply, request.target)) is not None:
        return _refined(reply, failure)
    if _is_stream(reply):
        return _read_stream(reply, request.target)
    body, failure = replies.parse(reply, request.target)
    if failure is not None:
        return replies.failed(reply, failure, finish="broken")
    if (failure := _error_in(body, request.target, reply)) is not None:
        return replies.failed(reply, failure, finish="broken")
    message = _Message()
    choices = body.get("choices") if isinstance(body, dict) else None
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict) or not isinstance(choice.get("message"), dict):
        wrong = Failure(ErrorCode.INVALID_OUTPUT, f"{request.target} answered 200 without a message in it")
        return replies.failed(reply, wrong, finish="broken")
    message.add(choice["message"])
    message.finish, message.usage, message.id = _word(choice.get("finish_reason")), body.get("usage"), _word(body.get("id"))
    return _answer(message, reply, request.target)


def _refined(reply: Reply, failure: Failure) -> Answer:
    """An error status, with what its body says taken in: a 429 may be a quota that is spent, a 400 a filtered prompt."""
    error = replies.read_json(reply)
    words = _words(error.get("error", error) if isinstance(error, dict) else error)
    if reply.status == 429 and any(word in words for word in _SPENT):
        failure = Failure(ErrorCode.REFUSED, failure.message)
    filtered = reply.status == 400 and "content_filter" in words
    return replies.failed(reply, failure, finish="filtered" if filtered else "broken")


def _error_in(body: Any, target: str, reply: Reply) -> Failure | None:
    """An error under a status of success, classified by what it says, else `unavailable`."""
    if not isinstance(body, dict):
        return None
    choices = body.get("choices")
    first = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    error = body.get("error") or first.get("error") or (body if body.get("object") == "error" else None)
    if not error:
        return None
    said = replies.sentence(error) or "an error without words"
    failure = Failure(_code(error), f"{target} answered {reply.status}, and an error in it: {said}")
    wait = replies.retry_after(reply.headers, reply.received)
    return Failure(failure.code, failure.message, retry_after=wait) if wait is not None else failure


def _code(error: Any) -> ErrorCode:
    words = _words(error)
    for word, code in _BY_WORD:
        if word in words:
            return code
    number = error.get("code", error.get("status")) if isinstance(error, dict) else None
    if isinstance(number, (int, str)) and str(number).isdecimal() and 400 <= int(number) < 600:
        return replies.code_of(int(number))
    return ErrorCode.UNAVAILABLE


def _words(error: Any) -> str:
    """The code and type of an error in lower case: by these it is classified, never by its sentence."""
    if not isinstance(error, dict):
        return ""
    return " ".join(str(error[key]).lower() for key in ("code", "type") if isinstance(error.get(key), str))


# Streams


def _is_stream(reply: Reply) -> bool:
    kind = reply.headers.get("content-type", "")
    return "text/event-stream" in kind or reply.body[:8].lstrip().startswith((b"data:", b"event:", b": "))


def _read_stream(reply: Reply, target: str) -> Answer:
    """A stream that has ended, put together. One that ends without a finish reason is broken, however cleanly it ends."""
    message = _Message()
    events = _events(reply.body)
    for number, data in enumerate(events, 1):
        if data == "[DONE]":
            break
        try:
            chunk = parse_json(data).value
        except Unreadable:
            cut = number == len(events)
            code = ErrorCode.UNAVAILABLE if cut else ErrorCode.INVALID_OUTPUT
            why = "its stream breaks off in the middle of a line" if cut else "its stream holds what is not JSON"
            return _partly(message, reply, Failure(code, f"{target}: {why}"))
        if (failure := _error_in(chunk, target, reply)) is not None:
            return _partly(message, reply, failure)
        _add_chunk(message, chunk)
    return _answer(message, reply, target)


def _add_chunk(message: _Message, chunk: Any) -> None:
    if not isinstance(chunk, dict):
        return
    message.usage = chunk.get("usage") or message.usage
    message.id = message.id or _word(chunk.get("id"))
    choices = chunk.get("choices")  # [] or null where the chunk only carries usage
    for choice in choices if isinstance(choices, list) else []:
        if isinstance(choice, dict) and choice.get("index", 0) == 0:
            delta = choice.get("delta")
            message.add(delta if isinstance(delta, dict) else {})
            message.finish = _word(choice.get("finish_reason")) or message.finish


def _events(body: bytes) -> list[str]:
    """The data of each server-sent event. Comments and other fields are dropped."""
    found: list[str] = []
    data: list[str] = []
    text = body.decode("utf-8", "replace").removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    for line in [*text.split("\n"), ""]:
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            found.append("\n".join(data))
            data = []
    return found


def _partly(message: _Message, reply: Reply, failure: Failure) -> Answer:
    text = "".join(message.text) or None
    return replies.failed(reply, failure, finish="broken", text=text, usage=_usage(message.usage))


# The answer


def _answer(message: _Message, reply: Reply, target: str) -> Answer:
    text = "".join(message.text)
    calls = tuple(
        ToolCall(made["id"] or f"call_{index}", tool_name(made["name"]), made["arguments"] or "{}")
        for index, made in sorted(message.calls.items())
    )
    finish: Finish = "broken" if not message.finish else _FINISHES.get(message.finish.lower(), "complete")
    if calls and finish == "complete":
        finish = "tool"  # several servers say stop here
    refusal = "".join(message.refusal)
    if refusal and finish in ("complete", "length"):
        finish = "refused"
    return Answer(
        failure=_shortcoming(finish, text, calls, refusal, target),
        text=text or None,
        tool_calls=calls,
        finish=finish,
        usage=_usage(message.usage),
        status=reply.status,
        request_id=replies.request_id(reply) or message.id,
        raw=replies.raw(reply),
    )


def _shortcoming(finish: Finish, text: str, calls: tuple[ToolCall, ...], refusal: str, target: str) -> Failure | None:
    if finish == "broken":
        return Failure(ErrorCode.UNAVAILABLE, f"{target} broke off: its answer ends without a finish reason")
    if finish == "refused":
        return Failure(ErrorCode.REFUSED, f"the model refused: {refusal[:300]}")
    if finish == "filtered":
        return Failure(ErrorCode.REFUSED, f"{target} filtered the answer for its content")
    if finish == "tool" and not all(call.name for call in calls or ()):
        return Failure(ErrorCode.INVALID_OUTPUT, "the model calls a tool without naming it")
    if not calls and not text.strip():
        used_up = finish == "length"
        why = "used up its tokens before it answered: allow more output" if used_up else "gave an empty answer"
        return Failure(ErrorCode.INVALID_OUTPUT, f"the model {why}")
    return None


def _usage(usage: Any) -> Usage:
    counts = usage if isinstance(usage, dict) else {}
    return Usage(_count(counts.get("prompt_tokens")), _count(counts.get("completion_tokens")))


def _count(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None


def _word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _text(value: Any) -> str:
    """Text from a string, or from a list of parts as some servers send it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(part["text"] for part in value if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""
