"""Lists by key, not by number: a page begins after the last one's end, so that nothing is shown twice or skipped while rows
come in, and the thousandth page costs as much as the first."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar

from orchestration.core.errors import Problem, Refused
from orchestration.core.frozen import dataclass

T = TypeVar("T")
S = TypeVar("S")

USUAL = 50
MOST = 200
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """`next` is what to send as `after` for the following page, None at the end."""

    items: tuple[T, ...]
    next: str | None = None


def page(rows: Sequence[S], limit: int, shown: Callable[[Sequence[S]], Sequence[T]], mark: Callable[[S], str]) -> Page[T]:
    """A page of `rows`, of which one more than `limit` was read to see whether there are more."""
    here = rows[:limit]
    return Page(tuple(shown(here)), mark(here[-1]) if len(rows) > limit else None)


def bounded(limit: int | None) -> int:
    """How many a page may hold. Raises `Refused` for what none can."""
    if limit is not None and not 1 <= limit <= MOST:
        raise Refused(Problem("bad_value", f"A page holds 1 to {MOST}; the rest follows with `next`.", "limit"))
    return limit or USUAL


def cursor(*parts: datetime | str | int) -> str:
    return "~".join(str(_micros(part)) if isinstance(part, datetime) else str(part) for part in parts)


def parts_of(after: str, count: int) -> list[str]:
    """The parts of a cursor. Raises `Refused` for what is none."""
    parts = after.split("~")
    if len(parts) != count or not all(parts):
        raise bad_cursor()
    return parts


def moment(part: str) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=int(part))
    except (ValueError, OverflowError):
        raise bad_cursor() from None


def number(part: str) -> int:
    try:
        return int(part[:20])
    except ValueError:
        raise bad_cursor() from None


def bad_cursor() -> Refused:
    return Refused(Problem("bad_cursor", "This is no place in the list. Send what `next` said, or leave it out.", "after"))


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
