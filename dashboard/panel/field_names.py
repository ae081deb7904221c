"""Names of the rows of a contract: where a field stands, as `customer.email` or `lines[].amount`."""

import json
import re

from orchestration.core.cel_spots import is_word
from orchestration.core.wording import dotted

Path = tuple[tuple[str, bool], ...]
"""The names from the outermost on, and whether what comes next stands in each item of it."""

_STEP = re.compile(r'(?:([^.\[\]]+)|\[("(?:[^"\\]|\\.)*")\])(\[\])?(\.(?!\[|\Z)|(?=\[")|\Z)')
_PLAIN = re.compile(r"[^.\[\]]+\Z")


def written(path: Path) -> str:
    """`lines[].amount`; a name that would be read otherwise stands in brackets: `customer["a.b"]`."""
    text = ""
    for name, each in path:
        plain = _PLAIN.match(name) and name.isprintable() and name.strip() == name
        part = name if plain else f"[{json.dumps(name, ensure_ascii=False)}]"
        text += f"{'.' if text and plain else ''}{part}{'[]' if each else ''}"
    return text


def read(text: str) -> Path | None:
    """None where it is no name of a field."""
    text, at, path = text.strip(), 0, []
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None:
            return None
        plain, quoted, each, _ = found.groups()
        try:
            path.append((plain.strip() if quoted is None else json.loads(quoted), each is not None))
        except ValueError:
            return None
        at = found.end()
    return tuple(path) if path and not path[-1][1] else None


def stands(text: str) -> tuple[str, str]:
    """Where in the schema the field of this name stands, and the key of its row in which that can be mended."""
    return dotted("", parts(read(text) or ())), "more"


def parts(path: Path) -> tuple[str, ...]:
    """Where in the schema that is, as keys."""
    return tuple(part for name, each in path for part in ("properties", name, *(["items"] if each else [])))


def unread(text: str) -> str:
    plain = text.strip().rstrip("[]")
    if text.strip().endswith("[]") and read(plain):
        return f"What is in each of a list is said by its kind, in the row of `{plain}`, or by fields, as `{plain}[].name`"
    return f"This is no name of a field. Where dots or brackets are part of a name, it is written `[{json.dumps(text)}]`"


def reading(text: str) -> str:
    """How an expression reads a name that is none of its own; "" where it reads it as it stands."""
    path = read(text) or ()
    if not path or is_word(path[-1][0]):
        return ""
    of_each = [index + 1 for index, (_, each) in enumerate(path) if each]
    names = [name for name, _ in path[max(of_each, default=0) :]]
    told = "".join(f".{name}" if is_word(name) else f"[{json.dumps(name, ensure_ascii=False)}]" for name in names)
    return f"An expression reads it as `…{told}`. Letters, digits and _ alone are read as they stand."
