"""Contracts in words: what a JSON Schema asks for, said as a person would. Schemas in, words out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from orchestration.core.shape import Node, element, properties_of, required_of, root, types_of
from orchestration.core.wording import abbreviate, listed

_DEEPEST = 4
_MOST_FIELDS = 80
_TYPES = {"string": "text", "integer": "a whole number", "number": "a number", "boolean": "yes or no", "null": "nothing"}
KINDS = {
    "string": "text",
    "number": "number",
    "integer": "whole number",
    "boolean": "yes or no",
    "array": "list",
    "object": "object",
    "null": "nothing",
}
_FORMATS = {
    "date": "a date",
    "date-time": "a date and time",
    "email": "an e-mail address",
    "uri": "a web address",
    "uuid": "a UUID",
}


@dataclass(frozen=True, slots=True)
class FieldWords:
    """One field of an object. `path` is dotted, with `[]` for "each of"; `note` is what the schema says about it."""

    path: str
    words: str
    required: bool
    note: str = ""


def fields(schema: Any) -> tuple[FieldWords, ...]:
    """The fields of an object schema, those of nested objects after it; () where it declares none. 80 at most."""
    return tuple(list(_fields(_resolved(root(schema)), "", 0))[:_MOST_FIELDS]) if isinstance(schema, dict) else ()


def words(schema: Any) -> str:
    """The schema in some words, as `text, 1 to 8,000 characters` or `a list of text, at most 5`."""
    return _words(root(schema), 0)


def kind(schema: Any, depth: int = 0) -> str:
    """What kind of value it is, as `text`, `yes or no`, `list of text`, `number or nothing`; `anything` where nothing is said."""
    types = types_of(schema)
    if types is None or depth > _DEEPEST:
        return "anything"
    shown = [name for name in KINDS if name in types and not (name == "integer" and "number" in types)]
    return listed([_kind(name, schema, depth) for name in shown], most=len(KINDS)) or "nothing at all"


def _kind(name: str, schema: Any, depth: int) -> str:
    inside = element(schema) if name == "array" else {}
    return f"list of {kind(inside, depth + 1)}" if inside else KINDS[name]


def _fields(node: Node, before: str, depth: int) -> Iterator[FieldWords]:
    schema = node.schema
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    required = required_of(schema)
    for name, part in properties_of(schema).items():
        path, inner = before + name, _resolved(node.below(part))
        note = inner.schema.get("description", "") if isinstance(inner.schema, dict) else ""
        yield FieldWords(path, _words(inner, depth), name in required, note)
        yield from _nested(inner, path, depth)


def _nested(node: Node, path: str, depth: int) -> Iterator[FieldWords]:
    schema = node.schema
    if not isinstance(schema, dict):
        return
    if "properties" in schema:
        yield from _fields(node, f"{path}.", depth + 1)
    elif isinstance(schema.get("items"), dict):
        yield from _nested(_resolved(node.below(schema["items"])), f"{path}[]", depth + 1)


def _resolved(node: Node) -> Node:
    """What a `$ref` at this place leads to."""
    for _ in range(10):
        schema = node.schema
        if not isinstance(schema, dict) or not isinstance(schema.get("$ref"), str):
            return node
        node = Node(node.defs.get(schema["$ref"].removeprefix("#/$defs/"), True), node.defs)
    return node


def _words(node: Node, depth: int) -> str:
    node = _resolved(node)
    schema = node.schema
    if not isinstance(schema, dict):
        return "anything" if schema else "nothing at all"
    if "const" in schema:
        return f"always {_literal(schema['const'])}"
    if "enum" in schema:
        return listed([_literal(value) for value in schema["enum"]], most=8)
    for key in ("anyOf", "oneOf"):
        if schema.get(key):
            return listed(list(dict.fromkeys(_words(node.below(part), depth + 1) for part in schema[key][:6])))
    kinds = schema.get("type")
    if isinstance(kinds, list):
        return listed(list(dict.fromkeys(_of_type({**schema, "type": kind}, node, depth) for kind in kinds)))
    return _of_type(schema, node, depth)


def _of_type(schema: dict[str, Any], node: Node, depth: int) -> str:
    kind = schema.get("type")
    if kind == "array" or (kind is None and "items" in schema):
        of = _words(node.below(schema["items"]), depth + 1) if "items" in schema and depth < _DEEPEST else "anything"
        return f"a list of {of}{_range(schema, 'minItems', 'maxItems', '')}"
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema)
    if kind == "string":
        return _FORMATS.get(schema.get("format", ""), "text") + _text_bounds(schema)
    if kind in ("integer", "number"):
        return _TYPES[kind] + _range(schema, "minimum", "maximum", "")
    return _TYPES.get(str(kind), "anything")


def _object(schema: dict[str, Any]) -> str:
    names = list(properties_of(schema))
    return f"an object of {listed(names, most=6, join='and')}" if names else "an object"


def _text_bounds(schema: dict[str, Any]) -> str:
    found = _range(schema, "minLength", "maxLength", " characters")
    examples = schema.get("examples")
    if "pattern" in schema and isinstance(examples, list) and examples:
        return f"{found}, as {_literal(examples[0])}"
    return f"{found}, matching {schema['pattern']}" if "pattern" in schema else found


def _range(schema: dict[str, Any], low: str, high: str, unit: str) -> str:
    least, most = schema.get(low), schema.get(high)
    if unit and not least:
        least = None  # no text is shorter than nothing
    if least is not None and most is not None:
        return f", {_number(least)}{unit}" if least == most else f", {_number(least)} to {_number(most)}{unit}"
    if unit and least == 1 and most is None:
        return ", not empty"
    if most is not None:
        return f", at most {_number(most)}{unit}"
    return f", at least {_number(least)}{unit}" if least is not None else ""


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)


def _literal(value: Any) -> str:
    return value if isinstance(value, str) and value else "nothing" if value is None else abbreviate(value, 40)
