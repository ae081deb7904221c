"""A definition while it is edited: its plain data as a copy of our own, and where each step of it stands.

Functions here only look at shape, and take data that can't be read (between two commands of one list it may be so): what is
no step is passed over.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from orchestration.core import values
from orchestration.core.definition import CONTAINERS
from orchestration.core.errors import Problem, Refused
from orchestration.core.fields import RESERVED_IDS
from orchestration.core.frozen import dataclass
from orchestration.core.routes import BREAK, CONTINUE
from orchestration.core.wording import did_you_mean, with_stop

_STEPS_READ = re.compile(r"\bsteps\W{1,4}([a-z][a-z0-9_]*)")
_TARGETS = "next default to step on_deadline on_unknown on_exhausted on_stalled on_breach start"
TARGET_KEYS = frozenset(_TARGETS.split())
MOST_OF_ID = 48


@dataclass(slots=True)
class Spot:
    """A step or an arm (type `arm`) and where it stands: its place in the document, the list that holds it, and the container
    around it, "" for the root."""

    step: dict[str, Any]
    type: str
    place: str
    level: str
    siblings: list[Any]

    @property
    def id(self) -> str:
        return str(self.step.get("id"))

    @property
    def label(self) -> str:
        return label(self.step)


@dataclass(slots=True)
class Draft:
    """`data` is changed in place."""

    data: dict[str, Any]

    def spots(self) -> Iterator[Spot]:
        """Every step and arm, containers before what they hold."""
        return walk(self.data)

    def ids(self) -> dict[str, Spot]:
        """By id; where one stands twice, the first, as a plan takes it."""
        found: dict[str, Spot] = {}
        for spot in self.spots():
            found.setdefault(spot.id, spot)
        return found

    def find(self, name: str, path: str) -> Spot:
        spot = next((spot for spot in self.spots() if spot.id == name), None)
        if spot is None:
            hint = did_you_mean(name, self.ids())
            message = with_stop(f"There is no step {name}{hint if hint.endswith('?') else ''}")
            raise Refused(Problem("unknown_step", message, path))
        return spot

    def chosen(self, names: Sequence[str]) -> list[Spot]:
        """The steps of these ids in the order of the document, without those that stand inside of another one of them. Refused at
        `steps[i]` where there is none."""
        wanted = {id(self.find(name, f"steps[{index}]").step) for index, name in enumerate(names)}
        spots = [spot for spot in self.spots() if id(spot.step) in wanted]
        inside = {id(inner.step) for spot in spots for inner in below(spot.step)}
        return [spot for spot in spots if id(spot.step) not in inside]

    def level(self, into: str, path: str) -> tuple[str, list[Any]]:
        """The type of a container ("" for the root) and the list of what it holds."""
        if not into:
            return "", self.data["steps"]
        spot = self.find(into, path)
        if spot.type not in CONTAINERS:
            message = (
                f"{spot.label} holds no steps. Name a loop, a map, an arm of a parallel, or nothing for the outermost level."
            )
            raise Refused(Problem("no_container", message, path, into))
        return spot.type, spot.step["branches" if spot.type == "parallel" else "body"]

    def named(self) -> set[str]:
        """Every id that stands, and every name that something leads to or reads: a new id is none of these, or it would be
        taken for what is missing."""
        text = values.dump({key: value for key, value in self.data.items() if key != "layout"})
        return {spot.id for spot in self.spots()} | set(_STEPS_READ.findall(text)) | set(targets(self.data))


def walk(data: dict[str, Any]) -> Iterator[Spot]:
    yield from _walk(data, "steps", "", "")


def below(step: dict[str, Any]) -> Iterator[Spot]:
    """Every step and arm inside of a step."""
    yield from _walk(step, "body", "", str(step.get("id")))
    yield from _walk(step, "branches", "", str(step.get("id")))


def _walk(holder: dict[str, Any], key: str, place: str, level: str) -> Iterator[Spot]:
    steps = holder.get(key)
    place = f"{place}.{key}" if place else key
    for index, step in enumerate(steps := steps if isinstance(steps, list) else []):
        if isinstance(step, dict):
            spot = Spot(step, "arm" if key == "branches" else str(step.get("type")), f"{place}[{index}]", level, steps)
            yield spot
            for within in ("body", "branches"):
                if within in step:
                    yield from _walk(step, within, spot.place, spot.id)


def targets(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if isinstance(inner, str):
                if key in TARGET_KEYS:
                    yield inner
            elif inner:
                yield from targets(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from targets(inner)


def label(step: dict[str, Any]) -> str:
    """What people call it, as `definition.Labelled` says."""
    title = step.get("title")
    return title if isinstance(title, str) and title else str(step.get("id")).replace("_", " ").capitalize()


def is_end_of_level(target: str) -> bool:
    return target in (BREAK, CONTINUE)


def new_id(wish: str, taken: Collection[str]) -> str:
    """An id that looks like the wish (a title, an id, a type) and is free."""
    words = re.sub(r"\W+", "_", wish.replace("ß", "ss"))
    folded = unicodedata.normalize("NFKD", words).encode("ascii", "ignore").decode().lower()
    base = re.sub(r"[^a-z0-9]+", "_", folded).strip("_").lstrip("0123456789_")[:MOST_OF_ID].rstrip("_") or "step"
    if base not in taken and base not in RESERVED_IDS:
        return base
    stem = re.sub(r"_[0-9]+\Z", "", base)
    number = 2
    while (name := f"{stem[: MOST_OF_ID - 1 - len(str(number))]}_{number}") in taken:
        number += 1
    return name
