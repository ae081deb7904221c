"""Which keys of a definition lead somewhere. Read from plain data that could be read as a definition."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Literal, get_args

from orchestration.core.definition import Arm, Step
from orchestration.core.frozen import dataclass

MODELS: dict[str, type[Any]] = {
    get_args(model.model_fields["type"].annotation)[0]: model for model in get_args(get_args(Step)[0])
} | {"arm": Arm}
"""The model of each type of step."""
BODIES = frozenset({"loop", "map", "arm"})
"""Containers that begin with their first step, and end where nothing comes after one."""

Kind = Literal[
    "next", "case", "default", "action", "deadline", "catch", "unknown", "exhausted", "stalled", "fallback", "start", "breach"
]
LISTS: dict[str, tuple[Kind, str]] = {
    "cases": ("case", "to"),
    "actions": ("action", "to"),
    "catch": ("catch", "to"),
    "fallback": ("fallback", "step"),
}
"""Keys whose items lead somewhere: the kind of their routes, and the key of the target in an item."""
NOUNS = {"cases": "case", "actions": "action", "catch": "catch", "fallback": "fallback", "checks": "check"}
"""Lists whose items are told by a noun and their number."""
SINGLE: dict[str, Kind] = {
    "default": "default",
    "next": "next",
    "on_exhausted": "exhausted",
    "on_stalled": "stalled",
    "on_deadline": "deadline",
    "on_unknown": "unknown",
}
START = "start"
"""The route by which the workflow begins, or a body."""
OF_WORKFLOW: dict[str, Kind] = {START: "start", "limits.on_breach": "breach"}


@dataclass(frozen=True, slots=True)
class Route:
    """One route as it stands: `written` is its place within the step, `holder[key]` the target `to`; `item` is the entry of a
    list that the route is a part of, and `siblings` that list."""

    written: str
    kind: Kind
    holder: dict[str, Any]
    key: str
    item: dict[str, Any] | None = None
    siblings: list[Any] | None = None

    @property
    def to(self) -> str:
        return str(self.holder[self.key])


def routes(step: dict[str, Any]) -> Iterator[Route]:
    """The routes of a step that are written, in the order of `routes.exits`, and then those to its fallbacks."""
    for name in (
        "cases",
        "default",
        "actions",
        "next",
        "on_exhausted",
        "on_stalled",
        "on_deadline",
        "catch",
        "on_unknown",
        "fallback",
    ):
        if name in SINGLE:
            if is_drawn(step, name):
                yield Route(name, SINGLE[name], step, name)
            continue
        kind, key = LISTS[name]
        siblings = step.get(name) or []
        for index, item in enumerate(siblings):
            if isinstance(item.get(key), str):
                yield Route(f"{name}[{index}].{key}", kind, item, key, item, siblings)


def routes_of_workflow(data: dict[str, Any]) -> Iterator[Route]:
    """Where a run begins, and where it goes from a breach."""
    yield Route(START, "start", data, START)
    limits = data.get("limits")
    if isinstance(limits, dict) and isinstance(limits.get("on_breach"), str):
        yield Route("limits.on_breach", "breach", limits, "on_breach")


def free(step: dict[str, Any], type: str) -> list[str]:
    """The routes that could be drawn from a step and are not there: keys, and lists that take one more."""
    fields = MODELS[type].model_fields
    return [key for key in (*SINGLE, *LISTS) if key in fields and (key in LISTS or not is_drawn(step, key))]


def is_drawn(step: Mapping[str, Any], key: str) -> bool:
    """Whether it leads somewhere; "" is left open."""
    return isinstance(step.get(key), str) and step[key] != ""


def may_be_missing(type: str, key: str) -> bool:
    """Whether a step of this type may be without the key."""
    return not MODELS[type].model_fields[key].is_required()


def open_end(steps: list[Any]) -> dict[str, Any] | None:
    """The one step after which nothing comes, of all that begins with the first of these: what is put in goes on from there.
    None where there is none, or a choice."""
    reached = leads_to(steps, str(steps[0].get("id"))) if steps else set()
    ends = [
        step for step in steps if step.get("id") in reached and "next" in _fields(step) and not isinstance(step.get("next"), str)
    ]
    return ends[0] if len(ends) == 1 else None


def _fields(step: dict[str, Any]) -> Collection[str]:
    model = MODELS.get(str(step.get("type")))
    return model.model_fields if model is not None else ()


def leads_to(siblings: list[Any], start: str) -> set[str]:
    """All steps of a level that a run may come to from one of them, itself included."""
    edges = {step["id"]: [route.to for route in routes(step) if route.kind != "fallback"] for step in siblings}
    found, todo = {start}, [start]
    while todo:
        for target in edges.get(todo.pop(), ()):
            if target not in found:
                found.add(target)
                todo.append(target)
    return found
