"""What one text of a definition changes in another: its lines, and the steps and keys that are not the same any more."""

from typing import Any

from dashboard import changes_view
from dashboard.text_diff import text_diff
from orchestration.core import source
from orchestration.core.difference import difference
from orchestration.core.errors import Unreadable


def definition_diff(before: str, after: str) -> dict[str, Any]:
    """`lines` (kind, text, before, after) with three around each change; `steps` {renamed (id then → id now), added,
    taken, changed} by id and `keys` changed besides them, both None where one of the texts can't be read; `changes` as
    `core.changes` tells them, None where one of the texts is no definition."""
    lines = [
        {"kind": line.kind, "text": line.text, "before": line.before, "after": line.after} for line in text_diff(before, after)
    ]
    one, two, told = _data(before), _data(after), changes_view.found(before, after)
    changes = [change.as_dict() for change in told] if told is not None else None
    if one is None or two is None:
        return {"lines": lines, "steps": None, "keys": None, "changes": None}
    found = difference(one, two)
    renamed = dict(found.renamed)
    steps = {"renamed": renamed, "added": list(found.added), "taken": list(found.taken), "changed": list(found.changed)}
    return {"lines": lines, "steps": steps, "keys": list(found.keys), "changes": changes}


def _data(text: str) -> dict[str, Any] | None:
    """{} of no text at all: before the first version there is nothing."""
    if not text:
        return {}
    try:
        data = source.read(text).data
    except Unreadable:
        return None
    return data if isinstance(data, dict) else None
