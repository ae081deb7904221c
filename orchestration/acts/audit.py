"""The trail of acts, and what a repeated request gets: the answer that the first one got.

Each subject's acts are numbered and chained by hash. An act is written in the transaction of what it did, or handed to
`record.apply` with the run's move.
"""

import hashlib
from datetime import datetime
from typing import Any

from django.db import connection

from orchestration.core import values
from orchestration.core.errors import Problem, Refused
from orchestration.models import Act
from orchestration.record.clock import database_now
from orchestration.record.pack import keep, pack, unpack_all
from orchestration.record.rows import ActRow, columns

_MOST_KEY = 200


def row(
    *,
    subject: str,
    verb: str,
    by: str,
    detail: Any = None,
    key: str | None = None,
    body: str = "",
    answer: Any = None,
    blobs: dict[str, str] | None = None,
    born: datetime | None = None,
) -> ActRow:
    """The next act of `subject` (as `run:<id>`), to be written in the caller's transaction. `key` is the client's
    idempotency key, `body` the digest of the request, `answer` what a repetition gets. Without `blobs` all stands in the row.
    `born`: the subject is made with it, at that time, so this is its first act.
    """
    last: tuple[int, str] = (0, "")
    if born is None:
        last = Act.objects.filter(subject=subject).order_by("-number").values_list("number", "hash").first() or last
    number, at = last[0] + 1, born or database_now()
    detail = {} if detail is None else detail
    link = chain(last[1], subject, number, verb, at.isoformat(), by, values.digest(detail), body)
    return ActRow(
        subject=subject,
        number=number,
        verb=verb,
        at=at,
        by=by,
        key=_scoped(by, verb, key) if key else None,
        body_hash=body,
        detail=values.dump(detail) if blobs is None else pack(detail, blobs),
        answer=values.dump(answer) if blobs is None else pack(answer, blobs),
        hash=link,
    )


def write(**parts: Any) -> ActRow:
    """`row`, written. Call it inside the transaction of what was done."""
    lock(parts["subject"])
    blobs: dict[str, str] = {}
    made = row(**parts, blobs=blobs)
    keep(blobs)
    act(made).save(force_insert=True)
    return made


def act(row: ActRow) -> Act:
    """As it stands in its table, where it is not yet."""
    return Act(**{name: getattr(row, name) for name in columns(ActRow)})


def lock(subject: str) -> None:
    """Lets one transaction at a time write acts of `subject`. SQLite has one writer anyway."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [subject])


def chain(previous: str, *parts: object) -> str:
    return hashlib.sha256("\n".join([previous, *map(str, parts)]).encode()).hexdigest()


def replay(by: str, verb: str, key: str | None, body: str) -> Any:
    """What the first request under this key was answered, None where there was none. Raises `Refused` where that one asked
    for something else."""
    if not key:
        return None
    with connection.cursor() as cursor:
        cursor.execute("SELECT body_hash, answer FROM orchestration_act WHERE key = %s", [_scoped(by, verb, key)])
        found = cursor.fetchone()
    if found is None:
        return None
    if found[0] != body:
        message = "This Idempotency-Key came before, with another request. Use a new key for a new request."
        raise Refused(Problem("idempotency_key_reused", message, "Idempotency-Key"))
    return unpack_all([found[1]])[0]


def _scoped(by: str, verb: str, key: str) -> str:
    """A key belongs to who sent it, and to what it was for."""
    whole = f"{by}:{verb}:{key}"
    return (
        whole
        if len(whole) <= _MOST_KEY and whole.isprintable()
        else f"{verb}:{hashlib.sha256(whole.encode('utf-8', 'surrogatepass')).hexdigest()}"
    )
