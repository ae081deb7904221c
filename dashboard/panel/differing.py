"""What differs between what a form was shown and what it says now, place by place, and each part written as it was."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from dashboard.schema_answer import ABSENT
from dashboard.schema_spec import Spec
from orchestration.core.values import canonical

NAMED = {"outcomes": "outcome", "models": "model", "tools": "tool"}
"""Keys of the workflow whose names are read elsewhere: to change one is a renaming."""

Json = dict[str, Any]
Place = tuple[str | int, ...]


def differences(spec: Spec, before: Any, after: Any, place: Place) -> Iterator[tuple[Place, Any]]:
    """Into what has keys of its own; a list, a contract, named values and a condition are told as a whole."""
    for child in spec.properties:
        was, now = before.get(child.key, ABSENT), after.get(child.key, ABSENT)
        here = (*place, child.key)
        if child.required and now is ABSENT and isinstance(was, dict):
            now = {}
        if same(was, now):
            continue
        parts = isinstance(was, dict) and isinstance(now, dict)
        if child.kind == "object" and isinstance(now, dict) and (parts or was is ABSENT):
            yield from differences(child, was if parts else {}, now, here)
        elif parts and len(place) == 0 and child.key in NAMED and hasattr(child.way, "item"):
            yield from _of_named(child, was, now, here)
        else:
            yield here, now


def _of_named(spec: Spec, was: Json, now: Json, place: Place) -> Iterator[tuple[Place, Any]]:
    item = spec.way.item  # type: ignore[union-attr]
    for name in now:
        if name not in was:
            yield (*place, name), now[name]
        elif not (isinstance(was[name], dict) and isinstance(now[name], dict)):
            if not same(was[name], now[name]):
                yield (*place, name), now[name]
        elif not same(was[name], now[name]):
            yield from differences(item, was[name], now[name], (*place, name))
    yield from (((*place, name), ABSENT) for name in was if name not in now)


def spellings(read: Any, written: Any) -> Iterator[tuple[str, Any]]:
    """What the form reads a part as → how that part is written, where these differ. Numbers are told by their places alone."""
    if isinstance(read, dict) and isinstance(written, dict):
        for key in read.keys() & written.keys():
            yield from spellings(read[key], written[key])
    elif isinstance(read, list) and isinstance(written, list):
        for one, other in zip(read, written, strict=False):
            yield from spellings(one, other)
    if read is not ABSENT and not isinstance(read, int | float) and canonical(read) != canonical(written):
        yield canonical(read), written


def as_spelled(value: Any, read: Any, written: Any, spelled: Mapping[str, Any]) -> Any:
    """The value, with the parts that nobody changed written as they were: `written` where the form reads it as `read`."""
    if value is ABSENT:
        return value
    if read is not ABSENT and written is not ABSENT and canonical(value) == canonical(read):
        return written
    if (found := canonical(value)) in spelled:
        return spelled[found]
    if isinstance(value, dict):
        return {key: as_spelled(each, at(read, (key,)), at(written, (key,)), spelled) for key, each in value.items()}
    if isinstance(value, list):
        return [as_spelled(each, at(read, (n,)), at(written, (n,)), spelled) for n, each in enumerate(value)]
    return value


def at(data: Any, place: Place) -> Any:
    """What stands there, ABSENT where nothing does."""
    for part in place:
        there = part in data if isinstance(data, dict) else isinstance(data, list) and isinstance(part, int) and part < len(data)
        if not there:
            return ABSENT
        data = data[part]
    return data


def same(one: Any, other: Any) -> bool:
    if one is ABSENT or other is ABSENT:
        return one is other
    return canonical(one) == canonical(other)


def called_anew(data: Json, kind: str, old: str, new: str) -> Json:
    """The data once something has its new id; what names it in the same form goes along."""
    data = deepcopy(data)
    key = f"{kind}s"
    if isinstance(data.get(key), dict):
        data[key] = {new if name == old else name: each for name, each in data[key].items()}
    if kind == "outcome":
        if data.get("on_failure") == old:
            data["on_failure"] = new
        escalation = data.get("escalation")
        if isinstance(escalation, dict) and escalation.get("on_deadline") == old:
            escalation["on_deadline"] = new
    return data


def put(data: Any, place: Place, value: Any) -> None:
    *above, last = place
    for part in above:
        data = data.setdefault(part, {})
    if value is ABSENT:
        data.pop(last, None)
    else:
        data[last] = value
