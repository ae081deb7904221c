"""Two texts line by line: what a version changes, and what somebody else wrote meanwhile."""

import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

AROUND = 3
MOST = 200_000
"""Pairs of like lines that are looked at: of texts with more of them, lines that come often tell nothing."""


@dataclass(frozen=True, slots=True)
class Line:
    """`kind`: same, added, taken, or gap (`text` says what is left out). Numbers count from 1, None where not there."""

    kind: str
    text: str
    before: int | None = None
    after: int | None = None


def text_diff(before: str, after: str) -> tuple[Line, ...]:
    """The changed lines with three around them; () where nothing differs but line ends."""
    one, two = before.splitlines(), after.splitlines()
    groups = _matcher(one, two).get_grouped_opcodes(AROUND)
    return tuple(_lines(one, two, [group for group in groups if any(tag != "equal" for tag, *_ in group)]))


def _matcher(one: list[str], two: list[str]) -> difflib.SequenceMatcher[str]:
    often = Counter(two)
    pairs = sum(count * often[line] for line, count in Counter(one).items())
    return difflib.SequenceMatcher(None, one, two, autojunk=pairs > MOST)


def _lines(one: list[str], two: list[str], groups: list[list[tuple[str, int, int, int, int]]]) -> Iterator[Line]:
    reached = 0
    for group in groups:
        if skipped := group[0][1] - reached:
            yield Line("gap", _left_out(skipped))
        for tag, from_one, to_one, from_two, to_two in group:
            if tag == "equal":
                for offset in range(to_one - from_one):
                    yield Line("same", one[from_one + offset], from_one + offset + 1, from_two + offset + 1)
                continue
            yield from (Line("taken", one[index], before=index + 1) for index in range(from_one, to_one))
            yield from (Line("added", two[index], after=index + 1) for index in range(from_two, to_two))
        reached = group[-1][2]
    if groups and (rest := len(one) - reached):
        yield Line("gap", _left_out(rest))


def _left_out(count: int) -> str:
    return f"{count} line{'' if count == 1 else 's'} the same"
