"""What the child runs of maps and parallels came to at the steps inside: how many of them stand where, and which ways any of them
took. Grouped by step and by rule, so that the answer is as long as the definition, however many child runs there are."""

from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from django.db.models import (
    Case,
    Count,
    F,
    FloatField,
    Func,
    Max,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast, Concat, StrIndex, Substr

from orchestration.core.frozen import dataclass
from orchestration.models import Blob, Run, StepRecord
from orchestration.queries.course import Visit, visits
from orchestration.queries.family import ASKED_BELOW, living_below

STATES = ("failed", "person", "live", "waiting", "done", "cancelled")
"""How a child run may stand, what needs looking at first. One that waits for child runs of its own lives."""
_ENDED = {"succeeded": "done", "failed": "failed", "cancelled": "cancelled"}
_LATE = "needs_person"
"""A result: nobody answered in time, after which a run may go on."""
SPENT = ("cost", "reserved", "seconds", "tokens_in", "tokens_out", "calls", "steps")
"""What runs spend (`core.limits.Spent`)."""

Tally = Mapping[str, int]
"""State → how many."""


@dataclass(frozen=True, slots=True)
class Inside:
    """`fans`: of each visit, by its path, how its child runs stand. `steps`: of each step inside, in how many child runs it went
    how the last time, or is under way; each of them counts once. `failing`: steps at which a child run failed that has ended so.
    `ways`: a visit for each rule by which any went on."""

    fans: Mapping[str, Tally]
    steps: Mapping[str, Tally]
    failing: frozenset[str]
    ways: tuple[Visit, ...]


def inside(run: str, version: int, fans: Collection[tuple[str, int]]) -> Inside:
    """Of the child runs of these visits (path, number) of a run of that version (its row), and of theirs, as far as they are
    inside of the same definition. Four queries at most; each reads the rows of those runs once, and gives a few of them."""
    if not fans:
        return Inside({}, {}, frozenset(), ())
    family = _family(run, version, fans)
    counted, steps = _standing(run, family)
    failing = set()
    seen = StepRecord.objects.filter(run_id__in=family).exclude(type__in=("cancel", "limit")).order_by()
    own = seen.exclude(Q(path__contains="/round.") | Q(path__contains="/tool."))
    for step, kind, failed, number in _last(own):
        bad = kind not in ("done", _LATE) or (kind == _LATE and failed)
        steps.setdefault(step, Counter())["failed" if bad else "done"] += number
        if bad and failed:
            failing.add(step)
    return Inside(counted, steps, frozenset(failing), visits(_by_rule(own)))


def under_way(run: str) -> dict[str, float]:
    """What the child runs that have not ended have spent, with theirs, which their run counts once they have. One query; an index
    has those that live."""
    sums = {name: Sum(Cast(_Under(F("spent"), Value(name)), FloatField())) for name in SPENT}
    return {name: much or 0 for name, much in Run.objects.filter(id__in=living_below(run)).aggregate(**sums).items()}


def _family(run: str, version: int, fans: Collection[tuple[str, int]]) -> RawSQL:
    """The ids of those child runs, and of all below them that go by the same version: those of called workflows do not."""
    here = Q()
    for path, visit in fans:
        here |= Q(parent_path=path, parent_visit=visit)
    top, given = Run.objects.filter(here, parent=run).order_by().values("id", "version_id").query.sql_with_params()
    return RawSQL(  # noqa: S611
        f"WITH RECURSIVE family(id, version) AS ({top} UNION ALL SELECT run.id, run.version_id FROM orchestration_run AS run "  # noqa: S608
        "JOIN family ON run.parent_id = family.id WHERE family.version = %s) SELECT id FROM family WHERE version = %s",
        (*given, version, version),
    )


def _standing(run: str, family: RawSQL) -> tuple[dict[str, Counter[str]], dict[str, Counter[str]]]:
    """By visit, of all; by step, of those that have not ended."""
    rows: Any = (
        Run.objects.filter(id__in=family)
        .order_by()
        .annotate(
            fan=Case(When(parent=run, then=F("parent_path")), default=Value("")),
            at=Case(When(ended=None, then=_read("position", "step")), default=Value(""), output_field=TextField()),
            asks=Case(When(wait="children", id__in=ASKED_BELOW, then=Value(1)), default=Value(0)),
        )
        .values_list("fan", "at", "status", "wait", "asks")
        .annotate(number=Count("id"))
    )
    fans: dict[str, Counter[str]] = {}
    steps: dict[str, Counter[str]] = {}
    for fan, at, status, wait, asks, number in rows:
        state = _ENDED.get(status) or _state(status, wait, asks)
        for place, found in ((fan, fans), (at, steps)):
            if place:
                found.setdefault(place, Counter())[state] += number
    return fans, steps


def _state(status: str, wait: str, asks: int) -> str:
    if status == Run.Status.QUARANTINED or wait == "person" or asks:
        return "person"
    return "live" if status == Run.Status.HELD or wait == "children" else "waiting"


def _last(records: "QuerySet[StepRecord]") -> Any:
    """(step, kind of result, whether the run failed, how many) of the last record of each run at each step, unless the run stands
    there again."""
    last = records.values("run", "step").annotate(last=Max("id")).values("last")
    place = Concat(Value("/"), F("run__place"), Value("/"))
    here = [StrIndex(place, Concat(Value("/"), F("step"), Value(after))) for after in "/["]
    found = StepRecord.objects.filter(id__in=last).order_by().annotate(
        here=Case(When(run__ended=None, then=here[0] + here[1]), default=Value(0)),
        kind=_read("result", "kind"),
        failed=Case(When(run__status=Run.Status.FAILED, then=Value(1)), default=Value(0)),
    )  # fmt: skip
    return found.filter(here=0).values_list("step", "kind", "failed").annotate(number=Count("id"))


def _by_rule(records: "QuerySet[StepRecord]") -> "QuerySet[StepRecord]":
    """One record of each step for each rule by which it went on."""
    ones = records.annotate(rule=_read("decision", "rule")).values("step", "rule").annotate(one=Min("id")).values("one")
    return StepRecord.objects.filter(id__in=ones)


class _Under(Func):
    """What stands under a key of a JSON text, as text."""

    output_field = TextField()

    def as_sqlite(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="JSON_EXTRACT(%(expressions)s)", arg_joiner=", '$.' || ", **more)

    def as_postgresql(self, compiler: Any, connection: Any, **more: Any) -> Any:
        return self.as_sql(compiler, connection, template="(%(expressions)s)", arg_joiner="::json ->> ", **more)


def _read(column: str, key: str) -> _Under:
    """What stands under a key of a packed value (`record/pack`)."""
    blob = Blob.objects.filter(hash=Substr(OuterRef(column), 2)).values("body")
    text = Case(When(**{f"{column}__startswith": "@"}, then=Subquery(blob)), default=F(column), output_field=TextField())
    return _Under(text, Value(key))
