"""Schemas that nobody wrote: what a step gives where the definition does not say so."""

from collections.abc import Iterable
from functools import reduce
from typing import Any

Schema = dict[str, Any]

_COMPOUND = frozenset({"$ref", "$defs", "anyOf", "oneOf", "allOf", "not", "if"})
_DEEPEST = 8
_MOST_NAMES = 100
_KINDS: tuple[tuple[type, str], ...] = (
    (bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array"), (dict, "object")
)  # fmt: skip


def schema_of_moment() -> Schema:
    """What a wait for a moment gives."""
    return {"type": "object", "required": ["until"], "properties": {"until": {"type": "string"}}}


def text_output() -> Schema:
    """What an `llm` without `output` gives."""
    return {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}


def schema_of_human(form: Schema, actions: Iterable[Any]) -> Schema:
    """What a person's answer gives: the action pressed, the form's values, and who."""
    return {
        "type": "object",
        "required": ["action", "values", "by"],
        "properties": {"action": {"enum": [action.id for action in actions]}, "values": form, "by": {"type": "string"}},
    }


def schema_of_called(called: Any) -> Schema:
    """What a called workflow gives: the outcome that it ended in, and its output."""
    if called is None:
        return {}
    outputs: list[Schema] = [output or {} for output in called.outcomes.values()]
    output = reduce(join, outputs) if outputs else {}
    properties = {"outcome": {"enum": list(called.outcomes)}, "output": output}
    return {"type": "object", "required": ["outcome", "output"], "properties": properties, "additionalProperties": False}


def schema_of_value(value: Any) -> Schema:
    """What a recorded value says of those that will come: its types, and that all is required that it has. Never which values
    there may be. It accepts the value. Of null, of the items of an empty list, and of what has more than 100 names, which are
    data, it says nothing."""
    return _forgotten(_seen(value, 0))


def _seen(value: Any, depth: int) -> Schema:
    """With null as a type, and empty lists that say so, by which values beside each other are joined."""
    kind = _kind(value)
    if depth >= _DEEPEST or not value:
        return {"type": kind, "maxItems": 0} if value == [] else {"type": kind}
    if kind == "object":
        if len(value) > _MOST_NAMES:
            return {}
        known = {name: _seen(part, depth + 1) for name, part in value.items()}
        return {"type": kind, "required": list(known), "properties": known}
    if kind == "array":
        return {"type": kind, "items": reduce(join, [_seen(item, depth + 1) for item in value])}
    return {"type": kind}


def _forgotten(seen: Schema) -> Schema:
    """Without what one value can't know of others."""
    if seen == {"type": "null"}:
        return {}
    found = {key: each for key, each in seen.items() if key != "maxItems" and not (key == "required" and not each)}
    if "properties" in found:
        found["properties"] = {name: _forgotten(part) for name, part in found["properties"].items()}
    if "items" in found:
        items = _forgotten(found["items"])
        found = {**found, "items": items} if items else {key: each for key, each in found.items() if key != "items"}
    return found


def join(left: Schema, right: Schema) -> Schema:
    """A schema that every value of either meets; `{}` where they have too little in common to say anything useful."""
    if left == right:
        return left
    left, right = _plain(left), _plain(right)
    if not left or not right or _COMPOUND & (left.keys() | right.keys()):
        return {}
    found = kinds(left) | kinds(right)
    rest = found - {"null"}
    if rest == {"integer", "number"}:
        rest = frozenset({"number"})
    values = _enum(left) + _enum(right)
    if values and all("enum" in side or "const" in side or side == {"type": "null"} for side in (left, right)):
        joined: Schema = {"enum": [value for index, value in enumerate(values) if value not in values[:index]]}
        return joined if "null" not in found or None in values else {"enum": [*joined["enum"], None]}
    sides = [side for side in (left, right) if kinds(side) & rest]
    joined = {}
    if rest == {"object"}:
        joined = _join_objects(*sides) if len(sides) == 2 else dict(sides[0])
    elif rest == {"array"}:
        joined = _join_lists(*sides) if len(sides) == 2 else dict(sides[0])
    types = sorted(rest | (found & {"null"}))
    return {**joined, "type": types[0] if len(types) == 1 else types} if types else {}


def _plain(schema: Schema) -> Schema:
    """Alternatives and nothing else as one schema that covers them."""
    if schema.keys() != {"anyOf"} or not all(isinstance(part, dict) for part in schema["anyOf"]):
        return schema
    return reduce(join, schema["anyOf"])


def kinds(schema: Schema) -> frozenset[str]:
    """The types that a value may have, none where the schema does not say."""
    if values := _enum(schema):
        return frozenset(_kind(value) for value in values)
    types = schema.get("type", ())
    return frozenset([types] if isinstance(types, str) else types)


def _kind(value: Any) -> str:
    return next((name for kind, name in _KINDS if isinstance(value, kind)), "null")


def _enum(schema: Schema) -> list[Any]:
    return [schema["const"]] if "const" in schema else list(schema.get("enum", ()))


def _join_lists(left: Schema, right: Schema) -> Schema:
    items = [side.get("items", {}) for side in (left, right) if side.get("maxItems") != 0]
    if not items:
        return {"maxItems": 0}
    return {"items": items[0] if len(items) == 1 else _join_any(items[0], items[1])}


def _join_objects(left: Schema, right: Schema) -> Schema:
    """A property that only one side knows is optional, and typed by it where the other says nothing of further properties."""
    ours, theirs = left.get("properties", {}), right.get("properties", {})
    both = {}
    for name in {**ours, **theirs}:
        one = ours.get(name, left.get("additionalProperties", False))
        other = theirs.get(name, right.get("additionalProperties", False))
        both[name] = other if one is False else one if other is False else _join_any(one, other)
    required = [name for name in left.get("required", ()) if name in right.get("required", ())]
    return {"properties": both, "required": required}


def _join_any(left: Schema | bool, right: Schema | bool) -> Schema:
    return join(left, right) if isinstance(left, dict) and isinstance(right, dict) else {}


def with_empty_lists(schema: Schema, value: Any) -> Schema:
    """The schema of a written value, in which each list that is written empty says so: joined with another, it is no reason
    to know less of the other's items."""
    if isinstance(value, dict) and "properties" in schema:
        known = {name: with_empty_lists(part, value.get(name)) for name, part in schema["properties"].items()}
        return {**schema, "properties": known}
    return {"type": "array", "maxItems": 0} if value == [] else schema
