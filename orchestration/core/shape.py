"""What a schema says of a place, read for reasoning: references followed, `allOf` merged, alternatives listed.

A `Node` is a subschema with the `$defs` in whose sight it stands: those of the nearest schema around it that has some, so that
schemas composed of others (`steps` is an object whose properties are output contracts) keep their own references.
`not`, `if` and bounds are not read here: whoever reasons with shapes may allow too much, and the check of the value decides.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple, TypeGuard

from orchestration.core.frozen import dataclass
from orchestration.core.schema import Schema, referred
from orchestration.core.values import canonical

ALL_TYPES = frozenset({"null", "boolean", "integer", "number", "string", "array", "object"})
_MOST_SHAPES = 64
_DEEPEST = 60
_JOINED = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
_COMPOUND = _JOINED | {"enum", "const"}
_SAYING = frozenset({"type", "enum", "const", "properties", "required", "items", "prefixItems", "additionalProperties"})


class Node(NamedTuple):
    """A schema (or true, or false) and the `$defs` that its references mean."""

    schema: Schema | bool
    defs: Mapping[str, Any]

    def below(self, schema: Any) -> "Node":
        own = schema.get("$defs") if isinstance(schema, dict) else None
        return Node(schema, own if isinstance(own, dict) else self.defs)

    @property
    def alone(self) -> Schema:
        """The schema by itself, with the `$defs` it needs."""
        if isinstance(self.schema, bool):
            return {} if self.schema else {"not": {}}
        if self.defs and "$defs" not in self.schema and any(True for _ in _mentions(self.schema)):
            return {**self.schema, "$defs": self.defs}
        return self.schema


@dataclass(frozen=True, slots=True)
class Shape:
    """One alternative of a schema. `integer` in `types` means whole numbers, `number` all others, so a schema of type number
    has both. `enum` holds the values of enum and const, None where any will do. `extra` is the schema of undeclared
    properties, None where the schema says nothing of them. `said` is False where the schema says nothing at all."""

    types: frozenset[str] = ALL_TYPES
    enum: tuple[Any, ...] | None = None
    properties: Mapping[str, Node] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    extra: Node | None = None
    items: Node | None = None
    prefix: tuple[Node, ...] = ()
    said: bool = True

    @property
    def closed(self) -> bool:
        """Whether nothing but the declared properties is allowed."""
        return self.extra is not None and self.extra.schema is False


UNKNOWN = Shape(said=False)


_NOWHERE = Node(True, {})


def root(schema: Schema | bool) -> Node:
    return _NOWHERE.below(schema)


def shapes(node: Node, depth: int = 0) -> list[Shape]:
    """The alternatives of a node, none where no value can be there. Where there are too many: one that says nothing."""
    schema = node.schema
    if isinstance(schema, bool):
        return [UNKNOWN] if schema else []
    if depth > _DEEPEST:
        return [UNKNOWN]
    found = [_own(node, schema)]
    for options in _alternatives(node, schema, depth):
        found = [merged for one in found for other in options if (merged := _both(one, other)) is not None]
        if len(found) > _MOST_SHAPES:
            return [UNKNOWN]
    return found


def _alternatives(node: Node, schema: Schema, depth: int) -> Iterator[list[Shape]]:
    """Sets of shapes of which a value must fit one each."""
    name = referred(schema)
    if name is not None:
        yield shapes(Node(node.defs.get(name, True), node.defs), depth + 1)
    for part in schema.get("allOf", ()):
        yield shapes(node.below(part), depth + 1)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            yield [shape for part in schema[key] for shape in shapes(node.below(part), depth + 1)]


def types_of(schema: Schema | bool) -> frozenset[str] | None:
    """The types that a value of this schema may have; None where anything may be."""
    if isinstance(schema, dict) and _JOINED.isdisjoint(schema):
        types = _allowed(schema)[0]
        return types if types != ALL_TYPES else None
    found = shapes(root(schema))
    if not all(shape.said and shape.types != ALL_TYPES for shape in found):
        return None
    return frozenset().union(*(shape.types for shape in found))


def values_of(schema: Schema | bool) -> list[Any] | None:
    """The values that the schema lists, None where others may be."""
    if isinstance(schema, dict) and _JOINED.isdisjoint(schema):
        enum = _allowed(schema)[1]
        return None if enum is None else list(enum)
    found = shapes(root(schema))
    if not found or any(shape.enum is None for shape in found):
        return None
    return [value for shape in found for value in shape.enum or ()]


def _allowed(schema: Schema) -> tuple[frozenset[str], tuple[Any, ...] | None]:
    """The types, and the values where they are listed, that the keywords of the schema itself allow."""
    types = schema.get("type")
    allowed = ALL_TYPES if types is None else _TYPES[types] if isinstance(types, str) else _types(types)
    if "const" not in schema and "enum" not in schema:
        return allowed, None
    listed = [schema["const"]] if "const" in schema else schema["enum"]
    enum = tuple(listed) if types is None else tuple(value for value in listed if type_of(value) in allowed)
    of_values = {type_of(value) for value in enum}
    # A number stays one, though the values that were listed happen to be whole.
    allowed &= of_values | ({"integer", "number"} if types and of_values & {"integer", "number"} else set())
    return allowed | ({"integer"} if "number" in allowed else frozenset()), enum


def properties_of(schema: Schema) -> Mapping[str, Any]:
    """Its properties; of a schema that is none, as a draft may hold, those that can be read."""
    found = schema.get("properties")
    return found if isinstance(found, Mapping) else {}


def required_of(schema: Schema) -> frozenset[str]:
    """The properties that it requires, in the same way."""
    found = schema.get("required")
    return frozenset(name for name in found if isinstance(name, str)) if isinstance(found, list) else frozenset()


def _own(node: Node, schema: Schema) -> Shape:
    allowed, enum = _allowed(schema)
    extra = schema.get("additionalProperties")
    return Shape(
        types=allowed,
        enum=enum,
        properties={name: node.below(part) for name, part in properties_of(schema).items()},
        required=required_of(schema),
        extra=None if extra is None else node.below(extra),
        items=node.below(schema["items"]) if "items" in schema else None,
        prefix=tuple(node.below(part) for part in schema.get("prefixItems", ())),
        said=not _SAYING.isdisjoint(schema),
    )


def _types(names: Sequence[str]) -> frozenset[str]:
    return frozenset(names) | ({"integer"} if "number" in names else set())


_TYPES = {name: _types([name]) for name in ALL_TYPES}
_TYPES_OF_PYTHON = {type(None): "null", bool: "boolean", int: "integer", str: "string", list: "array", dict: "object"}


def type_of(value: Any) -> str:
    """The JSON type of a value, `integer` for 3 and 3.0, `number` for other numbers."""
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    return _TYPES_OF_PYTHON[type(value)]


def _both(one: Shape, other: Shape) -> Shape | None:
    """The shape of values that fit both, None where there can be none."""
    if not one.said or not other.said:
        return other if not one.said else one
    types = one.types & other.types
    enum = one.enum if other.enum is None else other.enum
    if one.enum is not None and other.enum is not None:
        kept = {canonical(value) for value in other.enum}
        enum = tuple(value for value in one.enum if canonical(value) in kept)
    if enum is not None:
        enum = tuple(value for value in enum if type_of(value) in types)
    if not types or enum == ():
        return None
    return Shape(
        types=types,
        enum=enum,
        properties={
            name: _all_of(one.properties.get(name), other.properties.get(name))
            for name in [*one.properties, *(name for name in other.properties if name not in one.properties)]
        },
        required=one.required | other.required,
        extra=_maybe_all_of(one.extra, other.extra),
        items=_maybe_all_of(one.items, other.items),
        prefix=one.prefix or other.prefix,
    )


def _all_of(one: Node | None, other: Node | None) -> Node:
    if one is None or other is None:
        return one or other or Node(True, {})
    if one == other:
        return one
    return Node({"allOf": [one.alone, other.alone]}, {})


def _maybe_all_of(one: Node | None, other: Node | None) -> Node | None:
    return None if one is None and other is None else _all_of(one, other)


def _mentions(schema: Any) -> Iterator[str]:
    """Each `$ref` anywhere in the schema."""
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for part in schema.values():
            yield from _mentions(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _mentions(part)


class Place(NamedTuple):
    """What is known of a place in a value. `schema` is {} where nothing is known. `optional`: it may not be there, by itself
    or because something above it may be absent or null."""

    schema: Schema
    optional: bool = False


def narrow(schema: Schema | bool, path: Sequence[str | int]) -> Place | None:
    """The place at a path of property names and list indices. None where the schema leaves no room for it.

    For reading, an object that declares properties and is silent on others is closed: to read what nobody declared is a slip.
    Below a place of which nothing is known everything may be, and is not called optional. A list may be shorter than the
    index; that isn't called optional either, since `has()` can't ask for it.
    """
    nodes, optional = [root(schema)], False
    for part in path:
        if len(nodes) == 1 and _declares(schema := nodes[0].schema, part):
            nodes = [nodes[0].below(schema["properties"][part])]
            optional = optional or part not in schema.get("required", ())
            continue
        steps = [_step(shape, part) for node in nodes for shape in shapes(node)]
        found = [step for step in steps if step is not None]
        if not found:
            return None
        optional = optional or len(found) < len(steps) or any(step.optional for step in found)
        nodes = list({id(step.node.schema): step.node for step in found}.values())
    return Place(_any_of(nodes), optional)


class _Step(NamedTuple):
    node: Node
    optional: bool = False


def _declares(schema: Schema | bool, part: str | int) -> TypeGuard[Schema]:
    """The usual case, without a look at the other properties: the sight of a large workflow has hundreds."""
    if not isinstance(schema, dict) or schema.get("type") != "object" or not _COMPOUND.isdisjoint(schema):
        return False
    return part in schema.get("properties", ())


def _step(shape: Shape, part: str | int) -> _Step | None:
    if not shape.said:
        return _Step(Node(True, {}))
    if isinstance(part, int):
        if "array" not in shape.types:
            return None
        if part < len(shape.prefix):
            return _Step(shape.prefix[part])
        return _Step(shape.items or Node(True, {}))
    if "object" not in shape.types:
        return None
    more_types = shape.types != {"object"}
    if part in shape.properties:
        return _Step(shape.properties[part], more_types or part not in shape.required)
    if shape.extra is not None:
        return None if shape.closed else _Step(shape.extra, isinstance(shape.extra.schema, dict) or more_types)
    return None if shape.properties else _Step(Node(True, {}), more_types)


def _any_of(nodes: Sequence[Node]) -> Schema:
    if len(nodes) == 1:
        return nodes[0].alone
    return {"anyOf": [node.alone for node in nodes]}


def properties(schema: Schema | bool) -> tuple[str, ...]:
    """The property names that the schema declares at its root, for "did you mean"."""
    return tuple(dict.fromkeys(name for shape in shapes(root(schema)) for name in shape.properties))


def element(schema: Schema | bool) -> Schema:
    """The schema of what stands in a list of this schema, {} where nothing is known."""
    found = [part for shape in shapes(root(schema)) if shape.said for part in (*shape.prefix, *filter(None, [shape.items]))]
    return _any_of(found) if found else {}


def without_null(schema: Schema) -> Schema:
    """The schema of the same place once null has been ruled out."""
    kind = schema.get("type")
    if isinstance(kind, list) and "null" in kind:
        rest = [name for name in kind if name != "null"]
        schema = {**schema, "type": rest[0] if len(rest) == 1 else rest}
    for key in ("anyOf", "oneOf"):
        if key in schema:
            defs = schema.get("$defs")
            parts = [part for part in schema[key] if part != {"type": "null"}]
            if len(parts) == 1 and set(schema) <= {key, "$defs", "title", "description", "default"}:
                return {**parts[0], "$defs": defs} if defs else parts[0]
            schema = {**schema, key: parts}
    if "enum" in schema and None in schema["enum"]:
        schema = {**schema, "enum": [value for value in schema["enum"] if value is not None]}
    return schema
