"""What every protocol over HTTP makes of a reply: the one normalised answer, or the failure that it holds.

A protocol brings a `Draft`, which takes its whole bodies and the events of its streams. Nothing that a server says is trusted
to be of the right type: a code may be a number or a word, a body may be HTML, a status of 200 may hold an error, a stream may
end in the middle without saying so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from orchestration import replies
from orchestration.core.errors import ErrorCode, Unreadable
from orchestration.core.result import Answer, Failure, Finish, Request, ToolCall, Usage
from orchestration.core.values import load, parse_json
from orchestration.door import Reply
from orchestration.llm.schema import tool_name

_FINISHES: dict[str, Finish] = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "filtered",
    "refusal": "refused",
    "tool_calls": "tool",
    "function_call": "tool",
    "tool_use": "tool",
    "pause_turn": "broken",
    "error": "broken",
}  # anything else that is said, as stop, eos, stop_sequence or end_turn, is an end like any other
_UNFINISHED: dict[str, tuple[ErrorCode, str]] = {
    "model_context_window_exceeded": (ErrorCode.TOO_LARGE, "prompt and answer together exceed the model's context window"),
    "pause_turn": (ErrorCode.UNAVAILABLE, "the model paused its turn for a tool of the server's, which is not gone on with"),
}
_BY_WORD: tuple[tuple[str, ErrorCode], ...] = (
    *(
        (word, ErrorCode.REFUSED)
        for word in (*replies.SPENT, "content_filter", "context_length", "invalid_request", "badrequest")
    ),
    *((word, ErrorCode.RATE_LIMITED) for word in ("rate_limit", "ratelimit", "slow_down", "too_many")),
    *((word, ErrorCode.AUTH) for word in ("api_key", "authentication", "permission", "unauthorized", "forbidden")),
    ("not_found", ErrorCode.NOT_FOUND),
    ("too_large", ErrorCode.TOO_LARGE),
    ("timeout", ErrorCode.TIMEOUT),
)


@dataclass
class Draft:
    """One answer while it is put together, from a body or from the pieces of a stream. `calls` go by their place in it."""

    text: list[str] = field(default_factory=list)
    refusal: list[str] = field(default_factory=list)
    calls: dict[int, dict[str, str]] = field(default_factory=dict)
    finish: str | None = None
    usage: Usage = field(default_factory=Usage)
    id: str | None = None
    mended: bool = False
    """Characters of it that can't be kept were replaced."""

    statuses: ClassVar[Mapping[int, ErrorCode]] = {}
    """What a status means to this protocol where `replies` says something else."""

    def take(self, body: dict[str, Any]) -> bool:
        """A whole answer; False where there is none in it."""
        raise NotImplementedError

    def add(self, event: dict[str, Any]) -> None:
        """A piece of one."""
        raise NotImplementedError

    def error(self, body: dict[str, Any]) -> Any:
        """The error that a body or an event holds, whatever its status; None where there is none."""
        return body.get("error") or (body if "error" in (body.get("object"), body.get("type")) else None)

    def echo(self) -> list[Any] | None:
        """What the model has to be shown again to the letter when its tools have answered, where text and calls are not all."""
        return None


def read(reply: Reply, request: Request, draft: Draft) -> Answer:
    """The answer in a reply. `failure` is None only for a whole, unrefused answer that holds something.

    An answer cut at the token limit has `finish` length and no failure, since what was asked for may stand before the cut:
    the contract decides, and without one the caller.
    """
    if reply.failure is not None:
        return _broken_off(reply, request, draft, reply.failure)
    if (failure := replies.of_status(reply, request.target)) is not None:
        return _refined(reply, failure, draft)
    if _is_stream(reply):
        return _read_stream(reply, request, draft)
    found, failure = replies.parse(reply, request.target)
    if failure is not None:
        return replies.failed(reply, failure, finish="broken")
    draft.mended = bool(found.marks)
    body = found.value if isinstance(found.value, dict) else {}
    if (failure := _error_in(body, request.target, reply, draft)) is not None:
        return replies.failed(reply, failure, finish="broken")
    if not draft.take(body):
        wrong = Failure(ErrorCode.INVALID_OUTPUT, f"{request.target} answered {reply.status} without a message in it")
        return replies.failed(reply, wrong, finish="broken")
    return _answer(draft, reply, request)


# Errors


def _refined(reply: Reply, failure: Failure, draft: Draft) -> Answer:
    """An error status, with what its body says taken in: a 400 may be a filtered prompt."""
    code = draft.statuses.get(reply.status or 0, failure.code)
    if code != failure.code:
        failure = Failure(code, failure.message, failure.retry_after)
    filtered = reply.status == 400 and "content_filter" in replies.words(replies.read_json(reply))
    return replies.failed(reply, failure, finish="filtered" if filtered else "broken")


def _error_in(body: dict[str, Any], target: str, reply: Reply, draft: Draft) -> Failure | None:
    """An error under a status of success, classified by what it says, else `unavailable`."""
    error = draft.error(body)
    if not error:
        return None
    said = replies.sentence(error) or "an error without words"
    wait = replies.retry_after(reply.headers, reply.received)
    return Failure(_code(error), f"{target} answered {reply.status}, and an error in it: {said}", retry_after=wait)


def _code(error: Any) -> ErrorCode:
    words = replies.words(error)
    for word, code in _BY_WORD:
        if word in words:
            return code
    number = error.get("code", error.get("status")) if isinstance(error, dict) else None
    if isinstance(number, (int, str)) and str(number).isdecimal() and 400 <= int(number) < 600:
        return replies.code_of(int(number))
    return ErrorCode.UNAVAILABLE


# Streams


def _is_stream(reply: Reply) -> bool:
    kind = reply.headers.get("content-type", "")
    return "text/event-stream" in kind or reply.body[:8].lstrip().startswith((b"data:", b"event:", b": "))


def _read_stream(reply: Reply, request: Request, draft: Draft) -> Answer:
    """A stream that has ended, put together. One that ends without a finish reason is broken, however cleanly it ends."""
    events = _events(reply.body)
    for number, data in enumerate(events, 1):
        if data == "[DONE]":
            break
        try:
            found = parse_json(data)
        except Unreadable:
            cut = number == len(events)
            code = ErrorCode.UNAVAILABLE if cut else ErrorCode.INVALID_OUTPUT
            why = "its stream breaks off in the middle of a line" if cut else "its stream holds what is not JSON"
            return _partly(draft, reply, Failure(code, f"{request.target}: {why}"))
        event, draft.mended = found.value, draft.mended or bool(found.marks)
        if not isinstance(event, dict):
            continue
        if (failure := _error_in(event, request.target, reply, draft)) is not None:
            return _partly(draft, reply, failure)
        draft.add(event)
    return _answer(draft, reply, request)


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


def _broken_off(reply: Reply, request: Request, draft: Draft, failure: Failure) -> Answer:
    """No answer; but what had come of a stream is kept, since it is paid for."""
    if failure.code in (ErrorCode.TIMEOUT, ErrorCode.UNAVAILABLE) and reply.status == 200 and _is_stream(reply):
        _read_stream(reply, request, draft)
    return _partly(draft, reply, failure)


def _partly(draft: Draft, reply: Reply, failure: Failure) -> Answer:
    return replies.failed(
        reply, failure, finish="broken", text="".join(draft.text) or None, usage=draft.usage, marks=_marks(draft)
    )


def _marks(draft: Draft) -> tuple[str, ...]:
    return ("text",) if draft.mended else ()


# The answer


def _answer(draft: Draft, reply: Reply, request: Request) -> Answer:
    text = "".join(draft.text)
    calls = tuple(
        ToolCall(made["id"] or f"call_{index}", tool_name(made["name"]), made["arguments"] or "{}")
        for index, made in sorted(draft.calls.items())
    )
    finish: Finish = _FINISHES.get(draft.finish.lower(), "complete") if draft.finish else "broken"
    if calls and finish == "complete":
        finish = "tool"  # several servers say stop here
    if any(draft.refusal) and finish in ("complete", "length"):
        finish = "refused"
    return Answer(
        failure=_shortcoming(draft, finish, text, calls, request.target),
        text=text or None,
        tool_calls=calls,
        finish=finish,
        echo=_echo(draft, request) if calls else None,
        usage=draft.usage,
        status=reply.status,
        request_id=replies.request_id(reply) or draft.id,
        raw=replies.raw(reply),
        marks=_marks(draft),
    )


def _shortcoming(draft: Draft, finish: Finish, text: str, calls: tuple[ToolCall, ...], target: str) -> Failure | None:
    if (known := _UNFINISHED.get((draft.finish or "").lower())) is not None:
        return Failure(known[0], f"{target}: {known[1]}")
    if finish == "broken":
        return Failure(ErrorCode.UNAVAILABLE, f"{target} broke off: its answer ends without a finish reason")
    if finish == "refused":
        return Failure(ErrorCode.REFUSED, f"the model refused: {''.join(draft.refusal)[:300] or 'it does not say why'}")
    if finish == "filtered":
        return Failure(ErrorCode.REFUSED, f"{target} filtered the answer for its content")
    if finish == "tool" and not all(call.name for call in calls or ()):
        return Failure(ErrorCode.INVALID_OUTPUT, "the model calls a tool without naming it")
    if not calls and not text.strip():
        used_up = finish == "length"
        why = "used up its tokens before it answered: allow more output" if used_up else "gave an empty answer"
        return Failure(ErrorCode.INVALID_OUTPUT, f"the model {why}")
    return None


def _echo(draft: Draft, request: Request) -> dict[str, Any] | None:
    content = draft.echo()
    return {"of": whose(request.target, load(request.body or "{}").get("model")), "content": content} if content else None


def whose(provider: str, model: Any) -> str:
    """Whose words an echo is: no other model may be shown it as its own."""
    return f"{provider}/{model}"


def count(value: Any) -> int | None:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None


def word(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def text_of(value: Any) -> str:
    """Text from a string, or from a list of parts as some servers send it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(part["text"] for part in value if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""
