"""What may be read where, place by place: for who offers it to be chosen."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from orchestration.core.definition import CONTAINERS
from orchestration.core.frozen import dataclass
from orchestration.core.inference import Schema
from orchestration.core.plan.parts import Plan
from orchestration.core.plan.sight import Sights
from orchestration.core.shape import narrow, types_of
from orchestration.core.shape import properties as declared

MOST = 300
_DEEPEST = 3
_HOLDERS = ("run", "steps")
"""They hold places and are none."""
_UNDECLARED = "nobody declares this"


@dataclass(frozen=True, slots=True)
class Place:
    """`optional`: it may not be there. `open`: there may be more below it than is listed."""

    path: str
    schema: Schema
    optional: bool
    open: bool


def sight_of(plan: Plan, level: str, step: str = "") -> Mapping[str, Any]:
    """Name → schema, of all that is in sight at a level; of steps, those that come before `step`, and where the level is its own
    body, those that are in there."""
    placed = {name: (found.place, found.model, found.level) for name, found in plan.steps.items()}
    schema = plan.input.schema if plan.input else {"type": "object"}
    known = {name: found.output_schema for name, found in plan.steps.items() if found.type not in CONTAINERS}
    sight = Sights(placed, {name: list(inside) for name, inside in plan.levels.items()}, schema, known).sight(level)
    if not step:
        return sight
    earlier = {name for outer in _chain(plan, step) for name in before(plan, outer)}
    earlier |= set(plan.levels[step]) if level == step else set()
    seen = {name: inner for name, inner in sight["steps"]["properties"].items() if name in earlier}
    return {**sight, "steps": {**sight["steps"], "properties": seen, "required": list(seen)}}


def before(plan: Plan, step: str) -> set[str]:
    """The steps from which a run may come to this one, on its own level."""
    beside = plan.levels[plan.steps[step].level]
    leading: dict[str, list[str]] = {}
    for name in beside:
        for way in plan.steps[name].exits:
            leading.setdefault(way.to, []).append(name)
    found: set[str] = set()
    todo = [step]
    while todo:
        for name in leading.get(todo.pop(), ()):
            if name not in found:
                found.add(name)
                todo.append(name)
    return found


def _chain(plan: Plan, step: str) -> Iterator[str]:
    """The step, and the containers around it."""
    while step:
        yield step
        step = plan.steps[step].level


def places(sight: Mapping[str, Any]) -> tuple[Place, ...]:
    """Every place in sight, those in one object in its own order; 300 at most."""
    found = (place for name, schema in sight.items() for place in _below(name, schema, -1 if name in _HOLDERS else 0, False))
    return tuple(islice(found, MOST))


def _below(path: str, schema: Any, depth: int, optional: bool) -> Iterator[Place]:
    if not isinstance(schema, dict):
        return
    kinds = types_of(schema)
    holds = kinds is None or "object" in kinds
    known = [name for name in declared(schema) if name.isidentifier()] if holds else []
    names = known if depth < _DEEPEST else []
    if path not in _HOLDERS:
        yield Place(path, schema, optional, holds and not names and (bool(known) or narrow(schema, [_UNDECLARED]) is not None))
    for name in names:
        inner = narrow(schema, [name])
        if inner is not None:
            yield from _below(f"{path}.{name}", inner.schema, depth + 1, optional or inner.optional)
