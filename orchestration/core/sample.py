"""An instance of a schema: what a form opens with where nobody said, and what rehearsal answers."""

import math
from typing import Any

from orchestration.core.schema import Schema, validator
from orchestration.core.shape import Node, Shape, root, shapes

_FORMATTED = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "hostname": "example.com",
}
_DEEPEST = 20


def example(schema: Schema | bool) -> Any:
    """A small value that fits the schema, the same each time: its default, const, first enum value or first example where
    they stand, else the smallest number, the shortest text, required properties alone. Patterns and `not` are not solved:
    then the value may not fit, and whoever needs certainty checks it.
    """
    return _example(root(schema), 0)


def _example(node: Node, depth: int) -> Any:
    schema = node.schema
    if isinstance(schema, bool) or depth > _DEEPEST:
        return None
    offered = [schema["default"]] if "default" in schema else []
    for value in [*offered, *schema.get("examples", ())]:
        if validator(node.alone).is_valid(value):
            return value
    found = shapes(node)
    if not found or not found[0].said:
        return None
    shape = next((shape for shape in found if shape.types != {"null"}), found[0])
    if shape.enum is not None:
        return next((value for value in shape.enum if value is not None), None)
    return _of_shape(shape, _bounds(node), depth)


def _bounds(node: Node) -> dict[str, Any]:
    """The bounds at this value, from the schema, what it refers to and its `allOf`; of two the first found is taken."""
    found: dict[str, Any] = {}
    todo, left = [node], 50
    while todo and left:
        left -= 1
        one = todo.pop(0)
        if isinstance(one.schema, dict):
            found = {**one.schema, **found}
            name = str(one.schema.get("$ref", "")).removeprefix("#/$defs/")
            if name in one.defs:
                todo.append(Node(one.defs[name], one.defs))
            branches = [*one.schema.get("allOf", ()), *one.schema.get("anyOf", ())[:1], *one.schema.get("oneOf", ())[:1]]
            todo.extend(one.below(part) for part in branches)
    return found


def _of_shape(shape: Shape, bounds: dict[str, Any], depth: int) -> Any:
    if "object" in shape.types:
        wanted = [name for name, node in shape.properties.items() if name in shape.required or _has_default(node)]
        missing = sorted(shape.required - set(wanted))
        values = {name: _example(shape.properties[name], depth + 1) for name in wanted}
        return {**values, **{name: _example(shape.extra, depth + 1) if shape.extra else None for name in missing}}
    if "array" in shape.types:
        nodes = [*shape.prefix, *[shape.items or Node(True, {})] * (bounds.get("minItems", 0) - len(shape.prefix))]
        return [_example(node, depth + 1) for node in nodes[: max(bounds.get("minItems", 0), 0)]]
    if "string" in shape.types:
        text = _FORMATTED.get(bounds.get("format", ""), "")
        return text + "x" * (bounds.get("minLength", 0) - len(text))
    if "integer" in shape.types:
        number = _number(bounds)
        return float(number) if "number" in shape.types else number
    return False if "boolean" in shape.types else None


def _has_default(node: Node) -> bool:
    return isinstance(node.schema, dict) and "default" in node.schema


def _number(bounds: dict[str, Any]) -> float | int:
    """Nought where the bounds allow it, else the number within them that is nearest to it."""
    step: float | int = bounds.get("multipleOf", 1)
    low: float | int = max(bounds.get("minimum", -math.inf), bounds.get("exclusiveMinimum", -math.inf))
    high: float | int = min(bounds.get("maximum", math.inf), bounds.get("exclusiveMaximum", math.inf))
    if low <= 0 <= high and 0 not in (bounds.get("exclusiveMinimum"), bounds.get("exclusiveMaximum")):
        return 0
    edge, away = (low, 1) if low >= 0 else (high, -1)
    number = (math.ceil(edge / step) if away > 0 else math.floor(edge / step)) * step
    if number in (bounds.get("exclusiveMinimum"), bounds.get("exclusiveMaximum")):
        number += away * step
    fits = low <= number <= high and number not in (bounds.get("exclusiveMinimum"), bounds.get("exclusiveMaximum"))
    return number if fits or "multipleOf" in bounds else (low + high) / 2
