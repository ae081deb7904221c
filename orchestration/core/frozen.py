"""Dataclasses that the type checker holds frozen, and that cost at run time what others cost.

Python's own freeze has every field of a new object set by a call, which makes making one seven times as dear, and a step of a run
makes some thirty. Nothing is given up that the checker does not watch over: `dataclass(frozen=True)` means the same here, hash
included, and an assignment to a field fails `make check`.
"""

import dataclasses
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import replace as replace
else:

    def dataclass(kind: Any = None, /, *, frozen: bool = False, eq: bool = True, **options: Any) -> Any:
        return dataclasses.dataclass(kind, unsafe_hash=frozen and eq, eq=eq, **options)

    def replace(of: Any, **changes: Any) -> Any:
        """A copy with these changes. For dataclasses whose fields are all given when one is made."""
        kind = type(of)
        copy = kind(*_values(kind)(of))
        for name, value in changes.items():
            setattr(copy, name, value)
        return copy


@cache
def _values(kind: type[Any]) -> Callable[[Any], tuple[Any, ...]]:
    """All fields of an object of this kind, in the order in which they are given."""
    get = attrgetter(*(field.name for field in dataclasses.fields(kind)))
    return get if len(dataclasses.fields(kind)) > 1 else lambda of: (get(of),)
