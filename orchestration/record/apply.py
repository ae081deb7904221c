"""P2: the conditional write. The only statements that move a run, on every database and for every writer.

`apply(commits)` writes any number of commits of different runs in one transaction: one update moves each run whose fence
and revision are still what its writer saw, and says which; the rows of those alone are inserted. A commit that was not
applied wrote nothing: somebody was first. How that is said to the database is `on_postgresql` and `on_sqlite`.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from orchestration.record import on_postgresql, on_sqlite
from orchestration.record.failpoints import failpoint
from orchestration.record.rows import Commit

_WRITERS: dict[str, Callable[[Sequence[Commit]], set[str]]] = {
    "postgresql": on_postgresql.write,
    "sqlite": on_sqlite.write,
}


def apply(commits: Sequence[Commit]) -> list[bool]:
    """Writes these commits, of different runs, at once; for each, whether it was applied. Raises what the database raises."""
    moved = _WRITERS[connection.vendor](commits)
    failpoint("after_commit")
    return [commit.run_id in moved for commit in commits]


def dedicate() -> None:
    """Gives this thread, which commits all the time, a connection of its own where that helps."""
    if connection.vendor == "postgresql":
        on_postgresql.dedicate()


def rows_of(sql: str, given: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What a statement gives that a worker comes with all the time."""
    if connection.vendor == "postgresql":
        return on_postgresql.rows_of(sql, given)
    with connection.cursor() as cursor:
        cursor.execute(sql, given)
        return cursor.fetchall()


def applied(commits: Sequence[Commit]) -> list[bool]:
    """After the answer to a COMMIT was lost: which of these are in the database."""
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(commits))
        cursor.execute(f"SELECT id, commit_id FROM orchestration_run WHERE id IN ({marks})", [c.run_id for c in commits])
        found = dict(cursor.fetchall())
    return [found.get(commit.run_id) == commit.id for commit in commits]


def adapt(value: Any) -> Any:
    """A value as this database takes it. SQLite keeps times as text, in UTC and without a zone, as Django reads them."""
    return on_sqlite.as_text(value) if connection.vendor == "sqlite" and isinstance(value, datetime) else value
