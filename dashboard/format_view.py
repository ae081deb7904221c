"""The reference of the definition format, made from its models: each key with its type, its default, and its sentence of
`format_words`."""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, MaxLen

from dashboard import format_words as words
from dashboard.format_example import EXAMPLE, step_of
from orchestration.core import cel_types, definition, fields, values
from orchestration.core.cel_engine import MOST_CHARACTERS
from orchestration.core.errors import ErrorCode
from orchestration.core.fields import RESERVED_IDS, Model
from orchestration.core.prompt_check import FILTERS, TESTS
from orchestration.core.wording import listed

_NAMED: tuple[tuple[Any, str], ...] = (
    (fields.Duration, "a duration"),
    (fields.Id, "an id"),
    (fields.StepId, "an id"),
    (fields.Ref, "a name"),
    (fields.LaterRef, "a name"),
    (fields.EventName, "a name"),
    (fields.RetryCode, "an error"),
    (fields.CatchCode, "an error"),
    (fields.Schema, "a JSON Schema"),
    (fields.Condition, "a condition"),
    (definition.Step, "a step"),
    (Any, "any value"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a number"),
)
_MANY = {
    "an error": "errors",
    "a name": "names",
    "an id": "ids",
    "a step": "steps",
    "text": "texts",
    "any value": "values",
    "a mapping": "mappings",
}


@dataclass(frozen=True, slots=True)
class Key:
    """`default` is "" where the key has to be there. `see` is the anchor of the section that tells of what is in it, `title` that
    section's."""

    name: str
    kind: str
    needed: bool
    default: str
    sentence: str
    see: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """`also`: sections, (title, anchor), whose keys it has too."""

    anchor: str
    title: str
    sentence: str
    keys: tuple[Key, ...]
    also: tuple[tuple[str, str], ...] = ()
    code: bool = False
    example: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    document: tuple[Section, ...]
    types: tuple[Section, ...]
    shared: tuple[Section, ...]
    sight: tuple[tuple[str, str, str], ...]
    errors: tuple[tuple[str, str], ...]
    effects: tuple[tuple[str, str], ...]
    ladder: tuple[tuple[str, str], ...]
    functions: tuple[str, ...]
    methods: tuple[str, ...]
    filters: tuple[str, ...]
    tests: tuple[str, ...]
    reserved: tuple[str, ...]
    most_characters: int
    example: str


@cache
def reference() -> Reference:
    """All of it. Nothing in it changes while a process runs."""
    return Reference(
        tuple(_section(model, *told) for model, told in words.DOCUMENT.items()),
        tuple(_type(model, *told) for model, told in words.TYPES.items()),
        tuple(_section(model, *told) for model, told in {**words.SHARED, **words.PARTS}.items()),
        words.SIGHT,
        tuple((code.value, words.ERRORS[code]) for code in ErrorCode),
        tuple((effect, words.EFFECTS[effect]) for effect in get_args(fields.Effect)),
        words.LADDER,
        tuple(_functions()),
        tuple(sorted(cel_types.METHODS)),
        FILTERS,
        TESTS,
        tuple(sorted(RESERVED_IDS)),
        MOST_CHARACTERS,
        EXAMPLE,
    )


def described() -> Mapping[type[Model], Mapping[str, str]]:
    """Every model that is described, with its sentences."""
    parts = {**words.DOCUMENT, **words.SHARED, **words.PARTS}
    return {model: keys for model, (_, _, keys) in parts.items()} | {model: keys for model, (_, keys) in words.TYPES.items()}


def own(model: type[Model]) -> dict[str, Any]:
    """The fields of a model by their keys as they are written, without those of what it shares with others."""
    shared = {name for base in model.__mro__[1:] if base in words.SHARED for name in base.model_fields}
    return {field.alias or name: (name, field) for name, field in model.model_fields.items() if name not in shared}


def _functions() -> Iterator[str]:
    yield from ("has", "all", "exists", "exists_one", "filter", "map")  # CEL's own macros
    numeric = {name.replace("@max", "greatest").replace("@min", "least") for name in cel_types.NUMERIC}
    yield from sorted({*cel_types.FUNCTIONS, *numeric})


def _section(model: type[Model], title: str, sentence: str, told: Mapping[str, str]) -> Section:
    return Section(_anchor(model), title, sentence, tuple(_keys(model, told)), _also(model))


def _type(model: type[Model], sentence: str, told: Mapping[str, str]) -> Section:
    name = get_args(model.model_fields["type"].annotation)[0]
    return Section(_anchor(model), name, sentence, tuple(_keys(model, told)), _also(model), True, step_of(name))


def _also(model: type[Model]) -> tuple[tuple[str, str], ...]:
    bases = [base for base in model.__mro__[1:] if base in words.SHARED]
    return tuple((words.SHARED[base][0], _anchor(base)) for base in bases)


def _anchor(model: type[Any]) -> str:
    return f"key-{model.__name__.lower()}"


_TITLES = {
    _anchor(model): told[0][:1].lower() + told[0][1:] for model, told in {**words.DOCUMENT, **words.SHARED, **words.PARTS}.items()
}


def _keys(model: type[Model], told: Mapping[str, str]) -> Iterator[Key]:
    hints = get_type_hints(model, include_extras=True)
    for key, (name, field) in sorted(own(model).items(), key=lambda item: item[0] != "type"):
        kind, see = _kind(hints[name])
        default = "" if field.is_required() else _default(field.get_default(call_default_factory=True), kind)
        sentence = told.get(key) or words.ANYWHERE[key]
        yield Key(key, kind + _bounds(field.metadata, kind), field.is_required(), default, sentence, see, _TITLES.get(see, ""))


def _kind(hint: Any) -> tuple[str, str]:
    """The type in words, and the anchor of what it is made of."""
    for known, name in _NAMED:
        if hint == known:
            return name, ""
    origin, args = get_origin(hint), get_args(hint)
    if isinstance(hint, type) and issubclass(hint, Model):
        return "a mapping", _anchor(hint)
    if origin in (Union, types.UnionType):
        kinds = [_kind(arg) for arg in args if arg is not type(None)]
        return listed(list(dict.fromkeys(kind for kind, _ in kinds)), join="or"), next((see for _, see in kinds if see), "")
    if origin is Literal:
        return listed([f"`{arg}`" for arg in args], join="or"), ""
    if origin in (tuple, list):
        kind, see = _kind(args[0])
        return f"a list of {_MANY[kind]}", see
    if origin is dict:
        kind, see = _kind(args[1])
        return f"{'ids' if args[0] == fields.Id else 'names'}, each with {kind}", see
    return _kind(args[0])  # Annotated: its constraints are said by themselves


def _bounds(metadata: list[Any], kind: str) -> str:
    found = {type(part): part for part in metadata if kind != "a name"}
    low, high = found.get(Ge), found.get(Le)
    if low and high:
        return f", {low.ge:,} to {high.le:,}"
    if low:
        return f", {low.ge:,} at least"
    if above := found.get(Gt):
        return f", more than {above.gt}"
    if most := found.get(MaxLen):
        return f", at most {most.max_length:,}{' characters' if kind == 'text' else ''}"
    return ""


def _default(value: Any, kind: str) -> str:
    if isinstance(value, Model):
        return "its own defaults"
    if value is None or value in ("", (), [], {}):
        return "none"
    if kind == "a duration":
        return f"`{value:g}s`"
    if isinstance(value, float):
        return f"`{value:g}`"
    if isinstance(value, tuple):
        return ", ".join(f"`{part}`" for part in value)
    return f"`{value if isinstance(value, str) else values.dump(value)}`"
