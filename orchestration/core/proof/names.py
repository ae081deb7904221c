"""What a definition names and holds: outcomes, exits that are missing, steps that nothing leads to, priorities."""

from collections.abc import Iterator
from typing import Any

from orchestration.core.definition import MOST_PRIORITY, PRIORITIES
from orchestration.core.errors import Problem
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof.graph import Graph, at
from orchestration.core.wording import did_you_mean, listed, with_stop


def check(graph: Graph) -> Iterator[Problem]:
    yield from _outcomes(graph)
    yield from _priority(graph.plan.workflow.escalation.priority, "escalation.priority")
    for step in graph.plan.steps.values():
        yield from _step(graph, step)


def _outcomes(graph: Graph) -> Iterator[Problem]:
    plan, workflow = graph.plan, graph.plan.workflow
    yield from _outcome(plan, workflow.on_failure, "on_failure")
    failing = workflow.outcomes.get(workflow.on_failure)
    if failing is not None and failing.kind != "failure":
        message = f"on_failure names {workflow.on_failure}, an outcome of kind success. Name one of kind failure."
        yield Problem("wrong_kind", message, "on_failure")
    late = workflow.escalation.on_deadline
    if late is not None:
        yield from _outcome(plan, late, "escalation.on_deadline")
    if (late is None) != (workflow.escalation.deadline is None):
        there, missing = ("on_deadline", "deadline") if late else ("deadline", "on_deadline")
        message = f"The escalation has {there} and no {missing}. Give both or neither."
        yield Problem("incomplete_deadline", message, "escalation")
    ends = {step.model.outcome for step in plan.steps.values() if step.type == "end" and step.id in graph.reached}
    for name in workflow.outcomes:
        if name not in ends | {workflow.on_failure, late}:
            message = f"No run can end as {name}: no end that is reached names it. Remove it, or add such an end."
            yield Problem("outcome_unused", message, f"outcomes.{name}", None, "warning")


def _outcome(plan: Plan, name: str, path: str, step: str | None = None) -> Iterator[Problem]:
    if name not in plan.workflow.outcomes:
        message = with_stop(f"There is no outcome {name}{did_you_mean(name, plan.workflow.outcomes)}")
        yield Problem("unknown_outcome", message, path, step)


def _step(graph: Graph, step: PlanStep) -> Iterator[Problem]:
    model = step.model
    if step.type == "end":
        yield from _outcome(graph.plan, model.outcome, f"{step.place}.outcome", step.id)
    if step.type == "human":
        yield from _actions(step)
        yield from _priority(model.priority, f"{step.place}.priority", step.id)
    if "next" in type(model).model_fields and model.next is None and not step.level and step.id not in graph.hosts:
        yield at(step, "no_exit", f"{step.label} has no `next`. Say which step comes after it.")
    if step.id not in graph.live and (not step.level or step.level in graph.reached):
        message = f"No route leads to {step.label}. Lead one there, or remove it."
        yield at(step, "unreachable", message, severity="warning")
    if step.type == "loop":
        yield from _loop(graph, step)


def _priority(priority: int | str, path: str, step: str | None = None) -> Iterator[Problem]:
    if isinstance(priority, str) and priority not in PRIORITIES:
        message = f"{priority[:40]} is no priority. Write {listed(PRIORITIES)}, or a whole number."
        yield Problem("bad_priority", message, path, step)
    elif isinstance(priority, int) and abs(priority) > MOST_PRIORITY:
        yield Problem("bad_priority", f"A priority is a number from -{MOST_PRIORITY} to {MOST_PRIORITY}.", path, step)


def _actions(step: PlanStep) -> Iterator[Problem]:
    seen: set[Any] = set()
    for index, action in enumerate(step.model.actions):
        if action.id in seen:
            message = f"{step.label} has two actions {action.id}. Give one another id."
            yield at(step, "duplicate_action", message, f"actions[{index}].id")
        seen.add(action.id)


def _loop(graph: Graph, step: PlanStep) -> Iterator[Problem]:
    model, level = step.model, graph.levels[step.id]
    if model.on_stalled is not None and model.progress is None:
        message = f"{step.label} has no progress, so it never stalls and on_stalled is never taken. Add progress or remove this."
        yield at(step, "never_taken", message, "on_stalled", "warning")
    leaves = any(edge.target == "break" for edge in level.all_edges())
    if model.until is None and model.progress is None and not leaves and model.max > 1:
        message = f"{step.label} has no until, no progress and no way to break: it always makes all {model.max} rounds. Add one."
        yield at(step, "loop_without_end", message, severity="warning")
    rounds = any(edge.target == "continue" and edge.source in level.reached for edge in level.all_edges())
    if not rounds and model.max > 1:
        message = f"No round of {step.label} ends in another: every way through its body leaves it. Give one of them no `next`."
        yield at(step, "loop_without_rounds", message, severity="warning")
