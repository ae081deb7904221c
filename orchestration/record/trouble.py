"""When the database can't be used for a while: it is gone, locked by somebody else, read-only or full. Nothing was written then,
and the same may work in a moment. All else that a database refuses is a fault of ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import InterfaceError, OperationalError, connection

TROUBLE = (OperationalError, InterfaceError)
_MORE = ("25006", "25P03")
"""What PostgreSQL files elsewhere: it is read-only; it has ended a session that slept in a transaction."""


def passing(error: BaseException | None) -> bool:
    """Whether it is such trouble."""
    return isinstance(error, TROUBLE) or getattr(getattr(error, "__cause__", None), "sqlstate", None) in _MORE


@contextmanager
def at_once() -> Iterator[None]:
    """For a write that may as well be left out: on SQLite it waits for no other writer, and trouble of any kind is nothing."""
    waits = connection.vendor == "sqlite"
    try:
        if waits:
            _wait(0)
        try:
            yield
        finally:
            if waits:
                _wait(int(connection.settings_dict["OPTIONS"].get("timeout", 5) * 1000))
    except TROUBLE:
        pass


def _wait(milliseconds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA busy_timeout = {milliseconds}")
