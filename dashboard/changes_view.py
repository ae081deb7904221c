"""What one text of a definition changes in another, as a person would tell it, step by step."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dashboard import json_view
from dashboard.text_diff import Line, text_diff
from orchestration.core import source
from orchestration.core.changes import Change, changes
from orchestration.core.definition import parse
from orchestration.core.editing.draft import label
from orchestration.core.errors import Refused

Data = dict[str, Any]
MOST_INLINE = 60
_SAID: dict[str, frozenset[str]] = {
    "step": frozenset({"id", "title"}),
    "route": frozenset({"to", "step", "errors", "label", "id"}),
}
"""What the sentence about something that came or went says of it."""


@dataclass(frozen=True, slots=True)
class Told:
    """One change. `lines` where it is a text of several lines, a contract, or more than the sentence says of what came or went;
    else what was and is, "" where the sentence says it all."""

    kind: str
    sentence: str
    before: str = ""
    after: str = ""
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """The changes of one step; of the workflow itself, where `step` is ""."""

    step: str
    title: str
    changes: tuple[Told, ...]


def found(before: str, after: str) -> tuple[Change, ...] | None:
    """None where one of the texts is no definition. No text at all is nothing."""
    both = _both(before, after)
    return changes(*both) if both is not None else None


def groups(before: str, after: str) -> tuple[Group, ...] | None:
    """In the order in which they are told; None where one of the texts is no definition."""
    both = _both(before, after)
    if both is None:
        return None
    titles = {"": "The workflow", **dict(_titles(both[1]))}
    found: dict[tuple[str, bool], list[Change]] = {}
    for change in changes(*both):
        gone = change.kind == "removed" and change.subject == "step"  # another may have its id now
        found.setdefault((change.step, gone), []).append(change)
    return tuple(
        Group(step, label(each[0].before) if gone else titles[step], tuple(_told(change) for change in each))
        for (step, gone), each in found.items()
    )


def _both(before: str, after: str) -> tuple[Data, Data] | None:
    try:
        return parse(before).data if before else {}, parse(after).data
    except Refused:
        return None


def _titles(data: Data) -> Iterator[tuple[str, str]]:
    waiting = list(data.get("steps", ()))
    while waiting:
        step = waiting.pop()
        yield step["id"], label(step)
        waiting += [*step.get("body", ()), *step.get("branches", ())]


def _told(change: Change) -> Told:
    if change.kind in ("added", "removed"):
        one, two = (_held(change, value) for value in (change.before, change.after))
        return Told(change.kind, change.sentence, lines=text_diff(one, two))
    if change.kind != "changed" or change.subject in ("route", "step"):
        return Told(change.kind, change.sentence)
    one, two = _text(change.before), _text(change.after)
    if one in change.sentence and two in change.sentence:
        return Told(change.kind, change.sentence)
    if max(len(one), len(two)) > MOST_INLINE or "\n" in one + two:
        return Told(change.kind, change.sentence, lines=text_diff(one, two))
    return Told(change.kind, change.sentence, one, two)


def _held(change: Change, value: Any) -> str:
    """What has come or gone, as it is written; "" where the sentence says it all."""
    if isinstance(value, dict):
        said = _SAID.get(change.subject, frozenset())
        value = {key: inner for key, inner in value.items() if key not in said}
    if value in (None, {}) or _text(value) in change.sentence or (change.subject == "route" and isinstance(value, str)):
        return ""
    return value if isinstance(value, str) else source.write(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json_view.text(value) if value is not None else ""
