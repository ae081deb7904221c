"""What rows of every sort share: how one is refused where it stands, found by its name, and holds several values in one field."""

import json
from collections.abc import Sequence
from typing import Any

from dashboard.schema_answer import ABSENT, read_value, row_places, value_text
from orchestration.core.errors import Problem, Refused
from orchestration.core.values import canonical


def wrong(message: str, place: str = "") -> Problem:
    """`place` within what the rows stand for, as `items[1].place`."""
    return Problem("rows", message, place)


def refuse(message: str, place: str = "") -> Refused:
    return Refused(wrong(message, place))


def places(listed: Sequence[Any], root: str = "") -> list[str]:
    return row_places(root, [row.get("name", "") for row in listed])


def named(listed: Sequence[Any], what: str) -> dict[str, Any]:
    """The rows by their names. A row in which nothing stands is none."""
    found: dict[str, Any] = {}
    problems = []
    for row, place in zip(listed, places(listed), strict=True):
        name, rest = row.get("name", ""), {key: each for key, each in row.items() if key != "name"}
        if name in found:
            problems.append(wrong(f"{name} stands here twice. Take one of them away", f"{place}.name"))
        elif name:
            found[name] = rest
        elif any(each not in (ABSENT, "", False) for each in rest.values()):
            problems.append(wrong(f"{what} has no name. Write one, or take the row away", f"{place}.name"))
    if problems:
        raise Refused(*problems)
    return found


def listed(values: list[Any]) -> str:
    """`refund, bug`, where that is read as these values again, else a list in JSON."""
    plain = ", ".join(value_text(value) for value in values)
    return plain if "\n" not in plain and canonical(unlisted(plain)) == canonical(values) else json.dumps(values)


def unlisted(text: str) -> list[Any]:
    """What is JSON as a whole is the list, or its only value; else commas divide it."""
    found = read_value(text)
    if not isinstance(found, str) or found != text:
        return found if isinstance(found, list) else [found]
    return [read_value(part.strip()) for part in text.split(",") if part.strip()]
