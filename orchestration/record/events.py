"""Events and the runs that they continue: each event goes to one run, and each wait takes one event.

    given    to the run that has waited longest for its address. In one transaction the run is due at once and awaits nothing any
             more, and the event is the run's: whoever moved the run first, by its deadline for instance, has won
    kept     where nobody waits for it, for `KEPT`. A run that comes to such a wait takes the oldest, by a conditional write to
             its own row as well, and then need not wait
    matched  what came at the very moment at which a run began to wait, so that neither saw the other, is found by a sweep

Whoever takes the run up finds the event that is its own; the commit of the record that takes it says so (`rows.TakingRow`).
"""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from orchestration.core.frozen import dataclass
from orchestration.models import Event, Run
from orchestration.models.fields import new_id
from orchestration.record.apply import adapt
from orchestration.record.pack import unpack_all

KEPT = timedelta(days=30)
"""How long an event may wait for its run. An older one is taken by nobody, and goes with the next pruning."""
MOST = 100
"""Events that are matched at one go."""
_WAITS = "status = 'waiting' AND NOT (awaits = '')"
"""As the index says it, which SQLite compares by the letter."""


@dataclass(frozen=True, slots=True)
class Given:
    """An event with what it brings. `own`: it is given to the run already."""

    id: str
    address: str
    payload: Any
    mended: tuple[str, ...]
    by: str
    received: datetime
    own: bool


def keep(address: str, payload: str, mended: str, by: str, now: datetime) -> str:
    """A new event, packed, in the caller's transaction; its id."""
    return Event.objects.create(id=new_id(), address=address, payload=payload, mended=mended, by=by, received=now).id


def give(event: str, address: str, now: datetime) -> tuple[str, int] | None:
    """Gives an event that is kept to the run that has waited longest for it: (run, revision); None where nobody waits, or another
    was first."""
    lock = "FOR UPDATE SKIP LOCKED" if connection.vendor == "postgresql" else ""
    longest = f"SELECT id FROM orchestration_run WHERE {_WAITS} AND awaits = %s ORDER BY since, id LIMIT 1 {lock}"
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE orchestration_run SET due = %s, awaits = '', revision = revision + 1 "
                f"WHERE id = ({longest}) AND {_WAITS} AND awaits = %s RETURNING id, revision",
                [adapt(now), address, address],
            )
            woken = cursor.fetchone()
        if woken is None or not _hand(event, woken[0]):
            transaction.set_rollback(True)
            return None
    return woken[0], woken[1]


def take(event: str, run: str, fence: int, revision: int) -> bool:
    """Gives an event that is kept to a run that comes to wait for it, which is at `revision` + 1 then. False where another took
    it first, or moved the run."""
    with transaction.atomic():
        moved = Run.objects.filter(id=run, fence=fence, revision=revision).update(revision=F("revision") + 1)
        taken = bool(moved) and _hand(event, run)
        if not taken:
            transaction.set_rollback(True)
    return taken


def _hand(event: str, run: str) -> bool:
    return bool(Event.objects.filter(id=event, run=None).update(run=run))


def find(run: str, address: str, now: datetime) -> Given | None:
    """The event that the run was given; else the oldest that is kept for whoever comes to wait for it."""
    found = Event.objects.filter(address=address)
    own = found.filter(run=run, seq=None).first()
    event = own or found.filter(run=None, received__gte=now - KEPT).order_by("received", "id").first()
    if event is None:
        return None
    payload, mended = unpack_all([event.payload, event.mended])
    return Given(event.id, address, payload, tuple(mended), event.by, event.received, own is not None)


def match(since: datetime, now: datetime) -> int:
    """Gives events that came after `since`, and are kept, to runs that wait for them; how many, `MOST` of them at most. Costs one
    look at what is kept of that time."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, address FROM orchestration_event AS event WHERE run_id IS NULL AND received >= %s "
            # In the order of its index: else SQLite takes that of statuses, and reads every run that waits.
            f"AND (SELECT id FROM orchestration_run WHERE {_WAITS} AND awaits = event.address ORDER BY since LIMIT 1) "
            "IS NOT NULL "
            f"ORDER BY received, id LIMIT {MOST}",
            [adapt(max(since, now - KEPT))],
        )
        found = cursor.fetchall()
    return sum(give(event, address, now) is not None for event, address in found)
