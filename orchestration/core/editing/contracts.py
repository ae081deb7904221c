"""Rename fields: those of a contract are called something else, and so they are in all that reads and gives them.

What reads an object as a whole, or a part of it that is computed, may read a field further on: that is not to be seen, so it
stays, and is told. So is what reads a list, where the fields of its items are renamed.
"""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, cast

from orchestration.core.cel_spots import Root
from orchestration.core.editing import keys
from orchestration.core.editing.building import labels
from orchestration.core.editing.commands import RenameFields
from orchestration.core.editing.draft import Draft, Spot
from orchestration.core.editing.edited import Change, Note
from orchestration.core.editing.keys import Parts
from orchestration.core.editing.mentions import mentions
from orchestration.core.editing.renaming import rewrite, tests_of
from orchestration.core.errors import Problem, Refused
from orchestration.core.frozen import dataclass
from orchestration.core.schema import IN_PLACE, subschemas
from orchestration.core.wording import did_you_mean, dotted, listed, with_stop

Path = tuple[str | None, ...]
"""From an object to one within it: names of fields, None for each item of a list."""
Names = Mapping[str, str]

MOST_NAMED = 3
_GIVING = frozenset({"llm", "tool", "set", "wait"})
"""Types of steps whose `output` is a contract."""


@dataclass(frozen=True, slots=True)
class _Contract:
    """`place` is where what it is of is read, `own` where the step itself reads that besides; `words` what people call it."""

    holder: dict[str, Any]
    place: Root
    words: str
    own: Root = ()


def rename_fields(draft: Draft, command: RenameFields) -> Change:
    contract, path = _contract(draft, command.step, command.key), _path(command.key[1:])
    names = _checked(contract.holder, command)
    left, touched = _renamed(draft, contract, command.key, path, names)
    for other in _stand_ins(draft, contract):
        if known := _known(other.holder, command.key, path, names):
            more, readers = _renamed(draft, other, command.key, path, known)
            left, touched = left + more, touched + readers
    spots = [spot for name, spot in draft.ids().items() if name in touched and spot.step is not contract.holder]
    sentence = f"Renamed {_said(path, names)} in {contract.words}{f', and in {labels(spots)}' if spots else ''}"
    return Change(sentence, tuple(filter(None, (command.step, *(spot.id for spot in spots)))), tuple(left))


def _renamed(draft: Draft, contract: _Contract, key: Parts, path: Path, names: Names) -> tuple[list[Note], list[str]]:
    """What could not be rewritten, and the steps in which something was."""
    if key[0] in contract.holder:
        call_otherwise(contract.holder[str(key[0])], key[1:], names)
    if "values" in contract.holder:
        contract.holder["values"] = _given(contract.holder["values"], path, names)
    _rename_in_tests(draft.data, contract.place, path, names)
    found = list(mentions(draft.data))
    before = [mention.text for mention in found]
    inside = cast("Root", tuple(takewhile(lambda part: part is not None, path)))
    left = rewrite(found, names, (*contract.place, *inside))
    if contract.own:
        left += rewrite([mention for mention in found if mention.step == contract.place[1]], names, (*contract.own, *inside))
    readers = [mention.step for mention, text in zip(found, before, strict=True) if mention.text != text]
    return left, [*(contract.place[1:2] if contract.own else ()), *readers]


def _contract(draft: Draft, step: str, key: Parts) -> _Contract:
    """Raises `Refused` where the key leads into none whose fields are read by their names."""
    if not step and key[0] == "input":
        return _Contract(draft.data, ("run", "input"), "what a run takes")
    spot = draft.find(step, "step") if step else None
    if spot and key[0] == "form" and spot.type == "human":
        return _Contract(spot.step, ("steps", spot.id, "values"), f"{spot.label}’s form")
    if spot and key[0] == "output" and spot.type in _GIVING:
        return _gives(spot)
    message = "Fields are renamed in the `input` of the workflow, the `output` of a step and the `form` of a person’s."
    raise Refused(Problem("no_contract", message, "key"))


def _gives(spot: Spot) -> _Contract:
    return _Contract(spot.step, ("steps", spot.id), f"what {spot.label} gives", ("output",))


def _path(key: Parts) -> Path:
    """From a contract to the object whose `properties` the key leads to. Raises `Refused`."""
    path: list[str | None] = []
    rest = [*key]
    while len(rest) > 1:
        word = rest.pop(0)
        path.append(None if word == "items" else str(rest.pop(0)))
        if word not in ("items", "properties"):
            break
    else:
        if rest == ["properties"]:
            return tuple(path)
    message = (
        "The key leads to the `properties` that hold the fields, as form.properties, or input.properties.lines.items.properties."
    )
    raise Refused(Problem("no_contract", message, "key"))


def _checked(holder: dict[str, Any], command: RenameFields) -> Names:
    here = _at(holder, command.key)
    names = {old: new for old, new in command.to.items() if old != new}
    if not isinstance(here, dict):
        raise Refused(Problem("no_such_place", f"There is no {dotted('', command.key)} here.", "key"))
    if not names:
        raise Refused(Problem("same_id", "They are called that already.", "to"))
    for old, new in names.items():
        if old not in here:
            raise Refused(Problem("unknown_field", with_stop(f"There is no field {old} here{did_you_mean(old, here)}"), "to"))
        if (new in here and new not in names) or list(names.values()).count(new) > 1:
            raise Refused(Problem("field_taken", f"There is a field {new} already. Choose another name.", "to"))
    return names


def _stand_ins(draft: Draft, contract: _Contract) -> list[_Contract]:
    """Those that stand in for the step, and for no other: what they give has to keep its contract."""
    of = [(spot.step, item.get("step")) for spot in draft.spots() for item in spot.step.get("fallback") or ()]
    names = dict.fromkeys(name for step, name in of if step is contract.holder and contract.own and name)
    alone = [name for name in names if all(step is contract.holder for step, other in of if other == name)]
    spots = [spot for name, spot in draft.ids().items() if name in alone and spot.type in _GIVING]
    return [_gives(spot) for spot in spots]


def _known(holder: dict[str, Any], key: Parts, path: Path, names: Names) -> Names:
    """Those of the names that can be had there. What has no contract gives its values as they are."""
    fields = _at(holder, key) if key[0] in holder else _at(holder.get("values"), path)
    fields = fields if isinstance(fields, dict) else {}
    known = {old: new for old, new in names.items() if old in fields}
    return known if not any(new in fields and new not in known for new in known.values()) else {}


def _at(here: Any, place: Iterable[str | int | None]) -> Any:
    for part in place:
        here = keys.at(here, part) if part is not None else None
    return here


def _said(path: Path, names: Names) -> str:
    said = [f"{_written(path, old)} to {new}" for old, new in list(names.items())[:MOST_NAMED]]
    return listed([*said, *([f"{len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else [])], join="and")


def _written(path: Path, name: str) -> str:
    """`lines[].amount`"""
    above = "".join("[]" if part is None else f".{part}" for part in path).removeprefix(".")
    return f"{above}.{name}" if above else name


# In schemas and values


def call_otherwise(schema: dict[str, Any], key: Parts, names: Names, own: bool = True) -> None:
    """Gives other names to the fields that stand together at a key of a schema, in all that this says of their object, and in its
    examples. `own`: in its own properties too, which otherwise have these names already."""
    _call(schema, _path(key), names, own)


def _call(schema: dict[str, Any], path: Path, names: Names, own: bool) -> None:
    for key in ("default", "const"):
        if key in schema:
            schema[key] = _given(schema[key], path, names)
    for key in ("examples", "enum"):
        if isinstance(schema.get(key), list):
            schema[key] = [_given(each, path, names) for each in schema[key]]
    for keyword, _, part in subschemas(schema):
        if keyword in IN_PLACE and isinstance(part, dict):
            _call(part, path, names, True)
    if path:
        here = schema.get("items") if path[0] is None else keys.at(schema.get("properties"), path[0])
        if isinstance(here, dict):
            _call(here, path[1:], names, own)
    elif own:
        schema |= {"properties": _given(schema["properties"], (), names)} if "properties" in schema else {}
        if isinstance(schema.get("required"), list):
            schema["required"] = [names.get(name, name) if isinstance(name, str) else name for name in schema["required"]]


def _given(value: Any, path: Path, names: Names) -> Any:
    """A value with the fields of the object within it called otherwise. One that has a field of the new name too stays."""
    if path and path[0] is None:
        return [_given(each, path[1:], names) for each in value] if isinstance(value, list) else value
    if not isinstance(value, dict):
        return value
    if path:
        return {key: _given(each, path[1:], names) if key == path[0] else each for key, each in value.items()}
    called = [names.get(key, key) for key in value]
    return dict(zip(called, value.values(), strict=True)) if len(set(called)) == len(called) else value


def _rename_in_tests(data: dict[str, Any], place: Root, path: Path, names: Names) -> None:
    """What a test of the workflow gives as its input, one of a step as what that reads, and what is mocked of a step."""
    for test, _ in tests_of(data):
        if "input" in test:
            inside = (*place, *path) if "step" in test else path if place == ("run", "input") else None
            test["input"] = test["input"] if inside is None else _given(test["input"], inside, names)
        mock = keys.at(test.get("mocks"), place[1])
        if place[0] == "steps" and isinstance(mock, dict) and "output" in mock:
            mock["output"] = _given(mock["output"], (*place[2:], *path), names)
