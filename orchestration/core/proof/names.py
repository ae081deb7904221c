"""What a definition names and holds: outcomes, exits that are missing, steps that nothing leads to, priorities."""

from collections.abc import Iterator, Mapping
from typing import Any

from orchestration.core.definition import MOST_PRIORITY, PRIORITIES
from orchestration.core.errors import Problem
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof.graph import Graph, at, lacks_exit, unreachable
from orchestration.core.wording import did_you_mean, listed, with_stop


def check(graph: Graph, readers: Mapping[str, str]) -> Iterator[Problem]:
    """`readers`: a step whose output is read and can't be there → one that reads it."""
    yield from _outcomes(graph)
    yield from _priority(graph.plan.workflow.escalation.priority, "escalation.priority")
    for step in graph.plan.steps.values():
        yield from _step(graph, step, readers.get(step.id))


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
    certain = not graph.loose and ends <= workflow.outcomes.keys()
    for name in workflow.outcomes if certain else ():
        if name not in ends | {workflow.on_failure, late}:
            message = f"No run can end as {name}: no end that is reached names it. Remove it, or add such an end."
            yield Problem("outcome_unused", message, f"outcomes.{name}", None, "warning")


def _outcome(plan: Plan, name: str, path: str, step: str | None = None) -> Iterator[Problem]:
    if name not in plan.workflow.outcomes:
        message = with_stop(f"There is no outcome {name}{did_you_mean(name, plan.workflow.outcomes)}")
        yield Problem("unknown_outcome", message, path, step)


def _step(graph: Graph, step: PlanStep, reader: str | None) -> Iterator[Problem]:
    model = step.model
    if step.type == "end":
        yield from _outcome(graph.plan, model.outcome, f"{step.place}.outcome", step.id)
        yield from _end_in_child(graph.plan, step)
    if step.type == "human":
        yield from _actions(step)
        yield from _priority(model.priority, f"{step.place}.priority", step.id)
    if lacks_exit(graph, step):
        yield at(step, "no_exit", f"{step.label} has no `next`. Say which step comes after it.")
    if unreachable(graph, step):
        read = f", and {graph.plan.steps[reader].label} reads it" if reader else ""
        message = f"No route leads to {step.label}{read}. {_forgotten(graph, step)}Lead one there, or remove it."
        yield at(step, "unreachable", message, severity="error" if reader else "warning")
    if step.type == "loop":
        yield from _loop(graph, step)
    elif step.type == "map":
        yield from _need(step)
    elif step.type == "parallel":
        yield from _join(step)


def _end_in_child(plan: Plan, step: PlanStep) -> Iterator[Problem]:
    around = next((plan.steps[name] for name in plan.chain(step.level)[:-1] if plan.steps[name].type in ("map", "arm")), None)
    if around is not None:
        what = "an item" if around.type == "map" else "an arm"
        message = f"{step.label} ends the run, and stands inside {around.label}, where only {what} can end. "
        yield at(step, "end_in_child", f"{message}Let that give a value, and end behind it.", "type")


def _need(step: PlanStep) -> Iterator[Problem]:
    model = step.model
    if model.need is not None and model.on_item_error == "fail":
        message = f"{step.label} fails with the first item that does, so `need` says nothing. "
        yield at(step, "need_with_fail", f"{message}Set on_item_error to skip or collect, or remove it.", "need")
    if isinstance(model.need, int) and model.need > model.max_items:
        message = f"{step.label} needs {model.need} items and has {model.max_items} at most. Lower `need`, or raise max_items."
        yield at(step, "need_too_many", message, "need")


def _join(step: PlanStep) -> Iterator[Problem]:
    join, arms = step.model.join, len(step.model.branches)
    if isinstance(join, int) and not 1 <= join <= arms:
        message = (
            f"{step.label} has {arms} arm{'s' if arms > 1 else ''}, and {join} have to be done. Write all, any, or 1 to {arms}."
        )
        yield at(step, "need_too_many", message, "join")


def _forgotten(graph: Graph, step: PlanStep) -> str:
    """Where the step before it in a body ends it because it has no `next`."""
    beside = graph.plan.levels[step.level]
    before = graph.plan.steps[beside[max(beside.index(step.id) - 1, 0)]]
    if not step.level or before.id == step.id or getattr(before.model, "next", "") is not None:
        return ""
    what = {"map": "the item", "arm": "the arm"}.get(graph.plan.steps[step.level].type, "the round")
    return f"{before.label}, before it, has no `next` and so ends {what}. "


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
    if model.max == 1 or step.id not in graph.reached:
        return  # of one that no run comes to, that is what there is to say
    leaves = any(edge.target == "break" for edge in level.all_edges())
    rounds = any(edge.target == "continue" and edge.source in level.reached for edge in level.all_edges())
    if not rounds and not graph.loose:
        message = f"No round of {step.label} ends in another: every way through its body leaves it. "
        message += "Lead one of them to the end of the round."
        yield at(step, "loop_without_rounds", message, severity="warning")
    elif model.until is None and model.progress is None and not leaves:
        message = f"Nothing ends {step.label} early, so it always makes all {model.max} rounds. "
        message += "Say in `until` when it is done, or lead one of its steps to `break`."
        yield at(step, "loop_without_end", message, "until", "warning")
