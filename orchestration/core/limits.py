"""What a run has spent, and which of its limits another record or call would break."""

from collections.abc import Mapping
from dataclasses import field
from typing import Any

from orchestration.core.explanation import Explained
from orchestration.core.frozen import dataclass, replace
from orchestration.core.plan import Plan
from orchestration.core.proof.bound import NANO

LIMITS = ("cost_usd", "steps", "machine_time")
AFTER_BREACH = 100
"""The number of first visits after a breach: out of reach of the repetitions that people asked for before it."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a run has cost so far. Money in nano-dollars (10⁻⁹ $), time in machine seconds, reserved money included in none."""

    cost: int = 0
    reserved: int = 0
    seconds: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    calls: int = 0
    steps: int = 0
    breached: bool = False
    """A limit was met once, and the run went on by its rule."""
    met: str = ""
    """The limit of the whole that a child run has met, and at which it waits. With its own a called workflow deals by itself."""
    lacks: float = 0.0
    """How much of that it would need beyond what it was lent, to go on."""
    lifted: tuple[str, ...] = ()
    """The limits that a person has lifted. The others hold on."""
    freed: tuple[str, ...] = ()
    """Those that a person has lifted for the whole: what was lent of them binds no more. A called workflow's own hold on."""
    lent: Mapping[str, float] | None = None
    """What a child run may come to, by limit, of what the whole may. Dollars in nano-dollars. None: what the workflow says."""
    out: Mapping[str, float] = field(default_factory=dict)
    """What child runs that live have been lent, also what they have not heard of yet."""

    @classmethod
    def of(cls, data: dict[str, Any]) -> "Spent":
        return cls(**{**data, **{name: tuple(data.get(name, ())) for name in ("lifted", "freed")}})

    def as_dict(self) -> dict[str, Any]:
        found = {name: value for name in self.__slots__ if (value := getattr(self, name))}  # type: ignore[attr-defined]
        return {**found, **{name: dict(found[name]) for name in ("lent", "out") if name in found}}


def visit_in_words(visit: int) -> int:
    """Which visit of its place it is, as people count: after a breach from 1 again."""
    return visit if visit < AFTER_BREACH else visit - AFTER_BREACH + 1


def most(plan: Plan, spent: Spent, limit: str) -> float | None:
    """What the run may come to, of what is limited so: dollars in nano-dollars, records, seconds. None: it is not limited."""
    return min((amount for amount in _allowed(plan, spent, limit) if amount is not None), default=None)


def lent(spent: Spent, limit: str, amount: float) -> Spent:
    """The child run once it hears that it is lent so much of a limit in all. To hear it twice, or late, does no harm."""
    has = spent.lent or {}
    return replace(spent, met="", lacks=0.0, lent={**has, limit: max(amount, has.get(limit, 0))})


def of_the_whole(plan: Plan, spent: Spent, limit: str) -> bool:
    """Whether a child run is held to it by what it was lent."""
    own, lent = _allowed(plan, spent, limit)
    return lent is not None and (own is None or lent <= own)


def _allowed(plan: Plan, spent: Spent, limit: str) -> tuple[float | None, float | None]:
    """What the workflow says, and what was lent. A part of a workflow is lent what the workflow says."""
    lent = spent.lent.get(limit) if spent.lent is not None and limit not in spent.freed else None
    own = getattr(plan.workflow.limits, limit)
    return (round(own * NANO) if limit == "cost_usd" and own is not None else own), lent


def lacks(plan: Plan, spent: Spent, limit: str, call: int | None, below: float | None) -> float:
    """How much of it is missing for what comes next: a call of `call` nano-dollars, a record, a moment; or what a child run lacks
    that is `below` it."""
    least = {"cost_usd": call or 1, "steps": 1, "machine_time": 0.001}[limit]
    return _used(spent, limit) + (least if below is None else below) - (most(plan, spent, limit) or 0)


def left(plan: Plan, spent: Spent) -> dict[str, float]:
    """How much of each of its limits the run may still spend or lend. After a breach only that of money holds."""
    if unlimited(plan, spent):
        return {}
    holding = ("cost_usd",) if spent.breached else LIMITS
    found: dict[str, float] = {}
    for limit in holding:
        if limit not in spent.lifted and (allowed := most(plan, spent, limit)) is not None:
            found[limit] = allowed - _used(spent, limit)
    return found


def _used(spent: Spent, limit: str) -> float:
    own = {"cost_usd": spent.cost + spent.reserved, "steps": spent.steps, "machine_time": spent.seconds}[limit]
    return own + spent.out.get(limit, 0)


def breach(plan: Plan, spent: Spent, call: int | None = None) -> str | None:
    """The limit that another record would break, or another call, of `call` nano-dollars at most; None where there is room.

    Money and machine time are for calls alone: what a call came back with is always recorded.
    """
    if unlimited(plan, spent):
        return None
    return next((limit for limit in LIMITS if limit not in spent.lifted and _met(limit, plan, spent, call)), None)


def unlimited(plan: Plan, spent: Spent) -> bool:
    """Whether there is nothing to be met, as in most workflows: it is asked several times a step."""
    limits = plan.workflow.limits
    return spent.lent is None and limits.cost_usd is None and limits.steps is None and limits.machine_time is None


def explain(plan: Plan, spent: Spent, limit: str, call: int | None = None) -> Explained:
    """Why that limit is met: what it is, what is spent, what is lent to child runs, and what the call could cost, in dollars,
    seconds and records."""
    allowed = most(plan, spent, limit) or 0
    allowed = allowed / NANO if limit == "cost_usd" else allowed
    if limit == "cost_usd":
        parts = {
            "spent.cost_usd": spent.cost / NANO,
            "spent.reserved_usd": spent.reserved / NANO,
            "lent.cost_usd": spent.out.get(limit, 0) / NANO,
            "call.cost_usd": (call or 0) / NANO,
        }
        found = {name: value for name, value in parts.items() if value or name in ("spent.cost_usd", "call.cost_usd")}
        op, came = ">", (_used(spent, limit) + (call or 0)) / NANO
    else:
        lent = {f"lent.{limit}": spent.out[limit]} if spent.out.get(limit) else {}
        op, found = ">=", {f"spent.{limit}": spent.steps if limit == "steps" else round(spent.seconds, 3), **lent}
        came = sum(found.values())
    text = f"{' + '.join(found)} {op} limits.{limit}"
    operands = [{"path": path, "value": value, "present": True} for path, value in {**found, f"limits.{limit}": allowed}.items()]
    compared = {"text": text, "left": came, "op": op, "right": allowed, "held": True, "margin": abs(came - allowed)}
    return {"held": True, "text": text, "operands": operands, "comparisons": [compared]}


def _met(limit: str, plan: Plan, spent: Spent, call: int | None) -> bool:
    allowed = most(plan, spent, limit)
    if allowed is None or (call is None and limit != "steps"):
        return False
    if limit == "cost_usd":
        return _used(spent, limit) + (call or 0) > allowed
    return not spent.breached and _used(spent, limit) >= allowed
