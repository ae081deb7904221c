"""The course of one run, narrow: every visit in a line, when its calls were, and when people were asked."""

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from orchestration.core.frozen import dataclass
from orchestration.models import Act as ActRow
from orchestration.models import Call, Escalation, StepRecord
from orchestration.queries.resent import Resending, resendings
from orchestration.record.pack import fetch, missing, unpack, unpack_all

MOST = 300
"""Visits that a page shows; of a longer run those around the one that is looked at."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One step record without its values. `result` is its kind, `error` the code of its failure or "", `rule` the place in the
    definition by which it went on."""

    seq: int
    step: str
    path: str
    visit: int
    type: str
    scope: str | None
    queued: datetime | None
    started: datetime
    finished: datetime
    tokens_in: int
    tokens_out: int
    cost: int
    actor: str
    result: str
    error: str
    degraded: bool
    to: str
    sentence: str
    rule: str = ""


@dataclass(frozen=True, slots=True)
class CallTime:
    """When a call was under way. `finished` None: it is, or nobody has its answer."""

    path: str
    visit: int
    n: int
    kind: str
    target: str
    intended: datetime
    finished: datetime | None
    error: str
    resent: tuple[Resending, ...] = ()


@dataclass(frozen=True, slots=True)
class Pause:
    """When a person was asked. `ended` None: still open."""

    id: str
    kind: str
    step: str
    path: str
    title: str
    queue: str
    created: datetime
    due: datetime | None
    claimed_by: str
    ended: datetime | None
    status: str
    by: str


@dataclass(frozen=True, slots=True)
class Course:
    """`before` and `after` visits were left out, of a long run. `calls` and `pauses` are all there are in between."""

    visits: tuple[Visit, ...]
    calls: tuple[CallTime, ...]
    pauses: tuple[Pause, ...]
    before: int
    after: int


_VISIT = (
    "seq", "step", "path", "visit", "type", "scope", "queued", "started", "finished", "tokens_in", "tokens_out", "cost", "actor",
)  # fmt: skip
_CALL = ("path", "visit", "n", "kind", "target", "intended", "finished", "error", "resent")


def course(run: str, length: int, around: int | None = None) -> Course:
    """Of a run that has `length` step records: the last `MOST`, or those around record `around`. Four queries at most."""
    first = max(min(length if around is None else around + MOST // 2, length) - MOST, 0) + 1
    last = min(first + MOST - 1, length)
    rows = list(
        StepRecord.objects.filter(run_id=run, seq__gte=first, seq__lte=last).order_by("seq").values(*_VISIT, "result", "decision")
    )
    calls = Call.objects.filter(run_id=run).order_by("id")
    if rows and first > 1:
        calls = calls.filter(intended__gte=rows[0]["started"])
    if rows and last < length:
        calls = calls.filter(intended__lte=rows[-1]["finished"])
    made = list(calls.values(*_CALL)[: MOST * 10])
    blobs = fetch(
        missing(
            [
                *(row[name] for row in rows for name in ("result", "decision")),
                *(call[name] for call in made for name in ("error", "resent")),
            ]
        )
    )
    visits = tuple(_visit(row, blobs) for row in rows)
    return Course(visits, tuple(_call(row, blobs) for row in made), pauses(run), first - 1, length - last)


def visits(records: "QuerySet[StepRecord]") -> tuple[Visit, ...]:
    """Of any runs. Two queries at most."""
    rows = list(records.values(*_VISIT, "result", "decision"))
    blobs = fetch(missing(row[name] for row in rows for name in ("result", "decision")))
    return tuple(_visit(row, blobs) for row in rows)


def pauses(run: str) -> tuple[Pause, ...]:
    """In the order in which they were opened. One query."""
    found = Escalation.objects.filter(run_id=run).order_by("id").values(
        "id", "kind", "step", "path", "title", "queue", "created", "due", "claimed_by", "resolved", "status", "resolved_by",
    )  # fmt: skip
    return tuple(Pause(ended=row.pop("resolved"), by=row.pop("resolved_by"), **row) for row in found)


@dataclass(frozen=True, slots=True)
class Act:
    """What somebody did to the run. `hash` chains it to the one before."""

    number: int
    verb: str
    at: datetime
    by: str
    detail: Any
    hash: str


def acts(run: str) -> tuple[Act, ...]:
    """In order. Two queries at most."""
    names = ("number", "verb", "at", "by", "detail", "hash")
    rows = list(ActRow.objects.filter(subject=f"run:{run}").order_by("number").values(*names))
    details = unpack_all([row.pop("detail") for row in rows])
    return tuple(Act(**row, detail=detail) for row, detail in zip(rows, details, strict=True))


def writers(run: str, before: int) -> tuple[tuple[int, str, str, str, str], ...]:
    """(seq, step, scope, path, actor) of each record before `before` that wrote a value, the latest first, for telling who wrote
    what an expression read. One query."""
    found = StepRecord.objects.filter(run_id=run, seq__lt=before, scope__isnull=False).order_by("-seq")
    return tuple(found.values_list("seq", "step", "scope", "path", "actor")[: MOST * 4])


def _visit(row: dict[str, Any], blobs: dict[str, str]) -> Visit:
    result, decision = unpack(row["result"], blobs), unpack(row["decision"], blobs)
    return Visit(
        **{name: row[name] for name in _VISIT},
        result=result["kind"],
        error=(result.get("error") or {}).get("code", ""),
        degraded=bool(result.get("degraded")),
        to=decision["to"],
        sentence=decision["sentence"],
        rule=decision["rule"],
    )


def _call(row: dict[str, Any], blobs: dict[str, str]) -> CallTime:
    error = unpack(row["error"], blobs) or {}
    return CallTime(**{**row, "error": error.get("code", ""), "resent": resendings(unpack(row["resent"], blobs))})
