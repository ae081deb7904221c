"""Which value is the same as another, and which item of a list became which."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any

import orjson

MOST = 40_000
"""Pairs of items that are compared."""


def same(one: Any, two: Any) -> bool:
    """Whether they are the same value, types included; keys may come in another order."""
    try:
        first, second = (orjson.dumps(value, option=orjson.OPT_SORT_KEYS) for value in (one, two))
    except TypeError:  # a number too large for it
        return _same(one, two)
    return first == second or (b"-0.0" in first + second and _same(one, two))


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, dict) and isinstance(two, dict):
        return len(one) == len(two) and all(key in two and _same(value, two[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_same, one, two))
    return type(one) is type(two) and one == two


def _token(value: Any) -> Any:
    """What makes it the same item as before, whatever else changed in it."""
    if isinstance(value, Mapping) and isinstance(value.get("id"), str):
        return "id", value["id"]
    return "value", orjson.dumps(value, option=orjson.OPT_SORT_KEYS) if _speakable(value) else repr(value)


def _speakable(value: Any) -> bool:
    try:
        orjson.dumps(value)
    except (TypeError, ValueError):
        return False
    return True


def aligned(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[int | None, int | None]]:
    """(index before, index now) of each item; None where it is not. In the order of now. Where much of two long lists differs, it
    is not looked for which became which."""
    before, now = [_token(value) for value in old], [_token(value) for value in new]
    shorter = min(len(before), len(now))
    first = next((n for n in range(shorter) if before[n] != now[n]), shorter)
    last = next((n for n in range(shorter - first) if before[-1 - n] != now[-1 - n]), shorter - first)
    end, now_end = len(before) - last, len(now) - last
    yield from ((n, n) for n in range(first))
    if (end - first) * (now_end - first) <= MOST:
        yield from _matched(old, new, before[:end], now[:now_end], first)
    else:
        yield from ((n, None) for n in range(first, end))
        yield from ((None, n) for n in range(first, now_end))
    yield from ((end + n, now_end + n) for n in range(last))


def _matched(
    old: Sequence[Any], new: Sequence[Any], before: Sequence[Any], now: Sequence[Any], first: int
) -> Iterator[tuple[int | None, int | None]]:
    matcher = SequenceMatcher(None, before[first:], now[first:], autojunk=False)
    for _, a, a_end, b, b_end in matcher.get_opcodes():
        taken: dict[int, int] = {}
        here = a + first
        for j in range(b + first, b_end + first):
            found = next((i for i in range(here, a_end + first) if before[i] == now[j] or _alike(old[i], new[j])), None)
            if found is not None:
                taken[j], here = found, found + 1
        yield from ((i, None) for i in range(a + first, a_end + first) if i not in taken.values())
        yield from ((taken.get(j), j) for j in range(b + first, b_end + first))


def pairs(old: Sequence[Any], new: Sequence[Any]) -> list[tuple[Any, Any]]:
    return [(old[i], new[j]) for i, j in aligned(old, new) if i is not None and j is not None]


def _alike(old: Any, new: Any) -> bool:
    """Whether one may be what became of the other."""
    if isinstance(old, dict) and isinstance(new, dict):
        shared = sum(key in new and same(value, new[key]) for key, value in old.items())
        return 2 * shared >= max(len(old), len(new))
    return type(old) is type(new)
