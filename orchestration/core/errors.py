"""What can go wrong, drawn in one tree, and the one shape in which every door reports bad input.

    InterlockError
    ├── Refused          the caller's input is wrong; the same input will be refused again
    │   └── Unreadable   it could not even be read (not JSON, not YAML, too large, too deep)
    ├── NotFound         there is no such thing, or the caller may not know of it
    ├── Forbidden        the caller may not do this
    ├── Conflict         somebody was first; read again, then decide again
    └── EvaluationError  an expression or template failed on these values (ErrorCode.EXPRESSION)

Expected failures of a step are not exceptions: they are values (`result.Failure`) with an `ErrorCode`.
"""

from dataclasses import asdict
from enum import StrEnum
from typing import Any, Literal

from orchestration.core.frozen import dataclass

Severity = Literal["error", "warning", "info"]


class ErrorCode(StrEnum):
    """The closed list of what a step can fail with. Definitions name these in `retry` and `catch`."""

    TIMEOUT = "timeout"
    UNAVAILABLE = "unavailable"
    RATE_LIMITED = "rate_limited"
    AUTH = "auth"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    INVALID_OUTPUT = "invalid_output"
    TOO_LARGE = "too_large"
    EXPRESSION = "expression"
    LIMIT = "limit"
    TOOL_ERROR = "tool_error"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: what (`code`, stable), where (`step`, `path`), and a sentence that says what to do.

    `path` is a dotted place in the document that was sent, as `steps[2].next` or `input.ticket`; "" is its root.
    `line` counts from 1 where the document was text.
    """

    code: str
    message: str
    path: str = ""
    step: str | None = None
    severity: Severity = "error"
    line: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class InterlockError(Exception):
    """Root of all exceptions that this project raises on purpose. `code` is stable, for clients to go by."""

    code = "refused"


class Refused(InterlockError):
    """The input is wrong. `problems` says where and what to do; at least one has severity error, and gives the `code`."""

    def __init__(self, *problems: Problem) -> None:
        self.problems = problems
        self.code = next((p.code for p in problems if p.severity == "error"), type(self).code)
        super().__init__("; ".join(f"{p.path or 'input'}: {p.message}" for p in problems))


class Unreadable(Refused):
    """The input could not be read at all: not the format it should be, too large, too deep, or with values JSON can't hold."""


class NotFound(InterlockError):
    """There is nothing of that name here."""

    code = "not_found"


class Forbidden(InterlockError):
    """Who asks may not do this. The message says which role may."""

    code = "forbidden"


class Conflict(InterlockError):
    """Somebody was first. `details` says who, what and when, as far as the asker may know; `code` which kind it is."""

    code = "conflict"

    def __init__(self, message: str, code: str | None = None, **details: Any) -> None:
        self.code = code or type(self).code
        self.details = details
        super().__init__(message)


class EvaluationError(InterlockError):
    """An expression, template or prompt failed on the values that it was given."""
