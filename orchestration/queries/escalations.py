"""The inbox: what waits for a person, and the dossier of each."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.utils import timezone

from orchestration.core.errors import NotFound, Problem, Refused
from orchestration.core.frozen import dataclass
from orchestration.core.wording import did_you_mean, with_stop
from orchestration.models import Escalation
from orchestration.queries import family
from orchestration.queries.dossier import Dossier, dossier
from orchestration.queries.paging import Page, bounded, cursor, moment, number, page, parts_of
from orchestration.record.pack import fetch, missing, unpack

_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Inbox:
    """`status` holds statuses, and `pending` for open and claimed. `run`: those of this run, of its child runs, and of theirs.
    `mine`: those that this person has claimed."""

    status: tuple[str, ...] = ()
    run: str | None = None
    workflow: str | None = None
    queue: str | None = None
    kind: str | None = None
    mine: str | None = None


@dataclass(frozen=True, slots=True)
class EscalationSummary:
    """`revision` is the run's: who answers says which one they saw. A claim that has lapsed is shown as none. `parent`: the run
    that its run is a part of, at step `parent_path`, as child `index`."""

    id: str
    run: str
    workflow: str
    workflow_title: str
    version: int
    key: str
    kind: str
    step: str
    path: str
    visit: int
    title: str
    about: str
    queue: str
    priority: int
    status: str
    claimed_by: str
    claimed_until: datetime | None
    created: datetime
    due: datetime | None
    revision: int
    run_status: str
    parent: str | None
    parent_key: str
    parent_path: str
    index: int | None
    resolved: datetime | None
    resolved_by: str

    @property
    def pending(self) -> bool:
        return self.status in Escalation.PENDING

    @property
    def label(self) -> str:
        return self.workflow_title or self.workflow


@dataclass(frozen=True, slots=True)
class EscalationDetail(EscalationSummary):
    """`values` is what the form opens with; `draft` an answer begun ({values, by, at}); `answer` the one given."""

    reason: dict[str, Any]
    form: dict[str, Any]
    values: Any
    show: dict[str, Any]
    actions: list[dict[str, Any]]
    draft: dict[str, Any] | None
    answer: dict[str, Any] | None
    dossier: Dossier


_SAME = (
    "id", "kind", "step", "path", "visit", "title", "about", "queue", "priority", "status", "claimed_by", "claimed_until",
    "created", "due", "resolved", "resolved_by",
)  # fmt: skip
_NAMED = {
    "run": "run_id",
    "workflow": "run__workflow_id",
    "workflow_title": "run__workflow__title",
    "version": "run__version__number",
    "key": "run__key",
    "revision": "run__revision",
    "run_status": "run__status",
    "parent": "run__parent_id",
    "parent_key": "run__parent__key",
    "parent_path": "run__parent_path",
    "index": "run__index",
}
_PACKED = ("reason", "form", "values", "show", "actions", "draft", "answer")
_SUMMARY = (*_SAME, *_NAMED.values())


def escalations(wanted: Inbox, after: str | None = None, limit: int | None = None) -> Page[EscalationSummary]:
    """What is most urgent first: by priority, due time, age. One query. Raises `Refused`."""
    size = bounded(limit)
    found = _filtered(wanted).annotate(by=Coalesce("due", Value(_NEVER))).order_by("-priority", "by", "id")
    if after:
        parts = parts_of(after, 3)
        priority, due, last = number(parts[0]), moment(parts[1]), parts[2]
        later = Q(by__gt=due) | Q(by=due, id__gt=last)
        found = found.filter(Q(priority__lt=priority) | Q(priority=priority) & later)
    rows = list(found.values(*_SUMMARY)[: size + 1])
    return page(rows, size, _summaries, lambda row: cursor(row["priority"], row["due"] or _NEVER, row["id"]))


def count(wanted: Inbox) -> int:
    return _filtered(wanted).count()


def queues() -> tuple[tuple[str, int], ...]:
    """Each queue that something waits in, and how much. One query."""
    pending = Escalation.objects.filter(status__in=Escalation.PENDING)
    return tuple(pending.order_by("queue").values_list("queue").annotate(waiting=Count("id")))


def escalation(id: str) -> EscalationDetail:
    """With its dossier: eight queries at most. Raises `NotFound`."""
    row = Escalation.objects.filter(id=id).values(*_SUMMARY, *_PACKED).first()
    if row is None:
        raise NotFound(f"There is no escalation {id[:60]}.")
    blobs = fetch(missing(row[name] for name in _PACKED))
    summary = _summary(row, timezone.now())
    told = dossier(row["run_id"], row["path"], row["visit"], row["created"])
    return EscalationDetail(**summary, **{name: unpack(row[name], blobs) for name in _PACKED}, dossier=told)


def _filtered(wanted: Inbox) -> "QuerySet[Escalation]":
    found = Escalation.objects.all()
    now = timezone.now()
    if wanted.status:
        found = found.filter(_statuses(wanted.status, now))
    if wanted.mine is not None:
        found = found.filter(status=Escalation.Status.CLAIMED, claimed_by=wanted.mine, claimed_until__gt=now)
    if wanted.run is not None:
        found = found.filter(run_id__in=family.whole(wanted.run))
    exact = {"run__workflow_id": wanted.workflow, "queue": wanted.queue, "kind": wanted.kind}
    return found.filter(**{name: value for name, value in exact.items() if value is not None})


def _statuses(names: Sequence[str], now: datetime) -> Q:
    found = Q()
    for name in names:
        if name == "pending":
            found |= Q(status__in=Escalation.PENDING)
        elif name == Escalation.Status.OPEN:
            found |= Q(status=name) | Q(status=Escalation.Status.CLAIMED, claimed_until__lte=now)
        elif name == Escalation.Status.CLAIMED:
            found |= Q(status=name, claimed_until__gt=now)
        elif name in Escalation.Status.values:
            found |= Q(status=name)
        else:
            known = [*Escalation.Status.values, "pending"]
            raise Refused(
                Problem("bad_filter", with_stop(f"There is no status {name[:40]}{did_you_mean(name, known)}"), "status")
            )
    return found


def _summaries(rows: Sequence[dict[str, Any]]) -> list[EscalationSummary]:
    now = timezone.now()
    return [EscalationSummary(**_summary(row, now)) for row in rows]


def _summary(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    found = {name: row[name] for name in _SAME} | {name: row[column] for name, column in _NAMED.items()}
    found["parent_key"] = found["parent_key"] or ""
    if found["status"] == Escalation.Status.CLAIMED and found["claimed_until"] <= now:
        found |= {"status": str(Escalation.Status.OPEN), "claimed_by": "", "claimed_until": None}
    return found
