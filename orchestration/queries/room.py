"""How much room there is for another child run, and so why those that are still to come have not begun."""

from collections.abc import Mapping

from orchestration.core import fan as fanning
from orchestration.core import values
from orchestration.core.errors import NotFound, Refused
from orchestration.core.frozen import dataclass
from orchestration.core.limits import Spent, left
from orchestration.core.plan import Plan
from orchestration.core.position import Fan, Position, load
from orchestration.core.proof import Bound, of_child
from orchestration.models import Run
from orchestration.queries.catalog import current
from orchestration.queries.plans import Kept, plan_of
from orchestration.record.pack import unpack_all

_bounds = Kept[Bound](500)
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Unbegun:
    """So `many` child runs have not begun: no more than `at_once` may be under way at a time, or under this `limit` there is no
    room for the next. Neither: that is not known."""

    many: int = 0
    at_once: int = 0
    limit: str = ""


NONE = Unbegun()


@dataclass(frozen=True, slots=True)
class Planned:
    """Of the visit at which a run stands: how many child runs there are to be, and what keeps those that have not begun."""

    visit: int = 1
    total: int = 0
    unbegun: Unbegun = NONE


def rest(plan: Plan, spent: Spent) -> dict[str, float]:
    """What a run may lend, by limit, but for what counting in fractions has blurred. A call may have come to more than was left:
    nobody is lent a debt."""
    return {limit: max(round(amount, _DIGITS), 0) for limit, amount in left(plan, spent).items()}


def wanted(plan: Plan, level: str) -> Mapping[str, float]:
    """What a child run that runs this level may come to in the worst case, by limit."""
    step = plan.steps[level]
    if step.fan is not None and step.fan.called is not None:
        bound = Bound._make(step.fan.called.bound)  # type: ignore[arg-type]
    else:
        prices = tuple((model.name, model.price) for model in plan.models.values())
        bound = _bounds.get((plan.definition.hash, prices, level), lambda: of_child(plan, level))
    return {"cost_usd": bound.cost, "steps": bound.executions, "machine_time": round(bound.seconds, _DIGITS)}


def planned(run: str) -> Planned:
    """Two queries at most, three where child runs are still to begin."""
    row = Run.objects.filter(id=run).values_list("position", "spent", "version_id", "version__hash", "status", "wait").first()
    at = unpack_all([row[0]])[0] if row else None
    if row is None or at is None:
        return Planned()
    position = load(at)
    if position.fan is None:
        return Planned(position.visit)
    kept = _unbegun(position, position.fan, *row[1:4]) if row[4:] == (Run.Status.WAITING, "children") else NONE
    return Planned(position.visit, position.fan.total, kept)


def _unbegun(at: Position, fan: Fan, spent: str, version: int, digest: str) -> Unbegun:
    """At rest, for whoever moves the run begins as many as there is room for."""
    many = fan.total - fan.begun
    if not many or fan.stop is not None:
        return NONE
    try:
        plan = plan_of(version, current(), digest)
    except (Refused, NotFound):
        return NONE
    step = plan.steps[at.step]
    if not fanning.room(step, fan):
        return Unbegun(many, at_once=step.model.concurrency)
    if there := rest(plan, Spent.of(values.load(spent))):
        needs = wanted(plan, step.fan.arms[fan.begun] if step.fan and step.fan.arms else step.id)
        return Unbegun(many, limit=next((limit for limit in there if needs[limit] > there[limit]), ""))
    return NONE
