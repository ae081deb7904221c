"""What a step is to be given, by the contract of what it calls: a row for each input, needed ones first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from dashboard.schema_answer import Answer
from dashboard.schema_fields import Field
from dashboard.schema_words import FieldWords, fields
from orchestration.core.wording import with_stop


@dataclass(frozen=True, slots=True)
class Taken:
    """One input. `hint` says whether it is needed, its contract in words, and what it is."""

    name: str
    required: bool
    hint: str


def taken(schema: Mapping[str, Any] | None) -> tuple[Taken, ...]:
    """() where there is no contract, or one that declares nothing."""
    found = [each for each in fields(dict(schema or {})) if "." not in each.path and "[]" not in each.path]
    told = [Taken(each.path, each.required, _hint(each)) for each in found]
    return tuple(sorted(told, key=lambda each: not each.required))


def _hint(field: FieldWords) -> str:
    words = with_stop(f"{'Needed' if field.required else 'Optional'}: {field.words}")
    return f"{words} {with_stop(field.note.strip())}" if field.note.strip() else words


def lacking(answer: Answer, name: str, takes: Sequence[Taken]) -> tuple[Taken, ...]:
    """Those that have no row yet; () where it is edited as text."""
    if f"{name}~text" in answer:
        return ()
    there = {_first(answer, f"{name}/{key}/name") for key in answer.get(f"{name}~item", ())}
    return tuple(each for each in takes if each.name not in there)


def with_rows(answer: Answer, name: str, takes: Sequence[Taken], shown: Mapping[str, Any]) -> Answer:
    """The answer with a row for each. Rows that another contract left there, and nobody filled, go."""
    if f"{name}~text" in answer:
        return answer
    names = {each.name for each in takes}
    kept = [key for key in answer.get(f"{name}~item", ()) if not _is_left(answer, f"{name}/{key}", {*names, *shown})]
    number = max((int(key) for key in answer.get(f"{name}~item", ()) if key.isdecimal()), default=-1) + 1
    new = {str(number + index): each.name for index, each in enumerate(lacking(answer, name, takes))}
    rows = {f"{name}/{key}/{part}": [text] for key, row in new.items() for part, text in (("name", row), ("value", ""))}
    return {**answer, **rows, f"{name}~item": [*kept, *new]}


def _is_left(answer: Answer, row: str, known: set[str]) -> bool:
    return not _first(answer, f"{row}/value").strip() and _first(answer, f"{row}/name") not in known


def _first(answer: Answer, name: str) -> str:
    return (answer.get(name) or [""])[0]


def with_hints(root: Field, takes: Sequence[Taken]) -> Field:
    """Each row of the input says what its contract says of it."""
    known = {each.name: each.hint for each in takes}
    return replace(root, children=tuple(_listed(child, known) if child.path == "input" else child for child in root.children))


def _listed(rows: Field, known: Mapping[str, str]) -> Field:
    return replace(rows, children=tuple(_row(row, known) for row in rows.children))


def _row(row: Field, known: Mapping[str, str]) -> Field:
    name = next((child.text for child in row.children if child.name.endswith("/name")), "")
    if name not in known:
        return row
    told = tuple(replace(child, hint=known[name]) if child.name.endswith("/value") else child for child in row.children)
    return replace(row, children=told)
