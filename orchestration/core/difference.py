"""What one definition's plain data changes in another's: steps by their ids, as `matching` pairs them, and the keys besides.

A draft may hold anything, and so may these."""

from collections.abc import Callable, Mapping
from typing import Any

from orchestration.core.editing.draft import Draft, Spot
from orchestration.core.frozen import dataclass
from orchestration.core.matching import calling, matched
from orchestration.core.values import canonical
from orchestration.core.wording import listed

_APART = ("steps", "layout")
_WITHIN = ("id", "body", "branches")
_MOST = 4


@dataclass(frozen=True, slots=True)
class Difference:
    """Ids of steps and arms, in the order of their document; a container is changed by what it says itself, and not by what it
    holds. `renamed`: (id then, id now); what only follows from that changes nothing. `keys` of the workflow besides its steps and
    layout."""

    renamed: tuple[tuple[str, str], ...]
    added: tuple[str, ...]
    taken: tuple[str, ...]
    changed: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """`Renamed a to b, added c and d, changed e`; "" where it is nothing but layout, spelling or order."""
        renamed = tuple(f"{one} to {two}" for one, two in self.renamed)
        named = (("renamed", renamed), ("added", self.added), ("removed", self.taken), ("changed", (*self.changed, *self.keys)))
        said = ", ".join(f"{verb} {_names(names)}" for verb, names in named if names)
        return said[:1].upper() + said[1:]


def difference(before: Any, after: Any) -> Difference:
    """Of two that were read; one that is no mapping counts as empty."""
    one, two = (found if isinstance(found, dict) else {} for found in (before, after))
    old, new = Draft(one), Draft(two)
    first, second, names = old.ids(), new.ids(), matched(old, new)
    before = {now: then for then, now in names.items()}
    return Difference(
        renamed=tuple((before[name], name) for name in second if before.get(name, name) != name),
        added=tuple(name for name in second if name not in before),
        taken=tuple(name for name in first if name not in names),
        changed=tuple(name for name in second if name in before and _said(first[before[name]], names) != _said(second[name])),
        keys=tuple(
            key
            for key in {**one, **two}
            if key not in _APART and canonical(calling(one.get(key), _by(names), key)) != canonical(two.get(key))
        ),
    )


def _names(names: tuple[str, ...]) -> str:
    more = [f"{len(names) - _MOST} more"] if len(names) > _MOST + 1 else []
    return listed([*names[: _MOST if more else _MOST + 1], *more], join="and")


def _said(spot: Spot, names: Mapping[str, str] = {}) -> str:
    """Without its id and what it holds, ids of others as they are now."""
    step = {key: value for key, value in spot.step.items() if key not in _WITHIN}
    return canonical([spot.type, calling(step, _by(names))])


def _by(names: Mapping[str, str]) -> Callable[[str], str]:
    return lambda name: names.get(name, name)
