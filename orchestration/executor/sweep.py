"""Finding work: runs that are due, runs whose worker is gone, runs whose step hangs. Every worker does it; there is no leader.

All of it is conditional updates that raise the fence, so that two sweeps at once, or a worker that was only slow, do no harm.
Times are the database's.

    lapse     a heartbeat older than LAPSE: its runs are ready again, and suspects
    overrun   a step past its deadline: ready again, and that counts as a death
    claim     due runs, oldest first, up to the room that the worker has; and runs with child runs to count

Suspects (`suspicion` > 0) were held by a worker that died. They run apart, in a child that may die: first all together, since
most workers die of what no run has done; if that child dies too, in small groups; and if such a group dies, alone (`GROUPS`).
A run that was alone with three deaths is quarantined; the others are cleared by their next commit.
One that is quarantined is due, like one that waits, when the deadline of its pause has passed.

A run that was last written by a newer release (`record.rows.FORMAT`) is claimed by nobody older.
"""

from collections.abc import Container, Iterable, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Q

from orchestration.core import values
from orchestration.core.frozen import dataclass
from orchestration.executor import slots
from orchestration.executor.held import GRACE
from orchestration.executor.reading import CLAIMED, Row
from orchestration.models import Run, Worker
from orchestration.record import rows
from orchestration.record.apply import adapt, rows_of
from orchestration.record.columns import as_read

BEAT = 2.0
LAPSE = Worker.LAPSE
EVERY = 2.0
LATE = timedelta(seconds=5)
"""A heartbeat older than this may soon have lapsed: two in a row are missing."""
GROUPS = (1000, 16, 1)
"""How many suspects run together after the first, the second, and each further death of who held them. `Worker.group` is one."""
DEATHS = 3
IN_PLACE_OF: dict[str, tuple[str, ...]] = {"wait": (), "lift": ("wait",), "lend": ("wait",)}
"""What a run asks of a child run at a limit, and in place of what else that comes. To end comes in place of all of it."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a sweep did: runs taken back from dead workers, and from hung steps."""

    lapsed: int = 0
    overrun: int = 0


def recover(now: datetime, lapses: bool = True) -> Found:
    """Makes ready again what nobody moves any more. `lapses` False: hung steps alone, where this worker can't tell whether the
    others were late, or the database was for all of them."""
    lapsed = _free_lapsed(now) if lapses else 0
    slots.free(Worker.objects.filter(stopped__isnull=True).values_list("id", flat=True))
    return Found(lapsed, _free_overrun(now))


def _free_lapsed(now: datetime) -> int:
    """Also what is held by a worker that was taken for dead before, woke, claimed, and died."""
    cutoff = now - LAPSE
    holders = Run.objects.filter(status=Run.Status.HELD).values("holder")
    dead = list(Worker.objects.filter(Q(stopped__isnull=True) | Q(id__in=holders), beat__lt=cutoff).values_list("id", "group"))
    lapsed = sum(_free(worker, group, now) for worker, group in dead)
    ids = [worker for worker, _ in dead]
    if ids:
        Worker.objects.filter(id__in=ids, beat__lt=cutoff, stopped__isnull=True).update(stopped=now)
    return lapsed


def _free(worker: str, group: int, now: datetime) -> int:
    """The runs of a dead worker. Alone with it: that run's fault, as far as anyone can tell."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM orchestration_run WHERE status = 'held' AND holder = %s", [worker])
        alone = cursor.fetchone()[0] == 1
        level = len(GROUPS) if alone else min(_level(group) + 1, len(GROUPS))
        blame = f", suspicion = {level}{', deaths = deaths + 1' if alone and group == 1 else ''}"
        cursor.execute(_FREE.format(more=blame, where="holder = %s"), [adapt(now), worker])
        return int(cursor.rowcount)


def _level(group: int) -> int:
    """The suspicion of what such a worker runs: 0 for an ordinary one. Groups of other releases may have had other sizes."""
    return next(level for level, size in enumerate(GROUPS, 1) if size <= group) if group else 0


def _free_overrun(now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_FREE.format(more=", deaths = deaths + 1", where="step_deadline < %s"), [adapt(now), adapt(now)])
        return int(cursor.rowcount)


def release(worker: str, now: datetime) -> int:
    """Gives back whatever this worker still holds: it is about to end, and nobody is to blame."""
    with connection.cursor() as cursor:
        cursor.execute(_FREE.format(more="", where="holder = %s"), [adapt(now), worker])
        return int(cursor.rowcount)


def let_go(run: str, worker: str, fence: int, due: datetime, surprise: str | None = None) -> bool:
    """Gives one run back as the database has it, without what its holder had gathered. `surprise`: why it could not be
    moved, packed; counts as a death. False where somebody else has it."""
    more = "" if surprise is None else ", deaths = deaths + 1, error = %s"
    given = [] if surprise is None else [surprise]
    with connection.cursor() as cursor:
        cursor.execute(
            _FREE.format(more=more, where="id = %s AND holder = %s AND fence = %s"), [adapt(due), *given, run, worker, fence]
        )
        return bool(cursor.rowcount)


_FREE = (
    "UPDATE orchestration_run SET status = 'ready', holder = NULL, step_deadline = NULL, due = %s, "
    "fence = fence + 1, revision = revision + 1{more} WHERE status = 'held' AND {where}"
)
"""`wait` stays as it was when the run was claimed, and so what its holder was about: a deadline that has passed, a backoff that
is over. Whoever moved it on has emptied it."""


def claim(worker: str, group: int, room: int, now: datetime, only: Iterable[str] | None = None) -> dict[str, Row]:
    """Up to `room` due runs, now held by `worker`, by id: their columns of `reading.CLAIMED`, and the `hash` of their version.
    `only` these, where it was told of them; `group`: its own."""
    if room <= 0:
        return {}
    wanted = list(only) if only is not None else []
    if only is not None and not wanted:
        return {}
    due = "due <= %s" if only is None else f"(due <= %s OR {_TO_JOIN})"
    same = "suspicion >=" if group == 1 else "suspicion ="
    suspicion = f"{same} {_level(group)} AND deaths < 3" if group else "(suspicion = 0 OR deaths >= 3)"
    idle, named, among = _among(wanted) if wanted else (_IDLE, "", [])
    lock = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    sql = (
        "UPDATE orchestration_run SET status = 'held', holder = %s, step_deadline = %s, "
        "fence = fence + 1, revision = revision + 1 "
        f"WHERE id IN (SELECT id FROM orchestration_run WHERE {idle} AND {due} "
        f"AND format <= %s AND {suspicion} {named} ORDER BY due, id LIMIT %s {lock}) AND {idle} "
        f"RETURNING {', '.join(CLAIMED)}, (SELECT hash FROM orchestration_version WHERE id = version_id)"
    )
    found = rows_of(sql, [worker, adapt(now + GRACE), adapt(now), rows.FORMAT, *among, room])
    return {row["id"]: row for row in sorted(map(_as_read, found), key=itemgetter("id"))}  # what comes first in time goes first


_IDLE = "status IN ('ready', 'waiting', 'quarantined')"
_NOT_BUSY = f"status NOT IN {tuple(map(str, (Run.Status.HELD, *Run.ENDED)))}"
"""The same, in words by which PostgreSQL does not come to the index of what is due: to go through all of that for a few runs is
the longer way, and a plan that is kept from when there were few may take it."""


def _among(ids: list[str]) -> tuple[str, str, list[Any]]:
    """The conditions that a run is idle, and that it is one of these. On PostgreSQL one text, however many they are."""
    if connection.vendor == "postgresql":
        return _NOT_BUSY, "AND id = ANY(%s)", [ids]
    return _IDLE, f"AND id IN ({', '.join(['%s'] * len(ids))})", list(ids)


_TO_JOIN = (
    "(wait = 'children' AND (EXISTS (SELECT 1 FROM orchestration_run AS child "
    "WHERE child.parent_id = orchestration_run.id AND NOT child.joined AND child.ended IS NOT NULL) "
    "OR EXISTS (SELECT 1 FROM orchestration_run AS child WHERE child.parent_id = orchestration_run.id "
    "AND child.status = 'waiting' AND child.wait = 'limit' AND child.asked IS NULL)))"
)
"""It waits for child runs, and one has ended that it has not counted, or waits at a limit of the whole."""


def to_join(most: int) -> list[str]:
    """Runs with a child that has ended and that they have not counted, or that waits at a limit of the whole."""
    found: list[str] = []
    with connection.cursor() as cursor:
        for child in ("NOT child.joined AND child.ended IS NOT NULL", _AT_LIMIT):
            cursor.execute(
                "SELECT DISTINCT parent.id FROM orchestration_run AS child "
                "JOIN orchestration_run AS parent ON parent.id = child.parent_id "
                f"WHERE {child} AND parent.status = 'waiting' AND parent.wait = 'children' LIMIT %s",
                [most - len(found)],
            )
            found += [row[0] for row in cursor.fetchall()]
    return found


_AT_LIMIT = "child.status = 'waiting' AND child.wait = 'limit' AND child.asked IS NULL"


def ask_children(parent: str, fence: int, path: str, visit: int, asked: dict[str, Any], now: datetime, whom: str) -> list[str]:
    """Asks something of the child runs of a visit of which this holds (`whom`, in SQL) and nothing is asked yet: whoever holds
    them or takes them up does it; to `wait` is nothing to do. One that was to go on may be asked to end all the same. Which these
    are; none where the parent is another's by now. What they wait for is for others from now on."""
    over = [f'%"verb":"{verb}"%' for verb in IN_PLACE_OF.get(asked["verb"], tuple(IN_PLACE_OF))]
    due = None if asked["verb"] == "wait" else adapt(now)
    free = " OR ".join(["asked IS NULL", *["asked LIKE %s"] * len(over)])
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE orchestration_run SET asked = %s, awaits = '', revision = revision + 1, "
            "due = CASE WHEN status = 'held' THEN due ELSE %s END "
            f"WHERE parent_id = %s AND parent_path = %s AND parent_visit = %s AND {whom} AND ({free}) "
            "AND EXISTS (SELECT 1 FROM orchestration_run AS parent WHERE parent.id = %s AND parent.fence = %s) RETURNING id",
            [values.dump(asked), due, parent, path, visit, *over, parent, fence],
        )
        return [row[0] for row in cursor.fetchall()]


def _as_read(row: Sequence[Any]) -> Row:
    return {**as_read(Run, CLAIMED, row), "hash": row[len(CLAIMED)]}


def strays(worker: str, known: Container[str]) -> dict[str, int]:
    """Runs that this worker holds and does not know of: id → fence. The answer to a claim was lost, or giving back failed."""
    held = Run.objects.filter(holder=worker, status=Run.Status.HELD).values_list("id", "fence")
    return {run: fence for run, fence in held if run not in known}


def asked(worker: str) -> list[str]:
    """The runs of this worker of which a person has asked something."""
    held = Run.objects.filter(holder=worker, status="held", asked__isnull=False)
    return list(held.order_by("id").values_list("id", flat=True))


def suspects(now: datetime) -> set[int]:
    """Which kinds of isolation there is work for, of `GROUPS`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT suspicion FROM orchestration_run "
            "WHERE status IN ('ready', 'waiting') AND due <= %s AND format <= %s AND suspicion > 0 AND deaths < 3",
            [adapt(now), rows.FORMAT],
        )
        return {GROUPS[min(row[0], len(GROUPS)) - 1] for row in cursor.fetchall()}


def suspects_soon(worker: str, now: datetime) -> set[int]:
    """The kinds of isolation that there will be work for, if the workers whose hearts are late are dead. One of the others sees
    to that, so that a machine that is short of one process does not start many."""
    beating = Worker.objects.filter(group=0, stopped=None, beat__gte=now - LAPSE)
    held = Run.objects.filter(status=Run.Status.HELD, holder__in=beating.filter(beat__lt=now - LATE).values("id"))
    late = dict(held.values_list("holder").annotate(runs=Count("id")))
    if not late or beating.exclude(id__in=late).order_by("id").values_list("id", flat=True).first() != worker:
        return set()
    return {GROUPS[-1] if runs == 1 else GROUPS[0] for runs in late.values()}
