"""Contracts across edges: what a step is given fits what it takes, and what it gives fits what is promised of it."""

from collections.abc import Iterator
from typing import Any

from orchestration.core.assignment import assignable, type_names
from orchestration.core.errors import Problem
from orchestration.core.expression import Value
from orchestration.core.inference import Schema, kinds
from orchestration.core.plan import PlanStep
from orchestration.core.plan.sight import ERROR_SCHEMA, ITER_SCHEMA
from orchestration.core.proof.graph import Graph, at

_NOTHING: Schema = {"type": "object", "properties": {}, "additionalProperties": False}
_NULL: Schema = {"type": "null"}


def check(graph: Graph) -> Iterator[Problem]:
    for step in graph.plan.steps.values():
        if step.type in ("llm", "tool"):
            yield from _input(step)
            yield from _fallbacks(graph, step)
        elif step.type == "workflow":
            yield from _called(step)
        elif step.model.expects is not None and step.expects is not None:
            what = "reads what it doesn't expect"
            yield from _problems(step, _in_sight(graph, step), step.expects.schema, "expects", what)
        if step.type == "set" and step.output is not None and step.values is not None:
            yield from _problems(step, step.values.schema, step.output.schema, "values", "sets what its output contract forbids")
        elif step.type == "end":
            yield from _end(step)
        elif step.type == "human":
            yield from _form(step)
        elif step.type == "loop":
            yield from _carry(step)


def _problems(step: PlanStep, source: Schema, target: Schema, key: str, what: str, severity: str = "error") -> Iterator[Problem]:
    reasons = assignable(source, target)
    if reasons:
        more = f" (and {len(reasons) - 2} more)" if len(reasons) > 2 else ""
        message = f"{step.label} {what}: {'; '.join(reason.rstrip('.') for reason in reasons[:2])}{more}."
        yield at(step, "not_assignable", message, key, severity)


def _schema_of(value: Value | None) -> Schema:
    return dict(value.schema) if value is not None else _NOTHING


def _input(step: PlanStep) -> Iterator[Problem]:
    if step.model.input and step.input is None:
        return  # it could not be compiled, which is reported
    given = _schema_of(step.input)
    if step.tool is not None and step.tool.input:
        yield from _problems(step, given, step.tool.input, "input", f"gives {step.tool.name} what it doesn't take")
    if step.model.expects is not None and step.expects is not None:
        yield from _problems(step, given, step.expects.schema, "input", "is given what it doesn't expect")


def _called(step: PlanStep) -> Iterator[Problem]:
    if step.fan is not None and step.fan.called is not None and (step.input is not None or not step.model.input):
        what = f"gives {step.model.workflow} what it doesn't take"
        yield from _problems(step, _schema_of(step.input), step.fan.called.input, "input", what)


def _in_sight(graph: Graph, step: PlanStep) -> Schema:
    """What a step reads that has no input of its own: the run, outputs, its loop's round, the error that led to it."""
    plan, levels = graph.plan, graph.plan.chain(step.level)
    named = [plan.steps[name] for name in sorted(step.needs) if name in plan.steps]
    run = {"id": {"type": "string"}, "input": dict(plan.input.schema) if plan.input else {}}
    steps = {other.id: other.output_schema for other in named if other.level in levels}
    loop = plan.steps[step.level].loop if step.level else None
    found = {"run": _whole(run), "steps": _whole(steps), "error": ERROR_SCHEMA, "iter": ITER_SCHEMA}
    return _whole({name: found.get(name, loop.carry_schema if loop else {}) for name in sorted(step.roots)})


def _whole(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _fallbacks(graph: Graph, step: PlanStep) -> Iterator[Problem]:
    for index, fallback in enumerate(step.model.fallback):
        other = graph.plan.steps.get(fallback.step or "")
        if other is not None and step.output is not None and step.id in graph.hosts.get(other.id, ()):
            what = f"can't take the output of {other.label} as its own"
            yield from _problems(step, other.output_schema, step.output.schema, f"fallback[{index}].step", what)


def _end(step: PlanStep) -> Iterator[Problem]:
    if step.output is None or (step.model.output is not None and step.values is None):
        return
    source = step.values.schema if step.values is not None else _NULL
    what = f"ends as {step.model.outcome} with an output that the outcome doesn't promise"
    yield from _problems(step, source, step.output.schema, "output", what)


def _form(step: PlanStep) -> Iterator[Problem]:
    """What a form opens with may be wrong or missing, since a person mends it; but it should not always be."""
    form = step.output_schema["properties"]["values"]
    properties = form.get("properties", {})
    for name, schema in _schema_of(step.values).get("properties", {}).items():
        if not form or not isinstance(schema, dict):
            continue
        if name not in properties:
            message = f"{step.label} opens its form with {name}, which is no field of it. Add the field, or remove this."
            yield at(step, "not_assignable", message, f"values.{name}")
        elif isinstance(properties[name], dict):
            what = f"opens {name} with what the field may not take"
            yield from _problems(step, _not_null(schema), properties[name], f"values.{name}", what, "warning")


def _not_null(schema: Schema) -> Schema:
    types = schema.get("type")
    if isinstance(types, list) and "null" in types:
        return {**schema, "type": [kind for kind in types if kind != "null"]}
    return {} if types == "null" else schema


def _carry(step: PlanStep) -> Iterator[Problem]:
    """A carry may become of another type than it began with only by way of null or nothing."""
    loop = step.loop
    if loop is None or loop.carry is None or loop.update is None:
        return
    first, update = loop.carry.schema.get("properties", {}), loop.update.schema.get("properties", {})
    for name in first:
        if name not in update:
            message = f"{step.label} begins with carry.{name}, and a round leaves none. Carry it on in update, or leave it out."
            yield at(step, "not_assignable", message, "update", "warning")
        elif _clash(first[name], update[name]):
            begins, becomes = type_names(kinds(first[name])), type_names(kinds(update[name]))
            message = f"carry.{name} of {step.label} begins as {begins}, and a round leaves {becomes}. Keep one type."
            yield at(step, "not_assignable", message, f"update.{name}")


def _clash(first: Any, update: Any) -> bool:
    if not isinstance(first, dict) or not isinstance(update, dict):
        return False
    one, other = kinds(first) - {"null"}, kinds(update) - {"null"}
    return bool(one and other) and len(one | other) > 1 and one | other != {"integer", "number"}
