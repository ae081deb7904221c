"""The JSON Schema that definitions may use: a part of draft 2020-12 in which everything that is written is enforced, nothing
is fetched, and checking a value takes time in proportion to the value.

References are to `#/$defs/name` only; `$defs` stands at the root. Patterns run on a linear engine (no look-around, no
back-references). A keyword outside the table is a problem and never ignored, so that a misspelt one can't pass for a rule.
"""

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from functools import lru_cache
from typing import Any

import jsonschema_rs

from orchestration.core.errors import Problem, Unreadable
from orchestration.core.frozen import replace
from orchestration.core.patterns import why_not
from orchestration.core.sanitiser import INT_MAX, INT_MIN, clean
from orchestration.core.values import canonical, load
from orchestration.core.wording import abbreviate, did_you_mean, dotted, listed

Schema = dict[str, Any]

MAX_CHARACTERS = 200_000
MAX_DEPTH = 60
MAX_UNFOLDED = 20_000
MAX_PATTERN = 500

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
FORMATS = ("date", "date-time", "time", "email", "uri", "uuid", "ipv4", "ipv6", "hostname")

_ONE = ("items", "additionalProperties", "not", "if", "then", "else", "propertyNames")
_MANY = ("anyOf", "oneOf", "allOf", "prefixItems")
_NAMED = ("properties", "$defs")
IN_PLACE = ("anyOf", "oneOf", "allOf", "not", "if", "then", "else")
_RULES = (
    *("$ref", "type", "enum", "const", "required", "minItems", "maxItems", "uniqueItems", "minimum", "maximum"),
    *("exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "format"),
    *("minProperties", "maxProperties"),
)
_NOTES = ("$schema", "$comment", "title", "description", "default", "examples", "readOnly", "writeOnly", "deprecated")
KEYWORDS = frozenset([*_ONE, *_MANY, *_NAMED, *_RULES, *_NOTES])
_INSTEAD = {
    "nullable": 'write type: [string, "null"]',
    "definitions": "write $defs",
    "optional": "list what must be there in required",
    "patternProperties": "use additionalProperties and propertyNames",
    "$id": "leave it out; references are to #/$defs/name",
    "unevaluatedProperties": "use additionalProperties: false",
}
_REF = re.compile(r"#/\$defs/([^/]+)\Z")

Path = list[str | int]


def validator(schema: Schema | bool) -> jsonschema_rs.Draft202012Validator:
    """The engine for a schema. Never fetches, never backtracks. Raises ValueError where the schema is not valid."""
    return jsonschema_rs.Draft202012Validator(
        schema,
        validate_formats=True,
        offline=True,
        pattern_options=jsonschema_rs.RegexOptions(size_limit=1_000_000, dfa_size_limit=2_000_000),
    )


def bounded(schema: Schema | bool) -> Schema | bool:
    """The schema, which asks of every `integer` that it fits in 64 bits too: 1e300 is whole, and can't be kept as one."""
    found = deepcopy(schema)
    _bound(found)
    return found


def _bound(schema: Schema | bool) -> None:
    if not isinstance(schema, dict):
        return
    for key, _, part in subschemas(schema):
        if key not in ("not", "if"):  # there it would let more through
            _bound(part)
    types = schema.get("type", ())
    if "integer" in ([types] if isinstance(types, str) else types) and "number" not in types:
        schema["minimum"] = max(schema.get("minimum", INT_MIN), INT_MIN)
        schema["maximum"] = min(schema.get("maximum", INT_MAX), INT_MAX)


def referred(schema: Mapping[str, Any]) -> str | None:
    """The name under `$defs` that the schema refers to, None where it refers to nothing."""
    found = _REF.match(schema.get("$ref", ""))
    return found.group(1) if found else None


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str | int, ...], Any]]:
    """Each direct subschema as (keyword, path from here, subschema). Shapes that are wrong are left out."""
    for key in _ONE:
        if key in schema:
            yield key, (key,), schema[key]
    for key in _MANY:
        if isinstance(schema.get(key), list):
            yield from ((key, (key, index), each) for index, each in enumerate(schema[key]))
    for key in _NAMED:
        if isinstance(schema.get(key), dict):
            yield from ((key, (key, name), each) for name, each in schema[key].items())


def check_schema(schema: Any, path: str = "") -> tuple[Problem, ...]:
    """What is wrong with a schema, () where it may be used. Codes: `bad_schema`, `schema_keyword_unsupported`,
    `schema_too_large`, and the warning `format_not_checked`. `path` is where the schema stands in its document.
    """
    if not isinstance(schema, dict):
        return (Problem("bad_schema", f"a schema is an object, as {{type: string}}; it is {abbreviate(schema)}", path),)
    try:
        clean(schema)
    except Unreadable as error:
        return tuple(replace(problem, path=path) for problem in error.problems)
    text = canonical(schema)
    if len(text) > MAX_CHARACTERS:
        return (Problem("schema_too_large", f"the schema has more than {MAX_CHARACTERS:,} characters. Split it", path),)
    return _checked(text, path)


@lru_cache(maxsize=1024)
def _checked(text: str, path: str) -> tuple[Problem, ...]:
    """By content, since each is checked where it is written, and again where a contract is made of it."""
    schema = load(text)
    problems = list(_Check(schema, path).run())
    if not any(problem.severity == "error" for problem in problems):
        problems += _refused_by_engine(schema, path)
    return tuple(problems[:20])


def _refused_by_engine(schema: Schema, path: str) -> list[Problem]:
    """What our own walk leaves to the meta-schema: types and bounds of the keywords' values."""
    try:
        validator(schema)
    except jsonschema_rs.ValidationError as error:
        return [Problem("bad_schema", f"{error.message[:200]}. See the JSON Schema rules of this keyword",
                        dotted(path, error.instance_path))]  # fmt: skip
    except ValueError as error:
        return [Problem("bad_schema", str(error)[:200], path)]
    return []


class _Check:
    def __init__(self, schema: Schema, path: str) -> None:
        self.schema, self.path = schema, path
        self.defs: dict[str, Any] = schema["$defs"] if isinstance(schema.get("$defs"), dict) else {}

    def run(self) -> Iterator[Problem]:
        problems = list(self.walk(self.schema, []))
        yield from problems
        if not problems or all(problem.severity != "error" for problem in problems):
            yield from self.cost()

    def problem(self, code: str, message: str, path: Path) -> Problem:
        return Problem(code, message, dotted(self.path, path), severity="warning" if code == "format_not_checked" else "error")

    def walk(self, schema: Any, path: Path) -> Iterator[Problem]:
        if isinstance(schema, bool):
            return
        if not isinstance(schema, dict):
            yield self.problem("bad_schema", f"a schema is an object, true or false; it is {abbreviate(schema)}", path)
            return
        if len(path) > MAX_DEPTH:
            yield self.problem("schema_too_large", "the schema is nested too deep. Use $defs and $ref", path)
            return
        for key in schema:
            yield from self.keyword(schema, key, path)
        yield from self.undeclared(schema, path)
        for _, below, sub in subschemas(schema):
            yield from self.walk(sub, [*path, *below])

    def keyword(self, schema: Schema, key: str, path: Path) -> Iterator[Problem]:
        here = [*path, key]
        value = schema[key]
        if key not in KEYWORDS and not key.startswith("x-"):
            hint = f"; {_INSTEAD[key]}" if key in _INSTEAD else did_you_mean(key, KEYWORDS)
            yield self.problem(
                "schema_keyword_unsupported", f"{abbreviate(key)} is not a keyword that is enforced here{hint}", here
            )
        elif key == "$ref" and (not isinstance(value, str) or not _REF.match(value) or referred(schema) not in self.defs):
            names = [f"#/$defs/{name}" for name in self.defs]
            there = f"there is {listed(names, join='and')}" if names else "there are no $defs at the root of this schema"
            yield self.problem("bad_schema", f"{abbreviate(value)} refers to nothing; {there}", here)
        elif key == "$defs" and path:
            yield self.problem("schema_keyword_unsupported", "$defs stands at the root of a schema only. Move it there", here)
        elif key == "type" and not self.types(value):
            yield self.problem("bad_schema", f"{abbreviate(value)} is not a type; there is {listed(TYPES, join='and')}", here)
        elif key == "enum" and (not isinstance(value, list) or not value):
            yield self.problem("bad_schema", "enum is a list of at least one value", here)
        elif key == "pattern":
            yield from self.pattern(value, here)
        elif key == "format" and value not in FORMATS:
            yield self.problem(
                "format_not_checked", f"the format {abbreviate(value)} is not checked; checked are {listed(FORMATS)}", here
            )

    @staticmethod
    def types(value: Any) -> bool:
        names = value if isinstance(value, list) else [value]
        return bool(names) and all(isinstance(name, str) and name in TYPES for name in names)

    def pattern(self, value: Any, path: Path) -> Iterator[Problem]:
        if not isinstance(value, str) or len(value) > MAX_PATTERN:
            yield self.problem("bad_schema", f"a pattern is text of at most {MAX_PATTERN} characters", path)
            return
        try:
            validator({"pattern": value})
        except ValueError:
            yield self.problem("bad_schema", f"the pattern {abbreviate(value)} {why_not(value)}", path)

    def undeclared(self, schema: Schema, path: Path) -> Iterator[Problem]:
        """A required name that the same object does not declare is a slip: nothing could read it."""
        known, required = schema.get("properties"), schema.get("required")
        if isinstance(known, dict) and isinstance(required, list) and not schema.get("additionalProperties"):
            for name in required:
                if isinstance(name, str) and name not in known:
                    hint = did_you_mean(name, known)
                    yield self.problem(
                        "bad_schema", f"{abbreviate(name)} is required but not among properties{hint}", [*path, "required"]
                    )

    # What checking a value may cost

    def cost(self) -> Iterator[Problem]:
        refs = {name: set(_refs(body)) for name, body in self.defs.items()}
        reach = {name: _reach(name, refs) for name in refs}
        for name, body in self.defs.items():
            circle = {other for other in reach[name] if name in reach[other]}
            where: Path = ["$defs", name]
            if name in _refs_in_place(body, self.defs):
                message = f"{name} refers to itself without going into the value. Put a property or items between"
                yield self.problem("bad_schema", message, where)
            elif circle and _forks(body, circle):
                message = f"{name} refers to itself in two branches over one value, which doubles the work each level. Keep one"
                yield self.problem("bad_schema", message, where)
        if _unfolded(self.schema, self.defs, {}) > MAX_UNFOLDED:
            message = f"with its references followed the schema has more than {MAX_UNFOLDED:,} parts. Simplify it"
            yield self.problem("schema_too_large", message, [])


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if name := referred(schema):
            yield name
        for keyword, _, sub in subschemas(schema):
            if keyword != "$defs":
                yield from _refs(sub)


def _refs_in_place(schema: Any, defs: Mapping[str, Any]) -> set[str]:
    """Names reached while still at the same value."""
    found: set[str] = set()
    todo = [schema]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            name = referred(part)
            if name and name not in found:
                found.add(name)
                todo.append(defs[name])
            todo.extend(sub for keyword, _, sub in subschemas(part) if keyword in IN_PLACE)
    return found


def _reach(name: str, refs: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    todo = list(refs[name])
    while todo:
        other = todo.pop()
        if other not in found:
            found.add(other)
            todo.extend(refs[other])
    return found


def _forks(schema: Any, circle: set[str]) -> bool:
    """Whether one value is looked at by two parts of the schema that both lead back into the circle."""
    if not isinstance(schema, dict):
        return False
    parts = [sub for keyword, _, sub in subschemas(schema) if keyword in IN_PLACE]
    rest = {key: value for key, value in schema.items() if key not in IN_PLACE}
    leading = sum(bool(circle & set(_refs(part))) for part in [*parts, rest])
    if "$ref" in rest and referred(rest) in circle:
        leading += bool(circle & set(_refs({key: value for key, value in rest.items() if key != "$ref"})))
    return leading > 1 or any(_forks(sub, circle) for keyword, _, sub in subschemas(schema) if keyword != "$defs")


def _unfolded(schema: Any, defs: Mapping[str, Any], known: dict[str, int]) -> int:
    """How many parts there are with references followed, each recursive one once; the cap and one at most."""
    if not isinstance(schema, dict):
        return 1
    total = 1
    if name := referred(schema):
        if name not in known:
            known[name] = 0
            known[name] = _unfolded(defs[name], defs, known)
        total += known[name]
    for keyword, _, sub in subschemas(schema):
        if keyword != "$defs":
            total += _unfolded(sub, defs, known)
    return min(total, MAX_UNFOLDED + 1)
