"""Waits: each is for one thing, and has an end."""

from collections.abc import Iterator

from orchestration.core import moment
from orchestration.core.assignment import type_names
from orchestration.core.errors import EvaluationError, Problem
from orchestration.core.inference import kinds
from orchestration.core.plan import PlanStep
from orchestration.core.proof.bound import wait_of
from orchestration.core.proof.graph import Graph, at

_MOMENTS = {"string", "number", "integer"}
_SCALARS = {"string", "number", "integer", "boolean", "null"}


def check(graph: Graph) -> Iterator[Problem]:
    for step in graph.plan.steps.values():
        if step.type == "wait":
            yield from _wait(graph, step)


def _wait(graph: Graph, step: PlanStep) -> Iterator[Problem]:
    model = step.model
    if (model.until is None) == (model.event is None):
        message = f"{step.label} has {'both until and event' if model.event else 'neither until nor event'}. Give one of them."
        yield at(step, "bad_wait", message)
        return
    yield from _deadline(step)
    if model.event is not None:
        yield from _correlation(step)
        if model.correlation is None:
            yield from _for_any(graph, step)
        return
    yield from _until(step)
    for key in ("correlation", "output"):
        if getattr(model, key) is not None:
            message = f"{step.label} waits for a moment, which brings nothing. Remove this, or wait for an event."
            yield at(step, "bad_wait", message, key)


def _deadline(step: PlanStep) -> Iterator[Problem]:
    model = step.model
    if (model.deadline is None) != (model.on_deadline is None):
        there, missing = ("on_deadline", "deadline") if model.on_deadline else ("deadline", "on_deadline")
        yield at(step, "incomplete_deadline", f"{step.label} has {there} and no {missing}. Give both or neither.", there)
    elif model.event is not None and model.deadline is None:
        message = f"{step.label} would wait for ever for an event that does not come. Give it a deadline and on_deadline."
        yield at(step, "incomplete_deadline", message)


def _until(step: PlanStep) -> Iterator[Problem]:
    if step.values is None:
        return  # it could not be compiled, which is reported
    found = kinds(step.values.schema)
    if found and not found & _MOMENTS:
        message = f"{step.label} waits until {type_names(found)}. Give a time as text, a duration, or seconds."
        yield at(step, "until_type", message, "until")
    elif not step.values.reads:
        try:
            moment.read(step.values.evaluate({}))
        except (ValueError, EvaluationError) as error:
            yield at(step, "until_type", f"{step.label} can't wait until this: {error}.", "until")
            return
        if step.model.deadline is not None and wait_of(step) < step.model.deadline:
            message = f"{step.label} is over before its deadline, so on_deadline is never taken. Remove both."
            yield at(step, "never_taken", message, "on_deadline", "warning")


def _for_any(graph: Graph, step: PlanStep) -> Iterator[Problem]:
    """Where several may wait at once, each for its own: items of a map, and runs that are each about something."""
    many = next((each for name in graph.plan.chain(step.level)[:-1] if (each := graph.plan.steps[name]).type == "map"), None)
    if many is not None and many.model.max_items == 1:
        many = None
    if many is None and not graph.plan.workflow.input.get("properties"):
        return
    those = f"items of {many.label}" if many is not None else "runs"
    message = f"{step.label} takes any {step.model.event}: of {those} that wait for it at once, the one that has waited longest. "
    yield at(step, "event_for_any", f"{message}Give it a correlation if each waits for its own.", "event", "info")


def _correlation(step: PlanStep) -> Iterator[Problem]:
    found = kinds(step.values.schema) if step.values is not None else frozenset()
    if found and not found & _SCALARS:
        message = f"{step.label} is told apart by {type_names(found)}. Give text, a number, true or false."
        yield at(step, "correlation_type", message, "correlation")
