"""P2: the conditional write. The only statements that move a run, on every database and for every writer.

`apply(commits)` writes any number of commits of different runs in one transaction: one update moves each run whose fence
and revision are still what its writer saw, and says which; the rows of those alone are inserted. A commit that was not
applied wrote nothing: somebody was first.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from typing import Any

from django.db import connection, transaction

from orchestration.record.failpoints import failpoint
from orchestration.record.rows import (
    ActRow,
    AnswerRow,
    ClosingRow,
    Commit,
    EscalationRow,
    IntentRow,
    RecordRow,
    RunRow,
    columns,
)

_CASTS = {
    "seq": "integer", "fence": "integer", "suspicion": "smallint", "deaths": "smallint", "cost": "bigint",
    "step_deadline": "timestamptz", "due": "timestamptz", "started": "timestamptz", "ended": "timestamptz",
}  # fmt: skip
"""Columns that PostgreSQL can't type from a list of values in which all are NULL or text."""

_INSERTS: tuple[tuple[str, type[Any], str], ...] = (
    ("orchestration_steprecord", RecordRow, "records"),
    ("orchestration_call", IntentRow, "intents"),
    ("orchestration_escalation", EscalationRow, "escalations"),
    ("orchestration_act", ActRow, "acts"),
)
_ANSWERS: tuple[tuple[str, type[Any], str, str], ...] = (("orchestration_call", AnswerRow, "answers", "run_id path visit n"),)
_CLOSINGS: tuple[tuple[str, type[Any], str, str], ...] = (("orchestration_escalation", ClosingRow, "closings", "id"),)
"""Before the inserts: a run has one open escalation at most, and one may take the place of another."""


def apply(commits: Sequence[Commit]) -> list[bool]:
    """Writes these commits, of different runs, at once; for each, whether it was applied. Raises what the database raises."""
    with transaction.atomic(), connection.cursor() as cursor:
        moved = _move(cursor, commits)
        won = [commit for commit in commits if commit.run_id in moved]
        _insert_blobs(cursor, won)
        for table, row, name, key in _CLOSINGS:
            _many(cursor, _update(table, columns(row), key), row, (item for commit in won for item in getattr(commit, name)))
        for table, row, name in _INSERTS:
            _many(cursor, _insert(table, columns(row)), row, (item for commit in won for item in getattr(commit, name)))
        for table, row, name, key in _ANSWERS:
            _many(cursor, _update(table, columns(row), key), row, (item for commit in won for item in getattr(commit, name)))
        failpoint("before_commit")
    failpoint("after_commit")
    return [commit.run_id in moved for commit in commits]


def applied(commits: Sequence[Commit]) -> list[bool]:
    """After the answer to a COMMIT was lost: which of these are in the database."""
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(commits))
        cursor.execute(f"SELECT id, commit_id FROM orchestration_run WHERE id IN ({marks})", [c.run_id for c in commits])
        found = dict(cursor.fetchall())
    return [found.get(commit.run_id) == commit.id for commit in commits]


def _move(cursor: Any, commits: Sequence[Commit]) -> set[str]:
    read = attrgetter(*columns(RunRow))
    parameters: list[Any] = []
    for commit in commits:
        parameters += (commit.run_id, commit.fence, commit.revision, commit.id, *map(adapt, read(commit.row)))
    cursor.execute(_move_sql(connection.vendor, len(commits)), parameters)
    return {row[0] for row in cursor.fetchall()}


@cache
def _move_sql(vendor: str, count: int) -> str:
    names = columns(RunRow)
    given = ("id", "seen_fence", "seen_revision", "commit_id", *names)
    mark = "(" + ", ".join(["%s"] * len(given)) + ")"
    listed = ", ".join([mark] * count)

    def value(name: str) -> str:
        return f"CAST(v.{name} AS {_CASTS[name]})" if vendor == "postgresql" and name in _CASTS else f"v.{name}"

    sets = ", ".join(f"{name} = {value(name)}" for name in names)
    return (
        f"WITH v({', '.join(given)}) AS (VALUES {listed}) "
        f"UPDATE orchestration_run SET {sets}, commit_id = v.commit_id, revision = orchestration_run.revision + 1 FROM v "
        "WHERE orchestration_run.id = v.id AND orchestration_run.fence = v.seen_fence "
        "AND orchestration_run.revision = v.seen_revision RETURNING orchestration_run.id"
    )


def _many(cursor: Any, sql: str, row: type[Any], items: Iterable[Any]) -> None:
    read = attrgetter(*columns(row))
    parameters = [tuple(map(adapt, read(item))) for item in items]
    if parameters:
        cursor.executemany(sql, parameters)


@cache
def _insert(table: str, names: tuple[str, ...]) -> str:
    listed = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table} ({listed}) VALUES ({', '.join(['%s'] * len(names))})"


@cache
def _update(table: str, names: tuple[str, ...], key: str) -> str:
    keys = key.split()
    sets = ", ".join(f'"{name}" = %s' for name in names if name not in keys)
    once = "finished" if table.endswith("call") else "resolved"
    return f"UPDATE {table} SET {sets} WHERE {' AND '.join(f'{name} = %s' for name in keys)} AND {once} IS NULL"


def _insert_blobs(cursor: Any, commits: Sequence[Commit]) -> None:
    blobs = {digest: body for commit in commits for digest, body in commit.blobs.items()}
    if blobs:
        sql = "INSERT INTO orchestration_blob (hash, body) VALUES (%s, %s) ON CONFLICT (hash) DO NOTHING"
        cursor.executemany(sql, sorted(blobs.items()))


def adapt(value: Any) -> Any:
    """A value as this database takes it. SQLite keeps times as text, in UTC and without a zone, as Django reads them."""
    return _as_text(value) if connection.vendor == "sqlite" else value


def _as_text(value: Any) -> Any:
    return str(value.astimezone(UTC).replace(tzinfo=None)) if isinstance(value, datetime) else value
