"""How much at most: the quantity that worst cases are counted in, and what one visit of a step may come to."""

import math
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from functools import reduce
from operator import add, or_
from typing import NamedTuple

from orchestration.core.catalog import Price, Tool
from orchestration.core.definition import MAX_TOOL_CALLS_PER_ROUND, Retry
from orchestration.core.errors import EvaluationError
from orchestration.core.moment import MOST_AHEAD, read
from orchestration.core.plan import ModelPlan, Plan, PlanStep

NANO = 1_000_000_000
UNSURE = ("irreversible", "reconcilable")
"""Effects after which nobody may know whether a call happened."""
MOST_QUESTION = 30.0
"""Seconds for asking the other side of a `reconcilable` call whether it happened."""
MOST_PATIENCE = 3600.0
"""Seconds that a retry waits at most because the other side asks for it."""


class Bound(NamedTuple):
    """`executions` counts step records, `calls` requests to models and tools. `cost` is in nano-dollars (10⁻⁹ $), and leaves
    out the calls that have no price (`unpriced`); tokens leave out prompts without a cap (`uncapped`). Times are in seconds:
    of the machine, all calls at their timeouts; `waiting` between tries, and for events and moments; of people, all deadlines at
    their ends, those of questions whether something happened too. These two with child runs as many at once as may be, and
    `in_turn` one after another. `pauses` counts visits of people, `doubts` such questions."""

    executions: int = 0
    calls: int = 0
    model_calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens: int = 0
    cost: int = 0
    seconds: float = 0.0
    waiting: float = 0.0
    human: float = 0.0
    pauses: int = 0
    doubts: int = 0
    unpriced: int = 0
    uncapped: int = 0
    waiting_in_turn: float = 0.0
    human_in_turn: float = 0.0

    def __add__(self, other: "Bound") -> "Bound":  # type: ignore[override]
        return Bound._make(map(add, self, other))

    def __mul__(self, times: int) -> "Bound":  # type: ignore[override]
        return Bound._make(value * times for value in self)

    def __or__(self, other: "Bound") -> "Bound":
        """Whichever of the two a run takes, it is not more than this."""
        return Bound._make(map(max, self, other))

    @property
    def in_turn(self) -> "Bound":
        """Where child runs may have to run one after another."""
        return self._replace(waiting=self.waiting_in_turn, human=self.human_in_turn)

    @property
    def cost_usd(self) -> float | None:
        """Dollars, None where some call has no price or no cap."""
        return None if self.unpriced or self.uncapped else self.cost / NANO


_NOTHING = Bound()
QUANTITIES = ("executions", "calls", "tokens", "cost", "seconds", "waiting", "human")
"""Those that a derivation adds up."""
IN_TURN = {"waiting": "waiting_in_turn", "human": "human_in_turn"}
"""Those of them that pass by themselves, for all child runs at once, and what they are where these run one after another."""


def price_of(tokens_in: int, tokens_out: int, price: Price) -> int:
    """Nano-dollars for so many tokens, rounded up. A price is taken as it was written, not as its binary neighbour."""
    dollars = tokens_in * Decimal(str(price.usd_per_mtok_in)) + tokens_out * Decimal(str(price.usd_per_mtok_out))
    return math.ceil(dollars * 1000)


def total(bounds: Iterable[Bound], first: Bound = _NOTHING) -> Bound:
    return reduce(add, bounds, first)


def visit(plan: Plan, step: PlanStep) -> Bound:
    """One visit of a step that is no loop: its own record, every rung of its ladder used up, and each question whether
    something happened left open until its deadline."""
    if step.type == "workflow":
        called = step.fan.called if step.fan else None
        return Bound(executions=1) + (Bound._make(called.bound) if called else Bound())  # type: ignore[arg-type]
    alone = _visit(plan, step)
    return alone._replace(waiting_in_turn=alone.waiting, human_in_turn=alone.human)


def _visit(plan: Plan, step: PlanStep) -> Bound:
    if step.type == "human":
        return Bound(executions=1, human=step.model.deadline, pauses=1)
    if step.type == "wait":
        return Bound(executions=1, waiting=wait_of(step))
    asked = doubts(plan, step)
    own = Bound(executions=1, doubts=asked, human=asked * (plan.workflow.escalation.deadline or 0.0))
    if step.tools:
        in_place = [index for index, rung in enumerate(step.rungs) if rung.step is not None]
        return total((rung(plan, step, index) for index in in_place), own + _rounds(step))
    return total((rung(plan, step, index) for index in range(len(step.rungs))), own)


def at_once(step: PlanStep) -> bool:
    """Whether child runs of it may be under way at once: its own, or, as far as those wait, of a workflow that it calls."""
    if step.type == "map":
        return min(step.model.max_items, step.model.concurrency) > 1
    called = step.fan.called if step.fan else None
    bound = Bound._make(called.bound) if called else Bound()  # type: ignore[arg-type]
    return len(step.fan.arms if step.fan else ()) > 1 or bound != bound.in_turn


def wait_of(step: PlanStep) -> float:
    """Seconds that a `wait` lasts at most. A time is not known to be nearer than the furthest that may be given."""
    most = MOST_AHEAD.total_seconds()
    if step.model.until is not None and step.values is not None and not step.values.reads:
        with suppress(ValueError, EvaluationError):
            found = read(step.values.evaluate({}))
            most = max(found.total_seconds(), 0.0) if isinstance(found, timedelta) else most
    return min(most, step.model.deadline or most)


def doubts(plan: Plan, step: PlanStep) -> int:
    """How often a visit may ask a person whether something happened. A step in place asks where its host does; what a model
    asked for is asked about each time."""
    ladder = [step.tool, *(plan.steps[rung.step].tool for rung in step.rungs if rung.step and rung.step in plan.steps)]
    once = any(_leaves_doubt(tool) for tool in ladder) and getattr(step.model, "on_unknown", None) is None
    in_rounds = any(_leaves_doubt(tool) for tool in step.tools)
    return int(once) + (tool_calls(step) if in_rounds else 0)


def _leaves_doubt(tool: Tool | None) -> bool:
    return tool is not None and tool.effect in UNSURE


def rung(plan: Plan, step: PlanStep, index: int) -> Bound:
    """One rung of a ladder without tools, used up: the first ask, the repairs, and one budget of retries over them all. A
    step in place makes a record of its own, and climbs its own first rung alone."""
    found = step.rungs[index]
    if found.step is not None:
        other = plan.steps.get(found.step)
        if other is None or other.id == step.id:
            return Bound()
        return Bound(executions=1) + (rung(plan, other, 0) if other.rungs and other.rungs[0].step is None else Bound())
    waiting = Bound(waiting=patience(step.model.retry))
    if step.type == "tool":
        return _call(step.tool, step.timeout) * asks(step) + waiting
    return _ask(step, found.model) * asks(step) + waiting


def asks(step: PlanStep) -> int:
    """Requests of one rung at most."""
    return int(step.model.repair.attempts + step.model.retry.attempts)


def patience(retry: Retry) -> float:
    """Seconds between the tries of one rung: each wait as long as its backoff, or as the other side may ask for."""
    waits = (min(retry.backoff * retry.factor**tries, retry.max_backoff) for tries in range(retry.attempts - 1))
    return sum(max(wait, MOST_PATIENCE) for wait in waits)


def _call(tool: Tool | None, timeout: float) -> Bound:
    """One request to a tool. Before a `reconcilable` one is sent again, or given up, the other side is asked about it."""
    if tool is not None and tool.effect == "reconcilable":
        return Bound(calls=2, seconds=timeout + min(timeout, MOST_QUESTION))
    return Bound(calls=1, seconds=timeout)


def _ask(step: PlanStep, model: ModelPlan | None) -> Bound:
    """One request to a model."""
    tokens_in, tokens_out = step.model.max_input_tokens, step.model.max_output_tokens
    price = model.price if model else None
    return Bound(
        calls=1,
        model_calls=1,
        tokens_in=tokens_in or 0,
        tokens_out=tokens_out,
        tokens=(tokens_in or 0) + tokens_out,
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
    tools = (Bound(executions=1) + tool_call(step)) * tool_calls(step)
    return models + tools + Bound(executions=most, waiting=patience(step.model.retry) * len(asked))


def tool_call(step: PlanStep) -> Bound:
    """One call of a tool that a model may ask for, the worst of them."""
    return reduce(or_, (_call(tool, tool.timeout) for tool in step.tools))


def tool_calls(step: PlanStep) -> int:
    """Calls of tools that a model may ask for in one visit. The last round's don't run."""
    return MAX_TOOL_CALLS_PER_ROUND * ((step.model.max_rounds or 1) - 1)
