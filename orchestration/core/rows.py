"""A condition as rows: simple comparisons that all hold, or any of which holds, each with alternatives. What people fill in, and
CEL besides: `rows` reads either spelling of a condition and says None where it is more than rows can show.

`rows(cel(found)) == found` and `rows(condition(found)) == found` for all `Rows` that `joined` made.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Literal

from orchestration.core import cel_tree
from orchestration.core.cel_expression import read_tree
from orchestration.core.cel_tree import Call, Field, Items, Tree, chain, write
from orchestration.core.errors import Refused
from orchestration.core.frozen import dataclass

Join = Literal["all", "any"]
Operator = Literal[
    "==", "!=", "<", "<=", ">", ">=", "in", "contains", "startsWith", "endsWith", "matches", "there", "absent", "true", "false"
]
ORDER: tuple[Operator, ...] = (
    "==", "!=", "<", "<=", ">", ">=", "in", "contains", "startsWith", "endsWith", "matches", "there", "absent", "true", "false",
)  # fmt: skip
ALONE: frozenset[Operator] = frozenset({"there", "absent", "true", "false"})
"""Those that compare with nothing."""
MOST = 100
"""Rows at most; a condition has no more either."""

_SIGNS: dict[str, Operator] = {f"_{sign}_": sign for sign in ("==", "!=", "<", "<=", ">", ">=")}  # type: ignore[misc]
_MIRRORED: dict[Operator, Operator] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_METHODS: tuple[Operator, ...] = ("contains", "startsWith", "endsWith", "matches")
_OTHER: dict[Join, Join] = {"all": "any", "any": "all"}
_JOINS: dict[str, Join] = {"_&&_": "all", "_||_": "any"}
_NAMES = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*\Z")


@dataclass(frozen=True, slots=True)
class Place:
    """Another place, where a value stands else."""

    text: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """`place operator value`. The value is text, a number, true, false, nothing, or a `Place`; a tuple of them for `in`, and None
    for the operators of `ALONE`."""

    place: str
    operator: Operator
    value: Any = None


@dataclass(frozen=True, slots=True)
class Rows:
    """All of the items hold, or any of them does. An item with several comparisons is joined the other way round."""

    join: Join
    items: tuple[tuple[Comparison, ...], ...]


def joined(join: Join, items: Iterable[Sequence[Comparison]]) -> Rows | None:
    """The one spelling of these rows: a single item is its alternatives, a single row is `all` of it. None where none is left."""
    found = tuple(tuple(item) for item in items if item)
    if not found:
        return None
    if len(found) == 1 and len(found[0]) > 1:
        return Rows(_OTHER[join], tuple((one,) for one in found[0]))
    return Rows("all" if len(found) == 1 else join, found)


# Reading


def rows(condition: Any) -> Rows | None:
    """The rows of CEL text or of a tree of `all`, `any`, `not`; None where they can't show it, or it can't be read."""
    try:
        tree = _tree(condition)
    except Refused:
        return None
    found = None if tree is None else _rows(tree)
    return found if found is not None and sum(map(len, found.items)) <= MOST else None


def _tree(condition: Any) -> Tree | None:
    if isinstance(condition, str):
        return read_tree(condition, "")
    if not isinstance(condition, dict) or len(condition) != 1:
        return None
    (key, below), *_ = condition.items()
    if key == "not":
        inner = _tree(below)
        return None if inner is None else Call("!_", (inner,))
    function = {"all": "_&&_", "any": "_||_"}.get(key)
    if function is None or not isinstance(below, list) or not below:
        return None
    parts = [_tree(part) for part in below]
    if any(part is None for part in parts):
        return None
    return _chained(function, [part for part in parts if part is not None])


def _chained(function: str, parts: Sequence[Tree]) -> Tree:
    """From the left, as text is read."""
    tree, *others = parts
    for other in others:
        tree = Call(function, (tree, other))
    return tree


def _rows(tree: Tree) -> Rows | None:
    join = _JOINS.get(tree.function, "all") if isinstance(tree, Call) else "all"
    items = []
    for part in _parts(tree, join):
        item = [_comparison(other) for other in _parts(part, _OTHER[join])]
        if any(one is None for one in item):
            return None
        items.append([one for one in item if one is not None])
    return joined(join, items)


def _parts(tree: Tree, join: Join) -> Iterator[Tree]:
    """What `join` holds together, from left to right. By hand: a hundred of them are deeper than Python likes."""
    todo = [tree]
    while todo:
        one = todo.pop()
        if isinstance(one, Call) and _JOINS.get(one.function) == join:
            todo.extend(reversed(one.args))
        else:
            yield one


def _comparison(tree: Tree) -> Comparison | None:
    if isinstance(tree, Call) and tree.function == "!_":
        inner = _comparison(tree.args[0])
        opposite: dict[Operator, Operator] = {"there": "absent", "true": "false"}
        return Comparison(inner.place, opposite[inner.operator]) if inner is not None and inner.operator in opposite else None
    if isinstance(tree, Field) and tree.test:
        place = _place(Field(tree.operand, tree.name))
        return None if place is None else Comparison(place, "there")
    if isinstance(tree, Call) and tree.function != "_[_]":
        return _called(tree)
    place = _place(tree)
    return None if place is None else Comparison(place, "true")


def _called(call: Call) -> Comparison | None:
    operator = _SIGNS.get(call.function)
    if operator is not None:
        left, right = call.args
        if _place(left) is None and _place(right) is not None:
            left, right, operator = right, left, _MIRRORED[operator]
        return _compared(left, operator, right)
    if call.function == "@in" and isinstance(call.args[1], Items):
        place, values = _place(call.args[0]), [_value(item) for item in call.args[1].items]
        if place is None or not values or any(value is _NONE for value in values):
            return None
        return Comparison(place, "in", tuple(values))
    if call.target is not None and call.function in _METHODS and len(call.args) == 1:
        return _compared(call.target, call.function, call.args[0])
    return None


def _compared(left: Tree, operator: Operator, right: Tree) -> Comparison | None:
    place, value = _place(left), _value(right)
    return None if place is None or value is _NONE else Comparison(place, operator, value)


_NONE: Any = object()


def _value(tree: Tree) -> Any:
    """What a row compares with, `_NONE` where it is no such thing."""
    if isinstance(tree, cel_tree.Literal):
        return tree.value if tree.kind in ("null", "bool", "int", "double", "string") else _NONE
    place = _place(tree)
    return _NONE if place is None else Place(place)


def _place(tree: Tree) -> str | None:
    path = chain(tree)
    return write(tree) if path is not None else None


# Writing


def condition(found: Rows) -> Any:
    """As a definition holds it: one row as its text, several as `all` or `any` of theirs."""
    items = [
        write(_of(item[0])) if len(item) == 1 else {_OTHER[found.join]: [write(_of(one)) for one in item]} for item in found.items
    ]
    return items[0] if len(items) == 1 else {found.join: items}


def cel(found: Rows) -> str:
    """As one line of CEL."""
    function = {"all": "_&&_", "any": "_||_"}
    items = [_chained(function[_OTHER[found.join]], [_of(one) for one in item]) for item in found.items]
    return write(_chained(function[found.join], items))


def text(condition: Any) -> str:
    """Any condition that can be read as one line of CEL; text as it stands."""
    if isinstance(condition, str):
        return condition
    tree = _tree(condition)
    return "" if tree is None else write(tree)


def is_place(text: str) -> bool:
    """Whether a row may begin with it. What is not simply names is read by the engine's parser."""
    if _NAMES.match(text):
        return text not in ("true", "false", "null")
    try:
        return _place(read_tree(text, "")) is not None
    except Refused:
        return False


def is_field(text: str) -> bool:
    """Whether that is a place of which one can ask whether it is there: the field of something."""
    try:
        return isinstance(read_tree(text, ""), Field)
    except Refused:
        return False


def _of(one: Comparison) -> Tree:
    place = read_tree(one.place, "")
    match one.operator:
        case "true":
            return place
        case "false":
            return Call("!_", (place,))
        case "there" | "absent":
            # Only a field can be asked for.
            asked = Field(place.operand, place.name, True) if isinstance(place, Field) else place
            return asked if one.operator == "there" else Call("!_", (asked,))
        case "in":
            return Call("@in", (place, Items(tuple(_literal(value) for value in one.value))))
        case "contains" | "startsWith" | "endsWith" | "matches":
            return Call(one.operator, (_literal(one.value),), place)
    return Call(f"_{one.operator}_", (place, _literal(one.value)))


_KINDS = {bool: "bool", int: "int", float: "double", str: "string", type(None): "null"}


def _literal(value: Any) -> Tree:
    if isinstance(value, Place):
        return read_tree(value.text, "")
    return cel_tree.Literal(value, _KINDS[type(value)])
