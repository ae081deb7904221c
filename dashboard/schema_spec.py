"""Which control stands for each place of a schema. Read once from the schema, whatever the value; what no control fits is
asked for as JSON text, so that every schema has a form."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, Protocol

from orchestration.core.contract import Schema
from orchestration.core.schema import referred
from orchestration.core.shape import Node, Shape, root, shapes
from orchestration.core.values import canonical, dump, load
from orchestration.core.wording import abbreviate

Kind = Literal["text", "number", "date", "check", "choice", "many", "object", "list", "json", "value", "typed", "either"]

MOST_PLACES = 200
DEEPEST = 6
LONG_TEXT = 300

_TOLD = (
    "title", "description", "default", "examples", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "format",
)  # fmt: skip
_FORMATS = {
    "date-time": "A moment with its zone, such as 2026-01-31T12:00:00Z.",
    "time": "A time with its zone, such as 12:00:00Z.",
    "email": "An e-mail address.",
    "uri": "A full address, such as https://example.com/.",
    "uuid": "A UUID.",
}


class Way(Protocol):
    """Two ways to edit one value: as rows, which have a form of their own, and as text. `shown`, `value` and `read` raise
    `Refused` where that can't be done."""

    @property
    def rows(self) -> "Spec": ...

    @property
    def unsaid(self) -> Any:
        """What it is where nothing is written."""

    @property
    def words(self) -> tuple[str, str]:
        """What the buttons say that lead to the text and to the rows."""

    def shown(self, value: Any) -> Any:
        """What the form of the rows holds."""

    def value(self, shown: Any) -> Any:
        """What rows say; ABSENT where they say nothing."""

    def text(self, value: Any) -> str: ...

    def read(self, text: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Spec:
    """One place of a form. `options` are the values of a choice, `labels` what they are called; `item` is the spec of a list's
    items; `open` tells that an object may hold keys that are not declared. `least` and `most` count items. `default` is () where
    there is none, else (value,). An `implied` object is there where any of its fields is given; the items of a `keyed` list are
    found by their `name`. `look` is how it is drawn, `blank` what is said where nothing is given, `offers` the name of a list of
    places, `picks` how one that is picked from it is written (as a `value` in `${…}`, or as a bare `place`), `code` the
    language of a text (`cel`, `prompt`), `adds` what the button says that adds an item, and `flips` what it says in a condition
    of which any row has to hold. `stands`: of rows that show a value in another shape, from the name of one to where in the
    value it stands, and its field that shows what is wrong there."""

    kind: Kind
    key: str
    label: str
    hint: str = ""
    required: bool = True
    nullable: bool = False
    long: bool = False
    whole: bool = False
    options: tuple[Any, ...] = ()
    properties: tuple["Spec", ...] = ()
    item: "Spec | None" = None
    open: bool = False
    least: int = 0
    most: int | None = None
    longest: int | None = None
    default: tuple[Any, ...] = ()
    labels: tuple[str, ...] = ()
    implied: bool = False
    keyed: bool = False
    look: str = ""
    blank: str = ""
    offers: str = ""
    code: str = ""
    picks: str = ""
    adds: str = ""
    flips: str = ""
    stands: Callable[[str], tuple[str, str]] | None = None
    way: Way | None = None

    def every(self) -> "Iterator[Spec]":
        """This spec and all below it, rows too."""
        yield self
        for part in (*self.properties, self.item, self.way and self.way.rows):
            yield from part.every() if part else ()


def spec_of(schema: Schema) -> Spec:
    """The spec of a schema that `check_schema` finds no error in."""
    return _spec(dump(schema))


@lru_cache(maxsize=256)
def _spec(text: str) -> Spec:
    """By the text as it is written, not the canonical one: fields stand in the schema's own order."""
    return _Reader().read(root(load(text)), "", "", True, 0)


class _Reader:
    def __init__(self) -> None:
        self.left = MOST_PLACES

    def read(self, node: Node, key: str, label: str, required: bool, depth: int) -> Spec:
        self.left -= 1
        told = _told(node)
        label = str(told.get("title") or label or _words(key))
        default = (told["default"],) if "default" in told else ()
        found = shapes(node)
        nullable = any("null" in shape.types and shape.said for shape in found)
        shape = _only([shape for shape in found if shape.types != {"null"}])
        plain = Spec("json", key, label, _hint(told, "json"), required, nullable, default=default)
        if shape is None or self.left < 0 or depth > DEEPEST:
            return plain
        return self._of(shape, told, plain, depth)

    def _of(self, shape: Shape, told: Mapping[str, Any], plain: Spec, depth: int) -> Spec:
        types = shape.types - {"null"}
        base = {name: getattr(plain, name) for name in ("key", "label", "required", "nullable", "default")}
        if shape.enum is not None:
            options = tuple(value for value in shape.enum if value is not None)
            return Spec("choice", hint=_hint(told, "choice"), options=options, **base)
        if types == {"boolean"}:
            sure = plain.required and not plain.nullable
            return Spec("check" if sure else "choice", hint=_hint(told, "check"), options=(True, False), **base)
        if types <= {"integer", "number"}:
            return Spec("number", hint=_hint(told, "number"), whole=types == {"integer"}, **base)
        if types == {"string"}:
            return _text(told, base)
        if types == {"array"}:
            return self._list(shape, told, plain, base, depth)
        if types == {"object"} and shape.properties:
            properties = tuple(
                self.read(node, name, "", name in shape.required, depth + 1) for name, node in shape.properties.items()
            )
            return Spec("object", hint=_hint(told, "object"), properties=properties, open=not shape.closed, **base)
        return plain

    def _list(self, shape: Shape, told: Mapping[str, Any], plain: Spec, base: dict[str, Any], depth: int) -> Spec:
        if shape.items is None or shape.prefix:
            return plain
        item = self.read(shape.items, "", "", True, depth + 1)
        counts = {"least": told.get("minItems", 0), "most": told.get("maxItems")}
        if item.kind == "choice" and not item.nullable and told.get("uniqueItems"):
            return Spec("many", hint=_hint(told, "many"), options=item.options, **counts, **base)
        return Spec("list", hint=_hint(told, "list"), item=item, **counts, **base)


def _text(told: Mapping[str, Any], base: dict[str, Any]) -> Spec:
    longest = told.get("maxLength")
    kind: Kind = "date" if told.get("format") == "date" else "text"
    long = longest is not None and longest > LONG_TEXT
    return Spec(kind, hint=_hint(told, kind), long=long, longest=longest, **base)


def _only(found: list[Shape]) -> Shape | None:
    """The one shape that values have; alternatives that are all lists of values count as one list."""
    if len(found) == 1:
        return found[0] if found[0].said else None
    if found and all(shape.enum is not None for shape in found):
        options = {canonical(value): value for shape in found for value in shape.enum or ()}
        return Shape(types=frozenset().union(*(shape.types for shape in found)), enum=tuple(options.values()))
    return None


def _told(node: Node) -> dict[str, Any]:
    """Title, bounds and the like at this place: from the schema, what it refers to, its `allOf`, and the one alternative
    that is not null. Of two the nearest is taken."""
    found: dict[str, Any] = {}
    todo, left = [node], 50
    while todo and left:
        left -= 1
        one = todo.pop(0)
        if not isinstance(one.schema, dict):
            continue
        found = {**{name: one.schema[name] for name in _TOLD if name in one.schema}, **found}
        if (name := referred(one.schema)) in one.defs and name is not None:
            todo.append(Node(one.defs[name], one.defs))
        todo.extend(one.below(part) for part in one.schema.get("allOf", ()))
        for keyword in ("anyOf", "oneOf"):
            others = [part for part in one.schema.get(keyword, ()) if part != {"type": "null"}]
            todo.extend(one.below(part) for part in others if len(others) == 1)
    return found


def _words(key: str) -> str:
    """`refund_amount` → `Refund amount`."""
    words = key.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def _hint(told: Mapping[str, Any], kind: str) -> str:
    parts = [str(told["description"]).strip()] if told.get("description") else []
    parts += filter(None, [_bounds(told, kind)])
    if kind == "text" and (words := _FORMATS.get(told.get("format", ""))):
        parts.append(words)
    if kind in ("text", "number") and isinstance(told.get("examples"), list) and told["examples"]:
        one = told["examples"][0]
        parts.append(f"For example {one if isinstance(one, str) else abbreviate(one)}.")
    return " ".join(part if part.endswith((".", "!", "?", ":")) else part + "." for part in parts)


def _bounds(told: Mapping[str, Any], kind: str) -> str:
    if kind == "number":
        low, high = _edge(told, "inimum", "at least", "more than"), _edge(told, "aximum", "at most", "less than")
        words = " and ".join(filter(None, [low, high]))
        if step := told.get("multipleOf"):
            words = f"{words}, a multiple of {step}" if words else f"a multiple of {step}"
        return words[:1].upper() + words[1:]
    unit = {"text": ("characters", "Length"), "list": ("items", "Items"), "many": ("items", "Items")}.get(kind)
    if unit is None:
        return ""
    least, most = told.get("min" + unit[1], 0), told.get("max" + unit[1])
    if kind == "text" and least <= 1 and most is not None and most <= LONG_TEXT:
        return ""  # a line of text is seldom as long as that, and who reaches it is told
    if least == most:
        return f"Exactly {least:,} {unit[0]}" if most is not None else ""
    if least > 1 and most is not None:
        return f"{least:,} to {most:,} {unit[0]}"
    return f"At most {most:,} {unit[0]}" if most is not None else f"At least {least:,} {unit[0]}" if least > 1 else ""


def _edge(told: Mapping[str, Any], name: str, closed: str, exclusive: str) -> str:
    if f"m{name}" in told:
        return f"{closed} {told[f'm{name}']}"
    return f"{exclusive} {told[f'exclusiveM{name}']}" if f"exclusiveM{name}" in told else ""
