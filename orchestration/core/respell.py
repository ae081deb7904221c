"""A definition's text after its data changed: only the lines of what differs are written anew, so that comments, blank lines, the
order of keys and the spelling of all the rest survive, and what a person sees in git is what was done.

Each change is made at the smallest place that can be replaced alone. What comes out is read again: where that is not what was
wanted, since YAML has more ways to be written than anybody thinks of, the place above is written anew, and at last the whole.
"""

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from orchestration.core.alike import pairs, same
from orchestration.core.errors import Unreadable
from orchestration.core.source import MAX_DEPTH, Source, read, write
from orchestration.core.spans import spans
from orchestration.core.spelling import Odd, Spelling, is_json


class Respelled(NamedTuple):
    """`source` is what `text` reads as."""

    text: str
    source: Source


def respell(text: str, given: Source, data: Any) -> Respelled:
    """The text of `data`, as much as can be of it spelled as in `text`, of which `given` was read. Raises `Unreadable` where no
    text can hold it: too large, too deep, a number that does not fit."""
    if same(given.data, data):
        return Respelled(text, given)
    for depth in _depths(given.data, data):
        if (found := _attempt(text, given.data, data, depth)) is not None:
            return found
    anew = json.dumps(data, ensure_ascii=False, indent=2) + "\n" if is_json(text) else write(data)
    whole = Respelled(anew, read(anew))
    if not same(whole.source.data, data):
        raise AssertionError("what was written reads as something else")
    return whole


def _depths(one: Any, two: Any) -> Iterator[int]:
    """How deep to go: first all the way, then from above the deepest change up to the root."""
    yield MAX_DEPTH
    yield from range(_depth(one, two) - 1, -1, -1)


def _depth(one: Any, two: Any) -> int:
    """Of the deepest value that differs."""
    if isinstance(one, dict) and isinstance(two, dict):
        inner = [_depth(one[key], two[key]) for key in one if key in two and not same(one[key], two[key])]
    elif isinstance(one, list) and isinstance(two, list):
        inner = [_depth(old, new) for old, new in pairs(one, two) if not same(old, new)]
    else:
        return 0
    return 1 + max(inner, default=0)


def _attempt(text: str, old: Any, data: Any, depth: int) -> Respelled | None:
    """With what is deeper than `depth` written anew as a whole; None where what comes of it is not what was wanted."""
    root = spans(text)
    if root is None:
        return None
    spelling = Spelling(text, root, old, depth)
    try:
        spelling.change(root, old, data, None, 0)
        text = spelling.result()
        found = Respelled(text, read(text))
        fits = same(found.source.data, data) and (not spelling.json or is_json(text))
    except (Odd, Unreadable):
        return None
    return found if fits else None
