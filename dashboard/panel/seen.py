"""The places that may be read, as people call them: where each comes from, what it is, and of which type."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.schema_words import kind, words
from orchestration.core.plan import Plan
from orchestration.core.plan.places import MOST, Place, places
from orchestration.core.shape import values_of

_ORDER = ("run", "input", "output", "item", "index", "carry", "iter", "steps", "error", "secrets")
"""In which order the roots stand; what is nearest comes first."""
_WHOLE = {
    "item": "The whole item", "index": "The item’s place in the list", "carry": "All that is carried", "iter": "The round",
    "error": "The error", "input": "All that it is given", "output": "All that it gives", "run.id": "The run’s own id",
    "run.input": "The run’s whole input", "iter.index": "The number of the round",
}  # fmt: skip
_OF = {
    "item": "The item’s ", "carry": "The carried ", "error": "The error’s ", "input": "Its input’s ", "output": "Its output’s ",
    "secrets": "The secret ",
}  # fmt: skip
_GROUPS = {
    "run": "The run", "input": "What it is given", "output": "What it gives", "item": "The item", "index": "The item",
    "carry": "The loop", "iter": "The loop", "error": "The error that led here", "secrets": "Secrets",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SeenPlace:
    """A place that a step may read. `words` tell its contract, `type` its type alone; `options` are the values that it may have,
    where its contract lists them. `name` is what people call it, `group` what it comes from. `open`: there may be more below it
    than is listed."""

    path: str
    type: str
    words: str
    options: tuple[str, ...] = ()
    name: str = ""
    group: str = ""
    optional: bool = False
    open: bool = False

    @property
    def said(self) -> str:
        return f"{self.name}{':' if self.options else ','} {self.words}{' (may be absent)' if self.optional else ''}"


def seen(plan: Plan, sight: Mapping[str, Any]) -> tuple[SeenPlace, ...]:
    """Those in sight, by where they come from."""
    found = (_seen(plan, place) for place in places(sight) if place.path != "secrets")
    return tuple(sorted(found, key=lambda place: (_ORDER.index(place.path.partition(".")[0]), place.path == "run.id")))


def _seen(plan: Plan, place: Place) -> SeenPlace:
    values = values_of(place.schema) or []
    name, group = _called(plan, place.path)
    options = tuple(value for value in values if isinstance(value, str))
    return SeenPlace(place.path, kind(place.schema), words(place.schema), options, name, group, place.optional, place.open)


def _called(plan: Plan, path: str) -> tuple[str, str]:
    """What people call a place, and what it comes from."""
    head, _, rest = path.partition(".")
    group = _GROUPS.get(head, "")
    if head == "steps":
        of, _, rest = rest.partition(".")
        group = plan.steps[of].label if of in plan.steps else of
        return (f"{group}’s {_plain(rest)}" if rest else f"All that {group} gives"), group
    if path in _WHOLE:
        return _WHOLE[path], group
    if path.startswith("run.input."):
        return f"The run’s {_plain(path.removeprefix('run.input.'))}", group
    return (f"{_OF.get(head, '')}{_plain(rest)}" if rest else head), group


def _plain(path: str) -> str:
    """`address.city_name` → `address, city name`."""
    return path.replace("_", " ").replace(".", ", ")


def told(known: Iterable[SeenPlace], path: str) -> tuple[str, bool]:
    """What stands at a path in words, and whether there is surely no such place; "" where that can't be said."""
    found = {place.path: place for place in known}
    if path in found:
        return found[path].said, False
    above = path
    while (above := above.rpartition(".")[0]) and above not in found:
        pass
    if len(found) >= MOST or (above and found[above].open):
        return "", False
    return f"There is no place {path} that could be read here.", True
