"""What a run did: its step records with their calls, what is open, and its state as of any record."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet

from orchestration.core import position as positions
from orchestration.core import state
from orchestration.core.errors import NotFound, Problem, Refused
from orchestration.core.frozen import dataclass, replace
from orchestration.models import Call, Run, StepRecord
from orchestration.queries.paging import Page, bounded, number, page
from orchestration.queries.progress import loop_of
from orchestration.queries.progress import of_each as progress_of
from orchestration.queries.pruned import no_run
from orchestration.queries.resent import Resending, resendings
from orchestration.queries.runs import part_of
from orchestration.record.pack import fetch, missing, unpack


@dataclass(frozen=True, slots=True)
class CallView:
    """One request as it was sent, and its answer as it came. `finished` None: nobody has recorded one. `cost` in nano-dollars."""

    path: str
    visit: int
    n: int
    ask: int
    rung: int
    kind: str
    protocol: str
    target: str
    effect: str
    key: str
    intended: datetime
    deadline: datetime
    finished: datetime | None
    tokens_in: int
    tokens_out: int
    cost: int
    request: dict[str, Any]
    response: dict[str, Any] | None
    output: Any
    error: dict[str, Any] | None
    late: Any
    resent: tuple[Resending, ...] = ()

    @property
    def sent(self) -> datetime:
        """When it was last sent."""
        return self.resent[-1].at if self.resent else self.intended

    @property
    def is_model(self) -> bool:
        return self.protocol not in ("http", "python", "mcp")


@dataclass(frozen=True, slots=True)
class StepView:
    """One visit, whole. `decision` holds to, rule, because, sentence; `result` kind, error, degraded."""

    seq: int
    step: str
    path: str
    visit: int
    type: str
    scope: str | None
    state_hash: str
    queued: datetime | None
    started: datetime
    finished: datetime
    tokens_in: int
    tokens_out: int
    cost: int
    actor: str
    input: Any
    output: Any
    result: dict[str, Any]
    decision: dict[str, Any]
    fingerprints: dict[str, Any]
    calls: tuple[CallView, ...]


_CALL = (
    "path", "visit", "n", "ask", "rung", "kind", "protocol", "target", "effect", "key", "intended", "deadline", "finished",
    "tokens_in", "tokens_out", "cost",
)  # fmt: skip
_CALL_PACKED = ("request", "response", "output", "error", "late", "resent")
_STEP = (
    "seq", "step", "path", "visit", "type", "scope", "state_hash", "queued", "started", "finished", "tokens_in",
    "tokens_out", "cost", "actor",
)  # fmt: skip
_STEP_PACKED = ("input", "output", "result", "decision", "fingerprints")
_FOLDED = ("seq", "step", "path", "visit", "scope", "actor", "output", "decision", "position")

Row = dict[str, Any]


def records(run: str, after: str | None = None, limit: int | None = None) -> Page[StepView]:
    """In the order they were made. Six queries at most. Raises `NotFound`."""
    _must_exist(run)
    size = bounded(limit)
    found = StepRecord.objects.filter(run_id=run).order_by("seq")
    if after:
        found = found.filter(seq__gt=number(after))
    rows = list(found.values(*_STEP, *_STEP_PACKED)[: size + 1])
    return page(rows, size, lambda here: _views(run, here), lambda row: str(row["seq"]))


def record(run: str, seq: int) -> StepView:
    """One record. Five queries at most. Raises `NotFound`."""
    rows = list(StepRecord.objects.filter(run_id=run, seq=seq).values(*_STEP, *_STEP_PACKED))
    if not rows:
        raise NotFound(f"Run {run[:60]} has no step record {seq}.")
    return _views(run, rows)[0]


def open_calls(run: str) -> tuple[CallView, ...]:
    """The calls of the visit that is not over yet. Two queries at most."""
    closed = StepRecord.objects.filter(run_id=run, path=OuterRef("path"), visit=OuterRef("visit"))
    return views_of(Call.objects.filter(~Exists(closed), run_id=run))


def state_at(run: str, at: int | None = None) -> state.State:
    """The state after record `at`, the latest without. Folds what was written until then: three queries. Raises `NotFound`,
    and `Refused` where the run has not come so far."""
    found = Run.objects.filter(id=run).values_list("input", "seq", "version", "parent__version").first()
    if found is None:
        raise no_run(run)
    last = found[1] if at is None else at
    if not 0 <= last <= found[1]:
        raise Refused(Problem("out_of_range", f"The run has {found[1]} step records; there is no state {last}.", "at"))
    rows = list(StepRecord.objects.filter(run_id=run, seq__lte=last).order_by("seq").values(*_FOLDED))
    blobs = fetch(missing([found[0], *(row[name] for row in rows for name in ("output", "decision", "position"))]))
    folded = state.fold(unpack(found[0], blobs), (_folded(row, blobs) for row in rows))
    return replace(folded, input=part_of(folded.input, *found[2:])[1])


def _folded(row: Row, blobs: dict[str, str]) -> state.Record:
    at = unpack(row["position"], blobs)
    return state.Record(
        seq=row["seq"],
        path=row["path"],
        visit=row["visit"],
        output=unpack(row["output"], blobs),
        writes=(row["scope"], row["step"]) if row["scope"] is not None else None,
        to=unpack(row["decision"], blobs)["to"],
        position=positions.load(at) if at else None,
        actor=row["actor"],
    )


def _views(run: str, rows: Sequence[Row]) -> list[StepView]:
    """Step records with their calls; that of a loop tells its whole progress. Four queries at most."""
    paths = {row["path"] for row in rows}
    calls = list(Call.objects.filter(run_id=run, path__in=paths).order_by("id").values(*_CALL, *_CALL_PACKED)) if rows else []
    blobs = fetch(missing([*packed_calls(calls), *(row[name] for row in rows for name in _STEP_PACKED)]))
    views: dict[tuple[str, int], list[CallView]] = {}
    for call in call_views(calls, blobs):
        views.setdefault((call.path, call.visit), []).append(call)
    seen: set[tuple[str, int]] = set()
    found = []
    for row in rows:
        key = (row["path"], row["visit"])
        # A pause leaves a second record of the same visit; its calls belong to the first.
        mine = () if key in seen else tuple(views.get(key, ()))
        seen.add(key)
        packed = {name: unpack(row[name], blobs) for name in _STEP_PACKED}
        found.append(StepView(**{name: row[name] for name in _STEP}, **packed, calls=mine))
    closed = {view.seq: view.decision for view in found if loop_of(view.decision.get("round", "")) == view.path}
    whole = {seq: [value for _, value in rounds] for seq, rounds in progress_of(run, closed).items()}
    return [replace(view, decision={**view.decision, "series": whole[view.seq]}) if view.seq in whole else view for view in found]


def packed_calls(rows: Iterable[Row]) -> list[str | None]:
    return [row[name] for row in rows for name in _CALL_PACKED]


def call_views(rows: Iterable[Row], blobs: dict[str, str]) -> tuple[CallView, ...]:
    return tuple(_call_view(row, {name: unpack(row[name], blobs) for name in _CALL_PACKED}) for row in rows)


def _call_view(row: Row, packed: dict[str, Any]) -> CallView:
    return CallView(**{name: row[name] for name in _CALL}, **{**packed, "resent": resendings(packed["resent"])})


def views_of(calls: "QuerySet[Call]") -> tuple[CallView, ...]:
    """These calls in the order they were made. Two queries at most."""
    rows = list(calls.order_by("id").values(*_CALL, *_CALL_PACKED))
    return call_views(rows, fetch(missing(packed_calls(rows))))


def _must_exist(run: str) -> None:
    if not Run.objects.filter(id=run).exists():
        raise no_run(run)
