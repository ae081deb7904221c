"""The workflow's own limits beside its worst case."""

from collections.abc import Iterator

from orchestration.core.catalog import Called
from orchestration.core.errors import Problem
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof.bound import NANO, Bound
from orchestration.core.proof.derivation import duration, money
from orchestration.core.proof.graph import Graph, at

_CANT = "The limit in dollars can't be kept, since"


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


def check(graph: Graph, worst: Bound) -> Iterator[Problem]:
    plan = graph.plan
    to = plan.steps.get(plan.workflow.limits.on_breach or "")
    for name, words in exceeded(plan, worst):
        path = f"limits.{name}"
        if to is not None:
            message = f"In the worst case a run {words}. One that comes to the limit goes to {to.label}."
            yield Problem("worst_case_above_limit", message, path, None, "warning")
        elif plan.workflow.limits.on_breach is None:
            message = f"In the worst case a run {words}, and nothing says what happens then. "
            yield Problem("no_on_breach", f"{message}Name a step in limits.on_breach, or raise the limit.", path)
    limited = [name for name in ("cost_usd", "machine_time", "steps") if getattr(plan.workflow.limits, name) is not None]
    if to is not None and not limited:
        message = "There is no limit that could be met, so on_breach is never taken. Set one, or remove it."
        yield Problem("never_taken", message, "limits.on_breach", None, "warning")
    if "cost_usd" in limited:
        yield from _prices(graph)


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
