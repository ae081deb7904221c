"""A plan's step and its slice → the exact messages that a model is asked.

Prompts read the step's own input and nothing else. After a broken answer the model is shown that answer and told what was
wrong with it; nothing else of the conversation changes, so that the fingerprint of a first ask depends on its input alone.
"""

from collections.abc import Sequence
from typing import Any, Literal

from orchestration.core import values
from orchestration.core.frozen import dataclass
from orchestration.core.plan import PlanStep
from orchestration.core.result import Failure, ToolCall

MOST_SHOWN = 8_000


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `tool_calls` and an answer's `echo` belong to the assistant's, `tool_call_id` to the tool's that answers."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    echo: dict[str, Any] | None = None


def messages(step: PlanStep, given: Any) -> tuple[Message, ...]:
    """The first ask. Raises `EvaluationError` where a template fails on this input."""
    found = []
    if step.system is not None and (system := step.system.render(given)).strip():
        found.append(Message("system", system))
    assert step.prompt is not None
    found.append(Message("user", step.prompt.render(given)))
    return tuple(found)


def after_tools(
    said: str | None, calls: Sequence[ToolCall], answers: Sequence[str], echo: dict[str, Any] | None = None
) -> tuple[Message, ...]:
    """A round that asked for tools, and what these answered."""
    asked = Message("assistant", said, tuple(calls), echo=echo)
    return (asked, *(Message("tool", text, tool_call_id=call.id) for call, text in zip(calls, answers, strict=True)))


def repair(broken: Failure, said: str | None) -> tuple[Message, Message]:
    """What is added after an answer that broke its contract or a check: the answer, and what is wrong with it."""
    lines = [f"- {p.path}: {p.message}" if p.path else f"- {p.message}" for p in broken.problems] or [f"- {broken.message}"]
    wrong = "\n".join(lines[:20])
    told = f"Your answer can't be used:\n{wrong}\nAnswer again, whole and corrected, and with nothing else."
    shown = (said or "")[:MOST_SHOWN]
    return (Message("assistant", shown or "(an empty answer)"), Message("user", told))


def fingerprint(asked: Sequence[Message]) -> str:
    return values.digest([[m.role, m.content, [[c.name, c.arguments] for c in m.tool_calls]] for m in asked])
