"""The workflow's own limits beside its worst case."""

import math
from collections.abc import Iterator

from orchestration.core.catalog import Called
from orchestration.core.errors import Problem
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof.bound import NANO, Bound, at_once
from orchestration.core.proof.derivation import duration, money
from orchestration.core.proof.graph import Graph, at
from orchestration.core.wording import listed

ON = {"cost_usd": "in dollars", "machine_time": "on machine time", "steps": "on steps"}
"""What each limits, as it is called: `the limit on steps`."""
_CANT = "The limit in dollars can't be kept, since"
_LONGEST = 366 * 24 * 60
"""Minutes that a duration may have."""


def exceeded(plan: Plan, worst: Bound) -> Iterator[tuple[str, str]]:
    """Each limit that the worst case is above, and that in words. Dollars only as far as they are known."""
    limits = plan.workflow.limits
    if limits.cost_usd is not None and worst.cost > round(limits.cost_usd * NANO):
        yield "cost_usd", f"costs {money(worst.cost)}, above the limit of {money(round(limits.cost_usd * NANO))}"
    if limits.machine_time is not None and worst.seconds > limits.machine_time:
        words = f"takes {duration(worst.seconds)} of machine time, above the limit of {duration(limits.machine_time)}"
        yield "machine_time", words
    if limits.steps is not None and worst.executions > limits.steps:
        yield "steps", f"takes {worst.executions} steps, above the limit of {limits.steps}"


def enough(limit: str, amount: float) -> tuple[int | float | str, str] | None:
    """The next round figure that leaves room for so much: dollars, seconds or steps; as it is written and as it is said. None
    where it may not be so large."""
    if limit == "steps":
        return round(amount), f"{round(amount):,} steps"
    if limit == "cost_usd":
        dollars = math.ceil(100 * amount) / 100
        return dollars, f"${dollars:,.2f}"
    minutes = math.ceil(amount / 60)
    return (f"{minutes}m", f"{minutes} min") if minutes <= _LONGEST else None


def check(graph: Graph, worst: Bound) -> Iterator[Problem]:
    plan = graph.plan
    to = plan.steps.get(plan.workflow.limits.on_breach or "")
    for name, words in exceeded(plan, worst):
        path = f"limits.{name}"
        if to is not None:
            message = f"In the worst case a run {words}. One that comes to the limit goes to {to.label}."
            yield Problem("worst_case_above_limit", message, path, None, "warning")
            yield from _in_turn(graph, worst, name)
        elif plan.workflow.limits.on_breach is None:
            message = f"In the worst case a run {words}, and nothing says what happens then. "
            yield Problem("no_on_breach", f"{message}Name a step in limits.on_breach, or raise the limit.", path)
    limited = [name for name in ("cost_usd", "machine_time", "steps") if getattr(plan.workflow.limits, name) is not None]
    if to is not None and not limited:
        message = "There is no limit that could be met, so on_breach is never taken. Set one, or remove it."
        yield Problem("never_taken", message, "limits.on_breach", None, "warning")
    if "cost_usd" in limited:
        yield from _prices(graph)


def _in_turn(graph: Graph, worst: Bound, limit: str) -> Iterator[Problem]:
    """A child run begins with room for all that it may come to, of which there need not be enough for more than one."""
    fans = [step.label for step in graph.plan.steps.values() if step.id in graph.live and at_once(step)]
    if not fans:
        return
    amount = {"cost_usd": worst.cost / NANO, "machine_time": worst.seconds, "steps": worst.executions}[limit]
    message = f"Under this limit, what {listed(fans, 3, 'and')} would run at once may run one after another: a child run begins "
    message += "once there is room for all that it may come to, and keeps that room until it ends, also while it waits for a "
    message += "person or an event."
    if found := enough(limit, amount):
        message += f" Raise it to {found[1]}, and none has to wait for room."
    yield Problem("one_after_another", message, f"limits.{limit}", None, "info")


def _prices(graph: Graph) -> Iterator[Problem]:
    """What a limit in dollars needs to be one."""
    told: set[str] = set()
    for step in graph.plan.steps.values():
        if step.id not in graph.live:
            continue
        if step.fan is not None and step.fan.called is not None:
            yield from _of_called(step, step.fan.called)
        if step.type != "llm":
            continue
        for rung in step.rungs:
            model = rung.model
            # Without a protocol there is no such provider, which is reported.
            if model is not None and model.price is None and model.protocol and model.name not in told:
                told.add(model.name)
                message = f"{_CANT} {model.name} ({model.model}) has no price. "
                message += "Give usd_per_mtok_in and usd_per_mtok_out here or with the provider, or take limits.cost_usd out."
                yield Problem("price_missing", message, f"models.{model.name}")
        if step.model.max_input_tokens is None:
            message = f"{_CANT} nothing bounds the prompt of {step.label}. Set max_input_tokens."
            yield at(step, "no_input_cap", message, "max_input_tokens")


def _of_called(step: PlanStep, called: Called) -> Iterator[Problem]:
    """A run of it is lent what it may come to; of what that leaves out nothing would be left to it, or nothing kept."""
    bound, name = Bound._make(called.bound), step.model.workflow  # type: ignore[arg-type]
    if bound.unpriced:
        message = f"{_CANT} {name} calls a model that has no price. Give it one with its provider, or in a new version of "
        yield at(step, "price_missing", f"{message}{called.workflow}, or take limits.cost_usd out.", "workflow")
    if bound.uncapped:
        message = f"{_CANT} {name} has a prompt that nothing bounds. Call a version of {called.workflow} that sets "
        yield at(step, "no_input_cap", f"{message}max_input_tokens, or take limits.cost_usd out.", "workflow")
