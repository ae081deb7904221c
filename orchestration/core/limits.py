"""What a run has spent, and which of its limits another record or call would break."""

from dataclasses import dataclass
from typing import Any

from orchestration.core.plan import Plan
from orchestration.core.proof.bound import NANO

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
    lifted: bool = False
    """A person has lifted the limits."""

    def as_dict(self) -> dict[str, Any]:
        return {name: value for name in self.__slots__ if (value := getattr(self, name))}  # type: ignore[attr-defined]


def breach(plan: Plan, spent: Spent, call: int | None = None) -> str | None:
    """The limit that another record would break, or another call, of `call` nano-dollars at most; None where there is room.

    Money and machine time are for calls alone: what a call came back with is always recorded.
    """
    limits = plan.workflow.limits
    if spent.lifted:
        return None
    if call is not None and limits.cost_usd is not None and spent.cost + spent.reserved + call > round(limits.cost_usd * NANO):
        return "cost_usd"
    if spent.breached:
        return None
    if limits.steps is not None and spent.steps >= limits.steps:
        return "steps"
    if call is not None and limits.machine_time is not None and spent.seconds >= limits.machine_time:
        return "machine_time"
    return None
