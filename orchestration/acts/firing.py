"""Starts what schedules have due. Every worker's sweep does it; there is no beat and no leader.

One occurrence is one transaction: an update of `next`, on condition that it and the revision are still what was seen, and the
start of a run by the door that everybody uses, under a key made of the schedule and the occurrence. Of two who fire it one
finds nothing to move; who dies in between has moved nothing and started nothing. What is refused, or surprises us, is noted at
the schedule, which goes on to its next occurrence.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from django.db import transaction
from django.db.models import Case, QuerySet, When

from orchestration.acts import audit, runs
from orchestration.core import values
from orchestration.core.catchup import ON_TIME, Passed, decide, passed
from orchestration.core.cron import timetable
from orchestration.core.errors import InterlockError, Refused
from orchestration.core.frozen import dataclass
from orchestration.models import Schedule
from orchestration.record.failpoints import failpoint
from orchestration.record.pack import unpack_all
from orchestration.record.trouble import passing

log = logging.getLogger(__name__)

MOST = 50
"""Occurrences of one sweep, over all schedules: the sweep has more to do, and comes again."""
_SEEN = ("id", "workflow_id", "name", "cron", "zone", "input", "labels", "catchup", "most", "next", "revision")
_MOST_TOLD = 500
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Firing:
    """One move of a schedule, as it was seen: a run for `occurrence`, if any, and then it is due at `next`."""

    seen: dict[str, Any]
    at: datetime
    occurrence: datetime | None
    next: datetime | None
    passed: Passed | None

    @property
    def by(self) -> str:
        return f"schedule:{self.seen['id']}"


def due(now: datetime) -> list[Callable[[], bool]]:
    """What is to be fired at this moment, in order, each a short write of its own that may come too late and then does nothing.
    One query while nothing is due. Those that have much to make up for come behind the others, which a minute too late would
    have missed what was on time; they share what room there is then."""
    behind = Case(When(catchup="all", next__lt=now - ON_TIME, then=1), default=0)
    rows = list(_awake().filter(next__lte=now).order_by(behind, "next", "id").values(*_SEEN)[:MOST])
    found: list[Callable[[], bool]] = []
    room = MOST
    for left, row in zip(range(len(rows), 0, -1), rows, strict=True):
        try:
            firings = _firings(row, now)[: room // left]
            found += [partial(fire, firing) for firing in firings]
            room -= len(firings)
        except Exception as error:
            log.error("Schedule %s can't be read: %s", row["id"], error, exc_info=True)
            found.append(partial(_halt, row, now, error))
    return found


def pass_over(now: datetime) -> list[Callable[[], bool]]:
    """The same for all that is due, but starting nothing: whether it was started already can't be known."""
    found: list[Callable[[], bool]] = []
    for row in _awake().filter(next__lte=now).order_by("id").values(*_SEEN):
        table = timetable(row["cron"], row["zone"])
        found.append(
            partial(fire, Firing(row, now, None, table.after(now), passed(table, row["next"], now + _SECOND, "restored")))
        )
    return found


def _awake() -> "QuerySet[Schedule]":
    """Those that may come due: neither they are paused nor their workflow is retired."""
    return Schedule.objects.filter(paused=False, workflow__retired=None)


def _firings(row: dict[str, Any], now: datetime) -> list[Firing]:
    table = timetable(row["cron"], row["zone"])
    decided = decide(table, row["next"], now, row["catchup"], row["most"])
    moves = [*decided.fire, decided.next]
    seen, found = row, []
    if not decided.fire:
        return [Firing(row, now, None, decided.next, decided.passed)]
    for occurrence, following in pairwise(moves):
        found.append(Firing(seen, now, occurrence, following, decided.passed if seen is row else None))
        seen = {**row, "next": following}
    return found


def fire(firing: Firing) -> bool:
    """Whether it was this one who moved the schedule on."""
    try:
        with transaction.atomic():
            return _move(firing) and _start(firing)
    except Exception as error:
        if passing(error):
            raise
        if not isinstance(error, InterlockError):
            log.error("Schedule %s could not start a run: %s", firing.seen["id"], error, exc_info=True)
        with transaction.atomic():
            return _move(firing) and _refuse(firing, error)


def _move(firing: Firing) -> bool:
    """A schedule that never comes again is paused. Its trail is held before its row, as people's acts do."""
    audit.lock(firing.by)
    seen, found = firing.seen, Schedule.objects.filter(id=firing.seen["id"], paused=False)
    moved = found.filter(next=seen["next"], revision=seen["revision"]).update(next=firing.next, paused=firing.next is None)
    if moved and firing.passed is not None:
        told = {**_told(firing.passed), "at": firing.at.isoformat()}
        found = Schedule.objects.filter(id=seen["id"])
        found.update(passed=values.dump(told))
        audit.write(subject=firing.by, verb="pass_over", by=firing.by, detail=told)
    return bool(moved)


def _told(passed: Passed) -> dict[str, Any]:
    return {"count": passed.count, "since": passed.since.isoformat(), "until": passed.until.isoformat(), "rule": passed.rule}


def _start(firing: Firing) -> bool:
    seen, occurrence = firing.seen, firing.occurrence
    if occurrence is None:
        return True
    failpoint("before_fire", seen["id"])
    given, labels = unpack_all([seen["input"], seen["labels"]])
    run = runs.start(
        workflow=seen["workflow_id"],
        input=given,
        by=firing.by,
        labels={**labels, "schedule": seen["name"]},  # which older schedules could be given a label of their own
        idempotency=occurrence.isoformat(),
        schedule=seen["id"],
    )
    Schedule.objects.filter(id=seen["id"]).update(fired=occurrence, run=run, trouble="null")
    failpoint("after_fire", seen["id"])
    return True


def _refuse(firing: Firing, error: Exception) -> bool:
    """Notes why this occurrence started nothing. The trail keeps it where the one before failed otherwise or not at all."""
    found = Schedule.objects.filter(id=firing.seen["id"])
    before = unpack_all(found.values_list("trouble", flat=True))[0]
    assert firing.occurrence is not None
    told = {**_reason(error), "occurrence": firing.occurrence.isoformat(), "at": firing.at.isoformat()}
    same = before is not None and (before["code"], before["message"]) == (told["code"], told["message"])
    since = before["since"] if before else told["occurrence"]
    found.update(trouble=values.dump({**told, "count": (before["count"] if before else 0) + 1, "since": since}))
    if not same:
        audit.write(subject=firing.by, verb="refuse", by=firing.by, detail=told)
    return True


def _reason(error: Exception) -> dict[str, str]:
    if isinstance(error, Refused):
        first = next((problem for problem in error.problems if problem.severity == "error"), error.problems[0])
        more = f" ({len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        return {"code": first.code, "path": first.path, "message": f"{first.message[:_MOST_TOLD]}{more}"}
    if isinstance(error, InterlockError):
        return {"code": error.code, "path": "", "message": str(error)[:_MOST_TOLD]}
    return {"code": "surprise", "path": "", "message": f"{type(error).__name__}. The log of the worker says more."}


def _halt(row: dict[str, Any], now: datetime, error: Exception) -> bool:
    """One whose line or zone this machine can't read is paused: it can't be said when it comes next."""
    told, by = {**_reason(error), "occurrence": row["next"].isoformat(), "at": now.isoformat()}, f"schedule:{row['id']}"
    with transaction.atomic():
        audit.lock(by)
        found = Schedule.objects.filter(id=row["id"], paused=False, next=row["next"], revision=row["revision"])
        trouble = values.dump({**told, "count": 1, "since": told["occurrence"]})
        if halted := found.update(paused=True, next=None, trouble=trouble):
            audit.write(subject=by, verb="refuse", by=by, detail={**told, "paused": True})
        return bool(halted)
