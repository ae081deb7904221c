"""How commits are written on SQLite: one statement moves the runs, the rows of those that were moved follow."""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any

from django.db import connection, transaction

from orchestration.record.failpoints import failpoint
from orchestration.record.rows import MOVE, PARTS, Commit, Part, RunRow, columns, read_move

_BLOB = "INSERT INTO orchestration_blob (hash, body) VALUES (?, ?) ON CONFLICT (hash) DO NOTHING"


def write(commits: Sequence[Commit]) -> set[str]:
    """Writes what may be written, in one transaction; the runs that were moved."""
    with transaction.atomic(), connection.wrap_database_errors:
        cursor = connection.connection.cursor()
        moved = _move(cursor, commits)
        won = [commit for commit in commits if commit.run_id in moved]
        cursor.executemany(_BLOB, {item for commit in won for item in commit.blobs.items()})
        for part in PARTS:
            if rows := [row for commit in won for row in getattr(commit, part.name)]:
                sql, read = _statement(part)
                cursor.executemany(sql, _as_texts(map(read, rows)))
        failpoint("before_commit")
    return moved


def as_text(value: datetime) -> str:
    """A time as Django writes and reads it: in UTC and without a zone."""
    return str(value.astimezone(UTC).replace(tzinfo=None))


def _as_texts(rows: Iterable[tuple[Any, ...]]) -> Iterable[list[Any]]:
    for row in rows:
        yield [as_text(value) if value.__class__ is datetime else value for value in row]


def _move(cursor: Any, commits: Sequence[Commit]) -> set[str]:
    parameters = [value for row in _as_texts(map(read_move, commits)) for value in row]
    return {row[0] for row in cursor.execute(_move_sql(len(commits)), parameters)}


@cache
def _move_sql(count: int) -> str:
    one = f"({', '.join('?' * len(MOVE))})"
    return (
        f"WITH v({', '.join(MOVE)}) AS (VALUES {', '.join([one] * count)}) "
        f"UPDATE orchestration_run SET {', '.join(f'{name} = v.{name}' for name in columns(RunRow))}, "
        "commit_id = v.commit_id, revision = orchestration_run.revision + 1 FROM v "
        "WHERE orchestration_run.id = v.run_id AND orchestration_run.fence = v.seen_fence "
        "AND orchestration_run.revision = v.seen_revision RETURNING orchestration_run.id"
    )


@cache
def _statement(part: Part) -> tuple[str, Callable[[Any], tuple[Any, ...]]]:
    """The statement for a row of this part, and what reads its parameters from it."""
    if not part.key:
        names = columns(part.row)
        listed = ", ".join(f'"{name}"' for name in names)
        return f"INSERT INTO {part.table} ({listed}) VALUES ({', '.join('?' * len(names))})", attrgetter(*names)
    sets = ", ".join(f'"{name}" = ?' for name in part.values)
    named = " AND ".join(f'"{name}" = ?' for name in part.key)
    once = f' AND "{part.once}" IS NULL' if part.once else ""
    return (
        f"UPDATE {part.table} SET {sets} WHERE {named}{once}",
        attrgetter(*part.values, *part.key),
    )
