"""The child runs of one visit of a run, as they are looked at from it: how many stand how, and a page of them, what needs looking
at first. A visit with ten thousand of them costs one read of their part of an index for each, and a page."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import Case, Count, Max, Q, QuerySet, Value, When

from orchestration.core.errors import Problem, Refused
from orchestration.core.frozen import dataclass
from orchestration.core.wording import Opening, did_you_mean, with_stop
from orchestration.models import Escalation, Run, StepRecord
from orchestration.queries import family
from orchestration.queries import runs as listed
from orchestration.queries.paging import bounded, cursor, number, parts_of
from orchestration.queries.run_list import Row, listing_of
from orchestration.record.pack import missing, openings, unpack, unpack_all

STATES: dict[str, Q] = {
    "failed": Q(status="failed"),
    "person": Q(status="quarantined") | Q(status="waiting", wait="person"),
    "live": Q(status__in=("ready", "held", "waiting")),
    "done": Q(status="succeeded"),
    "cancelled": Q(status="cancelled"),
}
"""How a child may stand, in the order in which they are listed; one that waits for a person is not counted as `live` too."""
USUAL = 12
FANS = ("map", "parallel", "workflow")
"""Types of steps that have child runs."""
RESTING = ("wait", *FANS)
_RESTS = ("event", "time", "limit", "children")


_OPENING, _BEFORE = 400, '{"item":'
"""Characters of what a child was given that are read where it is large, and what stands before an item in them."""


@dataclass(frozen=True, slots=True)
class Span:
    """When a person was asked, or it waited for anything else. `ended` None: that goes on."""

    created: datetime
    ended: datetime | None


@dataclass(frozen=True, slots=True)
class Lane:
    """One child. `item` is what a map gave it, or a called workflow's input, where that is small enough to stand in the row, else
    how an item begins; `error` what it failed with."""

    row: Row
    item: Any
    error: dict[str, Any] | None
    asked: tuple[Span, ...]
    rested: tuple[Span, ...]
    """When it waited for an event, a moment or child runs of its own."""

    @property
    def index(self) -> int:
        assert self.row.run.index is not None
        return self.row.run.index


@dataclass(frozen=True, slots=True)
class Lanes:
    """`now` by the database's clock; `next` is what to send as `after`."""

    lanes: tuple[Lane, ...]
    next: str | None
    sweeping: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Siblings:
    """The children beside one, by id; "" where there is none."""

    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Above:
    """A run that a child run is a part of. `parent` "": of none itself."""

    id: str
    key: str
    workflow: str
    label: str
    version: int
    created_by: str
    parent: str
    parent_path: str
    index: int


def above(parent: str) -> tuple[Above, ...]:
    """A run, and those that it is a part of, the outermost first. One query for each."""
    found: list[Above] = []
    names = ("id", "key", "workflow_id", "workflow__title", "version__number", "created_by", "parent_id", "parent_path", "index")
    while parent and (row := Run.objects.filter(id=parent).values_list(*names).first()):
        run, key, workflow, title, version, by, up, path, index = row
        found.append(Above(run, key, workflow, title or workflow, version, by, up or "", path, index or 0))
        parent = found[-1].parent
    return tuple(reversed(found))


def live(run: str) -> int:
    """How many child runs of a run have not ended. One query."""
    return Run.objects.filter(parent=run, ended=None).count()


def counts(run: str, path: str, visit: int) -> tuple[dict[str, int], frozenset[str]]:
    """How many of the children of this visit stand how; and which of them wait for child runs of their own in which a person is
    asked, who are counted as those that wait for one. One grouped query, and where any waits for its own one more, and one for
    each level below."""
    found = _tally(_children(run, path, visit))
    asked: frozenset[str] = frozenset()
    if found["children"]:
        waiting = _children(run, path, visit).filter(status=Run.Status.WAITING, wait="children")
        asked = frozenset(family.asked_below(list(waiting.values_list("id", flat=True))))
    found["live"] -= len(asked)
    found["person"] += len(asked)
    return {name: number for name, number in found.items() if name in STATES}, asked


def tally(run: str) -> dict[str, int] | None:
    """The `total` of all child runs of a run, of each status, and of those that wait for a `person`; None where there are none.
    One grouped query."""
    found = _tally(Run.objects.filter(parent=run))
    return None if not found["total"] else {name: found[name] for name in ("total", *Run.Status.values, "person")}


def _tally(children: "QuerySet[Run]") -> dict[str, int]:
    rows = children.order_by().values_list("status", "wait").annotate(number=Count("id"))
    found = dict.fromkeys((*Run.Status.values, *STATES, "total", "children"), 0)
    for status, wait, much in rows:
        asks = status == "quarantined" or (status, wait) == ("waiting", "person")
        ended = {"succeeded": "done"}.get(status, status)
        state = "person" if asks else ended if status in Run.ENDED else "live"
        for name in {"total", status, state, *(("children",) if (status, wait) == ("waiting", "children") else ())}:
            found[name] += much
    return found


def children(
    run: str,
    path: str,
    visit: int,
    state: str | None = None,
    after: str | None = None,
    limit: int | None = USUAL,
    asked: Collection[str] = (),
) -> Lanes:
    """Those of this visit, or those of them that stand like that: what failed, what waits for a person, what lives, what has
    ended, each by index. `asked`: those in whose own child runs a person is asked. Eleven queries at most, and one for each level
    below of child runs that wait for theirs. Raises `Refused` for a state or cursor that means nothing."""
    size = bounded(limit)
    found = listed.with_escalation(_children(run, path, visit)).annotate(rank=_rank(asked)).order_by("rank", "index")
    if state:
        found = found.filter(_state(state))
    if after:
        rank, last = map(number, parts_of(after, 2))
        found = found.filter(Q(rank__gt=rank) | Q(rank=rank, index__gt=last))
    rows = list(found.values(*listed.SUMMARY, "input", "error", "rank", "version_id", "parent__version_id")[: size + 1])
    mark = cursor(rows[size - 1]["rank"], rows[size - 1]["index"]) if len(rows) > size else None
    rows = rows[:size]
    listing = listing_of(listed.summaries(rows), mark)
    asked, rested = _asked([row["id"] for row in rows]), _rested(rows)
    large = openings(missing(row["input"] for row in rows), _OPENING)
    lanes = tuple(_lane(row, told, large, asked, rested) for row, told in zip(rows, listing.rows, strict=True))
    return Lanes(lanes, mark, listing.sweeping, listing.now)


def _children(run: str, path: str, visit: int) -> "QuerySet[Run]":
    return Run.objects.filter(parent=run, parent_path=path, parent_visit=visit)


def _rank(asked: Collection[str]) -> Case:
    states = {**STATES, "person": STATES["person"] | Q(id__in=asked)} if asked else STATES
    ranks = ((state, Value(rank)) for rank, state in enumerate(states.values()))
    return Case(*(When(state, then=rank) for state, rank in ranks), default=Value(len(STATES)))


def _state(name: str) -> Q:
    if name not in STATES:
        words = with_stop(f"There is no state {name[:40]}{did_you_mean(name, STATES)}")
        raise Refused(Problem("bad_filter", words, "lanes"))
    return Q(rank=[*STATES].index(name))


def _asked(runs: Sequence[str]) -> dict[str, tuple[Span, ...]]:
    found: dict[str, tuple[Span, ...]] = {}
    rows = Escalation.objects.filter(run_id__in=runs).order_by("id").values_list("run_id", "created", "resolved")
    for run, created, resolved in rows[: 20 * len(runs)] if runs else ():
        found[run] = (*found.get(run, ()), Span(created, resolved))
    return found


def _rested(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Span, ...]]:
    """By run. Where one waits now is in its row, for its child runs since it made its last record."""
    found: dict[str, tuple[Span, ...]] = {}
    records = StepRecord.objects.filter(run_id__in=[row["id"] for row in rows])
    visits = records.filter(type__in=RESTING).order_by("run_id", "seq").values_list("run_id", "started", "finished")
    for run, started, finished in visits[: 20 * len(rows)] if rows else ():
        found[run] = (*found.get(run, ()), Span(started, finished))
    now = [row for row in rows if row["status"] == Run.Status.WAITING and row["wait"] in _RESTS]
    resting = {row["id"]: row["since"] or row["started"] for row in now}
    deep = [row["id"] for row in now if row["wait"] == "children"]
    last = records.filter(run_id__in=deep).order_by().values_list("run_id").annotate(last=Max("finished")) if deep else ()
    for run, since in {**resting, **dict(last)}.items():
        found[run] = (*found.get(run, ()), Span(since, None))
    return found


def _lane(
    row: Mapping[str, Any],
    told: Row,
    large: Mapping[str, str],
    asked: Mapping[str, tuple[Span, ...]],
    rested: Mapping[str, tuple[Span, ...]],
) -> Lane:
    if missing([row["input"]]):
        item = Opening(large.get(row["input"][1:], "").removeprefix(_BEFORE)) or None
    else:
        given = unpack(row["input"], {})
        item = given if row["version_id"] != row["parent__version_id"] else given.get("item")
    error = {"code": "", "message": "See the run."} if missing([row["error"]]) else unpack(row["error"], {})
    return Lane(told, item, error, asked.get(row["id"], ()), rested.get(row["id"], ()))


def called(run: str, path: str, visit: int) -> tuple[str, Any] | None:
    """(Id, input) of the run of the workflow that this visit called; None where it called none. Two queries at most."""
    row = _children(run, path, visit).values_list("id", "input").first()
    return (row[0], unpack_all([row[1]])[0]) if row else None


def items(run: str, path: str, visit: int, most: int) -> list[Any] | None:
    """What a map went over, put together from what each child of this visit was given; None where those are more than `most`, or
    not all begun without a gap, or one is too large to stand in its row. One query."""
    rows = list(_children(run, path, visit).order_by("index").values_list("index", "input")[: most + 1])
    whole = len(rows) <= most and [index for index, _ in rows] == [*range(len(rows))] and not missing(given for _, given in rows)
    return [unpack(given, {}).get("item") for _, given in rows] if whole else None


def siblings(run: str, path: str, visit: int, index: int) -> Siblings:
    """Of child `index` of this visit. One query."""
    beside = dict(_children(run, path, visit).filter(index__in=(index - 1, index + 1)).values_list("index", "id"))
    return Siblings(beside.get(index - 1, ""), beside.get(index + 1, ""))
