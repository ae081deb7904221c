"""How commits are written on PostgreSQL: as one statement, which is a transaction of its own, in one round trip.

    alone      each value is a parameter, where there is no more than one row of each part
    in crowds  the moves are one JSON text, and so are the rows of each part; the server takes them apart

A row is written where the update of the runs returns its run: those of a run that was not moved are nobody's.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import count
from operator import attrgetter
from typing import Any

import orjson
import psycopg
from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, connections

from orchestration.record.failpoints import failpoint
from orchestration.record.rows import MOVE, PARTS, Commit, Part, RunRow, columns, read_move

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
    sql, parameters = _said(commits)
    connection.ensure_connection()
    with connection.wrap_database_errors, psycopg.RawCursor(connection.connection) as cursor:
        cursor.execute(sql, parameters)
        return {row[0] for row in cursor}


def _said(commits: Sequence[Commit]) -> tuple[bytes, list[str | None]]:
    """The statement and its parameters. All of them are texts, so that one statement stays one to whoever prepares it."""
    rows = {part: found for part in PARTS if (found := [row for commit in commits for row in getattr(commit, part.name)])}
    blobs = [{"run_id": commit.run_id, "hash": name, "body": body} for commit in commits for name, body in commit.blobs.items()]
    if len(commits) == 1 and not blobs and all(len(found) == 1 for found in rows.values()):
        values = [*read_move(commits[0])]
        for part, (row,) in rows.items():
            values += _reader(part)(row)
        return _statement(tuple(rows), alone=True), [str(value) if value is not None else None for value in values]
    moves = [dict(zip(MOVE, read_move(commit), strict=True)) for commit in commits]
    texts = [orjson.dumps(given).decode() for given in (moves, *rows.values(), blobs) if given]
    return _statement(tuple(rows), blobs=bool(blobs)), [*texts]


@cache
def _reader(part: Part) -> Callable[[Any], tuple[Any, ...]]:
    return attrgetter(*columns(part.row))


class _Alone:
    """How a statement takes its rows: as `v`, the values of which are its next parameters."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def rows(self, types: Mapping[str, str]) -> str:
        return f"(SELECT {', '.join(f'${next(self._numbers)}::{kind} AS {name}' for name, kind in types.items())}) AS v"

    def named(self, key: str, value: str) -> str:
        """That a row has this key."""
        return f"{key} = {value}"


class _InCrowds(_Alone):
    """The same, where the next parameter is a JSON text of all of them."""

    def rows(self, types: Mapping[str, str]) -> str:
        return f"json_to_recordset(${next(self._numbers)}::json) AS v({', '.join(map(' '.join, types.items()))})"

    def named(self, key: str, value: str) -> str:
        """Not `=`: with that the server may read a whole index beside the rows, which is right while the table is small, and keep
        to it while the table grows."""
        return f"{key} = ANY (ARRAY[{value}])"


@cache
def _statement(parts: tuple[Part, ...], alone: bool = False, blobs: bool = False) -> bytes:
    """The statement for commits that have something of these parts, and of no other."""
    form = _Alone() if alone else _InCrowds()
    moved = (
        f"UPDATE orchestration_run AS run SET {_sets(columns(RunRow))}, commit_id = v.commit_id, revision = run.revision + 1 "
        f"FROM {form.rows(_SEEN | _types('orchestration_run', columns(RunRow)))} "
        f"WHERE {form.named('run.id', 'v.run_id')} AND run.fence = v.seen_fence AND run.revision = v.seen_revision "
        "RETURNING run.id AS run_id, run.id AS parent_id, 'run:' || run.id AS subject"
    )
    following = [f"_{part.name} AS ({_following(part, parts, form)})" for part in parts]
    if blobs:
        following.append(f"_blobs AS ({_BLOBS.format(form.rows(_BLOB), _ours('run_id'))})")
    return f"WITH {', '.join([f'moved AS ({moved})', *following])} SELECT run_id FROM moved".encode()


_SEEN = {"run_id": "varchar", "seen_fence": "integer", "seen_revision": "integer", "commit_id": "varchar"}
_BLOB = {"run_id": "varchar", "hash": "varchar", "body": "text"}
_BLOBS = (
    "INSERT INTO orchestration_blob (hash, body) SELECT v.hash, v.body FROM {} WHERE {} ORDER BY v.hash "
    "ON CONFLICT (hash) DO NOTHING"
)


def _following(part: Part, parts: tuple[Part, ...], form: _Alone) -> str:
    names = columns(part.row)
    rows = form.rows(_types(part.table, names))
    if part.key:
        first, *others = (f'."{name}"' for name in part.key)
        named = " AND ".join([form.named(f"old{first}", f"v{first}"), *(f"old{name} = v{name}" for name in others)])
        # The second half of `once` never holds. Without it the server would start from the rows that are open, and expects few.
        once = f' AND (old."{part.once}" IS NULL OR v."{part.once}" IS NULL)' if part.once else ""
        return (
            f"UPDATE {part.table} AS old SET {_sets(part.values)} FROM {rows} "
            f"WHERE {_ours(part.run)} AND {named}{once} RETURNING 1"
        )
    if part.name == "escalations" and any(other.name == "closings" for other in parts):
        rows += ", (SELECT count(*) FROM _closings) AS done"  # closed before the next one is opened
    quoted = [f'"{name}"' for name in names]
    read = ", ".join(f"v.{name}" for name in quoted)
    return f"INSERT INTO {part.table} ({', '.join(quoted)}) SELECT {read} FROM {rows} WHERE {_ours(part.run)}"


def _ours(column: str) -> str:
    """That the run was moved. Not a join: the server would compare each row with each run."""
    return f"v.{column} = ANY (ARRAY(SELECT {column} FROM moved))"


def _sets(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}" = v."{name}"' for name in names)


@cache
def _types(table: str, names: tuple[str, ...]) -> dict[str, str]:
    """These columns, quoted, with the types that they have in the table. Not how long they may be: that is for the table to
    refuse, where a cast would cut off."""
    model: Any = next(model for model in apps.get_models() if model._meta.db_table == table)
    return {f'"{name}"': model._meta.get_field(name).db_type(connection).partition("(")[0] for name in names}
