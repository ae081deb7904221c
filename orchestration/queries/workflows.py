"""Workflows, their drafts and versions."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce

from orchestration.core.errors import NotFound, Problem, Refused
from orchestration.core.frozen import dataclass
from orchestration.models import Run, Schedule, Version, Workflow
from orchestration.queries.paging import Page, bounded, page
from orchestration.record.pack import unpack_all


@dataclass(frozen=True, slots=True)
class VersionSummary:
    number: int
    hash: str
    published: datetime
    published_by: str
    note: str


@dataclass(frozen=True, slots=True)
class VersionDetail(VersionSummary):
    """`proof` is what was proved when it was published, with the problems of then."""

    id: int
    workflow: str
    text: str
    definition: dict[str, Any]
    proof: dict[str, Any]


@dataclass(frozen=True, slots=True)
class WorkflowSummary:
    """`version` is the latest, None where there is none. `live` runs have not ended, `called` of them by another workflow; items
    and arms are not among them. `people` of all wait for a person. `stuck` of the `scheduled` ones could not start their last
    run. `retired`: since when nobody may start a run, None while people may."""

    id: str
    title: str
    sample: bool
    revision: int
    created: datetime
    updated: datetime
    updated_by: str
    version: int | None
    published: datetime | None
    live: int
    called: int
    people: int
    scheduled: int
    stuck: int
    retired: datetime | None
    retired_by: str
    retired_reason: str

    @property
    def label(self) -> str:
        return self.title or self.id


@dataclass(frozen=True, slots=True)
class WorkflowDetail(WorkflowSummary):
    draft: str
    versions: tuple[VersionSummary, ...]
    """The newest first, a hundred at most."""


DRAFT = "draft"
_VERSION = ("number", "hash", "published", "published_by", "note")
_WORKFLOW = (
    "id", "title", "sample", "revision", "created", "updated", "updated_by", "version", "published",
    "live", "called", "people", "scheduled", "stuck", "retired", "retired_by", "retired_reason",
)  # fmt: skip


def workflows(after: str | None = None, limit: int | None = None, retired: bool | None = None) -> Page[WorkflowSummary]:
    """By id: all, or those alone that are `retired`, or not. One query."""
    size = bounded(limit)
    found = _with_latest().order_by("id")
    if retired is not None:
        found = found.filter(retired__isnull=not retired)
    rows = list((found.filter(id__gt=after) if after else found).values(*_WORKFLOW)[: size + 1])
    return page(rows, size, lambda here: [WorkflowSummary(**row) for row in here], lambda row: str(row["id"]))


def retired() -> int:
    """How many workflows are retired. One query."""
    return Workflow.objects.filter(retired__isnull=False).count()


def ids() -> frozenset[str]:
    """Of all that there are: those that are taken."""
    return frozenset(Workflow.objects.values_list("id", flat=True))


def existing(wanted: Iterable[str]) -> frozenset[str]:
    """Those of these ids that there are. One query; none where nothing is wanted."""
    asked = list(wanted)
    return frozenset(Workflow.objects.filter(id__in=asked).values_list("id", flat=True)) if asked else frozenset()


def workflow(id: str) -> WorkflowDetail:
    """Two queries. Raises `NotFound`."""
    row = _with_latest().filter(id=id).values(*_WORKFLOW, "draft").first()
    if row is None:
        raise NotFound(f"There is no workflow {id[:60]}.")
    return WorkflowDetail(**row, versions=tuple(versions(id, limit=100).items))


def versions(workflow: str, after: str | None = None, limit: int | None = None) -> Page[VersionSummary]:
    """The newest first. One query."""
    size = bounded(limit)
    found = Version.objects.filter(workflow_id=workflow).order_by("-number")
    if after and after.isdecimal():
        found = found.filter(number__lt=int(after[:9]))
    rows = list(found.values(*_VERSION)[: size + 1])
    return page(rows, size, lambda here: [VersionSummary(**row) for row in here], lambda row: str(row["number"]))


def version(workflow: str, number: int | None = None) -> VersionDetail:
    """One version, the latest without `number`. Two queries. Raises `NotFound`."""
    found = Version.objects.filter(workflow_id=workflow).order_by("-number")
    row = (
        (found.filter(number=number) if number is not None else found)
        .values(*_VERSION, "id", "text", "definition", "proof")
        .first()
    )
    if row is None:
        what = f"version {number}" if number is not None else "published version"
        raise NotFound(f"There is no {what} of {workflow[:60]}.")
    row["definition"], row["proof"] = unpack_all([row["definition"], row["proof"]])
    return VersionDetail(**row, workflow=workflow)


def hashes(wanted: Collection[tuple[str, int]]) -> dict[tuple[str, int], str]:
    """The content hashes of these versions, each (workflow, number). One narrow query."""
    names, numbers = {name for name, _ in wanted}, {number for _, number in wanted}
    found = Version.objects.filter(workflow_id__in=names, number__in=numbers)
    rows = found.values_list("workflow_id", "number", "hash") if wanted else ()
    return {(workflow, number): digest for workflow, number, digest in rows if (workflow, number) in wanted}


def definitions(wanted: Collection[str]) -> dict[str, dict[str, Any]]:
    """The definitions of these content hashes. Two queries; none where nothing is wanted."""
    rows = dict(Version.objects.filter(hash__in=wanted).values_list("hash", "definition")) if wanted else {}
    return dict(zip(rows, unpack_all(rows.values()), strict=True))


def text_of(found: WorkflowDetail, which: str | None, place: str) -> tuple[str, str]:
    """(Which, its text) of a version by number, or of `draft`; the latest version where nothing is said, ("", "") where there is
    none. `place` names the parameter. Raises `NotFound`, and `Refused` for what is neither."""
    which = which or str(found.version or "")
    if which in (DRAFT, ""):
        return which, found.draft if which else ""
    if not which.isdecimal() or len(which) > 9:
        raise Refused(Problem("bad_version", "A version is a number, or draft.", place))
    return which, version(found.id, int(which)).text


_part = Exists(Run.objects.filter(id=OuterRef("runs__parent"), version=OuterRef("runs__version")))
"""Whether a run is an item or an arm: of the same version as what it is a part of. Looked up where it has not ended alone."""


def _with_latest() -> "QuerySet[Workflow]":
    latest = Version.objects.filter(workflow=OuterRef("pk")).order_by("-number")
    schedules = Schedule.objects.filter(workflow=OuterRef("pk")).order_by().values("workflow").annotate(n=Count("id")).values("n")
    return Workflow.objects.annotate(
        version=Subquery(latest.values("number")[:1]),
        published=Subquery(latest.values("published")[:1]),
        live=Count("runs", filter=Q(runs__status__in=Run.LIVE) & (Q(runs__parent=None) | ~_part)),
        called=Count("runs", filter=Q(runs__status__in=Run.LIVE, runs__parent__isnull=False) & ~_part),
        people=Count("runs", filter=Q(runs__status__in=("waiting", "quarantined"), runs__wait="person")),
        scheduled=Coalesce(Subquery(schedules), 0),
        stuck=Coalesce(Subquery(schedules.exclude(trouble="null")), 0),
    )
