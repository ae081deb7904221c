"""What a step has to be given, by the contract of what it calls or because its prompt reads it, and is not."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from orchestration.core.assignment import assignable
from orchestration.core.errors import Problem, Refused
from orchestration.core.fixes.case import Case, Fix, put
from orchestration.core.inference import Schema
from orchestration.core.plan import PlanStep
from orchestration.core.plan.places import Place, places, sight_of
from orchestration.core.prompt_check import INPUT, lacks
from orchestration.core.prompt_text import compile_prompt
from orchestration.core.shape import narrow
from orchestration.core.wording import counted, listed, nearest

OPEN = "${}"
"""A value that is to be filled in: the proof calls it unfinished."""
_NAMED = 2


def _missing(case: Case) -> Iterator[Fix]:
    """Gives each what can be read under the same name, where that is one place and fits; else something to be filled in."""
    step = case.step
    if step is None or case.key != "input":
        return
    names = [name for name in _required(step) if name not in step.model.input]
    if not names:
        return
    known = places(sight_of(case.plan, step.level, step.id))
    values = {name: _fitting(known, name, _schema(step, name)) for name in names}
    found = [name for name, value in values.items() if value != OPEN]
    label = f"Give it {listed(names, join='and')}" if len(names) <= _NAMED else f"Give it {counted(len(names), 'input')}"
    if len(found) < len(names):
        label += ", to be filled in" if not found else f", {len(names) - len(found)} to be filled in"
    yield Fix(label, tuple(put(step.id, f"input.{name}", value) for name, value in values.items()))


def _contract(step: PlanStep) -> Mapping[str, Any]:
    if step.tool is not None and step.tool.input:
        return step.tool.input
    return step.expects.schema if step.expects else {}


def _required(step: PlanStep) -> list[str]:
    return [name for name in _contract(step).get("required", ()) if name.isidentifier()]


def _schema(step: PlanStep, name: str) -> Schema:
    found = narrow(dict(_contract(step)), [name])
    return found.schema if found else {}


def _fitting(known: tuple[Place, ...], name: str, wanted: Schema) -> str:
    return _only(known, name, lambda schema: not assignable(schema, wanted))


def _only(known: tuple[Place, ...], name: str, fits: Callable[[Schema], bool]) -> str:
    """The one place of that name that fits."""
    fit = [
        place.path
        for place in known
        if place.path.rpartition(".")[2] == name and place.schema and not place.optional and fits(place.schema)
    ]
    return f"${{{fit[0]}}}" if len(fit) == 1 else OPEN


def _unread(case: Case) -> Iterator[Fix]:
    """What a prompt reads of an input that has no such name. Where a name of it is near, that is meant, unless it can be read."""
    step, problem = case.step, case.problem
    name = next((name for name in _read(case.value) if lacks(INPUT, name) in problem.message), None)
    if step is None or step.type != "llm" or name is None:
        return
    known = places(sight_of(case.plan, step.level, step.id))
    before = len(_faults(case.value, step, {}))
    value = _only(known, name, lambda schema: len(_faults(case.value, step, {name: schema})) < before)
    if value != OPEN:
        yield case.put(f"Give it {name}", value, f"input.{name}")
    elif not nearest(name, step.model.input):
        yield case.put(f"Give it {name}, to be filled in", value, f"input.{name}")


def _read(prompt: Any) -> list[str]:
    try:
        return list(dict.fromkeys(str(read.path[0]) for read in compile_prompt(prompt, None).reads))
    except Refused:
        return []


def _faults(prompt: str, step: PlanStep, more: Mapping[str, Schema]) -> tuple[Problem, ...]:
    """What is wrong with a prompt whose step is given more."""
    try:
        compile_prompt(prompt, given(step, more))
    except Refused as refused:
        return refused.problems
    return ()


def given(step: PlanStep, more: Mapping[str, Schema] = MappingProxyType({})) -> Schema:
    """What the prompts of a step may read, were it given more."""
    parts = {**(step.input.schema["properties"] if step.input else {key: {} for key in step.model.input}), **more}
    return {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}


BY_CODE: dict[str, Callable[[Case], Iterator[Fix]]] = {"not_assignable": _missing, "unknown_reference": _unread}
