"""How commits are written on PostgreSQL: as one statement, which is a transaction of its own, in one round trip.

The commits travel as one JSON text, which the server takes apart. The rows that go with a run are read from what the update of
the runs returns: those of a run that was not moved are in nobody's sight.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import orjson
import psycopg
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, connections

from orchestration.record.failpoints import failpoint
from orchestration.record.rows import PARTS, Commit, Part, RunRow, columns

_BY_KEY = "enable_seqscan=off enable_hashjoin=off enable_mergejoin=off jit=off plan_cache_mode=force_generic_plan"
"""All that a recorder does goes by keys. A plan is kept while its tables grow from nothing: it must not be the one that reads
small tables whole."""


def dedicate() -> None:
    """Gives this thread a connection of its own, outside the pool, whose statements are planned once."""
    own = connection.copy()
    options = own.settings_dict["OPTIONS"]
    options.pop("pool", None)
    options["options"] = " ".join([options.get("options", ""), *(f"-c {setting}" for setting in _BY_KEY.split())]).strip()
    options["prepare_threshold"] = 0
    connections[DEFAULT_DB_ALIAS] = own


def rows_of(sql: str, given: Sequence[Any]) -> list[tuple[Any, ...]]:
    """What a statement gives. On a connection of `dedicate` it is planned when it first comes."""
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(sql.encode(), given).fetchall()


def write(commits: Sequence[Commit]) -> set[str]:
    """Writes what may be written, in a transaction of its own where the caller has none; the runs that were moved."""
    failpoint("before_commit")
    filled = tuple(part for part in PARTS if any(getattr(commit, part.name) for commit in commits))
    sql = _statement(filled, any(commit.blobs for commit in commits))
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
        cursor.execute(sql, (orjson.dumps(commits).decode(),))
        return {row[0] for row in cursor}


@cache
def _statement(parts: tuple[Part, ...], blobs: bool) -> bytes:
    """The statement for commits that have something of these parts, and of no other."""
    names = columns(RunRow)
    carried = [f'"{part.name}"' for part in parts] + ["blobs"] * blobs
    given = ["run_id text", "fence integer", "revision integer", "id text", '"row" json', *(f"{name} json" for name in carried)]
    moved = (
        f"UPDATE orchestration_run AS run SET {_sets(names)}, commit_id = given.id, revision = run.revision + 1 "
        f"FROM json_to_recordset($1::json) AS given({', '.join(given)}), "
        f'json_to_record(given."row") AS v({_typed("orchestration_run", names)}) '
        "WHERE run.id = given.run_id AND run.fence = given.fence AND run.revision = given.revision "
        f"RETURNING {', '.join(['run.id', *(f'given.{name}' for name in carried)])}"
    )
    following = [f"_{part.name} AS ({_following(part, parts)})" for part in parts] + [_BLOBS] * blobs
    return f"WITH {', '.join([f'moved AS ({moved})', *following])} SELECT id FROM moved".encode()


_BLOBS = (
    "_blobs AS (INSERT INTO orchestration_blob (hash, body) SELECT key, value FROM moved, json_each_text(moved.blobs) "
    "ORDER BY key ON CONFLICT (hash) DO NOTHING)"
)


def _following(part: Part, parts: tuple[Part, ...]) -> str:
    names = columns(part.row)
    rows = f'moved, json_to_recordset(moved."{part.name}") AS v({_typed(part.table, names)})'
    if part.key:
        named = " AND ".join(f'old."{name}" = v."{name}"' for name in part.key)
        # The second half of `once` never holds. Without it the server would start from the rows that are open, and expects few.
        once = f' AND (old."{part.once}" IS NULL OR v."{part.once}" IS NULL)' if part.once else ""
        return f"UPDATE {part.table} AS old SET {_sets(part.values)} FROM {rows} WHERE {named}{once} RETURNING 1"
    if part.name == "escalations" and any(other.name == "closings" for other in parts):
        rows += ", (SELECT count(*) FROM _closings) AS done"  # closed before the next one is opened
    quoted = [f'"{name}"' for name in names]
    return f"INSERT INTO {part.table} ({', '.join(quoted)}) SELECT {', '.join(f'v.{name}' for name in quoted)} FROM {rows}"


def _sets(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}" = v."{name}"' for name in names)


@cache
def _typed(table: str, names: tuple[str, ...]) -> str:
    """These columns, with the types that they have in the table."""
    model: Any = next(model for model in apps.get_models() if model._meta.db_table == table)
    return ", ".join(f'"{name}" {model._meta.get_field(name).db_type(connection)}' for name in names)
