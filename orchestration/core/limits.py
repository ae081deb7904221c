"""What a run has spent, and which of its limits another record or call would break."""

from dataclasses import dataclass
from typing import Any

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


def _met(limit: str, plan: Plan, spent: Spent, call: int | None) -> bool:
    most = getattr(plan.workflow.limits, limit)
    if most is None or (call is None and limit != "steps"):
        return False
    if limit == "cost_usd":
        return spent.cost + spent.reserved + (call or 0) > round(most * NANO)
    return not spent.breached and bool((spent.steps if limit == "steps" else spent.seconds) >= most)
