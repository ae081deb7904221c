"""What one definition's plain data changes in another's: steps by their ids, and the keys besides.

A draft may hold anything, and so may these."""

from collections.abc import Iterator
from typing import Any

from orchestration.core.frozen import dataclass
from orchestration.core.values import canonical
from orchestration.core.wording import listed

_APART = ("steps", "layout")
_WITHIN = ("body", "branches")
_MOST = 4


@dataclass(frozen=True, slots=True)
class Difference:
    """Ids of steps and arms, in the order of their document; a container is changed by what it says itself, and not by what it
    holds. `keys` of the workflow besides its steps and layout."""

    added: tuple[str, ...]
    taken: tuple[str, ...]
    changed: tuple[str, ...]
    keys: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """`Added a and b, changed c`; "" where it is nothing but layout, spelling or order."""
        named = (("added", self.added), ("removed", self.taken), ("changed", (*self.changed, *self.keys)))
        said = ", ".join(f"{verb} {_names(names)}" for verb, names in named if names)
        return said[:1].upper() + said[1:]


def difference(before: Any, after: Any) -> Difference:
    """Of two that were read; one that is no mapping counts as empty."""
    one, two = (found if isinstance(found, dict) else {} for found in (before, after))
    first, second = dict(_steps(one)), dict(_steps(two))
    return Difference(
        added=tuple(name for name in second if name not in first),
        taken=tuple(name for name in first if name not in second),
        changed=tuple(name for name in second if name in first and first[name] != second[name]),
        keys=tuple(key for key in {**one, **two} if key not in _APART and canonical(one.get(key)) != canonical(two.get(key))),
    )


def _names(names: tuple[str, ...]) -> str:
    more = [f"{len(names) - _MOST} more"] if len(names) > _MOST + 1 else []
    return listed([*names[: _MOST if more else _MOST + 1], *more], join="and")


def _steps(holder: dict[str, Any], key: str = "steps") -> Iterator[tuple[str, str]]:
    """Every step and arm by id, as text without what it holds."""
    found = holder.get(key)
    for step in found if isinstance(found, list) else ():
        if isinstance(step, dict):
            yield str(step.get("id")), canonical({name: value for name, value in step.items() if name not in _WITHIN})
            for within in _WITHIN:
                yield from _steps(step, within)
