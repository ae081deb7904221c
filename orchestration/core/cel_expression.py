"""Expressions: CEL, compiled against what is in sight, evaluated on plain JSON values.

Compile once, evaluate often: an evaluation costs some microseconds plus the copying of the values it reads, and nothing for what
it doesn't. Compiled expressions may be shared between threads.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from orchestration.core.assignment import assignable, type_names
from orchestration.core.cel_check import Plan, check
from orchestration.core.cel_cost import Cost, cost
from orchestration.core.cel_engine import MOST_CHARACTERS, MOST_PLACES, Failed, Program, Rejected, program, read
from orchestration.core.cel_places import Read, Sight
from orchestration.core.cel_tree import Name, Tree, write
from orchestration.core.errors import EvaluationError, Problem, Refused, Unreadable
from orchestration.core.frozen import dataclass
from orchestration.core.sanitiser import clean, clean_text
from orchestration.core.schema import Schema
from orchestration.core.values import canonical, load
from orchestration.core.wording import dotted, meant_boolean

__all__ = ["Expression", "Read", "Sight", "compile_expression", "compile_part", "compile_tree", "read_tree", "value_at"]

_ABSENT_NAME = re.compile(r'^No value with name "(\w+)" found in Activation$')
_ABSENT_KEY = re.compile(r'^Key not found in map : "(.*)"$')
_OPERATOR = re.compile(r"^@?_?([^_(]+)_?\((.*)\)$")
_TYPE_NAMES = {"int64": "int", "null_type": "null"}
_NAMES_OF_TYPES = re.compile(r"\b(?:int64|null_type)\b")
_NO_OVERLOAD = re.compile(r"^No matching overloads found : (.*)$")


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled expression. `reads` are the places it reads, in the order in which they stand; `schema` is what is known of its
    value, {} where nothing is; `values` and `tests` are the places that the program's stand-in names mean."""

    source: str
    reads: tuple[Read, ...]
    schema: Schema
    values: Mapping[str, tuple[str, ...]] = field(repr=False, compare=False)
    tests: Mapping[str, tuple[str, ...]] = field(repr=False, compare=False)
    program: Program | None = field(repr=False, compare=False)
    """None where there is nothing to compute: the value is that of one place."""
    cost: Cost | None = field(repr=False, compare=False)

    def evaluate(self, env: Mapping[str, Any]) -> Any:
        """The value, plain JSON. `env` holds values for the names in sight; what isn't there is absent, and to read it raises
        EvaluationError, as does whatever else goes wrong."""
        if self.program is None:
            return self.read(env)
        data = self.bind(env)
        if self.cost is not None:
            self.cost.check(data, self.source)
        try:
            value = self.program.run(data)
        except Failed as error:
            raise EvaluationError(self.explain_failure(str(error))) from None
        if value is None or type(value) is bool:
            return value
        try:
            # Maps come back in an order that changes from process to process; sorted, the same values give the same text.
            return load(canonical(clean(value).value))
        except Unreadable as error:
            raise EvaluationError(f"`{_cut(self.source)}` gives what can't be kept: {error.problems[0].message}") from None

    def read(self, env: Mapping[str, Any]) -> Any:
        """The place that is all there is to the expression, without a detour through the engine."""
        (path,) = self.values.values()
        value = value_at(env, path, _ABSENT)
        if value is _ABSENT:
            raise EvaluationError(_absent(path, self.source))
        return value

    def bind(self, env: Mapping[str, Any]) -> dict[str, Any]:
        """The values and presences that the program's stand-in names mean; absent values are left out."""
        data: dict[str, Any] = {}
        for name, path in self.values.items():
            value = value_at(env, path, _ABSENT)
            if value is not _ABSENT:
                data[name] = value
        for name, path in self.tests.items():
            data[name] = value_at(env, path, _ABSENT) is not _ABSENT
        return data

    def explain_failure(self, message: str) -> str:
        """The engine's message as a sentence in the words of the source."""
        if found := _ABSENT_NAME.match(message):
            return _absent(self.values.get(found[1], ("?",)), self.source)
        for name, path in self.values.items():
            message = message.replace(name, dotted("", path))
        if found := _ABSENT_KEY.match(message):
            message = f"there is no {found[1]}"
        elif found := _NO_OVERLOAD.match(message):
            message = _NAMES_OF_TYPES.sub(lambda name: _TYPE_NAMES[name[0]], found[1])
            if signs := _OPERATOR.match(message):
                message = f"{signs[1]} does not take {signs[2].replace(', ', ' and ')}. Convert with string(), double() or int()"
            else:
                message = f"there is no {message}"
        return f"`{_cut(self.source)}` failed: {message}"


_ABSENT = object()


def value_at(env: Mapping[str, Any], path: tuple[str, ...], default: Any) -> Any:
    """The value at the place, `default` where it, or anything above it, is missing or null."""
    value: Any = env
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return default
        value = value[name]
    return value


def compile_expression(source: str, sight: Sight, *, wants: Schema | None = None, path: str = "") -> Expression:
    """Compile against the names in sight (name → JSON Schema of its value; what a schema does not require may be missing).

    With `wants`, the value must be assignable to that schema. Raises `Refused`; codes: `expression_syntax`, `expression_type`,
    `unknown_reference`, `optional_unguarded`, `expression_too_long`, `reserved_word`. Problems stand at `path`.
    """
    return compile_tree(read_tree(source, path), source, sight, wants, path)


def read_tree(source: Any, path: str) -> Tree:
    """The tree of a text, or `Refused`."""
    if isinstance(source, str) and not source.strip():
        message = "Nothing stands here yet. Pick a value, or write an expression, as `run.input.x`."
        raise Refused(Problem("unfinished", message, path))
    if not isinstance(source, str):
        raise Refused(Problem("expression_syntax", "an expression is text, as `run.input.x > 1`", path))
    if len(source) > MOST_CHARACTERS:
        message = f"the expression has {len(source):,} characters; at most {MOST_CHARACTERS:,} are taken. Split it over two steps"
        raise Refused(Problem("expression_too_long", message, path))
    if clean_text(source).marks:
        raise Refused(Problem("expression_syntax", "the expression holds a NUL or a lone surrogate. Remove it", path))
    try:
        return read(source)
    except Rejected as error:
        raise Refused(Problem(error.code, f"`{_cut(source)}`: {error}", path)) from None


def compile_tree(
    tree: Tree, source: str, sight: Sight, wants: Schema | None, path: str, paths: Mapping[int, str] | None = None
) -> Expression:
    """As `compile_expression`, for a tree that may be composed of several texts; `paths` tells where each stood."""
    plan, problems = check(tree, source, sight, path, paths, decides=wants == {"type": "boolean"})
    problems = problems or _unwanted(plan, source, wants, path)
    if problems:
        raise Refused(*problems)
    return _finish(source, plan, path)


def compile_part(tree: Tree, source: str, sight: Sight) -> Expression:
    """A part of a tree that was compiled as a whole: what its guards made certain there is taken for granted."""
    plan, _ = check(tree, source, sight, "")
    return _finish(source, plan, "")


def _unwanted(plan: Plan, source: str, wants: Schema | None, path: str) -> list[Problem]:
    if max(len(plan.values), len(plan.tests)) > MOST_PLACES:
        return [Problem("expression_too_long", f"it reads more than {MOST_PLACES} places. Split it over two steps", path)]
    if wants == {"type": "boolean"}:
        types = plan.kind.types
        if types is not None and types != {"boolean"}:
            message = f"`{_cut(source)}` is {type_names(types)}, where true or false is wanted"
            message += meant_boolean(plan.kind.values) or ". Compare it with something"
            return [Problem("expression_type", message, path)]
        return []
    reasons = () if wants is None else assignable(plan.kind.schema, wants)
    return [Problem("expression_type", f"`{_cut(source)}`: {reason}", path) for reason in reasons]


def _finish(source: str, plan: Plan, path: str) -> Expression:
    if isinstance(plan.tree, Name) and plan.tree.name in plan.values:
        return Expression(source, plan.reads, plan.kind.schema, plan.values, plan.tests, None, None)
    try:
        compiled = program(write(plan.tree), plan.prefix)
    except Rejected as error:
        message = str(error)
        for name, place in {**plan.values, **plan.tests}.items():
            message = message.replace(name, dotted("", place))
        raise Refused(Problem(error.code, f"`{_cut(source)}`: {message}", path)) from None
    return Expression(source, plan.reads, plan.kind.schema, plan.values, plan.tests, compiled, cost(plan.tree))


def _absent(path: tuple[str, ...], source: str) -> str:
    place = dotted("", path)
    return f"`{place}` is not there" + ("" if place == source.strip() else f", and `{_cut(source)}` needs it")


def _cut(source: str) -> str:
    return source if len(source) <= 120 else source[:119] + "…"
