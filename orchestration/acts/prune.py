"""Removes runs that ended long ago, with their records, calls, escalations, events and acts, and what they alone had stored; and
events that nobody has taken in all the time for which they are kept.

Of each run one act remains, its tombstone: what it was, how it ended, how much there was of it, the hash of its state and the
last hash of its acts, so that evidence that was taken out before can still be checked. The tombstone also keeps the idempotency
key of the start: who repeats that start gets the id of the run that is gone, and no second run. The act of sending an event keeps
its key in the same way, and holds nothing of the event. One act tells of the whole.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from orchestration.acts import audit
from orchestration.core.errors import Problem, Refused
from orchestration.models import Act, Call, Escalation, Event, Run, StepRecord, Workflow
from orchestration.record import removal
from orchestration.record.clock import database_now
from orchestration.record.events import KEPT

BATCH = 100
RECORDS = 5_000
"""How many runs, and about how many step records, go in one transaction."""
ATTEMPTS = 20
SUBJECT = "prune"
_TOLD = ("id", "workflow_id", "version__number", "status", "outcome", "created", "created_by", "ended", "seq", "state_hash")


@dataclass(slots=True)
class Pruned:
    """How many rows went, or would go."""

    runs: int = 0
    records: int = 0
    calls: int = 0
    escalations: int = 0
    events: int = 0
    acts: int = 0
    blobs: int = 0

    def add(self, other: "Pruned") -> None:
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


def prune(
    *,
    days: int,
    by: str,
    workflow: str | None = None,
    keep_failed: bool = False,
    dry_run: bool = False,
    progress: Callable[[Pruned], None] = lambda so_far: None,
) -> Pruned:
    """Removes runs that ended more than `days` days ago, in short transactions; `progress` is called after each.
    Workers may go on meanwhile. `keep_failed`: runs that failed stay. Raises `Refused`."""
    if days < 1:
        raise Refused(Problem("bad_value", "At least one day has to be kept.", "days"))
    if workflow is not None and not Workflow.objects.filter(id=workflow).exists():
        raise Refused(Problem("bad_value", f"There is no workflow {workflow[:60]}.", "workflow"))
    before = database_now() - timedelta(days=days)
    found = prunable(before, workflow, keep_failed)
    if dry_run:
        kept = Event.objects.filter(run=None, received__lt=_unwanted(before)).count() if workflow is None else 0
        counted = _count(found.values("id"))
        counted.events += kept
        return counted
    total = Pruned()
    for batch in _batches(found, by):
        total.add(batch)
        progress(total)
    while workflow is None and (old := removal.drop_events(_unwanted(before))):
        total.add(Pruned(events=old))
        progress(total)
    while dropped := _orphans():
        total.blobs += dropped
        progress(total)
    if total.runs or total.events or total.blobs:
        detail = {"days": days, "before": before.isoformat(), "workflow": workflow, "keep_failed": keep_failed, **asdict(total)}
        with transaction.atomic():
            audit.write(subject=SUBJECT, verb="prune", by=by, detail=detail)
    return total


def _unwanted(before: datetime) -> datetime:
    """Until when an event must have come that nobody takes any more."""
    return min(before, database_now() - KEPT)


def prunable(before: datetime, workflow: str | None = None, keep_failed: bool = False) -> "QuerySet[Run]":
    """Runs that may go: over, long enough ago, and neither a child of a run that stays nor the parent of one."""
    orphaned = Q(parent=None) | Q(parent__status__in=Run.ENDED, parent__ended__lt=before)
    found = Run.objects.filter(orphaned, status__in=Run.ENDED, ended__lt=before)
    found = found.exclude(Exists(Run.objects.filter(parent=OuterRef("pk")).exclude(status__in=Run.ENDED, ended__lt=before)))
    if workflow is not None:
        found = found.filter(workflow_id=workflow)
    return found.exclude(status=Run.Status.FAILED) if keep_failed else found


def _batches(found: "QuerySet[Run]", by: str) -> Iterator[Pruned]:
    """One after the other, gone, in the order of their ids; once more from the beginning while there were any, for children go
    before their parents."""
    leaves = found.exclude(Exists(Run.objects.filter(parent=OuterRef("pk")))).order_by("id")
    if connection.vendor == "postgresql":
        leaves = leaves.select_for_update(skip_locked=True, of=("self",))
    last, any_yet = "", False
    while True:
        with transaction.atomic():
            rows = _some(leaves.filter(id__gt=last).values(*_TOLD)[:BATCH])
            gone = _drop(rows, by) if rows else None
        if gone is not None:
            last, any_yet = rows[-1]["id"], True
            yield gone
        elif any_yet:
            last, any_yet = "", False
        else:
            return


def _some(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many of them as have about `RECORDS` step records together."""
    found: list[dict[str, Any]] = []
    for row in rows:
        found.append(row)
        if sum(each["seq"] for each in found) >= RECORDS:
            break
    return found


def _orphans() -> int:
    """How many blobs went. Whoever is in the way is soon through."""
    for _ in range(ATTEMPTS):
        with suppress(removal.Busy):
            return removal.drop_orphans()
        time.sleep(0.2)
    return removal.drop_orphans()


def _drop(rows: Sequence[dict[str, Any]], by: str) -> Pruned:
    ids = [row["id"] for row in rows]
    each = {model: _counts(model, ids) for model in _MODELS.values()}
    pauses = list(Escalation.objects.filter(run_id__in=ids).values_list("id", flat=True))
    subjects = [*(f"run:{run}" for run in ids), *(f"escalation:{pause}" for pause in pauses)]
    acts: dict[str, list[dict[str, Any]]] = {}
    for act in Act.objects.filter(subject__in=subjects).order_by("number").values("subject", "verb", "key", "body_hash", "hash"):
        acts.setdefault(act["subject"], []).append(act)
    removal.drop_acts(subjects)
    for row in rows:
        _entomb(row, {model.__name__: each[model].get(row["id"], 0) for model in each}, acts.get(f"run:{row['id']}", []), by)
    removal.drop_runs(ids)
    counted = {name: sum(each[model].values()) for name, model in _MODELS.items()}
    return Pruned(runs=len(ids), acts=sum(map(len, acts.values())), **counted)


_MODELS: dict[str, Any] = {"records": StepRecord, "calls": Call, "escalations": Escalation, "events": Event}


def _entomb(row: dict[str, Any], counts: dict[str, int], acts: Sequence[dict[str, Any]], by: str) -> None:
    start = next((act for act in acts if act["verb"] == "start"), None)
    detail = {
        "workflow": row["workflow_id"],
        "version": row["version__number"],
        "status": row["status"],
        "outcome": row["outcome"],
        "created": row["created"].isoformat(),
        "created_by": row["created_by"],
        "ended": row["ended"].isoformat(),
        "records": counts["StepRecord"],
        "calls": counts["Call"],
        "escalations": counts["Escalation"],
        "events": counts["Event"],
        "state_hash": row["state_hash"],
        "acts": len(acts),
        "acts_hash": acts[-1]["hash"] if acts else "",
    }
    made = audit.row(
        subject=f"run:{row['id']}", verb="prune", by=by, detail=detail, body=start["body_hash"] if start else "",
        answer={"id": row["id"]},
    )  # fmt: skip
    Act.objects.create(**{**asdict(made), "key": start["key"] if start else None})


def _counts(model: Any, ids: Any) -> dict[str, int]:
    return dict(
        model.objects.filter(run_id__in=ids).order_by().values("run_id").annotate(n=Count("id")).values_list("run_id", "n")
    )


def _count(ids: Any) -> Pruned:
    counted = {name: model.objects.filter(run_id__in=ids).count() for name, model in _MODELS.items()}
    return Pruned(runs=ids.count(), **counted)
