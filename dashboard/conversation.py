"""A call as it was sent and as it came back, for reading: messages where a model was asked, else request and answer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.presentation import RESULTS, Look, look_of
from orchestration.core import values
from orchestration.core.errors import Problem, Unreadable
from orchestration.queries.records import CallView

MOST_TEXT = 40_000
"""Characters of one message that a page shows; the evidence file holds all of it."""

ROLES = {"developer": "system"}
_LOOKS = {"": "done", "invalid_output": "invalid", "timeout": "timed_out", "unknown": "unknown"}
_KINDS = {"attempt": "Attempt", "repair": "Repair", "retry": "Retry", "fallback": "Fallback", "round": "Round"}


@dataclass(frozen=True, slots=True)
class Asked:
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Message:
    role: str
    content: str
    tool_calls: tuple[Asked, ...] = ()


@dataclass(frozen=True, slots=True)
class Shown:
    """One call. `body` is a tool's request where it is no conversation; `raw` what came, to the letter, nothing for a rehearsal
    (`scripted`), whose script is no answer; `script` says what answered where that is not the step's own. `outcome` is a key of
    `presentation.RESULTS`; `checked`: what it was read as met the step's contract, which a round that asks for tools need not."""

    call: CallView
    title: str
    model: str
    outcome: str
    took: float | None
    messages: tuple[Message, ...]
    body: Any
    address: str
    raw: str
    text: str
    asks: tuple[Asked, ...]
    problems: tuple[Problem, ...]
    error: str
    scripted: bool
    checked: bool
    script: str = ""
    mocked: bool = False

    @property
    def look(self) -> Look:
        return look_of(self.outcome, RESULTS)


def shown(call: CallView) -> Shown:
    response, error = call.response or {}, call.error or {}
    body = _parsed(call.request.get("body"))
    messages = tuple(_message(message) for message in _sent(body)) if call.is_model else ()
    address = " ".join(filter(None, (call.request.get("method", ""), call.request.get("url", ""))))
    return Shown(
        call=call,
        title=_KINDS.get(call.kind, call.kind.capitalize()),
        model=_model(body) if call.is_model else "",
        outcome=_LOOKS.get(error.get("code", ""), "failed") if call.finished else "open",
        took=(call.finished - call.sent).total_seconds() if call.finished else None,
        messages=messages,
        body=None if messages else body,
        address=address,
        raw=_cut(response.get("raw") or "") if call.protocol != "rehearsal" else "",
        text=_cut(response.get("text") or ""),
        asks=tuple(_asked(asked) for asked in response.get("tool_calls", ())),
        problems=_problems(error),
        error=f"{error['code']}: {error['message']}" if error else "",
        scripted=call.protocol == "rehearsal",
        checked=not response.get("tool_calls"),
        script=_script(body) if call.protocol == "rehearsal" else "",
    )


def _problems(error: Mapping[str, Any]) -> tuple[Problem, ...]:
    """What was wrong in detail; nothing where that is the error's own sentence over again."""
    found = tuple(Problem(p["code"], p["message"], p.get("path", "")) for p in error.get("problems", ()))
    return () if len(found) == 1 and not found[0].path and found[0].message in error["message"] else found


def _script(body: Any) -> str:
    scripted = body.get("scripted") if isinstance(body, dict) else None
    if not isinstance(scripted, dict):
        return ""
    if scripted.get("made_up"):
        what = "was made up from its contract" if body["question"].get("schema") else "is a placeholder"
        return f"No script answers this step, so the answer {what}."
    script = scripted.get("script")
    return (
        f"No script is written for this step; that of `{script}` answered it, whose answers keep its contract." if script else ""
    )


def _model(body: Any) -> str:
    """The model that was asked, as the request names it."""
    if not isinstance(body, dict):
        return ""
    return str(body.get("model") or (body.get("question") or {}).get("model") or "")


def _sent(body: Any) -> Sequence[Mapping[str, Any]]:
    """The messages of a model call. In a rehearsal they stand below `question`, beside the scripted answer; Anthropic's have
    the system's beside them."""
    if not isinstance(body, dict):
        return ()
    found = body.get("messages", (body.get("question") or {}).get("messages"))
    system = [{"role": "system", "content": body["system"]}] if body.get("system") else []
    return [*system, *(message for message in found if isinstance(message, dict))] if isinstance(found, list) else ()


def _message(message: Mapping[str, Any]) -> Message:
    role, content = str(message.get("role", "")), message.get("content")
    blocks = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    if blocks and all(part.get("type") == "tool_result" for part in blocks):
        role = "tool"
    asks = message.get("tool_calls") or [part for part in blocks if part.get("type") == "tool_use"]
    return Message(ROLES.get(role, role), _cut(_content(content)), tuple(_asked(each) for each in asks))


def _content(content: Any) -> str:
    """Text as it stands; parts one after the other, those that are no text as JSON, calls left to `asks`."""
    if isinstance(content, str) or content is None:
        return content or ""
    parts: Sequence[Any] = content if isinstance(content, list) else [content]
    return "\n".join(_part(part) for part in parts if not isinstance(part, dict) or part.get("type") != "tool_use")


def _part(part: Any) -> str:
    if isinstance(part, dict) and part.get("type") == "tool_result":
        return _content(part.get("content"))
    return part["text"] if isinstance(part, dict) and isinstance(part.get("text"), str) else json.dumps(part)


def _asked(asked: Mapping[str, Any]) -> Asked:
    """In OpenAI's shape, the name and arguments one level down, in Anthropic's, or in ours."""
    inner = asked.get("function", asked)
    arguments = inner.get("arguments", inner.get("input", ""))
    return Asked(str(inner.get("name", "")), _cut(arguments if isinstance(arguments, str) else json.dumps(arguments)))


def _parsed(body: str | None) -> Any:
    """The body as JSON where it is, else its text."""
    if not body:
        return None
    try:
        return values.parse_json(body).value
    except Unreadable:
        return _cut(body)


def _cut(text: str) -> str:
    return (
        text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}\n… {len(text) - MOST_TEXT:,} more characters: see the evidence"
    )
