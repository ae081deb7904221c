"""How places and values are written in sentences to people, the same everywhere."""

import difflib
import json
import re
from collections.abc import Iterable, Sequence
from typing import Any

_BOOLEANS = {**dict.fromkeys(("yes", "on", "y", "true"), "true"), **dict.fromkeys(("no", "off", "n", "false"), "false")}
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Opening(str):
    """Stands for a value that is too large to be shown: how its JSON begins."""


class Sized(str):
    """Stands for a list or an object that is too large to be shown, as `list of 6`, and is no text that a run had."""


def dotted(root: str, parts: Sequence[str | int]) -> str:
    """`dotted("output", ["items", 2, "unit price"])` is `output.items[2]["unit price"]`. Long keys are cut."""
    path = root
    for part in parts:
        if isinstance(part, int):
            path += f"[{part}]"
        elif _PLAIN_KEY.match(part):
            path += f".{part[:80]}" if path else part[:80]
        else:
            path += f"[{json.dumps(part[:80], ensure_ascii=False)}]"
    return path


def under(root: str, place: str) -> str:
    """A dotted place below `root`: `text` as `input.text`, `[0]` as `input[0]`, "" as `input`."""
    return f"{root}{'' if not place or not root or place.startswith('[') else '.'}{place}"


def abbreviate(value: Any, limit: int = 80) -> str:
    """The value as JSON for a sentence to a person, cut to about `limit` characters. Takes clean values of any size."""
    if isinstance(value, str):
        shown = json.dumps(value[:limit], ensure_ascii=False)
        return shown if len(value) <= limit else f'{shown[:-1]}…" ({len(value)} characters)'
    if isinstance(value, list) and len(value) > limit:
        return f"a list of {len(value)}"
    if isinstance(value, dict) and len(value) > limit:
        return f"an object with {len(value)} keys"
    try:
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    except (TypeError, ValueError):
        text = str(value)
    return text if len(text) <= limit else text[:limit] + "…"


def one_line(value: Any, limit: int) -> str:
    """The value on one line of at most `limit` characters: text as it is, nothing as "", anything else as JSON."""
    text = value if isinstance(value, str) else "" if value is None else abbreviate(value, limit)
    return cut(" ".join(text[: 4 * limit].split()), limit)


def cut(text: str, limit: int) -> str:
    """At most so many characters, the last of them `…` where there were more."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}…"


def listed(words: Iterable[str], most: int = 12, join: str = "or") -> str:
    """`a, b or c`; past `most` words the rest are counted."""
    shown = list(words)
    if len(shown) > most:
        return f"{', '.join(shown[:most])} … ({len(shown)} in all)"
    return f" {join} ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def counted(number: int, noun: str) -> str:
    """`1 run`, `2,000 runs`."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def item_at(index: int) -> str:
    """What people call the item at this index: they count from 1. Whatever names one in words has its number from here."""
    return f"item {index + 1}"


def with_stop(words: str) -> str:
    """The words as a whole sentence: with a full stop where nothing ends them yet."""
    return words if words.endswith((".", "!", "?", "…")) else f"{words}."


def meant_boolean(values: Iterable[Any] | None) -> str:
    """`; "no" is text here, write false`, where a word that other YAML takes for a boolean is what stands there, else ""."""
    found = [value for value in values or () if isinstance(value, str)]
    if len(found) != 1 or (meant := _BOOLEANS.get(found[0].lower())) is None:
        return ""
    return f"; {json.dumps(found[0])} is text here, write {meant}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known name that is meant, None where none is near."""
    return next(iter(difflib.get_close_matches(word[:80], sorted(known), n=1, cutoff=0.6)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean x?`, or what there is if nothing is near, or "" where nothing is known."""
    names = sorted(known)
    if near := nearest(word, names):
        return f"; did you mean {near}?"
    return f"; there is {listed(names, join='and')}" if names else ""
