"""Typing values by their contract: `number` is a double, 3 included; `integer` is an int, 3.0 included; a
contract lets no other `integer` pass than fits in 64 bits.

JSON has one kind of number, expressions have two. A value that has passed its contract is typed once, before it is stored, so
that an expression finds what it was compiled for.
"""

from collections.abc import Callable, Sequence
from typing import Any

from orchestration.core.sanitiser import INT_MAX, INT_MIN
from orchestration.core.schema import Schema
from orchestration.core.shape import ALL_TYPES, Node, Shape, root, shapes

Coercer = Callable[[Any], Any]


def coercer(schema: Schema | bool) -> Coercer | None:
    """The function that types values of this schema, None where it would do nothing. It never changes what it is given, and
    shares what needs no change. Where alternatives differ, a place that may hold any number in one of them holds doubles."""
    return _Coercers().of([root(schema)])


class _Coercers:
    """Builds one function for each set of schemas that may describe a place; recursive schemas meet their own again."""

    def __init__(self) -> None:
        self.known: dict[frozenset[int], list[Coercer | None]] = {}
        self.kept: list[Node] = []  # ids are names only while what they name lives

    def of(self, nodes: Sequence[Node]) -> Coercer | None:
        key = frozenset(id(node.schema) for node in nodes)
        if key in self.known:
            box = self.known[key]
            return lambda value: value if box[0] is None else box[0](value)
        box = self.known[key] = [None]
        self.kept.extend(nodes)
        box[0] = self.build([shape for node in nodes for shape in shapes(node)])
        return box[0]

    def build(self, found: list[Shape]) -> Coercer | None:
        if not all(shape.said for shape in found):
            return None
        number = _number_coercer(found)
        names = dict.fromkeys(name for shape in found for name in shape.properties)
        named = {name: self.of_property(name, found) for name in names}
        extra = self.of([shape.extra for shape in found if shape.extra is not None])
        most = max((len(shape.prefix) for shape in found), default=0)
        prefix = [self.of_item(index, found) for index in range(most)]
        items = self.of_item(most, found)
        if not (number or extra or items or any(named.values()) or any(prefix)):
            return None

        def typed(value: Any) -> Any:
            kind = type(value)
            if kind is int or kind is float:
                return number(value) if number else value
            if kind is dict:
                return _changed(value, value.items(), lambda name: named.get(name, extra))
            if kind is list:
                return _changed(value, enumerate(value), lambda index: prefix[index] if index < most else items)
            return value

        return typed

    def of_property(self, name: str, found: list[Shape]) -> Coercer | None:
        nodes = [shape.properties.get(name, shape.extra) for shape in found]
        return self.of([node for node in nodes if node is not None])

    def of_item(self, index: int, found: list[Shape]) -> Coercer | None:
        nodes = [shape.prefix[index] if index < len(shape.prefix) else shape.items for shape in found]
        return self.of([node for node in nodes if node is not None])


def _number_coercer(found: list[Shape]) -> Coercer | None:
    types = {kind for shape in found for kind in shape.types}
    if any(shape.types == ALL_TYPES for shape in found):
        return None
    if "number" in types:
        return float
    return _integer if "integer" in types else None


def _integer(value: float) -> float:
    """An int; a double stays what it is where it lists itself, and no int of 64 bits is as large."""
    return int(value) if INT_MIN <= value <= INT_MAX else value


def _changed(value: Any, items: Any, of: Callable[[Any], Coercer | None]) -> Any:
    """The dict or list with its items typed: itself where none changed, else a copy."""
    result = value
    for key, item in items:
        each = of(key)
        if each is not None:
            typed = each(item)
            if typed is not item:
                result = value.copy() if result is value else result
                result[key] = typed
    return result
