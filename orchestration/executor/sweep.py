"""Finding work: runs that are due, runs whose worker is gone, runs whose step hangs. Every worker does it; there is no leader.

All of it is conditional updates that raise the fence, so that two sweeps at once, or a worker that was only slow, do no harm.
Times are the database's.

    lapse     a heartbeat older than LAPSE: its runs are ready again, and suspects
    overrun   a step past its deadline: ready again; the third time alone counts as a death
    claim     due runs, oldest first, up to the room that the worker has

Suspects (`suspicion` > 0) were held by a worker that died. They run apart, in a child that may die: first in a small group,
and if that dies too, alone. A run that was alone with three deaths is quarantined; the others are cleared by their next commit.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, transaction

from orchestration.executor.held import GRACE
from orchestration.models import Run, Worker
from orchestration.record.apply import adapt

BEAT = 2.0
LAPSE = timedelta(seconds=8)
EVERY = 2.0
GROUP = 16
"""How many suspects run together after their first worker's death."""
DEATHS = 3


@dataclass(frozen=True, slots=True)
class Found:
    """What a sweep did: runs taken back from dead workers, and from hung steps."""

    lapsed: int = 0
    overrun: int = 0


def recover(now: datetime) -> Found:
    """Makes ready again what nobody moves any more."""
    cutoff = now - LAPSE
    dead = list(Worker.objects.filter(beat__lt=cutoff, stopped__isnull=True).values_list("id", "group"))
    lapsed = sum(_free(worker, group, now) for worker, group in dead)
    Worker.objects.filter(id__in=[worker for worker, _ in dead], beat__lt=cutoff, stopped__isnull=True).update(stopped=now)
    return Found(lapsed, _free_overrun(now))


def _free(worker: str, group: int, now: datetime) -> int:
    """The runs of a dead worker. Alone with it: that run's fault, as far as anyone can tell."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM orchestration_run WHERE status = 'held' AND holder = %s", [worker])
        alone = cursor.fetchone()[0] == 1
        blame = "suspicion = 2, deaths = deaths + 1" if alone and group == 1 else f"suspicion = {2 if alone or group else 1}"
        cursor.execute(_FREE.format(blame=blame, where="holder = %s"), [adapt(now), worker])
        return int(cursor.rowcount)


def _free_overrun(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_FREE.format(blame="deaths = deaths + 1", where="step_deadline < %s"), [adapt(now), adapt(now)])
        return int(cursor.rowcount)


_FREE = (
    "UPDATE orchestration_run SET status = 'ready', holder = NULL, step_deadline = NULL, due = %s, wait = '', "
    "fence = fence + 1, revision = revision + 1, {blame} WHERE status = 'held' AND {where}"
)


def claim(worker: str, group: int, room: int, now: datetime, only: Iterable[str] | None = None) -> list[str]:
    """Up to `room` due runs, now held by `worker`. `only` these, where it was told of them; `group` as in `Worker`."""
    if room <= 0:
        return []
    wanted = list(only) if only is not None else []
    if only is not None and not wanted:
        return []
    suspicion = {0: "(suspicion = 0 OR deaths >= 3)", 1: "suspicion >= 2 AND deaths < 3"}.get(
        group, "suspicion = 1 AND deaths < 3"
    )
    named = f"AND id IN ({', '.join(['%s'] * len(wanted))})" if wanted else ""
    lock = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    sql = (
        "UPDATE orchestration_run SET status = 'held', holder = %s, step_deadline = %s, "
        "fence = fence + 1, revision = revision + 1 "
        "WHERE id IN (SELECT id FROM orchestration_run WHERE status IN ('ready', 'waiting') AND due <= %s "
        f"AND {suspicion} {named} ORDER BY due LIMIT %s {lock}) AND status IN ('ready', 'waiting') RETURNING id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [worker, adapt(now + GRACE), adapt(now), *wanted, room])
        return [row[0] for row in cursor.fetchall()]


def asked(worker: str) -> list[str]:
    """The runs of this worker of which a person has asked something."""
    return list(Run.objects.filter(holder=worker, status="held", asked__isnull=False).values_list("id", flat=True))


def suspects(now: datetime) -> set[int]:
    """Which kinds of isolation there is work for: group sizes, `GROUP` and 1."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT CASE WHEN suspicion = 1 THEN 0 ELSE 1 END FROM orchestration_run "
            "WHERE status IN ('ready', 'waiting') AND due <= %s AND suspicion > 0 AND deaths < 3",
            [adapt(now)],
        )
        return {GROUP if row[0] == 0 else 1 for row in cursor.fetchall()}
