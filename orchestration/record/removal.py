"""Taking away what is over: runs with all that hangs on them, and blobs that nothing stands on any more.

A run that is over is written to by nobody, so its rows may go while workers go on. A blob may be wanted again at any moment by
whoever writes the same value; `drop_orphans` is made so that a row never stands on one that is gone.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.apps import apps
from django.db import DEFAULT_DB_ALIAS, connection, transaction

from orchestration.models import Act, Blob, Call, Escalation, Event, Run, StepRecord
from orchestration.models.fields import PackedField

BLOBS = 2_000
"""Of one transaction. Whoever writes the same value at that moment waits for it."""
WRITERS = 10.0
"""Seconds that transactions may take which were under way when blobs were taken away."""


class Busy(Exception):
    """Blobs could not be removed at this moment. The same again may do."""


def drop_runs(ids: Sequence[str]) -> None:
    """Removes these runs, which must be over, and all of their rows but their acts. In the caller's transaction."""
    for model in (StepRecord, Call, Escalation, Event):
        model.objects.filter(run_id__in=ids)._raw_delete(DEFAULT_DB_ALIAS)
    Run.objects.filter(id__in=ids, status__in=Run.ENDED)._raw_delete(DEFAULT_DB_ALIAS)


def drop_events(before: datetime) -> int:
    """Removes up to `BLOBS` events that nobody has taken, and that came before; how many."""
    old = Event.objects.filter(run=None, received__lt=before).order_by("received").values_list("id", flat=True)
    return Event.objects.filter(id__in=list(old[:BLOBS]), run=None).delete()[0]


def drop_acts(subjects: Sequence[str]) -> None:
    Act.objects.filter(subject__in=subjects)._raw_delete(DEFAULT_DB_ALIAS)


def drop_orphans() -> int:
    """Removes up to `BLOBS` blobs that no row stands on; how many. Costs a look at every row that may stand on one, twice.

    They are looked for, taken away, looked for once more, and what is found to be wanted is put back, all of it invisible to
    others. Whoever writes one of these values meanwhile waits, and then writes it anew. Who wrote before that and has not
    committed yet, can't be seen by the second look: so it waits until those are through. On SQLite there is one writer. Raises
    `Busy`.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT hash FROM orchestration_blob EXCEPT SELECT reference FROM ({_references()}) AS found LIMIT {BLOBS}"
        )
        orphans = [row[0] for row in cursor.fetchall()]
    if not orphans:
        return 0
    with transaction.atomic():
        taken = dict(Blob.objects.filter(hash__in=orphans).select_for_update().values_list("hash", "body"))
        Blob.objects.filter(hash__in=taken)._raw_delete(DEFAULT_DB_ALIAS)
        if connection.vendor == "postgresql":
            _wait_for_writers()
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT reference FROM ({_references()}) AS found WHERE reference IN ({_marks(taken)})", list(taken))
            wanted = {row[0] for row in cursor.fetchall()}
        Blob.objects.bulk_create([Blob(hash=digest, body=taken[digest]) for digest in wanted])
    return len(taken) - len(wanted)


@cache
def _references() -> str:
    """A query for the hashes of all blobs that rows stand on, from every column in which a value may be one."""
    columns = [
        (model._meta.db_table, field.column)
        for model in apps.get_app_config("orchestration").get_models()
        for field in model._meta.get_fields()
        if isinstance(field, PackedField)
    ]
    return " UNION ALL ".join(
        f'SELECT substr("{column}", 2) AS reference FROM {table} WHERE substr("{column}", 1, 1) = \'@\''
        for table, column in columns
    )


def _marks(values: Any) -> str:
    return ", ".join(["%s"] * len(values))


def _wait_for_writers() -> None:
    """Returns once every transaction is over that has written to the blobs so far. Raises `Busy`, also where one of them waits
    for us, which it would for ever."""
    until = time.monotonic() + WRITERS
    with connection.cursor() as cursor:
        cursor.execute(_OTHERS)
        before = dict(cursor.fetchall())
        while before:
            if any(before.values()) or time.monotonic() > until:
                raise Busy("A transaction that writes large values was in the way of removing others. Nothing was removed.")
            time.sleep(0.02)
            cursor.execute(_OTHERS)
            before = {writer: waits for writer, waits in cursor.fetchall() if writer in before}


_OTHERS = (
    "SELECT virtualtransaction, pg_backend_pid() = ANY(pg_blocking_pids(pid)) FROM pg_locks "
    "WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
    "AND relation = 'orchestration_blob'::regclass AND mode = 'RowExclusiveLock' AND pid <> pg_backend_pid()"
)
"""Who has written to the blobs in a transaction that is not over, and whether they wait for us."""
