"""Set, unset and insert: single keys of a step, or of the workflow itself."""

from typing import Any

from orchestration.core.editing import keys
from orchestration.core.editing.commands import Insert, Set, Unset
from orchestration.core.editing.draft import Draft
from orchestration.core.editing.edited import Change
from orchestration.core.editing.keys import Parts
from orchestration.core.editing.places import NOUNS
from orchestration.core.errors import Problem, Refused
from orchestration.core.frozen import replace
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
    return _change(_put(who, command.key, command.value), command, who, place, "value")


def unset(draft: Draft, command: Unset) -> Change:
    holder, place, who = _holder(draft, command.step, command.key)
    keys.take(holder, command.key)
    return _change(f"Took {_what(command.key)} from {_whom(who, command.key)}", command, who, place, "key")


def insert(draft: Draft, command: Insert) -> Change:
    holder, place, who = _holder(draft, command.step, command.key)
    index = keys.insert(holder, command.key, command.index, command.value)
    noun = NOUNS.get(str(command.key[0])) if len(command.key) == 1 else None
    sentence = f"Added a {noun} to {who}" if noun else f"Added to {whose(who, command.key)}"
    change = _change(sentence, command, who, place, "value")
    return replace(change, places=_places(place, (*command.key, index), "value"))


def _change(sentence: str, command: Set | Unset | Insert, who: str, place: str, part: str) -> Change:
    places = _places(place, command.key, part)
    return Change(sentence, _ids(command.step), places=places, whose=who, key=dotted("", command.key))


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


def whose(who: str, key: Parts) -> str:
    """What people call what stands at a key: `Way’s prompt`, `the condition of Way’s case 1`."""
    return f"{_what(key)} of {_whom(who, key)}" if _in_item(key) else f"{who}’s {_what(key)}"


def _whom(who: str, key: Parts) -> str:
    return f"{who}’s {NOUNS[str(key[0])]} {int(key[1]) + 1}" if _in_item(key) else who


def _what(key: Parts) -> str:
    if not _in_item(key):
        return dotted("", key)
    return "the condition" if key[2:] in (("when",), ("that",)) else dotted("", key[2:])


def _in_item(key: Parts) -> bool:
    """Whether it is a key of an item that has a noun."""
    return len(key) > 2 and key[0] in NOUNS and isinstance(key[1], int)


def _put(who: str, key: Parts, value: Any) -> str:
    if is_empty(value):
        return f"Left {whose(who, key)} empty"
    if isinstance(value, str) and len(value) <= 60 and "\n" not in value:
        return f"Set {whose(who, key)} to “{_expression(value)}”"
    if isinstance(value, bool | int | float):
        return f"Set {whose(who, key)} to {abbreviate(value)}"
    return f"Changed {whose(who, key)}"


def is_empty(value: Any) -> bool:
    """Whether it is a text that says nothing yet, or an expression of nothing."""
    return isinstance(value, str) and not value.removeprefix("${").removesuffix("}").strip()


def _expression(value: str) -> str:
    """Without what encloses it, where the whole text is one expression."""
    inner = value.removeprefix("${").removesuffix("}")
    return inner if len(value) - len(inner) == 3 and "${" not in inner else value
