"""Schedules, in lists and one by one, and what was done with them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from orchestration.core.catchup import Catchup
from orchestration.core.cron import Occurrence, timetable
from orchestration.core.errors import NotFound, Refused
from orchestration.core.frozen import dataclass
from orchestration.models import Act, Run, Schedule
from orchestration.queries.paging import Page, bounded, page
from orchestration.record.clock import database_now
from orchestration.record.pack import fetch, missing, unpack, unpack_all


@dataclass(frozen=True, slots=True)
class ScheduleView:
    """`next` is None while it is paused, or its workflow is `retired`. `fired` is the last occurrence that started a run, `run`
    that one, which may be pruned since. `trouble`: why occurrences since have started none; `passed`: what was last passed
    over."""

    id: str
    workflow: str
    name: str
    cron: str
    zone: str
    input: Any
    labels: dict[str, Any]
    catchup: Catchup
    most: int
    paused: bool
    next: datetime | None
    revision: int
    created: datetime
    created_by: str
    updated: datetime
    updated_by: str
    fired: datetime | None
    run: str | None
    trouble: dict[str, Any] | None
    passed: dict[str, Any] | None
    retired: bool

    def following(self, most: int = 5) -> tuple[Occurrence, ...]:
        """What comes next, or would if it were not paused, nor its workflow retired. One query where one of them is."""
        try:
            table = timetable(self.cron, self.zone)
        except Refused:  # this machine does not know its zone
            return ()
        return table.following(now() if self.next is None else self.next - timedelta(seconds=1), most)


@dataclass(frozen=True, slots=True)
class Done:
    """An act on a schedule, or what came of it that people should know."""

    verb: str
    by: str
    at: datetime
    detail: dict[str, Any]


_PACKED = ("input", "labels", "trouble", "passed")
_ROW = tuple(name for name in ScheduleView.__slots__ if name not in ("workflow", "retired"))
_COLUMNS = (*_ROW, "workflow_id", "workflow__retired")


def schedules(workflow: str, after: str | None = None, limit: int | None = None) -> Page[ScheduleView]:
    """In the order in which they were made. Two queries at most."""
    size = bounded(limit)
    found = Schedule.objects.filter(workflow_id=workflow).order_by("id")
    rows = list((found.filter(id__gt=after) if after else found).values(*_COLUMNS)[: size + 1])
    return page(rows, size, _views, lambda row: str(row["id"]))


def is_shared(name: str, workflow: str) -> bool:
    """Whether several schedules of the workflow are called so."""
    return Schedule.objects.filter(workflow_id=workflow, name=name).count() > 1


def schedule(id: str, workflow: str | None = None) -> ScheduleView:
    """One, of that workflow where it is named. Two queries at most. Raises `NotFound`."""
    found = Schedule.objects.filter(id=id)
    rows = list((found.filter(workflow_id=workflow) if workflow else found).values(*_COLUMNS))
    if not rows:
        raise gone(id)
    return _views(rows)[0]


def gone(id: str) -> NotFound:
    """Why there is no schedule of this id, to be raised. One query."""
    act = Act.objects.filter(subject=f"schedule:{id[:60]}", verb="delete_schedule").values_list("at", "by").first()
    if act is None:
        return NotFound(f"There is no schedule {id[:60]}.")
    return NotFound(f"{act[1]} deleted this schedule on {act[0]:%d %B %Y}. Runs that it started are still there.")


def following(cron: Any, zone: Any, most: int = 5) -> tuple[Occurrence, ...]:
    """When such a line comes next in such a zone; nothing where one of the two is none. One query."""
    try:
        return timetable(cron, zone).following(now(), most)
    except Refused:
        return ()


def now() -> datetime:
    """By the clock that schedules go by."""
    return database_now()


def history(id: str, most: int = 10) -> tuple[Done, ...]:
    """The newest first. Two queries at most."""
    acts = list(Act.objects.filter(subject=f"schedule:{id}").order_by("-number").values("verb", "by", "at", "detail")[:most])
    details = unpack_all([act["detail"] for act in acts])
    return tuple(Done(**{**act, "detail": detail}) for act, detail in zip(acts, details, strict=True))


def statuses(runs: Sequence[str]) -> dict[str, str]:
    """Of those of these runs that are still there. One query."""
    return dict(Run.objects.filter(id__in=[run for run in runs if run]).values_list("id", "status"))


def _views(rows: Sequence[dict[str, Any]]) -> list[ScheduleView]:
    blobs = fetch(missing(row[name] for row in rows for name in _PACKED))
    return [_view(row, blobs) for row in rows]


def _view(row: dict[str, Any], blobs: dict[str, str]) -> ScheduleView:
    plain = {name: unpack(row[name], blobs) if name in _PACKED else row[name] for name in _ROW}
    retired = row["workflow__retired"] is not None
    more = {"next": None} if retired else {}
    return ScheduleView(**{**plain, "workflow": row["workflow_id"], "run": row["run"] or None, "retired": retired, **more})
