"""Places within a step: a dotted key as parts, and what stands there read, written, put in and taken away.

Keys that a mapping gets anew go where people look for them and not at its end, so that a step that is edited reads like one
that was written.
"""

import json
import re
from typing import Any

from orchestration.core.definition import Workflow
from orchestration.core.errors import Problem, Refused
from orchestration.core.wording import did_you_mean, dotted

Parts = tuple[str | int, ...]

MOST_PARTS = 60
_PART = re.compile(r'(?:\A|\.)([^.\[\]]{1,200})|\[([0-9]{1,6})\]|\[("(?:[^"\\]|\\.){0,200}")\]')
_WRITTEN = (
    "id type title note tool model workflow expects input over max max_items carry until event correlation system prompt params "
    "tools max_rounds max_input_tokens max_output_tokens values cases default queue priority show form body branches "
    "join concurrency need on_item_error update progress output checks timeout repair retry fallback actions remind "
    "deadline on_deadline outcome catch on_unknown on_exhausted on_stalled next"
)
_ORDER = _WRITTEN.split()
_ORDER_OF_WORKFLOW = list(Workflow.model_fields)


def read_key(written: Any) -> Parts:
    """`retry.attempts`, `cases[0].when`, `show["a label"].x`, or a list of such keys and indices → its parts. ValueError."""
    if isinstance(written, list):
        parts = tuple(written)
        good = all(isinstance(part, str) or (type(part) is int and part >= 0) for part in parts)
    else:
        parts, good = _parts(written) if isinstance(written, str) else ((), False)
    if not good or not parts or len(parts) > MOST_PARTS or not isinstance(parts[0], str):
        raise ValueError('a key is written as retry.attempts, cases[0].when or show["a label"], or as a list of its parts')
    return parts


def _parts(text: str) -> tuple[Parts, bool]:
    parts: list[str | int] = []
    at = 0
    while at < len(text) and len(parts) <= MOST_PARTS and (found := _PART.match(text, at)):
        name, index, quoted = found.groups()
        try:
            parts.append(name if name is not None else int(index) if index is not None else json.loads(quoted))
        except ValueError:
            break
        at = found.end()
    return tuple(parts), at == len(text)


def put(holder: dict[str, Any], key: Parts, value: Any) -> None:
    """Sets what stands at the key; mappings that are missing on the way are made."""
    here, last = _above(holder, key), key[-1]
    if isinstance(last, int):
        if not isinstance(here, list) or last >= len(here):
            raise _nowhere(key, len(key) - 1, here)
        here[last] = value
    elif not isinstance(here, dict):
        raise _nowhere(key, len(key) - 1, here)
    elif here is holder:
        put_in_order(holder, last, value)
    else:
        here[last] = value


def insert(holder: dict[str, Any], key: Parts, index: int | None, value: Any) -> int:
    """Puts an item into the list at the key, which is made where there is none, and says where it stands now."""
    here, last = _above(holder, key), key[-1]
    found = at(here, last)
    if found is None and isinstance(last, str) and isinstance(here, dict):
        found = []
        if here is holder:
            put_in_order(holder, last, found)
        else:
            here[last] = found
    if not isinstance(found, list):
        raise Refused(Problem("no_such_place", f"{dotted('', key)} is no list here, so nothing can be put into it.", "key"))
    place = len(found) if index is None else index
    if place > len(found):
        message = f"{dotted('', key)} holds {len(found)}, so there is no place {place}. Places count from 0."
        raise Refused(Problem("no_such_place", message, "index"))
    found.insert(place, value)
    return place


def take(holder: dict[str, Any], key: Parts) -> None:
    """Takes away what stands at the key."""
    here: Any = holder
    for index, part in enumerate(key):
        if not _has(here, part):
            raise _nowhere(key, index, here)
        if index == len(key) - 1:
            del here[part]
        here = at(here, part)


def at(here: Any, part: str | int) -> Any:
    """What stands one step further down, None where there is nothing."""
    return here[part] if _has(here, part) else None


def put_in_order(holder: dict[str, Any], key: str, value: Any) -> None:
    """Sets a key of a step or of the whole document; a new one stands before those that are written after it."""
    order = _ORDER_OF_WORKFLOW if "interlock" in holder else _ORDER
    if key in holder or key not in order:
        holder[key] = value
        return
    later = {*order[order.index(key) + 1 :]}
    items = list(holder.items())
    place = next((index for index, (name, _) in enumerate(items) if name in later), len(items))
    holder.clear()
    holder.update([*items[:place], (key, value), *items[place:]])


def _above(holder: dict[str, Any], key: Parts) -> Any:
    here: Any = holder
    for index, part in enumerate(key[:-1]):
        if not _has(here, part):
            if not isinstance(here, dict) or not isinstance(part, str) or not isinstance(key[index + 1], str):
                raise _nowhere(key, index, here)
            if here is holder:
                put_in_order(holder, part, {})
            else:
                here[part] = {}
        here = at(here, part)
    return here


def _has(here: Any, part: str | int) -> bool:
    if isinstance(part, str):
        return isinstance(here, dict) and part in here
    return isinstance(here, list) and part < len(here)


def _nowhere(key: Parts, index: int, here: Any) -> Refused:
    above, part = dotted("", key[:index]) or "this", key[index]
    if isinstance(part, int):
        held = f"holds {len(here)}" if isinstance(here, list) else "is no list"
        message = f"There is no {dotted('', key[: index + 1])}: {above} {held}."
    elif isinstance(here, dict):
        hint = did_you_mean(part, map(str, here)).replace("; d", " D", 1) if here else ""
        message = f"There is no {dotted('', key[: index + 1])} here.{hint if hint.endswith('?') else ''}"
    else:
        message = f"{above[:1].upper()}{above[1:]} is no mapping, so there is no {dotted('', [part])} in it."
    return Refused(Problem("no_such_place", message, "key"))
