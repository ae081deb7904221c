"""What a step of an outline reads, and how it computes what it takes, gives or shows: as written, each beside its name."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestration.core.plan import Plan, PlanStep

_COMPUTED = {
    "over": "Goes over",
    "input": "Its input",
    "carry": "What the first round begins with",
    "update": "What a round hands on to the next",
    "values": "Computes",
    "show": "What the person sees",
    "until": "Waits until",
    "correlation": "Which event is meant",
    "output": "What it gives",
}
_OPENS_WITH = "What the form opens with"
_OF_AN_ITEM = "What an item gives"


@dataclass(frozen=True, slots=True)
class Place:
    """`path` "" is all of the source. `optional`: it asks first whether there is one."""

    path: str
    optional: bool


@dataclass(frozen=True, slots=True)
class Source:
    """What a step reads from one place; `step` names a step, "" elsewhere."""

    name: str
    step: str
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Computed:
    """A key of the definition in words, and each value below it: (name, the text as written)."""

    title: str
    lines: tuple[tuple[str, str], ...]


def reads(plan: Plan, step: PlanStep) -> tuple[Source, ...]:
    """Each place once. One that is read without asking anywhere is not optional."""
    asked: dict[tuple[str, ...], bool] = {}
    for read in (read for use in step.uses for read in use.reads):
        asked[read.path] = asked.get(read.path, True) and read.guarded
    grouped: dict[tuple[str, str], dict[str, bool]] = {}
    for path, optional in asked.items():
        if (found := _source(plan, path)) is not None:
            name, where, rest = found
            places = grouped.setdefault((name, where), {})
            places[rest] = places.get(rest, True) and optional
    return tuple(Source(*source, tuple(Place(*place) for place in places.items())) for source, places in grouped.items())


def _source(plan: Plan, path: tuple[str, ...]) -> tuple[str, str, str] | None:
    """(name of the source, its step or "", the rest of the path); None for the step's own input and output."""
    head = path[0]
    if head == "run":
        return ("the run's input", "", ".".join(path[2:])) if path[1:2] == ("input",) else ("the run", "", ".".join(path[1:]))
    if head == "steps" and len(path) > 1:
        known = plan.steps.get(path[1])
        return (known.label if known else path[1]), path[1] if known else "", ".".join(path[2:])
    if head in ("input", "output"):
        return None
    names = {
        "item": "the item",
        "index": "its place in the list",
        "carry": "what the loop carries",
        "iter": "the round",
        "error": "the error that led here",
    }
    return names.get(head, head), "", ".".join(path[1:])


def computed(step: PlanStep) -> tuple[Computed, ...]:
    """How a step comes to its values. An `output` that is a contract computes nothing."""
    found = []
    for name, title in _COMPUTED.items():
        output = name == "output" and step.type not in ("end", "loop", "map", "arm")
        if output or (name == "until" and step.type != "wait"):
            continue
        value = getattr(step.model, name, None)
        title = _OPENS_WITH if name == "values" and step.type == "human" else title
        title = _OF_AN_ITEM if name == "output" and step.type == "map" else title
        if value not in (None, {}, []):
            found.append(Computed(title, tuple(_lines(value))))
    return tuple(found)


def _lines(value: Any) -> Iterator[tuple[str, str]]:
    for name, each in value.items() if isinstance(value, Mapping) else [("", value)]:
        yield str(name), each.strip() if isinstance(each, str) else json.dumps(each, ensure_ascii=False, indent=2)
