"""What a run has spent, and which of its limits another record or call would break."""

from typing import Any

from orchestration.core.explanation import Explained
from orchestration.core.frozen import dataclass
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
    lifted: tuple[str, ...] = ()
    """The limits that a person has lifted. The others hold on."""

    @classmethod
    def of(cls, data: dict[str, Any]) -> "Spent":
        return cls(**{**data, "lifted": tuple(data.get("lifted", ()))})

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}  # type: ignore[attr-defined]


def breach(plan: Plan, spent: Spent, call: int | None = None) -> str | None:
    """The limit that another record would break, or another call, of `call` nano-dollars at most; None where there is room.

    Money and machine time are for calls alone: what a call came back with is always recorded.
    """
    return next((limit for limit in LIMITS if limit not in spent.lifted and _met(limit, plan, spent, call)), None)


def explain(plan: Plan, spent: Spent, limit: str, call: int | None = None) -> Explained:
    """Why that limit is met: what it is, what is spent, and what the call could cost, in dollars, seconds and records."""
    most = getattr(plan.workflow.limits, limit)
    if limit == "cost_usd":
        parts = {
            "spent.cost_usd": spent.cost / NANO,
            "spent.reserved_usd": spent.reserved / NANO,
            "call.cost_usd": (call or 0) / NANO,
        }
        found = {name: value for name, value in parts.items() if value or name != "spent.reserved_usd"}
        op, left = ">", (spent.cost + spent.reserved + (call or 0)) / NANO
    else:
        left = spent.steps if limit == "steps" else round(spent.seconds, 3)
        op, found = ">=", {f"spent.{limit}": left}
    text = f"{' + '.join(found)} {op} limits.{limit}"
    operands = [{"path": path, "value": value, "present": True} for path, value in {**found, f"limits.{limit}": most}.items()]
    compared = {"text": text, "left": left, "op": op, "right": most, "held": True, "margin": abs(left - most)}
    return {"held": True, "text": text, "operands": operands, "comparisons": [compared]}


def _met(limit: str, plan: Plan, spent: Spent, call: int | None) -> bool:
    most = getattr(plan.workflow.limits, limit)
    if most is None or (call is None and limit != "steps"):
        return False
    if limit == "cost_usd":
        return spent.cost + spent.reserved + (call or 0) > round(most * NANO)
    return not spent.breached and bool((spent.steps if limit == "steps" else spent.seconds) >= most)
