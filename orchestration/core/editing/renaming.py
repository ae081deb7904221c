"""Rename: an id is called something else, and so is whatever names or reads it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from orchestration.core.cel_engine import MOST_CHARACTERS, Rejected, read
from orchestration.core.cel_spots import Root, Unclear
from orchestration.core.cel_tree import Field, Literal, Name
from orchestration.core.cel_tree import walk as walk_tree
from orchestration.core.editing.commands import Rename
from orchestration.core.editing.draft import Draft
from orchestration.core.editing.edited import Change, Note
from orchestration.core.editing.mentions import STEPS, Mention, TooLong, mentions
from orchestration.core.errors import Problem, Refused
from orchestration.core.fields import ID, RESERVED_IDS

_HOLDERS = {"outcome": "outcomes", "model": "models", "tool": "tools"}


def rename(draft: Draft, command: Rename) -> Change:
    _check(command.to, command.kind == "step")
    if command.id == command.to:
        raise Refused(Problem("same_id", f"It is called {command.to} already.", "to"))
    return _rename_step(draft, command) if command.kind == "step" else _rename_key(draft, command)


def _check(name: str, of_step: bool) -> None:
    if not ID.match(name):
        message = f'"{name[:60]}" is no id. An id begins with a-z and holds a-z, 0-9 and _, 48 characters at most.'
        raise Refused(Problem("bad_id", message, "to"))
    if of_step and name in RESERVED_IDS:
        message = f"{name} is a word of the expression language, so it can't be a step's id. Call it something else."
        raise Refused(Problem("reserved_id", message, "to"))


def _rename_step(draft: Draft, command: Rename) -> Change:
    old, new = command.id, command.to
    draft.find(old, "id")
    if new in draft.ids():
        raise Refused(Problem("id_taken", f"There is a step {new} already. Choose another id.", "to"))
    *first, last = [spot for spot in draft.spots() if spot.id == old]
    last.step["id"] = new
    sentence = f"Renamed {old} to {new}"
    if first:
        return Change(f"{sentence}, where the id stood twice", (new,))
    found = list(mentions(draft.data))
    left = rewrite(found, {old: new})
    if last.type == "arm":
        left += rewrite(found, {old: new}, ("steps", last.level))
    _rename_layout(draft.data, old, new)
    left += _rename_tests(draft.data, {old: new}, "step")
    return Change(sentence, (new,), tuple(left))


def follow(draft: Draft, names: Mapping[str, str]) -> None:
    """Gives other ids to many steps at once, which may be each other's, and to all that leads to or reads them. What can't be
    rewritten stays."""
    spots = [spot for spot in draft.ids().values() if spot.id in names]
    arms: dict[str, dict[str, str]] = {}
    for spot in spots:
        if spot.type == "arm":
            arms.setdefault(names.get(spot.level, spot.level), {})[spot.id] = names[spot.id]
    for spot in spots:
        spot.step["id"] = names[spot.id]
    for mention in mentions(draft.data) if names else ():
        for root, known in ((STEPS, names), *((("steps", level), inner) for level, inner in arms.items())):
            with suppress(Refused):
                rewrite([mention], known, root)
    _rename_tests(draft.data, names, "step")


def rewrite(found: list[Mention], names: Mapping[str, str], root: Root = STEPS) -> list[Note]:
    """Gives other names to steps in all that leads to or reads them, or to the fields of another place (`root`), and says what
    could not be rewritten. What a parallel gives is such a place, with its arms as fields."""
    known = "|".join(map(re.escape, root[1:2] or names))
    words = re.compile(rf"(?<!\w)(?:{known})(?!\w)|\b{root[0]}\b(?!\s*\.)|\\")
    left: list[Note] = []
    for mention in found:
        if mention.kind == "step" and root == STEPS:
            mention.holder[mention.key] = names.get(mention.text, mention.text)
        elif mention.kind in ("template", "cel") and words.search(mention.text):
            left += _rewrite_text(mention, names, root)
    return left


def _rewrite_text(mention: Mention, names: Mapping[str, str], root: Root) -> list[Note]:
    whole = "steps by a name that is computed" if root == STEPS else f"all of {'.'.join(root)}, or a part that is computed"
    known = next((name for name in names if name in mention.text), next(iter(names)))
    try:
        notes = _compared(mention, names) if root == STEPS else []
        if mention.rename(names, root):
            notes.append(_note(mention, known, f"this reads {whole}, so it may read {known} further on"))
    except Unclear as error:
        return [_note(mention, known, f"this can't be read as an expression, and stays as it is: {error}")]
    except TooLong:
        message = f"An expression would get longer than {MOST_CHARACTERS:,} characters ({mention.path}). Choose a shorter name."
        raise Refused(Problem("expression_too_long", message, "to", mention.step or None)) from None
    return notes


def _compared(mention: Mention, names: Mapping[str, str]) -> list[Note]:
    """Where `error.step` is compared with the id as text, which nothing rewrites."""
    found: list[Note] = []
    if "error" not in mention.text:
        return found
    for start, end in mention.spans():
        if end - start > MOST_CHARACTERS:
            continue
        try:
            parts = list(walk_tree(read(mention.text[start:end])))
        except Rejected:
            continue
        texts = [part.value for part in parts if isinstance(part, Literal) and part.kind == "string" and part.value in names]
        if texts and any(part == Field(Name("error"), "step") for part in parts):
            found.append(_note(mention, texts[0], f"this compares error.step with “{texts[0]}”, and stays as it is"))
    return found


def _note(mention: Mention, name: str, message: str) -> Note:
    return Note("expression", name, f"{mention.path}: {message}. Look at it.", mention.path, mention.step or None)


# What is no step


def _rename_key(draft: Draft, command: Rename) -> Change:
    old, new, kind = command.id, command.to, command.kind
    key = _HOLDERS[kind]
    held: dict[str, Any] = draft.data.get(key) or {}
    if old not in held:
        raise Refused(Problem(f"unknown_{kind}", f"There is no {kind} {old} under `{key}`.", "id"))
    if new in held:
        raise Refused(Problem("id_taken", f"There is one called {new} under `{key}` already. Choose another id.", "to"))
    draft.data[key] = {new if name == old else name: value for name, value in held.items()}
    touched = []
    for mention in mentions(draft.data):
        if mention.kind == kind and mention.text == old:
            mention.holder[mention.key] = new
            touched.append(mention.step)
    left = _rename_tests(draft.data, {old: new}, kind) if kind == "tool" and not {old, new} & set(draft.ids()) else []
    steps = tuple(dict.fromkeys(step for step in touched if step))
    return Change(f"Renamed the {kind} {old} to {new}", steps, tuple(left))


# Beside the steps


def _rename_layout(data: dict[str, Any], old: str, new: str) -> None:
    layout = data.get("layout")
    for part in ("at", "folded"):
        if isinstance(layout, dict) and isinstance(layout.get(part), dict) and old in layout[part]:
            layout[part] = {new if name == old else name: value for name, value in layout[part].items() if name != new}


def _rename_tests(data: dict[str, Any], names: Mapping[str, str], kind: str) -> list[Note]:
    """Tests name what they mock by step or tool, and may name the step that they are of."""
    left: list[Note] = []
    for test, path in tests_of(data):
        mocks = test.get("mocks")
        if isinstance(mocks, dict):
            known = {old: new for old, new in names.items() if old in mocks}
            for old in [old for old, new in known.items() if new in mocks and new not in known]:
                new = known.pop(old)
                message = f"{path}.mocks: there is one for {new} already, so the one for {old} stays as it is. Look at it."
                left.append(Note("test", old, message, f"{path}.mocks"))
            test["mocks"] = {known.get(name, name): mock for name, mock in mocks.items()}
        if kind == "step" and test.get("step") in names:
            test["step"] = names[test["step"]]
    return left


def tests_of(data: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Whatever may be a test, and its place; not what it gives and mocks, which are values."""
    todo: list[tuple[Any, str]] = [(data.get("tests"), "tests")]
    while todo:
        value, path = todo.pop()
        if isinstance(value, list):
            todo += [(item, f"{path}[{index}]") for index, item in enumerate(value)]
        elif isinstance(value, dict):
            yield value, path
            todo += [(item, f"{path}.{key}") for key, item in value.items() if key not in ("mocks", "input")]
