"""What one call came back with (`Answer`), and what a visit came back with (`Result`).

A call is one model or tool request. Its answer is either good (`failure is None`) or holds a `Failure`. A visit is made
of one or more calls; the ladder (`core/ladder`) folds their answers into one `Result`.
"""

from dataclasses import field
from typing import Any, Literal

from orchestration.core.errors import ErrorCode, Problem
from orchestration.core.frozen import dataclass

Finish = Literal["complete", "length", "tool", "filtered", "refused", "broken"]


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call or a visit failed.

    `retry_after` is in seconds and is what the other side asked for. `sent` says whether the request may have reached
    the other side: False only where it certainly did not (refused by the guard, DNS, connect), so that an irreversible
    effect is known not to have happened; and where no call failed, but a value, a rule or a limit. `checks` says how each
    of the step's came out, where one did not hold, as `explanation` has it.
    """

    code: ErrorCode
    message: str
    retry_after: float | None = None
    sent: bool = True
    problems: tuple[Problem, ...] = ()
    checks: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that a model asks for. `arguments` is the text as the model wrote it; it may not be JSON."""

    id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the provider counted them. None where it did not say."""

    tokens_in: int | None = None
    tokens_out: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call came back with, normalised over protocols.

    A model's answer has `text` and `tool_calls`, a tool's has `output`. `echo` is what the same model has to be shown again
    to the letter when its tools have answered, as `{of, content}`, where text and calls are not all that it said; only the
    protocol that wrote it looks into it. `marks` are the places where what can't be kept was replaced by U+FFFD, as `output.name`
    or `text`. `raw` is the body as it came (text, capped), kept whatever happened. `status` is the
    HTTP status where there was one.
    """

    failure: Failure | None = None
    text: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    finish: Finish = "complete"
    echo: dict[str, Any] | None = None
    output: Any = None
    usage: Usage = field(default_factory=Usage)
    status: int | None = None
    request_id: str | None = None
    raw: str = ""
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """The exact request of one call, as committed before it leaves and as sent, byte for byte. It never holds a secret:
    headers that need one hold `${secrets.name}` and are filled in by the door at the last moment.

    `protocol` names the module that performs it (`openai`, `anthropic`, `rehearsal`, `http`, `python`); `target` the provider
    or tool. `body` is the text that is sent (JSON), None where there is none. `timeout` is the total deadline of the call in
    seconds, connecting and reading included.
    """

    protocol: str
    target: str
    method: str = "POST"
    url: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: str | None = None
    timeout: float = 60.0
    key: str = ""


@dataclass(frozen=True, slots=True)
class Came:
    """The event that a wait took. `waited`: seconds from when the wait began until it came; less than 0 where it came before, and
    was kept. `received` is a time as text."""

    id: str
    name: str
    by: str
    received: str
    waited: float


Kind = Literal["done", "invalid", "timed_out", "failed", "unknown", "needs_person"]


@dataclass(frozen=True, slots=True)
class Result:
    """What a visit came back with. `done` has an `output`, all others a `failure`; a round of tools whose answer was broken
    has both, for it is asked again with what it said, and so has a wait whose event broke its contract. `degraded`: a
    fallback gave it. `marks` are as those of an answer. `came`: the event that was waited for."""

    kind: Kind
    output: Any = None
    failure: Failure | None = None
    degraded: bool = False
    marks: tuple[str, ...] = ()
    came: Came | None = None

    @classmethod
    def done(cls, output: Any, degraded: bool = False) -> "Result":
        return cls("done", output, None, degraded)

    @classmethod
    def failed(cls, failure: Failure) -> "Result":
        return cls(_KINDS.get(failure.code, "failed"), None, failure)

    @classmethod
    def error(cls, code: ErrorCode, message: str) -> "Result":
        """Of what sends nothing."""
        return cls.failed(Failure(code, message, sent=False))


_KINDS: dict[ErrorCode, Kind] = {
    ErrorCode.INVALID_OUTPUT: "invalid",
    ErrorCode.TIMEOUT: "timed_out",
    ErrorCode.UNKNOWN: "unknown",
}
