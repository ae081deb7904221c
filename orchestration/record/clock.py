"""P3: the database's clock, for timers and heartbeats of all workers; and no clock in what keeps runs safe."""

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol

from django.db import connection


class Clock(Protocol):
    def now(self) -> datetime: ...


def database_now() -> datetime:
    """What time the database says it is."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT clock_timestamp()")
            return cursor.fetchone()[0].astimezone(UTC)
        cursor.execute("SELECT strftime('%Y-%m-%d %H:%M:%f', 'now')")
        return datetime.fromisoformat(cursor.fetchone()[0]).replace(tzinfo=UTC)


_COARSE = timedelta(milliseconds=1)
"""SQLite tells milliseconds, cut off."""


class DatabaseClock:
    """The database's clock, asked at each `sync` and carried on by the monotonic one in between. A little fast rather than
    slow: what the database calls due is due here too, so that a hint at that very moment finds its run."""

    def __init__(self) -> None:
        self._base = datetime.now(UTC)
        self._at = time.monotonic()

    def sync(self) -> datetime:
        self._at = time.monotonic()
        self._base = database_now() + _COARSE
        return self._base

    def now(self) -> datetime:
        return self._base + timedelta(seconds=time.monotonic() - self._at)


class SetClock:
    """A clock that a test sets."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def sync(self) -> datetime:
        return self.at

    def now(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
