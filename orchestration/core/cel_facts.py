"""What the first half of a condition makes certain for the second: that a place is there, that it isn't null.

`has(a.b) && a.b > 1` may read a.b. Facts are collected in the order in which people read: the engine would also take
`a.b > 1 && has(a.b)`, but it reads as a slip and is treated as one.
"""

from collections.abc import Callable

from orchestration.core.cel_tree import Call, Field, Literal, Path, Tree, chain

Facts = frozenset[tuple[str, Path]]
"""("there", path) and ("some", path), the latter for "there, and not null"."""

NOTHING: Facts = frozenset()
Resolve = Callable[[Path], Path]
"""From a chain as written to the place it means, macro variables made unique."""


def facts_if(tree: Tree, holds: bool, resolve: Resolve) -> Facts:
    """What is certain once the condition has come out as `holds`."""
    match tree:
        case Field(operand, name, True):
            base = chain(operand)
            return present(resolve((*base, name))) if base is not None and holds else NOTHING
        case Call("!_", (operand,)):
            return facts_if(operand, not holds, resolve)
        case Call("_&&_" | "_||_" as function, (left, right)):
            both, one = facts_if(left, holds, resolve), facts_if(right, holds, resolve)
            return both | one if (function == "_&&_") == holds else both & one
        case Call("_==_" | "_!=_" as function, (left, right)):
            return _from_equality(left, right, (function == "_==_") == holds, resolve)
    return NOTHING


def _from_equality(left: Tree, right: Tree, equal: bool, resolve: Resolve) -> Facts:
    """`x != null`, and `x == 'something'`, both say that x is there and isn't null."""
    place, literal = (right, left) if isinstance(left, Literal) else (left, right)
    path = chain(place)
    if path is None or not isinstance(literal, Literal) or (literal.value is None) == equal:
        return NOTHING
    found = resolve(path)
    return present(found) | {("some", found)}


def present(path: Path) -> Facts:
    """The place is there, so what is above it is there too, and isn't null."""
    above = [path[:end] for end in range(1, len(path))]
    return frozenset({("there", path), *(("there", each) for each in above), *(("some", each) for each in above)})
