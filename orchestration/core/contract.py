"""Contracts: what a step takes and gives, as JSON Schema. Compile once, check often, say in sentences what does not fit.

This is the door to all that is done with schemas; the parts live in `schema` (what may be written), `shape` (reading places),
`assignment` (does one fit another), `coercion` (typing) and `sample` (an instance).
"""

from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from itertools import islice
from typing import Any

import jsonschema_rs

from orchestration.core.assignment import assignable, type_names
from orchestration.core.coercion import Coercer, coercer
from orchestration.core.errors import Problem, Refused
from orchestration.core.sample import example
from orchestration.core.sanitiser import INT_MAX, INT_MIN
from orchestration.core.schema import Schema, bounded, check_schema, validator
from orchestration.core.shape import Place, narrow
from orchestration.core.values import canonical, load
from orchestration.core.wording import abbreviate, did_you_mean, dotted, listed

__all__ = ["Contract", "Place", "Schema", "assignable", "check_schema", "coerce", "contract", "example", "narrow"]

MOST_PROBLEMS = 20

Branch = list[jsonschema_rs.ValidationError]


def contract(schema: Schema) -> "Contract":
    """The contract of a schema, compiled once for each content. Raises `Refused` with what `check_schema` finds."""
    return _contract(canonical(schema))


@lru_cache(maxsize=2048)
def _contract(text: str) -> "Contract":
    return Contract(load(text))


def coerce(schema: Schema, value: Any) -> Any:
    """The value, typed by a contract that it has passed: 3 where a `number` is promised becomes 3.0, 3.0 where an `integer`
    is promised becomes 3. The value given is not changed; what needs no change is shared."""
    return contract(schema).coerce(value)


class Contract:
    """A schema that may be used. Safe to share between threads; checking never fetches, never backtracks. What checks and types
    values is made when it is first needed: that the engine takes the schema has been seen, and most proofs need no more."""

    def __init__(self, schema: Schema) -> None:
        problems = [problem for problem in check_schema(schema) if problem.severity == "error"]
        if problems:
            raise Refused(*problems)
        self.schema = schema

    @cached_property
    def _validator(self) -> jsonschema_rs.Draft202012Validator:
        return validator(bounded(self.schema))

    @cached_property
    def _coerce(self) -> Coercer | None:
        return coercer(self.schema)

    def accepts(self, value: Any) -> bool:
        """Whether the value fits, without reasons."""
        return self._validator.is_valid(value)

    def check(self, value: Any, root: str = "output") -> tuple[Problem, ...]:
        """What does not fit, () where all does; at most 20 problems. Paths begin with `root`, as `output.items[2].price`."""
        if self._validator.is_valid(value):
            return ()
        errors = islice(self._validator.iter_errors(value), MOST_PROBLEMS)
        found = [problem for error in errors for problem in _explain(error, value, root, self.schema)]
        return tuple(dict.fromkeys(found))[:MOST_PROBLEMS]

    def coerce(self, value: Any) -> Any:
        """See `coerce`; takes a value that this contract accepts."""
        return value if self._coerce is None else self._coerce(value)


# What does not fit, in sentences

_CODES = {
    "type": "wrong_type",
    "enum": "not_in_enum",
    "const": "not_in_enum",
    "minimum": "too_small",
    "exclusiveMinimum": "too_small",
    "maximum": "too_large",
    "exclusiveMaximum": "too_large",
    "multipleOf": "not_multiple",
    "minLength": "too_short",
    "minItems": "too_short",
    "minProperties": "too_short",
    "maxLength": "too_long",
    "maxItems": "too_long",
    "maxProperties": "too_long",
    "uniqueItems": "not_unique",
    "pattern": "pattern",
    "format": "format",
    "propertyNames": "bad_key",
}
_WORDS = {
    "minimum": "must be at least {limit}",
    "exclusiveMinimum": "must be greater than {limit}",
    "maximum": "must be at most {limit}",
    "exclusiveMaximum": "must be less than {limit}",
    "multipleOf": "must be a multiple of {multiple_of}",
    "minLength": "must have at least {limit} characters",
    "maxLength": "must have at most {limit} characters",
    "minItems": "must have at least {limit} items",
    "maxItems": "must have at most {limit} items",
    "minProperties": "must have at least {limit} keys",
    "maxProperties": "must have at most {limit} keys",
    "uniqueItems": "must not hold the same item twice",
    "pattern": "must match the pattern {pattern}",
    "format": "must be written as a {format}",
    "not": "must not fit the schema under not",
    "propertyNames": "has a key that is not allowed",
}


def _explain(error: jsonschema_rs.ValidationError, value: Any, root: str, schema: Schema) -> Iterator[Problem]:
    path = error.instance_path
    here = _at(value, path)
    details = error.kind.as_dict()
    name = error.kind.name
    match name:
        case "required":
            yield Problem("missing", "is missing, and is required", dotted(root, [*path, details["property"]]))
        case "additionalProperties" | "falseSchema":
            known = _declared(schema, error.schema_path) if name == "additionalProperties" else ()
            for key in details.get("unexpected", [None])[:5]:
                where = path if key is None else [*path, key]
                hint = did_you_mean(key, known) if key else ""
                yield Problem("unknown_key", f"is not allowed here{hint or '; leave it out'}", dotted(root, where))
        case "anyOf" | "oneOf":
            yield from _explain_choice(error, details["context"], value, root, schema)
        case "type":
            wanted = type_names(frozenset(details["types"]))
            yield Problem("wrong_type", f"must be {wanted}; it is {abbreviate(here)}", dotted(root, path))
        case "enum" | "const":
            yield _not_in(_options(error), here, dotted(root, path))
        case "minimum" | "maximum" if details["limit"] in (INT_MIN, INT_MAX):
            message = f"must be a whole number that fits in 64 bits; it is {abbreviate(here)}"
            yield Problem("number_too_large", message, dotted(root, path))
        case _:
            words = _WORDS.get(name, "does not fit the rule " + name)
            if name == "pattern" and (said := _said(schema, error.schema_path)):
                words = f"must be {said} (pattern {{pattern}})"
            shown = {key: _plain(one) if isinstance(one, str) else f"{one:,}" if isinstance(one, int) else one
                     for key, one in details.items()}  # fmt: skip
            is_list = isinstance(here, list)
            it_is = f"{len(here)} are there" if is_list and name != "uniqueItems" else f"it is {abbreviate(here)}"
            yield Problem(_CODES.get(name, "not_allowed"), f"{words.format(**shown)}; {it_is}", dotted(root, path))


def _explain_choice(
    error: jsonschema_rs.ValidationError, branches: list[Branch], value: Any, root: str, schema: Schema
) -> Iterator[Problem]:
    """The reasons of the one branch that was meant, where that can be told: by the type at this place, then by a property
    whose value is fixed in each. Else that none fits."""
    where, depth = dotted(root, error.instance_path), len(error.instance_path)
    here = abbreviate(_at(value, error.instance_path))
    if any(not branch for branch in branches):
        yield Problem("not_one_of", "fits more than one of the forms that exclude each other", where)
        return
    of_type = [branch for branch in branches if not any(_at_depth(one, ("type",), depth) for one in branch)]
    if not of_type:
        types = frozenset(kind for branch in branches for one in branch if _at_depth(one, ("type",), depth)
                          for kind in one.kind.as_dict()["types"])  # fmt: skip
        yield Problem("wrong_type", f"must be {type_names(types)}; it is {here}", where)
        return
    fixed = [[one for one in branch if _at_depth(one, ("const", "enum"), depth + 1)] for branch in of_type]
    meant = [branch for branch, marks in zip(of_type, fixed, strict=True) if not marks]
    if len(of_type) == 1 or len(meant) == 1:
        for one in (meant or of_type)[0]:
            yield from _explain(one, value, root, schema)
    elif not meant and len({str(one.instance_path) for marks in fixed for one in marks}) == 1:
        options = dict.fromkeys(option for marks in fixed for option in _options(marks[0]))
        yield _not_in(options, _at(value, fixed[0][0].instance_path), dotted(root, fixed[0][0].instance_path))
    else:
        yield Problem("not_one_of", f"fits none of the {len(branches)} forms that are allowed; it is {here}", where)


def _at_depth(error: jsonschema_rs.ValidationError, names: tuple[str, ...], depth: int) -> bool:
    return error.kind.name in names and len(error.instance_path) == depth


def _options(error: jsonschema_rs.ValidationError) -> list[str]:
    details = error.kind.as_dict()
    return [_plain(one) for one in details.get("options", [details.get("expected_value")])]


def _not_in(options: Iterable[str], here: Any, path: str) -> Problem:
    shown = list(options)
    return Problem("not_in_enum", f"must be {'one of ' * (len(shown) > 1)}{listed(shown)}; it is {abbreviate(here)}", path)


def _plain(value: Any) -> str:
    """A choice as one would type it: text without quotes where nothing could be mistaken."""
    return value if isinstance(value, str) and value and value.isprintable() and len(value) <= 60 else abbreviate(value)


def _at(value: Any, path: list[str | int]) -> Any:
    for part in path:
        value = value[part]
    return value


def _said(schema: Any, schema_path: list[str | int]) -> str:
    """How the schema itself tells people what a text looks like: by its first example, else its description; "" by neither."""
    here = _beside(schema, schema_path)
    examples, description = here.get("examples"), here.get("description")
    if isinstance(examples, list) and examples:
        words = f"written as {_plain(examples[0])}"
    else:
        words = f"as described: {description[:200].rstrip('.')}" if isinstance(description, str) and description else ""
    return words.replace("{", "{{").replace("}", "}}")


def _declared(schema: Any, schema_path: list[str | int]) -> tuple[str, ...]:
    """The properties declared beside the keyword at that place of the schema."""
    return tuple(_beside(schema, schema_path).get("properties", ()))


def _beside(schema: Any, schema_path: list[str | int]) -> dict[str, Any]:
    """The schema that has the keyword at that place."""
    here, defs = schema, schema.get("$defs", {})
    for part in schema_path[:-1]:
        if part == "$ref":
            here = defs.get(str(here["$ref"]).rpartition("/")[2], {})
        else:
            here = here[part]
    return here if isinstance(here, dict) else {}
