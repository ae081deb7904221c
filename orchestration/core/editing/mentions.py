"""Everything in a definition that names or reads something: ids of steps, outcomes, models and tools, templates and conditions.

Read from plain data that could be read as a definition. Prompts are not among it: they read their own input and nothing else.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from orchestration.core.cel_engine import MOST_CHARACTERS
from orchestration.core.cel_spots import Root, Spots, Unclear, renamed, spots
from orchestration.core.editing.draft import Spot, walk
from orchestration.core.editing.places import LISTS, SINGLE
from orchestration.core.errors import Refused
from orchestration.core.frozen import dataclass
from orchestration.core.source import join_path
from orchestration.core.template import spans
from orchestration.core.wording import listed

Kind = Literal["step", "outcome", "model", "tool", "template", "cel"]

STEPS: Root = ("steps",)
VALUES = frozenset(["input", "values", "show", "carry", "update", "correlation", "remind"])
"""Keys whose value may hold `${…}`, in all types of steps."""
VALUES_OF = {"loop": {"output"}, "map": {"output"}, "arm": {"output"}, "end": {"output"}, "wait": {"until"}}
CONDITIONS_OF = {"loop": {"until"}}
SOURCES = frozenset({"over", "progress"})
"""Expressions that may stand with or without `${…}`."""
NAMES: dict[str, Kind] = {"outcome": "outcome", "model": "model", "tool": "tool"}
ITEMS: dict[str, dict[str, Kind]] = {
    **{key: {target: "step"} for key, (_, target) in LISTS.items()},
    "cases": {"to": "step", "when": "cel"},
    "checks": {"that": "cel"},
    "fallback": {"step": "step", "model": "model"},
}
"""Lists of mappings, and what the keys of an item are."""
_CALLS = ("http", "reconcile")


class TooLong(Exception):
    """An expression would be longer than one may be."""


@dataclass(frozen=True, slots=True)
class Mention:
    """`holder[key]` is a name, a template, or an expression (`cel`), and stands at `path`, in `step` ("" in none)."""

    kind: Kind
    holder: Any
    key: str | int
    path: str
    step: str = ""

    @property
    def text(self) -> str:
        return str(self.holder[self.key])

    def spans(self) -> list[tuple[int, int]]:
        """Where its expressions stand in it. Raises `Unclear`."""
        if self.kind == "cel":
            return [(0, len(self.text))]
        try:
            return spans(self.text)
        except Refused as error:
            raise Unclear(error.problems[0].message) from None

    def reads(self, root: Root = STEPS) -> list[Spots]:
        """What each of its expressions reads of a place. Raises `Unclear`."""
        return [_reads(self.text[start:end], root) for start, end in self.spans()]

    def renamed(self, names: Mapping[str, str], root: Root = STEPS) -> "Renamed":
        """Its text with the fields of a place called what `names` says. Raises `Unclear`, and `TooLong` where what could be
        compiled no longer could."""
        text, found = self.text, self.reads(root)
        for (start, end), each in reversed(list(zip(self.spans(), found, strict=True))):
            new = renamed(text[start:end], each, names)
            if len(new) > MOST_CHARACTERS:
                raise TooLong
            called = [names.get(spot.name, spot.name) for spot in each.fields]
            if any(spot.name in names for spot in each.fields) and [spot.name for spot in _reads(new, root).fields] != called:
                raise Unclear(f"{listed(names.values(), join='and')} can't be written there")
            text = text[:start] + new + text[end:]
        return Renamed(text, any(each.open for each in found))

    def rename(self, names: Mapping[str, str], root: Root = STEPS) -> bool:
        """Puts the renamed text in its place. Whether it reads such as are not to be seen. Raises as `renamed` does; nothing is
        changed then."""
        text, is_open = self.renamed(names, root)
        self.holder[self.key] = text
        return is_open


class Renamed(NamedTuple):
    """`open`: it reads fields that are not to be seen, and keep their names."""

    text: str
    open: bool


def _reads(text: str, root: Root) -> Spots:
    if len(text) > MOST_CHARACTERS:
        raise Unclear(f"it is longer than {MOST_CHARACTERS:,} characters")
    return spots(text, root)


def mentions(data: dict[str, Any]) -> Iterator[Mention]:
    """All of a definition, in the order of the document as far as steps go."""
    yield from _of_workflow(data)
    for spot in walk(data):
        yield from of_step(spot)


def readers(found: Iterable[Mention], names: Collection[str]) -> Iterator[tuple[Mention, str]]:
    """What reads one of these steps, and which. What can't be parsed is passed over."""
    words = re.compile(rf"\b(?:{'|'.join(map(re.escape, names))})\b|\\") if names else None
    for mention in found:
        if words is not None and mention.kind in ("template", "cel") and words.search(mention.text):
            try:
                read = dict.fromkeys(spot.name for each in mention.reads() for spot in each.fields)
            except Unclear:
                continue
            yield from ((mention, name) for name in read if name in names)


def of_step(spot: Spot) -> Iterator[Mention]:
    """Those of one step or arm, without what it holds."""
    step, kind = spot.step, spot.type
    for key, value in step.items():
        path = f"{spot.place}.{key}"
        if key in SINGLE or key in NAMES:
            if isinstance(value, str):
                yield Mention(NAMES.get(key, "step"), step, key, path, spot.id)
        elif key in VALUES or key in VALUES_OF.get(kind, ()):
            yield from _templates(step, key, path, spot.id)
        elif key in CONDITIONS_OF.get(kind, ()):
            yield from _conditions(step, key, path, spot.id)
        elif key in SOURCES and isinstance(value, str):
            yield Mention("template" if value.startswith("${") else "cel", step, key, path, spot.id)
        elif key == "tools":
            yield from (Mention("tool", value, index, join_path(path, index), spot.id) for index in range(len(value)))
        elif key in ITEMS:
            for index, item in enumerate(value):
                yield from _of_item(item, ITEMS[key], join_path(path, index), spot.id)


def _of_item(item: dict[str, Any], kinds: dict[str, Kind], path: str, step: str) -> Iterator[Mention]:
    for key, kind in kinds.items():
        if kind == "cel" and key in item:
            yield from _conditions(item, key, f"{path}.{key}", step)
        elif isinstance(item.get(key), str):
            yield Mention(kind, item, key, f"{path}.{key}", step)


def _templates(holder: Any, key: str | int, path: str, step: str) -> Iterator[Mention]:
    value = holder[key]
    if isinstance(value, str):
        if "${" in value:
            yield Mention("template", holder, key, path, step)
    elif isinstance(value, dict | list):
        for inner in value if isinstance(value, dict) else range(len(value)):
            yield from _templates(value, inner, join_path(path, inner), step)


def _conditions(holder: Any, key: str | int, path: str, step: str) -> Iterator[Mention]:
    """A condition that isn't one is passed over: what is wrong with it is the plan's to say."""
    value = holder[key]
    if isinstance(value, str):
        yield Mention("cel", holder, key, path, step)
    elif isinstance(value, dict | list):
        for inner in value if isinstance(value, dict) else range(len(value)):
            yield from _conditions(value, inner, join_path(path, inner), step)


def _of_workflow(data: dict[str, Any]) -> Iterator[Mention]:
    yield Mention("outcome", data, "on_failure", "on_failure")
    yield Mention("step", data, "start", "start")
    for key, inner, kind in (("escalation", "on_deadline", "outcome"), ("limits", "on_breach", "step")):
        if isinstance(data.get(key), dict) and isinstance(data[key].get(inner), str):
            yield Mention(kind, data[key], inner, f"{key}.{inner}")  # type: ignore[arg-type]
    for name, tool in (data.get("tools") or {}).items():
        for call in _CALLS:
            if isinstance(tool.get(call), dict):
                yield from _templates(tool, call, f"tools.{name}.{call}", "")
    for key in ("index", "redact"):
        yield from (Mention("cel", data[key], index, join_path(key, index)) for index in range(len(data.get(key) or ())))
