"""Checks an expression against what is in sight: that each place it reads can exist, that what may be missing is asked for
first, and that types fit. Gives the tree that runs, with each place read replaced by a name (see `Plan`).

The engine's own checker runs after this one, over dynamic values; it finds what is left: wrong literals, unknown functions.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from orchestration.core.assignment import type_names
from orchestration.core.cel_engine import is_bad_pattern
from orchestration.core.cel_facts import NOTHING, Facts, facts_if
from orchestration.core.cel_places import Places, Read, Scope, Seen, Sight, short
from orchestration.core.cel_tree import (
    SIGNS,
    Call,
    Entries,
    Field,
    Items,
    Literal,
    Macro,
    Name,
    Tree,
    chain,
)
from orchestration.core.cel_types import (
    ARITHMETIC,
    BOOLEAN,
    COMPARISONS,
    FUNCTIONS,
    METHODS,
    NUMBER,
    NUMERIC,
    ORDERINGS,
    TEXT,
    UNKNOWN,
    WHOLE,
    Kind,
    Signature,
    of_literal,
    one_of,
)
from orchestration.core.errors import Problem
from orchestration.core.patterns import why_not
from orchestration.core.schema import Schema
from orchestration.core.shape import element, narrow, type_of
from orchestration.core.wording import abbreviate, did_you_mean, listed, meant_boolean


@dataclass(slots=True)
class Plan:
    """What runs: the tree, and for each name in it the place whose value (`values`) or presence (`tests`) it stands for."""

    tree: Tree
    kind: Kind
    reads: tuple[Read, ...]
    values: dict[str, tuple[str, ...]]
    tests: dict[str, tuple[str, ...]]
    prefix: str


def check(
    tree: Tree, source: str, sight: Sight, path: str, paths: Mapping[int, str] | None = None, decides: bool = False
) -> tuple[Plan, list[Problem]]:
    """The plan, and what is wrong. A plan with problems must not run. `source` is the text of the tree; `paths` are places in the
    document of parts of it, by their `id`; the rest stands at `path`. `decides`: it is a condition."""
    places = Places(sight, path, _prefix(source), decides)
    new, kind = _Checker(places, paths or {}).json(tree, _OUTSIDE)
    return Plan(new, kind, tuple(places.reads), places.values, places.tests, places.prefix), places.problems


def _prefix(source: str) -> str:
    """The beginning of a name that the expression itself doesn't use."""
    prefix = "_p"
    while prefix in source and re.search(rf"\b{prefix}", source):
        prefix = "_" + prefix
    return prefix


_OUTSIDE = Scope({}, NOTHING)
_CLASSES = {"integer": "number"}
_ARRAY, _OBJECT = frozenset({"array"}), frozenset({"object"})


@dataclass(slots=True)
class _Checker:
    places: Places
    paths: Mapping[int, str]
    macros: int = 0

    def problem(self, code: str, message: str, tree: Tree | None = None) -> None:
        """Note a problem: with the tree, or with the part of the document that is being looked at."""
        self.places.problem(code, message, self.paths.get(id(tree)))

    def see(self, tree: Tree, scope: Scope) -> Seen:
        if id(tree) not in self.paths:
            return self.look(tree, scope)
        before, self.places.path = self.places.path, self.paths[id(tree)]
        try:
            return self.look(tree, scope)
        finally:
            self.places.path = before

    def look(self, tree: Tree, scope: Scope) -> Seen:
        if (path := chain(tree)) is not None:
            return self.places.value(tree, path, scope)
        match tree:
            case Literal(value, of_kind):
                if of_kind == "double" and not math.isfinite(value):
                    self.problem("expression_type", "a number is too large for a double")
                return tree, of_literal(value, of_kind)
            case Field(operand, name, test):
                if test and (base := chain(operand)) is not None:
                    return self.places.presence(tree, (*base, name), scope)
                new, kind = self.see(operand, scope)
                schema = self.places.below(kind, tree)
                return Field(new, name, test), Kind(BOOLEAN if test else schema)
            case Items(items):
                seen = [self.json(item, scope) for item in items]
                schema = one_of([kind.schema for _, kind in seen]) if seen else UNKNOWN
                return Items(tuple(new for new, _ in seen)), Kind({"type": "array", "items": schema})
            case Entries():
                return self.entries(tree, scope)
            case Macro():
                return self.macro(tree, scope)
            case Call():
                return self.call(tree, scope)
        raise AssertionError(tree)

    # Literals of maps, macros

    def entries(self, tree: Entries, scope: Scope) -> Seen:
        seen: list[tuple[Tree, Tree]] = []
        parts: dict[str, Schema] = {}
        for key, value in tree.entries:
            new, kind = self.json(value, scope)
            new_key, _ = self.operand(key, scope, {"string"}, "the key of an object")
            seen.append((new_key, new))
            if isinstance(key, Literal) and isinstance(key.value, str):
                parts[key.value] = kind.schema
        schema: Schema = {"type": "object", "properties": parts, "required": list(parts), "additionalProperties": False}
        return Entries(tuple(seen)), Kind(schema if len(parts) == len(seen) else {"type": "object"})

    def macro(self, tree: Macro, scope: Scope) -> Seen:
        over, kind = self.operand(tree.over, scope, {"array", "object"}, f"what {tree.kind}() goes through")
        types = kind.types
        each = TEXT if types and types <= {"object", "null"} else element(kind.schema) if types else UNKNOWN
        self.macros += 1
        unique = f"{tree.variable}#{self.macros}"
        inner = Scope({**scope.variables, tree.variable: (each, unique)}, scope.facts)
        where: Tree | None = None
        if tree.where is not None:
            where, _ = self.operand(tree.where, inner, {"boolean"}, "the condition of map()")
            inner = inner.with_facts(facts_if(tree.where, True, inner.resolve))
        if tree.kind == "map":
            body, made = self.json(tree.body, inner)
            return Macro("map", over, tree.variable, body, where), Kind({"type": "array", "items": made.schema})
        body, _ = self.operand(tree.body, inner, {"boolean"}, f"the condition of {tree.kind}()")
        result = BOOLEAN
        if tree.kind == "filter":
            kept = facts_if(tree.body, True, inner.resolve)
            result = {"type": "array", "items": _narrowed(each, unique, kept)}
        return Macro(tree.kind, over, tree.variable, body), Kind(result)

    # Operators and functions

    def operand(self, tree: Tree, scope: Scope, wanted: set[str], what: str) -> Seen:
        """See it, and say so where it can't have one of the wanted types, or may be null."""
        new, kind = self.see(tree, scope)
        self.fits(tree, kind, wanted, what)
        return new, kind

    def fits(self, tree: Tree, kind: Kind, wanted: set[str], what: str) -> None:
        types = kind.types
        if kind.foreign or types is None:
            return
        if not types & wanted:
            hint = meant_boolean(kind.values) if "boolean" in wanted else ""
            message = f"{what} must be {type_names(frozenset(wanted))}; `{short(tree)}` is {type_names(types)}{hint}"
            self.problem("expression_type", message, tree)
        elif "null" in types and "null" not in wanted:
            what = short(tree)
            self.places.unguarded(what, "null", f"{what} != null", what, self.paths.get(id(tree)))

    def call(self, tree: Call, scope: Scope) -> Seen:
        function, args = tree.function, tree.args
        if function in ("_&&_", "_||_"):
            left, _ = self.operand(args[0], scope, {"boolean"}, f"each side of {SIGNS[function]}")
            more = facts_if(args[0], function == "_&&_", scope.resolve)
            right, _ = self.operand(args[1], scope.with_facts(more), {"boolean"}, f"each side of {SIGNS[function]}")
            return Call(function, (left, right)), Kind(BOOLEAN)
        if function == "!_":
            return Call(function, (self.operand(args[0], scope, {"boolean"}, "what ! turns around")[0],)), Kind(BOOLEAN)
        if function == "_?_:_":
            return self.choice(args, scope)
        if function in COMPARISONS:
            return self.comparison(tree, scope)
        if function in ARITHMETIC:
            return self.arithmetic(tree, scope)
        if function == "-_":
            new, kind = self.operand(args[0], scope, {"number", "integer"}, "what - turns around")
            return Call(function, (new,)), Kind(NUMBER if kind.number == "double" else WHOLE if kind.number else UNKNOWN)
        if function == "@in":
            return self.membership(args, scope)
        if function == "_[_]":
            return self.index(args, scope)
        return self.function(tree, scope)

    def choice(self, args: tuple[Tree, ...], scope: Scope) -> Seen:
        condition, _ = self.operand(args[0], scope, {"boolean"}, "the condition before ?")
        yes, yes_kind = self.see(args[1], scope.with_facts(facts_if(args[0], True, scope.resolve)))
        no, no_kind = self.see(args[2], scope.with_facts(facts_if(args[0], False, scope.resolve)))
        if {yes_kind.number, no_kind.number} == {"int", "double"}:
            yes, yes_kind = _as_double(yes, yes_kind)
            no, no_kind = _as_double(no, no_kind)
        # dyn(), since the engine wants both sides of one type, and JSON does not.
        both = (Call("dyn", (yes,)), Call("dyn", (no,)))
        return Call("_?_:_", (condition, *both)), Kind(one_of([yes_kind.schema, no_kind.schema]), foreign=yes_kind.foreign)

    def comparison(self, tree: Call, scope: Scope) -> Seen:
        sign = SIGNS[tree.function]
        if tree.function in ORDERINGS:
            wanted = {"number", "integer", "string", "boolean"}
            left, left_kind = self.operand(tree.args[0], scope, wanted, f"what {sign} compares")
            right, right_kind = self.operand(tree.args[1], scope, wanted, f"what {sign} compares")
        else:
            left, left_kind = self.see(tree.args[0], scope)
            right, right_kind = self.see(tree.args[1], scope)
        self.comparable(tree, left_kind, right_kind)
        if {left_kind.number, right_kind.number} == {"int", "double"}:
            left, _ = _as_double(left, left_kind)
            right, _ = _as_double(right, right_kind)
        return Call(tree.function, (left, right)), Kind(BOOLEAN)

    def comparable(self, tree: Call, left: Kind, right: Kind) -> None:
        one, other = left.types, right.types
        if one is None or other is None:
            return
        ours, theirs = _classes(one), _classes(other)
        if ours == {"null"} or theirs == {"null"}:
            return  # asking for null is always allowed
        if not ours & theirs:
            never = "" if tree.function in ORDERINGS else ": they are never equal"
            self.problem("expression_type", f"`{short(tree)}` compares {type_names(one)} with {type_names(other)}{never}")
        elif tree.function not in ORDERINGS:
            self.possible(tree.args[0], left, right)
            self.possible(tree.args[1], right, left)

    def possible(self, tree: Tree, kind: Kind, other: Kind) -> None:
        """Where the schema lists the values of a place, a value outside the list is a slip."""
        if isinstance(tree, Literal) or (values := kind.values) is None or (others := other.values) is None or len(others) != 1:
            return
        if not any(type_of(value) == type_of(others[0]) and value == others[0] for value in values):
            names = [str(value) if isinstance(value, str) else abbreviate(value) for value in values]
            hint = (
                did_you_mean(str(others[0]), names) if isinstance(others[0], str) else f"; there is {listed(names, join='and')}"
            )
            self.problem("expression_type", f"`{short(tree)}` is never {abbreviate(others[0])}{hint}")

    def arithmetic(self, tree: Call, scope: Scope) -> Seen:
        sign = SIGNS[tree.function]
        wanted = {"integer", "number"} | ({"string", "array"} if sign == "+" else set())
        left, left_kind = self.operand(tree.args[0], scope, wanted, f"what {sign} takes")
        right, right_kind = self.operand(tree.args[1], scope, wanted, f"what {sign} takes")
        types = left_kind.types, right_kind.types
        if left_kind.number and right_kind.number:
            if "double" in (left_kind.number, right_kind.number):
                left, _ = _as_double(left, left_kind)
                right, _ = _as_double(right, right_kind)
                if sign == "%":
                    self.problem("expression_type", f"`{short(tree)}`: % takes whole numbers. Use int(…)")
                return Call(tree.function, (left, right)), Kind(NUMBER)
            return Call(tree.function, (left, right)), Kind(WHOLE)
        new = Call(tree.function, (left, right))
        if types[0] is None or types[1] is None:
            return new, Kind(UNKNOWN, foreign=left_kind.foreign or right_kind.foreign)
        if sign == "+" and not _classes(types[0]) & _classes(types[1]):
            advice = ". Use string(…)" if "string" in types[0] | types[1] else ""
            self.problem("expression_type", f"`{short(tree)}` adds {type_names(types[0])} and {type_names(types[1])}{advice}")
            return new, Kind(UNKNOWN)
        if types[0] | types[1] == {"string"}:
            return new, Kind(TEXT)
        if types[0] | types[1] == {"array"}:
            return new, Kind({"type": "array", "items": one_of([element(left_kind.schema), element(right_kind.schema)])})
        return new, Kind(UNKNOWN)

    def membership(self, args: tuple[Tree, ...], scope: Scope) -> Seen:
        item, item_kind = self.see(args[0], scope)
        over, kind = self.operand(args[1], scope, {"array", "object"}, "what stands after in")
        types = kind.types
        if isinstance(args[1], Items):
            for literal in args[1].items:
                if isinstance(literal, Literal):
                    self.possible(args[0], item_kind, of_literal(literal.value, literal.kind))
        if types == _ARRAY and item_kind.types is not None:
            inside = Kind(element(kind.schema)).types
            if inside is not None and not _classes(inside) & _classes(item_kind.types):
                self.problem("expression_type", f"`{short(args[0])}` is {type_names(item_kind.types)}, and `{short(args[1])}` "
                             f"holds {type_names(inside)}")  # fmt: skip
        return Call("@in", (item, over)), Kind(BOOLEAN)

    def index(self, args: tuple[Tree, ...], scope: Scope) -> Seen:
        over, kind = self.operand(args[0], scope, {"array", "object"}, "what stands before [ ]")
        types = kind.types
        wanted = {"integer"} if types == _ARRAY else {"string"} if types == _OBJECT else {"integer", "string"}
        at, _ = self.operand(args[1], scope, wanted, "what stands in [ ]")
        return Call("_[_]", (over, at)), Kind(element(kind.schema) if types == _ARRAY else UNKNOWN)

    def function(self, tree: Call, scope: Scope) -> Seen:
        name = tree.function
        if isinstance(tree.target, Name) and tree.target.name == "math" and "math" not in self.places.sight:
            return self.named(f"math.{name}", FUNCTIONS, tree, tree.args, scope, tree.target)
        if tree.target is None:
            return self.named(name, FUNCTIONS, tree, tree.args, scope, None)
        return self.named(name, METHODS, tree, (tree.target, *tree.args), scope, None)

    def named(
        self, name: str, table: Mapping[str, Signature], tree: Call, args: tuple[Tree, ...], scope: Scope, owner: Tree | None
    ) -> Seen:
        signature = table.get(name)
        if signature is None and name not in NUMERIC:
            known = [*table, "math.greatest", "math.least"] if table is FUNCTIONS else table
            self.problem("expression_type", f"there is no function {name}() here{did_you_mean(name, known)}")
            return tree, Kind(UNKNOWN)
        takes = signature.takes if signature else ("number integer array",) * len(args)
        seen: list[Seen] = []
        for position, arg in enumerate(args):
            wanted = set(takes[position].split()) if position < len(takes) else {"any"}
            words = f"argument {position} of {name}()" if table is METHODS and position else f"what {name}() takes"
            new, kind = self.see(arg, scope) if "any" in wanted else self.operand(arg, scope, wanted, words)
            if wanted == {"number"} and kind.number == "int":
                new, kind = _as_double(new, kind)
            seen.append((new, kind))
        if signature is None and "double" in {kind.number for _, kind in seen}:
            seen = [_as_double(new, kind) for new, kind in seen]
        trees = tuple(new for new, _ in seen)
        if name == "matches" and isinstance(args[-1], Literal) and is_bad_pattern(str(args[-1].value)):
            self.problem("expression_type", f"the pattern `{short(args[-1])}` {why_not(str(args[-1].value))}")
        made = Call(name, trees[1:], trees[0]) if table is METHODS else Call(tree.function, trees, owner)
        if signature is None:
            return made, Kind(_numeric_result([kind for _, kind in seen]))
        return made, Kind(signature.gives or UNKNOWN, foreign=signature.foreign)

    def json(self, tree: Tree, scope: Scope) -> Seen:
        """See what leaves the expression, or goes into a list or an object: it has to be JSON."""
        new, kind = self.see(tree, scope)
        if kind.foreign:
            self.problem(
                "expression_type", f"`{short(tree)}` has the type {kind.foreign}, which JSON doesn't have. Use string(…)"
            )
        return new, kind


def _numeric_result(kinds: list[Kind]) -> Schema:
    """Of greatest, least, abs and sign: a double if one comes in and an int if only such do; of lists not known."""
    numbers = {kind.number for kind in kinds}
    if None in numbers:
        return UNKNOWN
    return WHOLE if numbers == {"int"} else NUMBER if numbers == {"double"} else UNKNOWN


def _as_double(tree: Tree, kind: Kind) -> Seen:
    """The same number as a double: the engine does not mix the two, and people needn't know."""
    if kind.number != "int":
        return tree, kind
    if isinstance(tree, Literal):
        return Literal(float(tree.value), "double"), Kind({"type": "number", "const": float(tree.value)})
    return Call("double", (tree,)), Kind(NUMBER)


def _classes(types: frozenset[str]) -> set[str]:
    return {_CLASSES.get(kind, kind) for kind in types}


def _narrowed(schema: Schema, variable: str, facts: Facts) -> Schema:
    """The schema of an element, with what a filter made certain of its own properties."""
    there = sorted({str(path[1]) for _, path in facts if len(path) == 2 and path[0] == variable})
    some = sorted({str(path[1]) for fact, path in facts if fact == "some" and len(path) == 2 and path[0] == variable})
    if not there or not schema:
        return schema
    known = {name: place for name in some if (place := narrow(schema, [name])) is not None}
    narrowed = {name: Kind(place.schema).known_not_null().schema for name, place in known.items()}
    return {"allOf": [schema, {"type": "object", "required": there, "properties": narrowed}]}
