"""Moments that a wait names: a time (RFC 3339), or a duration from when it begins."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from orchestration.core.fields import in_seconds
from orchestration.core.wording import abbreviate

MOST_AHEAD = timedelta(days=366)
"""A wait lasts no longer, whatever it is given."""
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)\Z", re.ASCII)
_FORMS = "a time with its zone, as 2026-01-31T08:00:00Z, or a duration, as 2d"


def moment(value: Any, since: datetime) -> datetime:
    """Which moment is meant, in UTC. One that has passed is one too. Raises `ValueError`, with a sentence."""
    found = read(value)
    at = found if isinstance(found, datetime) else since + found
    if at > since + MOST_AHEAD:
        raise _too_far(value)
    return at


def read(value: Any) -> datetime | timedelta:
    """A time, or how long from the beginning, be it nothing or less; numbers are seconds. Raises `ValueError`
    with a sentence."""
    if isinstance(value, str):
        return _time(value) if _TIME.match(value) else _duration(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{abbreviate(value)} is no moment. Give {_FORMS}")
    return _ahead(value, float(value))


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(f"{abbreviate(text)} is no time: {error}") from None


def _duration(text: str) -> timedelta:
    try:
        seconds = in_seconds(text)
    except ValueError:
        raise ValueError(f"{abbreviate(text)} is no moment. Give {_FORMS}, of {MOST_AHEAD.days} days at most") from None
    return _ahead(text, seconds)


def _ahead(value: Any, seconds: float) -> timedelta:
    most = MOST_AHEAD.total_seconds()
    if seconds > most:
        raise _too_far(value)
    return timedelta(seconds=max(seconds, -most))


def _too_far(value: Any) -> ValueError:
    return ValueError(f"{abbreviate(value)} lies more than {MOST_AHEAD.days} days ahead, and a wait lasts no longer")


def written(at: datetime) -> str:
    """A moment as text: `2026-01-31T08:00:00Z`, with a fraction where it has one."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
