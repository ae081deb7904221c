"""The contract of an object as rows, one for each field. A field within an object or a list has a row too, and its name says
where it stands: `customer.email`, `lines[].amount`. What a row has no place for, it keeps as JSON.

`Contract().value(Contract().shown(schema)) == schema`, whatever stands in it, but for the order of `required`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dashboard.panel.field_names import Path, read, reading, stands, unread, written
from dashboard.panel.rows import listed, places, refuse, unlisted, wrong
from dashboard.schema_answer import ABSENT, pretty
from dashboard.schema_fields import Field
from dashboard.schema_spec import Spec
from orchestration.core.errors import Problem, Refused, Unreadable
from orchestration.core.values import canonical, parse_json

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """`type` in the schema; `items`: that of each item, "" where it is not said. `more`: a keyword that suits it."""

    words: str
    type: str
    more: str
    items: str = ""

    @property
    def is_list(self) -> bool:
        return self.type == "array"

    @property
    def holds(self) -> bool:
        """Whether it has fields of its own."""
        return "object" in (self.type, self.items)


KINDS: dict[str, Kind] = {
    "text": Kind("text", "string", '{"maxLength": 200}'),
    "number": Kind("a number", "number", '{"minimum": 0}'),
    "integer": Kind("a whole number", "integer", '{"minimum": 0}'),
    "boolean": Kind("yes or no", "boolean", '{"default": false}'),
    "texts": Kind("a list of text", "array", '{"maxItems": 20}', "string"),
    "numbers": Kind("a list of numbers", "array", '{"maxItems": 20}', "number"),
    "integers": Kind("a list of whole numbers", "array", '{"maxItems": 20}', "integer"),
    "objects": Kind("a list of objects", "array", '{"maxItems": 20}', "object"),
    "array": Kind("a list of anything", "array", '{"maxItems": 20}'),
    "object": Kind("an object", "object", '{"additionalProperties": false}'),
    "any": Kind("not said", "", '{"type": ["string", "null"]}'),
}
_NEW = {"kind": "text", "required": True}


def _spec() -> Spec:
    kinds, labels = tuple(KINDS), tuple(kind.words for kind in KINDS.values())
    row = (
        Spec("text", "name", "Name", look="name"),
        Spec("choice", "kind", "Kind", options=kinds, labels=labels, default=(_NEW["kind"],), look="short"),
        Spec("check", "required", "required", default=(_NEW["required"],), look="check"),
        Spec("text", "enum", "One of", required=False, blank="any", look="grow"),
        Spec("text", "description", "What it is", required=False, look="grow"),
        Spec("value", "more", "More", required=False, blank=KINDS[str(_NEW["kind"])].more, look="grow"),
    )
    item = Spec("object", "", "Field", properties=row, look="row")
    hint = "What is inside an object or a list has a row too: `customer.email`, or `lines[].amount` for each of a list."
    fields = Spec(
        "list", "fields", "Fields", hint, required=False, item=item, keyed=True, look="rows", adds="Add a field", stands=stands
    )
    more = Spec("value", "more", "More keywords", required=False, blank='{"additionalProperties": false}')
    return Spec("object", "", "", properties=(fields, more), implied=True, look="contract")


@dataclass(frozen=True)
class Contract:
    unsaid: Any = ABSENT
    words: tuple[str, str] = ("As JSON Schema", "As rows")
    rows: Spec = field(init=False, default_factory=_spec)

    def shown(self, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("type") != "object" or not isinstance(value.get("properties", {}), dict):
            raise refuse("Only the schema of an object can be shown as rows")
        rest = (
            {key: each for key, each in value.items() if key != "type"}
            if value.keys() - {"type", "properties"} or value.get("properties")
            else {}
        )
        if rest.get("properties") and not _can_be_rows(rest):
            raise refuse("It requires fields that it does not declare, or a field is no schema; rows can't say that")
        fields = list(_below(rest, ()))
        return {"fields": fields, **({"more": rest} if rest else {})}

    def value(self, shown: Any) -> Any:
        tree = _Tree(shown.get("fields", ()))
        more = tree.keywords(shown.get("more", {}), "more", '{"additionalProperties": false}')
        schema = tree.merged({"type": "object", **tree.fields(tree.root)}, more, "more")
        if tree.problems:
            raise Refused(*tree.problems)
        return schema if tree.root.below or more else ABSENT

    def text(self, value: Any) -> str:
        return pretty(value)

    def read(self, text: str) -> Any:
        return parse_json(text).value


# From a schema to rows


def _can_be_rows(schema: Mapping[str, Any]) -> bool:
    """Whether all that it says of its fields can be said in rows of theirs."""
    properties, required = schema.get("properties"), schema.get("required", [])
    return (
        isinstance(properties, dict)
        and all(isinstance(part, dict) for part in properties.values())
        and isinstance(required, list)
        and all(isinstance(name, str) and name in properties for name in required)
    )


def _below(schema: dict[str, Any], path: Path) -> Iterator[Row]:
    """Rows of the fields, in their order, each with those below it. What they say is taken out of the schema."""
    if not schema.get("properties") or not _can_be_rows(schema):
        return
    properties, required = schema.pop("properties"), schema.get("required", [])
    if required:
        del schema["required"]
    for name, part in properties.items():
        yield from _rows(dict(part), (*path, (name, False)), name in required)


def _rows(part: dict[str, Any], path: Path, required: bool) -> Iterator[Row]:
    name = _kind(part)
    kind = KINDS[name]
    row: Row = {"name": written(path), "kind": name, "required": required}
    description = part.get("description")
    if isinstance(description, str) and description and description.isprintable():
        row["description"] = part.pop("description")
    if kind.type:
        del part["type"]
    inside = dict(part["items"]) if kind.is_list and isinstance(part.get("items"), dict) else {} if kind.is_list else part
    if kind.items:
        del inside["type"]
    if isinstance(inside.get("enum"), list) and inside["enum"]:
        row["enum"] = listed(inside.pop("enum"))
    fields = list(_below(inside, (*path[:-1], (path[-1][0], kind.is_list)))) if kind.holds else []
    if kind.is_list and isinstance(part.get("items"), dict):
        said = bool(kind.items or "enum" in row)
        part = {key: inside if key == "items" else each for key, each in part.items() if key != "items" or inside or not said}
    yield {**row, **({"more": part} if part else {})}
    yield from fields


def _kind(part: Mapping[str, Any]) -> str:
    """The one that says most."""
    own, items = part.get("type"), part.get("items")
    each = items.get("type") if isinstance(items, dict) else None
    for name, kind in KINDS.items():
        if kind.type == own and (not kind.items or kind.items == each):
            return name
    return "any"


# From rows to a schema


@dataclass(slots=True)
class _Node:
    """A field. One that has no row of its own is there because fields are below it."""

    place: str
    row: Row | None = None
    each: bool = False
    below: dict[str, "_Node"] = field(default_factory=dict)


class _Tree:
    def __init__(self, rows: list[Row]) -> None:
        self.problems: list[Problem] = []
        self.root = _Node("")
        for row, place in zip(rows, places(rows, "fields"), strict=True):
            if row != _NEW:
                self._put(row, place)

    def wrong(self, message: str, place: str) -> None:
        self.problems.append(wrong(message, place))

    def _put(self, row: Row, place: str) -> None:
        text = row.get("name", "")
        path = read(text)
        if path is None:
            said = unread(text) if text.strip() else "A field has no name. Write one, or take the row away"
            return self.wrong(said, f"{place}.name")
        here = self.root
        for name, each in path[:-1]:
            here = here.below.setdefault(name, _Node(place))
            if here.below and here.each != each:
                as_others = ("an object", f"{name}.…") if each else ("a list", f"{name}[].…")
                self.wrong(
                    f"In other rows `{name}` is {as_others[0]}. Write `{as_others[1]}` here too, or there", f"{place}.name"
                )
                continue
            here.each = each
        node = here.below.setdefault(path[-1][0], _Node(place))
        if node.row is not None:
            return self.wrong(f"`{text}` stands here twice. Take one of them away", f"{place}.name")
        node.row, node.place = row, place
        return None

    def fields(self, node: _Node) -> dict[str, Any]:
        required = [name for name, each in node.below.items() if each.row is None or each.row.get("required")]
        properties = {name: self._schema(name, each) for name, each in node.below.items()}
        return {**({"required": required} if required else {}), **({"properties": properties} if properties else {})}

    def _schema(self, name: str, node: _Node) -> dict[str, Any]:
        row = node.row or {"kind": "objects" if node.each else "object"}
        kind = self._kind(name, node, row.get("kind", "any"))
        inside: dict[str, Any] = {"type": kind.items} if kind.items else {}
        if row.get("enum"):
            inside["enum"] = unlisted(row["enum"])
        inside |= self.fields(node)
        own: dict[str, Any] = {"type": kind.type} if kind.type else {}
        own |= ({"items": inside} if inside else {}) if kind.is_list else inside
        own |= {"description": row["description"]} if row.get("description") else {}
        place = f"{node.place}.more"
        return self.merged(own, self.keywords(row.get("more", {}), place, kind.more), place)

    def _kind(self, name: str, node: _Node, said: str) -> Kind:
        kind = KINDS.get(said, KINDS["any"])
        if not node.below or said == ("objects" if node.each else "object"):
            return kind
        if node.each and said != "array":
            self.wrong(f"`{name}[]` has fields in other rows, so this has to be a list of objects", f"{node.place}.kind")
        elif not node.each and kind.is_list:
            first, below = next(iter(node.below.items()))
            self.wrong(f"`{name}` is a list. What is in each of it is written `{name}[].{first}`", f"{below.place}.name")
        elif not node.each:
            self.wrong(f"`{name}` has fields in other rows, so this has to be an object", f"{node.place}.kind")
        return KINDS["objects"]

    def keywords(self, more: Any, place: str, such: str) -> dict[str, Any]:
        if isinstance(more, dict):
            return more
        why = ""
        try:
            parse_json(more if isinstance(more, str) else "{}")
        except Unreadable as error:
            why = f": {error.problems[0].message}"
        self.wrong(f"This has to be keywords of JSON Schema, as `{such}`{why}", place)
        return {}

    def merged(self, made: dict[str, Any], more: dict[str, Any], place: str) -> dict[str, Any]:
        """What a row says, and what more it says. Only its kind gives way."""
        schema = {**made, **more}
        for key in [key for key in made if key in more and key != "type" and made[key] != more[key]]:
            mine, other = made[key], more[key]
            if key == "required" and isinstance(other, list):
                schema[key] = [*mine, *(name for name in other if name not in mine)]
            elif key == "items" and isinstance(other, dict):
                schema[key] = self.merged(mine, other, place)
            elif key == "properties" and isinstance(other, dict) and not mine.keys() & other.keys():
                schema[key] = {**mine, **other}
            else:
                self.wrong(f"`{key}` is said by a row, and here otherwise. Say it once", place)
        return schema


# What is drawn


def with_words(field: Field) -> Field:
    """The tree of fields: each row of a contract says what may stand in it, and how an odd name is read."""
    if field.css == "row" and any(child.name.endswith("/kind") for child in field.children):
        return replace(field, children=tuple(_told(child, field.children) for child in field.children))
    if not field.children and field.blank is None:
        return field
    blank = with_words(field.blank) if field.blank else None
    return replace(field, children=tuple(map(with_words, field.children)), blank=blank)


def _told(field: Field, row: tuple[Field, ...]) -> Field:
    key = field.name.rpartition("/")[2]
    if key == "name":
        return replace(field, hint=reading(field.text))
    kinds = {canonical(name): kind for name, kind in KINDS.items()}
    if key == "kind":
        options = (replace(one, more=kinds[one.value].more) if one.value in kinds else one for one in field.options)
        return replace(field, options=tuple(options))
    chosen = next((one.value for each in row for one in each.options if one.chosen), "")
    return replace(field, placeholder=kinds[chosen].more) if key == "more" and chosen in kinds else field
