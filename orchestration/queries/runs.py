"""Runs, in lists and one by one. What they did is in `records`."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Concat

from orchestration.core.errors import Problem, Refused
from orchestration.core.frozen import dataclass
from orchestration.core.position import Around
from orchestration.core.wording import did_you_mean, with_stop
from orchestration.models import Act, Escalation, Run, Schedule
from orchestration.queries import family
from orchestration.queries.paging import Page, bounded, cursor, moment, page, parts_of
from orchestration.queries.pruned import no_run
from orchestration.record.pack import fetch, missing, unpack

WAITS = {name: Q(wait=name) for name in ("children", "backoff", "slot", "limit")}
WAITS |= {name: Q(wait=name) | Q(id__in=family.waiting_below(name), wait="children") for name in ("person", "event", "time")}
"""What a list may be filtered by beside the statuses: what a run waits for. For a person, an event or a moment: itself, or one of
its child runs, or one of theirs."""


@dataclass(frozen=True, slots=True)
class RunFilter:
    """`status` holds statuses and keys of `WAITS`, and `live` and `ended` for several at once. Without `parent` no child run is
    in the list; with it, none but the child runs of that run, and with `path` those of that step. `id` lets this one in too."""

    status: tuple[str, ...] = ()
    workflow: str | None = None
    version: int | None = None
    outcome: str | None = None
    schedule: str | None = None
    key: str | None = None
    key_part: str | None = None
    created_from: datetime | None = None
    created_to: datetime | None = None
    parent: str | None = None
    path: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class RunSummary:
    """`place` is the path it stands at, `wait` what for; `escalation` is the open one; `cost` in nano-dollars. A child run is a
    part of its `parent`: of the visit `parent_path`, `parent_visit`, and there of `index`, from 0."""

    id: str
    workflow: str
    title: str
    version: int
    status: str
    wait: str
    place: str
    outcome: str
    revision: int
    seq: int
    escalation: str | None
    cost: int
    key: str
    labels: dict[str, Any]
    created: datetime
    created_by: str
    schedule: str | None
    started: datetime | None
    ended: datetime | None
    due: datetime | None
    deaths: int
    holder: str | None
    awaits: str
    """The address of the event that it waits for (`core/event`), "" where none."""
    since: datetime | None
    """When it began to wait for an event, a moment, or at a limit."""
    parent: str | None
    parent_path: str
    parent_visit: int
    index: int | None

    @property
    def label(self) -> str:
        return self.title or self.workflow

    @property
    def over(self) -> bool:
        return self.status in Run.ENDED


@dataclass(frozen=True, slots=True)
class RunItem(RunSummary):
    """As lists of the API show it. What stands in a blob of its own is None here and named in `truncated`, so that a page of
    runs reads no more than its rows."""

    output: Any
    error: dict[str, Any] | None
    truncated: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RunDetail(RunSummary):
    """The `input` of an item or an arm is what it is about, `item` and `index` in a map; `around` the runs it is inside of."""

    version_id: int
    input: Any
    output: Any
    error: dict[str, Any] | None
    spent: dict[str, Any]
    asked: dict[str, Any] | None
    mended: tuple[str, ...]
    """Where the input was mended when it came, as `input.text`."""
    around: tuple[Around, ...]
    schedule_name: str
    """That of its schedule, "" where it has none or that was deleted."""
    restored: int
    """The seq of its first record since it was restored from a backup, 0 where it was not."""
    state_hash: str

    @property
    def starter(self) -> str:
        """Who or what began it, in words."""
        if self.schedule is None:
            return self.created_by
        return f"the schedule {self.schedule_name}" if self.schedule_name else "a schedule that was deleted"


_SAME = (
    "id", "status", "wait", "place", "outcome", "revision", "seq", "cost", "key", "labels", "created", "created_by", "schedule",
    "started", "ended", "due", "deaths", "holder", "awaits", "since", "parent_path", "parent_visit", "index",
)  # fmt: skip
SUMMARY = (*_SAME, "parent_id", "workflow_id", "workflow__title", "version__number", "escalation")
_ITEM = ("output", "error")
_PACKED = ("input", *_ITEM, "spent", "asked")
_DETAIL = (*SUMMARY, *_PACKED, "version_id", "parent__version_id", "restored", "state_hash")


def runs(wanted: RunFilter, after: str | None = None, limit: int | None = None) -> Page[RunItem]:
    """The newest first. Two queries at most. Raises `Refused` for a filter or cursor that means nothing."""
    size = bounded(limit)
    found = matching(wanted).order_by("-created", "-id")
    if after:
        at, last = parts_of(after, 2)
        created = moment(at)
        found = found.filter(Q(created__lt=created) | Q(created=created, id__lt=last))
    rows = list(found.values(*SUMMARY, *_ITEM)[: size + 1])
    return page(rows, size, _items, lambda row: cursor(row["created"], row["id"]))


def count(wanted: RunFilter) -> int:
    return matching(wanted).count()


def run(id: str) -> RunDetail:
    """Two queries at most. Raises `NotFound`."""
    named = Schedule.objects.filter(pk=OuterRef("schedule")).values("name")
    began = Act.objects.filter(subject=Concat(Value("run:"), OuterRef("pk")), number=1).values("detail")
    row = (
        with_escalation(Run.objects.filter(id=id))
        .annotate(began=Subquery(began), named=Subquery(named))
        .values(*_DETAIL, "began", "named")
        .first()
    )
    if row is None:
        raise no_run(id)
    blobs = fetch(missing([row["labels"], row["began"], *(row[name] for name in _PACKED)]))
    packed = {name: unpack(row[name], blobs) for name in _PACKED}
    around, packed["input"] = part_of(packed["input"], row["version_id"], row["parent__version_id"])
    return RunDetail(
        **_summary(row, blobs),
        **packed,
        version_id=row["version_id"],
        mended=tuple((unpack(row["began"], blobs) or {}).get("mended", ())),
        around=around,
        schedule_name=row["named"] or "",
        restored=row["restored"],
        state_hash=row["state_hash"],
    )


def part_of(given: Any, version: int, around: int | None) -> tuple[tuple[Around, ...], Any]:
    """(the runs that a run with this input is inside of, the outermost first; its input, or what it is about). An item or an arm
    is inside of its parent, and of the same version: `around`. A workflow that is called is a child run and inside of none."""
    if version != around:
        return (), given
    return tuple(Around(*each) for each in given["around"]), {name: given[name] for name in given if name != "around"}


def standing(id: str) -> tuple[str, str, int]:
    """(status, wait, revision), for one who waits. One narrow query. Raises `NotFound`."""
    row = Run.objects.filter(id=id).values_list("status", "wait", "revision").first()
    if row is None:
        raise no_run(id)
    return row


def rests(id: str, *waits: str) -> bool:
    """Whether the run has ended, or waits for one of that: itself, or a child run of it, or one of theirs. One narrow query, and
    one for each level of child runs where it waits for them. Raises `NotFound`."""
    status, wait, _ = standing(id)
    if status in Run.ENDED or (wait in waits and status != Run.Status.HELD):
        return True
    return wait == "children" and bool(family.asked_below([id], waits))


def matching(wanted: RunFilter) -> "QuerySet[Run]":
    root = Q(parent=wanted.parent) | Q(id=wanted.id) if wanted.id else Q(parent=wanted.parent)
    found = with_escalation(Run.objects.filter(root))
    if wanted.status:
        found = found.filter(_statuses(wanted.status))
    exact: dict[str, Any] = {
        "workflow_id": wanted.workflow,
        "version__number": wanted.version,
        "parent_path": wanted.path,
        "outcome": wanted.outcome,
        "schedule": wanted.schedule,
        "key": wanted.key,
        "key__icontains": wanted.key_part,
    }
    exact |= {"created__gte": wanted.created_from, "created__lt": wanted.created_to}
    return found.filter(**{name: value for name, value in exact.items() if value is not None})


def _statuses(names: Sequence[str]) -> Q:
    found = Q()
    several = {"live": Run.LIVE, "ended": Run.ENDED}
    for name in names:
        if name in WAITS:
            found |= WAITS[name] & Q(status__in=Run.LIVE)
        elif name in several:
            found |= Q(status__in=several[name])
        elif name in Run.Status.values:
            found |= Q(status=name)
        else:
            known = [*Run.Status.values, *WAITS, *several]
            message = with_stop(f"There is no status {name[:40]}{did_you_mean(name, known)}")
            raise Refused(Problem("bad_filter", message, "status"))
    return found


def with_escalation(found: "QuerySet[Run]") -> "QuerySet[Run]":
    pending = Escalation.objects.filter(run=OuterRef("pk"), status__in=Escalation.PENDING)
    return found.annotate(escalation=Subquery(pending.values("id")[:1]))


def summaries(rows: Sequence[dict[str, Any]]) -> list[RunSummary]:
    blobs = fetch(missing(row["labels"] for row in rows))
    return [RunSummary(**_summary(row, blobs)) for row in rows]


def _items(rows: Sequence[dict[str, Any]]) -> list[RunItem]:
    blobs = fetch(missing(row["labels"] for row in rows))
    return [RunItem(**_summary(row, blobs), **_inline(row)) for row in rows]


def _inline(row: dict[str, Any]) -> dict[str, Any]:
    apart = tuple(name for name in _ITEM if missing([row[name]]))
    return {**{name: None if name in apart else unpack(row[name], {}) for name in _ITEM}, "truncated": apart}


def _summary(row: dict[str, Any], blobs: dict[str, str]) -> dict[str, Any]:
    found = {name: row[name] for name in _SAME}
    return {
        **found,
        "labels": unpack(row["labels"], blobs),
        "workflow": row["workflow_id"],
        "title": row["workflow__title"],
        "version": row["version__number"],
        "escalation": row["escalation"],
        "parent": row["parent_id"],
    }
