"""Which step of one definition is which of another, whatever it is called now and wherever it stands.

A step is the one of its id, unless another of its type is far more like it: told by title, texts, contract and the rest, and by
what stands and leads around it. Ids count for nothing in what leads to or reads a step, so that a rename makes nothing unlike.
A doubtful pair is none. Nothing but the two definitions decides, and these may hold anything.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any

from orchestration.core.editing.draft import TARGET_KEYS, Draft, targets
from orchestration.core.frozen import dataclass
from orchestration.core.values import canonical

MOST = 10_000
"""Pairs of steps that are compared with each other; where there would be more, only ids and equal steps count."""
Bag = frozenset[tuple[str, int]]
"""Words, each with how many times it has been met: what two have in common is counted at once."""
_NOTHING: Bag = frozenset()
MOST_WORDS = 400
"""Words of a key that are compared."""

_APART = frozenset({"id", "type", "body", "branches"})
_READ = re.compile(r"(\bsteps\W{1,4})([a-z][a-z0-9_]*)")
_WORDS = re.compile(r"\w+")
_OF_SCHEMAS = frozenset(("type", "object", "string", "number", "integer", "boolean", "array", "items", "enum", "required"))
_WEIGHTS = {
    "title": 3.0,
    **dict.fromkeys(("prompt", "system", "output", "input", "values", "tool", "workflow", "cases", "show", "form", "over"), 2.0),
    "note": 1.0,
}
_OTHER = 0.5
_AROUND = 0.15
"""What stands around a step counts, beside what it says."""
_SAME_ID = 0.15
_STAYS = 0.6
"""Steps of one id are the same from here on, unless one of them is equal to another."""
_DOUBTFUL = 0.5
_BARS = (0.85, 0.65, _DOUBTFUL)
"""The plain pairs first, so that they tell what stands around the others."""


@dataclass
class _Look:
    """`said`: what it says, key by key, without ids of steps, and `whole` the same as text. `around` tells what stands and leads
    around it: how, and the id."""

    type: str
    place: int
    said: dict[str, Any]
    whole: str
    around: set[tuple[str, str]]

    @cached_property
    def bags(self) -> dict[str, Bag]:
        return {key: _bag(islice(_words(value), MOST_WORDS)) for key, value in self.said.items()}


def matched(old: Draft, new: Draft) -> dict[str, str]:
    """The id then → the id now, of the steps and arms that are in both, each once."""
    pairs = _Pairs(_looks(old), _looks(new))
    while True:
        found = pairs.found()
        given = set(found.values())
        # a new id is that of a step whose own id stands still only where that is plainly another step now: no copy is a rename
        astray = [one for one, two in found.items() if one not in (two, *given) and not pairs.is_another(one, two)]
        if not astray:
            return found
        pairs.stay.update(astray)


class _Pairs:
    """`stay`: ids that are known to be the same."""

    def __init__(self, was: dict[str, _Look], now: dict[str, _Look]) -> None:
        self.was, self.now = was, now
        self.stay: set[str] = set()
        self._contents: dict[tuple[str, str], float] = {}

    def found(self) -> dict[str, str]:
        both = [name for name in self.was if name in self.now]
        pairs = {name: name for name in both if name in self.stay or self.was[name].whole == self.now[name].whole}
        pairs.update(self._equal(pairs))
        taken = set(pairs.values())
        for name in both:
            if name not in pairs and name not in taken and self.content(name, name) >= _STAYS:
                pairs[name] = name
        self._add_alike(pairs)
        taken = set(pairs.values())
        pairs.update({name: name for name in both if name not in pairs and name not in taken})
        return pairs

    def content(self, one: str, two: str) -> float:
        """How alike they are in what they say, from 0 to 1; 0 where the types differ, 1/2 where they say nothing."""
        if (one, two) not in self._contents:
            first, second = self.was.get(one), self.now.get(two)
            of_a_type = first and second and first.type == second.type
            self._contents[one, two] = _alike(first.bags, second.bags) if first and second and of_a_type else 0.0
        return self._contents[one, two]

    def is_another(self, one: str, two: str) -> bool:
        """Whether a step is far more like another one than like that of its own id; also where there is none of its id."""
        return one not in self.now or self.content(one, two) - self.content(one, one) > _DOUBTFUL

    def _equal(self, pairs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Those that are equal to just one other, and not by saying nothing."""
        taken = set(pairs.values())
        first, second = (_by_whole(looks, done) for looks, done in ((self.was, pairs), (self.now, taken)))
        for whole, names in first.items():
            others = second.get(whole, [])
            if len(names) == len(others) == 1:
                yield names[0], others[0]

    def _add_alike(self, pairs: dict[str, str]) -> None:
        taken = set(pairs.values())
        gone, come = [one for one in self.was if one not in pairs], [two for two in self.now if two not in taken]
        if len(gone) * len(come) > MOST:
            return
        among = [(one, two) for one in gone for two in come if self.was[one].type == self.now[two].type]
        for bar in _BARS:
            known = set(pairs.values())
            scored = [(self._score(one, two, pairs, known), one, two) for one, two in among if one not in pairs]
            for score, one, two in sorted(scored, key=lambda each: (-each[0], self.was[each[1]].place, self.now[each[2]].place)):
                if score >= bar and one not in pairs and two not in taken:
                    pairs[one] = two
                    taken.add(two)

    def _score(self, one: str, two: str, pairs: Mapping[str, str], known: set[str]) -> float:
        """From 0 to 1, and more for the same id. Of what is around only what is known in both counts."""
        before = {(how, pairs.get(name, name)) for how, name in self.was[one].around if not name or name in pairs}
        after = {(how, name) for how, name in self.now[two].around if not name or name in known}
        around = 2 * len(before & after) / (len(before) + len(after)) if before or after else 0.0
        return (1 - _AROUND) * self.content(one, two) + _AROUND * around + _SAME_ID * (one == two)


def _by_whole(looks: dict[str, _Look], done: Mapping[str, Any] | set[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, look in looks.items():
        if name not in done and any(look.bags.values()):
            found.setdefault(look.whole, []).append(name)
    return found


def _alike(one: dict[str, Bag], two: dict[str, Bag]) -> float:
    every = total = 0.0
    for key in dict.fromkeys((*one, *two)):
        first, second = one.get(key, _NOTHING), two.get(key, _NOTHING)
        if size := len(first) + len(second):
            weight = _WEIGHTS.get(key, _OTHER)
            every += weight
            total += weight * 2 * len(first & second) / size
    return total / every if every else 0.5


def _bag(words: Iterable[str]) -> Bag:
    met: Counter[str] = Counter()
    found = []
    for word in words:
        met[word] += 1
        found.append((word, met[word]))
    return frozenset(found)


def _looks(draft: Draft) -> dict[str, _Look]:
    spots = draft.ids()
    found: dict[str, _Look] = {}
    for place, (name, spot) in enumerate(spots.items()):
        said = {key: calling(value, _nameless, key) for key, value in spot.step.items() if key not in _APART}
        found[name] = _Look(spot.type, place, said, canonical([spot.type, said]), {("level", spot.level)})
    for name, spot in spots.items():
        if spot.level in found:
            found[spot.level].around.add(("holds", name))
        for to in targets({key: value for key, value in spot.step.items() if key not in _APART}):
            found[name].around.add(("to", to))
            if to in found:
                found[to].around.add(("from", name))
    return found


def _nameless(_: str) -> str:
    return "_"


def calling(value: Any, name: Callable[[str], str], key: str = "") -> Any:
    """A part of a definition with other ids in what leads to steps or reads them, as far as the text shows that."""
    if isinstance(value, str):
        return name(value) if key in TARGET_KEYS else _READ.sub(lambda found: found[1] + name(found[2]), value)
    if isinstance(value, dict):
        return {str(inner): calling(each, name, str(inner)) for inner, each in value.items()}
    return [calling(each, name) for each in value] if isinstance(value, list) else value


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from (word for word in (name,) if word not in _OF_SCHEMAS and word not in TARGET_KEYS)
            yield from _words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _words(inner)
    elif isinstance(value, str):
        yield from (word[0] for word in _WORDS.finditer(value) if word[0] not in _OF_SCHEMAS and word[0] != "_")
    elif value is not None:
        yield repr(value)
