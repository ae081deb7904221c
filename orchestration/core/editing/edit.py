"""Edit commands one after the other, all or nothing."""

import re
from collections.abc import Callable
from itertools import groupby
from typing import Any

from orchestration.core import definition, values
from orchestration.core.definition import Definition
from orchestration.core.editing import arranging, building, contracts, moving, pasting, renaming, routing, setting
from orchestration.core.editing.commands import Command, read_commands
from orchestration.core.editing.draft import Draft
from orchestration.core.editing.edited import Change, Edited, Note
from orchestration.core.editing.excess import excesses
from orchestration.core.errors import Problem, Refused, Unreadable
from orchestration.core.frozen import replace
from orchestration.core.source import MAX_BYTES, MAX_DEPTH, MAX_NODES, Source
from orchestration.core.wording import listed

MOST_NAMED = 4

_DOING: dict[str, Callable[[Draft, Any], Change]] = {
    "add": building.add,
    "remove": building.remove,
    "connect": routing.connect,
    "disconnect": routing.disconnect,
    "move": moving.move,
    "paste": pasting.paste,
    "duplicate": pasting.duplicate,
    "rename": renaming.rename,
    "rename_fields": contracts.rename_fields,
    "set": setting.put,
    "unset": setting.unset,
    "insert": setting.insert,
    "arrange": arranging.arrange,
}
_BY_SHAPE = frozenset({"set", "unset", "insert"})
"""They take a draft that can't be read: between two of them in one list it may be so."""


def edit(data: Definition | Any, commands: Any) -> Edited:
    """What the commands (JSON as it came) make of the definition, which is not changed. All or nothing: raises `Refused`, each
    problem at `commands[i].…`, where one can't be done, or where the result could not be read; `unreadable_draft` where the
    data itself can't be. What the proof finds wrong with the result is no reason to refuse, but for what is beyond all bounds
    (`excess`)."""
    before = data if isinstance(data, Definition) else _readable(data)
    draft, after = Draft(values.load(values.dump(before.data))), before
    changes: list[Change] = []
    broken: Refused | None = None
    for index, command in enumerate(read_commands(commands)):
        if broken is not None and command.do not in _BY_SHAPE:
            raise broken
        place = f"commands[{index}]"
        changes.append(_done(draft, command, place))
        try:
            after = definition.from_source(Source(draft.data))
            broken = None
        except Refused as error:
            broken = broken or Refused(*(_where_sent(problem, changes[-1], place) for problem in error.problems))
    if broken is not None:
        raise broken
    _fits(draft.data)
    if excess := [_where_brought(problem, changes) for problem in excesses(before.data, draft.data)]:
        raise Refused(*excess)
    return _edited(draft, after, changes)


def _readable(data: Any) -> Definition:
    try:
        return definition.from_data(data)
    except Refused as error:
        first = error.problems[0]
        message = f"The draft can't be read, so it can only be edited as text. {first.message}"
        raise Refused(Problem("unreadable_draft", message, first.path, first.step, line=first.line)) from None


def _done(draft: Draft, command: Command, place: str) -> Change:
    try:
        return _DOING[command.do](draft, command)
    except Refused as error:
        raise Refused(*(replace(each, path=f"{place}.{each.path}" if each.path else place) for each in error.problems)) from None


def _where_brought(problem: Problem, changes: list[Change]) -> Problem:
    """The same, at the command of many that brought it."""
    for index, change in enumerate(changes):
        if found := _part_of(problem, change):
            return replace(problem, path=f"commands[{index}].{found}", line=None)
    return _where_sent(problem, changes[-1], f"commands[{len(changes) - 1}]")


def _part_of(problem: Problem, change: Change) -> str:
    for prefix, part in change.places:
        rest = problem.path.removeprefix(prefix)
        if problem.path.startswith(prefix) and rest[:1] in ("", ".", "["):
            return f"{part}{rest}"
    return ""


def _where_sent(problem: Problem, change: Change, place: str) -> Problem:
    """A problem of the new document, at the part of the command that it comes from."""
    if part := _part_of(problem, change):
        return replace(problem, path=f"{place}.{part}", line=None)
    where = f" ({problem.path})" if problem.path else ""
    return replace(problem, path=place, message=problem.message + where, line=None)


def _fits(data: dict[str, Any]) -> None:
    """What is written has to be read again: no larger and no deeper than a text may be."""
    try:
        values.clean(data, max_bytes=MAX_BYTES, max_depth=MAX_DEPTH, max_nodes=MAX_NODES)
    except Unreadable as error:
        problem = error.problems[0]
        raise Refused(Problem(problem.code, f"The definition would be too much: {problem.message}.", "commands")) from None


def _edited(draft: Draft, after: Definition, changes: list[Change]) -> Edited:
    standing = draft.ids()
    steps = dict.fromkeys(name for change in changes for name in change.steps if name in standing)
    left: dict[Note, None] = dict.fromkeys(note for change in changes for note in change.left)
    rebind: dict[Note, None] = dict.fromkeys(note for change in changes for note in change.rebind)
    return Edited(draft.data, after, _said(changes), tuple(steps), tuple(left), tuple(rebind))


def _said(changes: list[Change]) -> str:
    """Several as one sentence: the keys of one step together, then what was done first, with the other where there are two. Where
    things stand on the canvas is told only where nothing else is."""
    said: list[str] = []
    changes = [change for change in changes if not change.of_layout] or changes
    for _, group in groupby(changes, key=lambda change: change.steps if change.key else None):
        found = list(group)
        if found[0].key and len(found) > 1:
            said.append(f"Changed {found[0].whose}’s {listed(_keys(found), join='and')}")
        else:
            said += [change.sentence for change in found]
    first, *others = dict.fromkeys(said)
    if len(others) == 1:
        return f"{first}, and {others[0][:1].lower()}{others[0][1:]}"
    return f"{first}, and made {len(others)} other changes" if others else first


def _keys(changes: list[Change]) -> list[str]:
    """Each as it is written, those of one part by its name."""
    parts: dict[str, list[str]] = {}
    for change in changes:
        parts.setdefault(re.split(r"[.\[]", change.key, maxsplit=1)[0], []).append(change.key)
    names = [part if len(dict.fromkeys(keys)) > 1 else keys[0] for part, keys in parts.items()]
    return names if len(names) <= MOST_NAMED else [*names[: MOST_NAMED - 1], f"{len(names) - MOST_NAMED + 1} other keys"]
