"""What one text of a definition changes in another: its lines, and the steps and keys that are not the same any more."""

from collections.abc import Iterator
from typing import Any

from dashboard.text_diff import text_diff
from orchestration.core import source
from orchestration.core.errors import Unreadable
from orchestration.core.values import canonical

_APART = ("steps", "layout")
_WITHIN = ("body", "branches")


def definition_diff(before: str, after: str) -> dict[str, Any]:
    """`lines` (kind, text, before, after) with three around each change; `steps` {added, taken, changed} by id and `keys`
    changed besides them, both None where one of the texts can't be read."""
    lines = [
        {"kind": line.kind, "text": line.text, "before": line.before, "after": line.after} for line in text_diff(before, after)
    ]
    one, two = _data(before), _data(after)
    if one is None or two is None:
        return {"lines": lines, "steps": None, "keys": None}
    first, second = dict(_steps(one)), dict(_steps(two))
    steps = {
        "added": [name for name in second if name not in first],
        "taken": [name for name in first if name not in second],
        "changed": [name for name in second if name in first and first[name] != second[name]],
    }
    keys = [key for key in {**one, **two} if key not in _APART and canonical(one.get(key)) != canonical(two.get(key))]
    return {"lines": lines, "steps": steps, "keys": keys}


def _data(text: str) -> dict[str, Any] | None:
    """{} of no text at all: before the first version there is nothing."""
    if not text:
        return {}
    try:
        data = source.read(text).data
    except Unreadable:
        return None
    return data if isinstance(data, dict) else None


def _steps(holder: dict[str, Any], key: str = "steps") -> Iterator[tuple[str, str]]:
    """Every step and arm by id, as text without what it holds. A draft may hold anything."""
    found = holder.get(key)
    for step in found if isinstance(found, list) else ():
        if isinstance(step, dict):
            yield str(step.get("id")), canonical({name: value for name, value in step.items() if name not in _WITHIN})
            for within in _WITHIN:
                yield from _steps(step, within)
