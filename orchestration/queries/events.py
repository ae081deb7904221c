"""Events that nobody has taken yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from orchestration.core import event as events
from orchestration.core.errors import NotFound
from orchestration.core.frozen import dataclass
from orchestration.models import Event, Run
from orchestration.queries.paging import Page, bounded, cursor, moment, page, parts_of
from orchestration.record.clock import database_now
from orchestration.record.events import KEPT
from orchestration.record.pack import missing, unpack, unpack_all

LOOKED_AT = 200
MOST = 5


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """`payload` is None where it stands in a blob of its own, and is named in `truncated` then, so that a page of events reads no
    more than its rows."""

    id: str
    name: str
    correlation: Any
    by: str
    received: datetime
    until: datetime
    payload: Any
    mended: tuple[str, ...]
    truncated: tuple[str, ...] = ()


_COLUMNS = ("id", "address", "by", "received", "payload", "mended")


def kept(name: str) -> tuple[KeptEvent, ...]:
    """The latest of this name that are kept, `MOST` of them, among the latest of any name. One query."""
    latest = Event.objects.filter(run=None).order_by("-received", "-id").values(*_COLUMNS)
    return tuple(_events([row for row in latest[:LOOKED_AT] if row["address"].startswith(f"{name} ")][:MOST]))


def listed(name: str = "", part: str = "", after: str | None = None, limit: int | None = None) -> Page[KeptEvent]:
    """The newest first: those of this name, or those of which `part` is in name or correlation. Two queries at most. Raises
    `Refused` for a cursor that means nothing."""
    size = bounded(limit)
    found = _kept().order_by("-received", "-id")
    if name:
        found = found.filter(address__startswith=f"{name} ")
    if part:
        found = found.filter(address__icontains=part)
    if after:
        at, last = parts_of(after, 2)
        received = moment(at)
        found = found.filter(Q(received__lt=received) | Q(received=received, id__lt=last))
    rows = list(found.values(*_COLUMNS)[: size + 1])
    return page(rows, size, _events, lambda row: cursor(row["received"], row["id"]))


def event(id: str) -> KeptEvent:
    """One of them, whole. Three queries at most. Raises `NotFound`."""
    row = _kept().filter(id=id).values(*_COLUMNS).first()
    if row is None:
        raise NotFound(f"No event {id[:26]} is kept. A run may have taken it, or it was kept for as long as events are.")
    payload, mended = unpack_all([row["payload"], row["mended"]])
    return KeptEvent(**_common(row), payload=payload, mended=tuple(mended))


def taker(event: str) -> str | None:
    """The run that an event went to; None while it is kept."""
    return Event.objects.filter(id=event).values_list("run_id", flat=True).first()


def waits(name: str, correlation: Any) -> str | None:
    """The run that has waited longest for such an event, which is the one that it would go to; None where there is none."""
    try:
        address = events.address(name, correlation)
    except ValueError:
        return None
    found = Run.objects.filter(status="waiting", awaits=address).exclude(awaits="").order_by("since", "id")
    return found.values_list("id", flat=True).first()


def _kept() -> "QuerySet[Event]":
    """Those that a run may still take."""
    return Event.objects.filter(run=None, received__gt=database_now() - KEPT)


def _events(rows: Sequence[dict[str, Any]]) -> list[KeptEvent]:
    marks = unpack_all([row["mended"] for row in rows])
    return [_event(row, tuple(mended)) for row, mended in zip(rows, marks, strict=True)]


def _event(row: dict[str, Any], mended: tuple[str, ...]) -> KeptEvent:
    apart = bool(missing([row["payload"]]))
    payload = None if apart else unpack(row["payload"], {})
    return KeptEvent(**_common(row), payload=payload, mended=mended, truncated=("payload",) if apart else ())


def _common(row: dict[str, Any]) -> dict[str, Any]:
    name, correlation = events.parts_of(row["address"])
    received = row["received"]
    return {
        "id": row["id"], "name": name, "correlation": correlation, "by": row["by"], "received": received,
        "until": received + KEPT,
    }  # fmt: skip
