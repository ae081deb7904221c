"""Set, unset and insert: single keys of a step, or of the workflow itself."""

from typing import Any

from orchestration.core.editing import keys
from orchestration.core.editing.commands import Insert, Set, Unset
from orchestration.core.editing.draft import Draft
from orchestration.core.editing.edited import Change
from orchestration.core.editing.keys import Parts
from orchestration.core.errors import Problem, Refused
from orchestration.core.source import join_path
from orchestration.core.wording import abbreviate, dotted

_STRUCTURE = {"steps", "body", "branches"}
_FIXED = {
    "interlock": "The format of a definition is what it is.",
    "layout": "The layout is changed by arrange.",
}


def put(draft: Draft, command: Set) -> Change:
    holder, place, who = _holder(draft, command.step, command.key)
    keys.put(holder, command.key, command.value)
    return Change(_said(who, command.key, command.value), _ids(command.step), places=_places(place, command.key, "value"))


def unset(draft: Draft, command: Unset) -> Change:
    holder, place, who = _holder(draft, command.step, command.key)
    keys.take(holder, command.key)
    return Change(f"Took {_what(command.key)} from {who}", _ids(command.step), places=_places(place, command.key, "key"))


def insert(draft: Draft, command: Insert) -> Change:
    holder, place, who = _holder(draft, command.step, command.key)
    index = keys.insert(holder, command.key, command.index, command.value)
    places = _places(place, (*command.key, index), "value")
    return Change(f"Added to {_what(command.key)} of {who}", _ids(command.step), places=places)


def _holder(draft: Draft, step: str, key: Parts) -> tuple[dict[str, Any], str, str]:
    """What holds the key, its place in the document, and what people call it."""
    first = str(key[0])
    if first in _STRUCTURE:
        message = "Steps are put in, moved and taken out by add, move, paste and remove, or the routes to them would be lost."
        raise Refused(Problem("structure", message, "key"))
    if step:
        if first == "id" and len(key) == 1:
            raise Refused(Problem("rename_instead", "An id is changed by rename, which changes what reads it too.", "key"))
        spot = draft.find(step, "step")
        return spot.step, spot.place, spot.label
    if first == "id":
        raise Refused(Problem("fixed", "The id of a workflow is its address, and stays. Its title is free.", "key"))
    if first in _FIXED:
        raise Refused(Problem("fixed", _FIXED[first], "key"))
    return draft.data, "", "the workflow"


def _places(place: str, key: Parts, part: str) -> tuple[tuple[str, str], ...]:
    """What stands at the key comes from that part of the command; that there is such a key at all comes from its `key`."""
    found: list[tuple[str, str]] = []
    for each in key:
        place = join_path(place, each)
        found.insert(0, (place, "key"))
    return ((place, part), *found[1:])


def _ids(step: str) -> tuple[str, ...]:
    return (step,) if step else ()


def _what(key: Parts) -> str:
    return dotted("", key)


def _said(who: str, key: Parts, value: Any) -> str:
    if isinstance(value, str) and len(value) <= 60 and "\n" not in value:
        return f"Set {who}’s {_what(key)} to “{value}”"
    if isinstance(value, bool | int | float):
        return f"Set {who}’s {_what(key)} to {abbreviate(value)}"
    return f"Changed {who}’s {_what(key)}"
