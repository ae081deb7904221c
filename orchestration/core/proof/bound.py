"""How much at most: the quantity that worst cases are counted in, and what one visit of a step may come to."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, fields
from decimal import Decimal
from functools import reduce
from operator import add, or_

from orchestration.core.catalog import Price
from orchestration.core.definition import MAX_TOOL_CALLS_PER_ROUND
from orchestration.core.plan import ModelPlan, Plan, PlanStep

NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Bound:
    """`executions` counts step records, `calls` requests to models and tools. `cost` is in nano-dollars (10⁻⁹ $), and leaves
    out the calls that have no price (`unpriced`); tokens leave out prompts without a cap (`uncapped`). Times are in seconds:
    of the machine, all calls at their timeouts; of people, all deadlines at their ends. `pauses` counts visits of people."""

    executions: int = 0
    calls: int = 0
    model_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: int = 0
    seconds: float = 0.0
    human: float = 0.0
    pauses: int = 0
    unpriced: int = 0
    uncapped: int = 0

    def __add__(self, other: "Bound") -> "Bound":
        return Bound(*(getattr(self, name) + getattr(other, name) for name in _NAMES))

    def __mul__(self, times: int) -> "Bound":
        return Bound(*(getattr(self, name) * times for name in _NAMES))

    def __or__(self, other: "Bound") -> "Bound":
        """Whichever of the two a run takes, it is not more than this."""
        return Bound(*(max(getattr(self, name), getattr(other, name)) for name in _NAMES))

    @property
    def rank(self) -> tuple[float, ...]:
        """What makes one path worse than another, first things first. Grows with each part, so that paths add up."""
        return (self.cost, self.model_calls, self.calls, self.executions, self.seconds, self.human)

    @property
    def cost_usd(self) -> float | None:
        """Dollars, None where some call has no price or no cap."""
        return None if self.unpriced or self.uncapped else self.cost / NANO


_NAMES = tuple(field.name for field in fields(Bound))


def price_of(tokens_in: int, tokens_out: int, price: Price) -> int:
    """Nano-dollars for so many tokens, rounded up. A price is taken as it was written, not as its binary neighbour."""
    dollars = tokens_in * Decimal(str(price.usd_per_mtok_in)) + tokens_out * Decimal(str(price.usd_per_mtok_out))
    return math.ceil(dollars * 1000)


def total(bounds: Iterable[Bound]) -> Bound:
    return reduce(add, bounds, Bound())


def visit(plan: Plan, step: PlanStep) -> Bound:
    """One visit of a step that is no loop: its own record, and every rung of its ladder used up."""
    if step.type == "human":
        return Bound(executions=1, human=step.model.deadline, pauses=1)
    if step.tools:
        in_place = [index for index, rung in enumerate(step.rungs) if rung.step is not None]
        return Bound(executions=1) + _rounds(step) + total(rung(plan, step, index) for index in in_place)
    return Bound(executions=1) + total(rung(plan, step, index) for index in range(len(step.rungs)))


def rung(plan: Plan, step: PlanStep, index: int) -> Bound:
    """One rung of a ladder without tools, used up: the first ask, the repairs, and one budget of retries over them all. A
    step in place makes a record of its own, and climbs its own first rung alone."""
    found = step.rungs[index]
    if found.step is not None:
        other = plan.steps.get(found.step)
        if other is None or other.id == step.id:
            return Bound()
        return Bound(executions=1) + (rung(plan, other, 0) if other.rungs and other.rungs[0].step is None else Bound())
    if step.type == "tool":
        return Bound(calls=1, seconds=step.timeout) * asks(step)
    return _ask(step, found.model) * asks(step)


def asks(step: PlanStep) -> int:
    """Requests of one rung at most."""
    return int(step.model.repair.attempts + step.model.retry.attempts)


def _ask(step: PlanStep, model: ModelPlan | None) -> Bound:
    """One request to a model."""
    tokens_in, tokens_out = step.model.max_input_tokens, step.model.max_output_tokens
    price = model.price if model else None
    return Bound(
        calls=1,
        model_calls=1,
        tokens_in=tokens_in or 0,
        tokens_out=tokens_out,
        cost=price_of(tokens_in or 0, tokens_out, price) if price else 0,
        seconds=step.timeout,
        unpriced=0 if price else 1,
        uncapped=0 if tokens_in else 1,
    )


def _rounds(step: PlanStep) -> Bound:
    """The rounds are counted over all models of the ladder, repairs included, and the last one's tools don't run. A model is
    only come to when each before it has failed in a round of its own; its retries are one budget over its rounds."""
    most = step.model.max_rounds or 1
    asked = [_ask(step, found.model) for found in step.rungs if found.step is None][:most]
    models = Bound()
    for last in range(len(asked)):
        worst = reduce(or_, asked[: last + 1])
        models = models | (total(ask * step.model.retry.attempts for ask in asked[: last + 1]) + worst * (most - last - 1))
    slowest = max(tool.timeout for tool in step.tools)
    tools = Bound(executions=1, calls=1, seconds=slowest) * (MAX_TOOL_CALLS_PER_ROUND * (most - 1))
    return models + tools + Bound(executions=most)
