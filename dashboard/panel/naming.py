"""Rows that are called otherwise than they were shown. Each carries the name that it was shown with (`~was`), so that whoever
takes one away and adds another has renamed nothing."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from dashboard.panel.differing import at
from dashboard.panel.field_names import Path, parts, read, written
from dashboard.schema_answer import Answer

Key = tuple[str, ...]
FieldsRenamed = tuple[Key, dict[str, str]]
"""Where fields stand together, and what each of them is called now."""


def renamed(answer: Answer, name: str) -> Iterator[tuple[str, str]]:
    """(was, is) of each row of a list that is called otherwise."""
    return ((was, now) for _, was, now in _rows(answer, name) if now and now != was)


def kept(answer: Answer, typed: Answer) -> Answer:
    """An answer with the names that were typed: its rows were shown with those that they had where these were typed."""
    lists = [name.removesuffix("~item") for name in typed if name.endswith("~item")]
    known = {(name, now): was for name in lists for _, was, now in _rows(typed, name)}
    rows = ((row, known.get((name, now), was)) for name in lists for row, was, now in _rows(answer, name))
    return {**answer, **{f"{row}~was": [was] for row, was in rows}}


def _rows(answer: Answer, name: str) -> Iterator[tuple[str, str, str]]:
    """(name of the row, was, is) of those that were shown."""
    for key in answer.get(f"{name}~item", ()):
        row = f"{name}/{key}"
        if was := _first(answer, f"{row}~was"):
            yield row, was, _first(answer, f"{row}/name").strip()


def _first(answer: Answer, name: str) -> str:
    return (answer.get(name) or [""])[0]


# Fields of a contract


def followed(answer: Answer, name: str) -> Answer:
    """The rows of what is inside of a field that is called otherwise go along, where they were left as they were."""
    found: dict[str, list[str]] = {}
    moved: dict[Key, Key] = {}
    for row, old, new in _paths(answer, name):
        if old == new:
            new = _called(_moved(moved, _names(old)), old)
            found[f"{row}/name"] = [written(new)]
        moved[_names(old)] = _names(new)
    return {**answer, **found}


def fields_renamed(answer: Answer, name: str, schema: Mapping[str, Any]) -> Iterator[FieldsRenamed]:
    """Those of the contract that was shown, the outermost first. One that is to stand elsewhere now, or is called what another
    was that is gone, is another field."""
    moved: dict[Key, Key] = {}
    for above, rows in groupby(_paths(answer, name), key=lambda row: row[1][:-1]):
        here = _moved(moved, _names(above))
        there = at(schema, (*parts(above), "properties"))
        there = there if isinstance(there, dict) else {}
        found = {old[-1][0]: new[-1][0] for _, old, new in rows if _names(new[:-1]) == here and old[-1][0] in there}
        names = {old: new for old, new in found.items() if old != new}
        while gone := [old for old, new in names.items() if new in there and new not in names]:
            names = {old: new for old, new in names.items() if old not in gone}
        moved |= {(*_names(above), old): (*here, new) for old, new in names.items()}
        if names:
            yield (*parts(_called(here, above)), "properties"), names


def _paths(answer: Answer, name: str) -> list[tuple[str, Path, Path]]:
    """(name of the row, where its field stood, where it stands), the outermost first, and those together that stood together."""
    rows = ((row, read(was), read(now)) for row, was, now in _rows(answer, name))
    return sorted(((row, old, new) for row, old, new in rows if old and new), key=lambda row: (len(row[1]), row[1][:-1]))


def _names(path: Path) -> Key:
    return tuple(name for name, _ in path)


def _called(names: Key, path: Path) -> Path:
    return tuple((name, each) for name, (_, each) in zip(names, path, strict=True))


def _moved(moved: Mapping[Key, Key], path: Key) -> Key:
    """Where what stood there stands now."""
    return (moved.get(path) or (*_moved(moved, path[:-1]), path[-1])) if path else ()
