"""Where an expression reads: each place on the way checked against what is in sight, and each read noted.

A place is replaced in the tree by a name, so that the engine gets the one value instead of the whole state, and so that
`has(steps.x.y)` is false, and no error, where already `steps.x` is missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from orchestration.core.assignment import type_names
from orchestration.core.cel_facts import Facts, facts_if
from orchestration.core.cel_tree import Call, Field, Literal, Name, Path, Tree, write
from orchestration.core.cel_types import BOOLEAN, UNKNOWN, Kind
from orchestration.core.errors import Problem
from orchestration.core.schema import Schema
from orchestration.core.shape import narrow, properties, without_null
from orchestration.core.wording import abbreviate, did_you_mean, dotted

Sight = Mapping[str, Schema]
Seen = tuple[Tree, Kind]
"""The tree to run, and what is known of its value."""


class Read(NamedTuple):
    """A place that an expression reads, as ("steps", "customer", "tier"). `guarded`: `has()` is asked first, or is all that is
    asked."""

    path: tuple[str, ...]
    guarded: bool = False


class Scope(NamedTuple):
    """The variables of the macros around (name → schema of one element, and its name made unique), and what is certain here."""

    variables: Mapping[str, tuple[Schema, str]]
    facts: Facts

    def with_facts(self, more: Facts) -> "Scope":
        return Scope(self.variables, self.facts | more) if more else self

    def resolve(self, path: Path) -> Path:
        return (self.variables[str(path[0])][1], *path[1:]) if path[0] in self.variables else path


@dataclass(slots=True)
class Places:
    """The places of one expression. `values` and `tests`: stand-in name → the place whose value or presence it means."""

    sight: Sight
    path: str
    prefix: str
    decides: bool = False
    """Whether the expression is a condition, which may ask first; of a value something has to be said in any case."""
    problems: list[Problem] = field(default_factory=list)
    reads: list[Read] = field(default_factory=list)
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tests: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def problem(self, code: str, message: str, path: str | None = None) -> None:
        problem = Problem(code, message, self.path if path is None else path)
        if problem not in self.problems:
            self.problems.append(problem)

    def value(self, tree: Tree, path: Path, scope: Scope) -> Seen:
        kind = self.locate(path, scope)
        if path[0] in scope.variables or path[0] not in self.sight:
            return tree, kind
        names = names_of(path)
        self.note(names, self.is_guarded(names, scope))
        return rest_of(self.stand_in(self.values, "v", names), path[len(names) :]), kind

    def locate(self, path: Path, scope: Scope) -> Kind:
        """What is known of the place, each step of the way checked."""
        first = str(path[0])
        if first in scope.variables:
            schema = scope.variables[first][0]
        elif first in self.sight:
            schema = self.sight[first]
        else:
            known = [*self.sight, *scope.variables]
            self.problem("unknown_reference", f"`{first}` is not in sight here{did_you_mean(first, known)}")
            return Kind(UNKNOWN)
        where = scope.resolve(path)
        place = narrow(schema, path[1:])
        if place is not None and not place.optional:
            schema = place.schema
        else:
            for end in range(1, len(path)):
                schema = self.step(schema, path[: end + 1], where[: end + 1], scope.facts)
        kind = Kind(schema, where)
        return kind.known_not_null() if ("some", where) in scope.facts else kind

    def step(self, schema: Schema, path: Path, where: Path, facts: Facts) -> Schema:
        """The schema one step further down; `path` and `where` end with that step."""
        there = ("there", where) in facts
        if there or ("some", where[:-1]) in facts:
            schema = without_null(schema)
        place = narrow(schema, [path[-1]])
        if place is None:
            self.problem("unknown_reference", self.no_such_place(schema, path))
            return UNKNOWN
        if place.optional and not there:
            types = Kind(schema).types or frozenset()
            above = dotted("", path[:-1])
            if types - {"null"} == {"object"} and "null" in types:
                self.unguarded(above, "null", f"has({dotted('', path)})", dotted("", path))
            else:
                self.unguarded(dotted("", path), "missing", f"has({dotted('', path)})", dotted("", path))
        return place.schema

    def unguarded(self, what: str, how: str, guard: str, read: str, at: str | None = None) -> None:
        advice = f"Ask first: {guard} && …" if self.decides else f"Say what it is otherwise: {guard} ? {read} : …"
        self.problem("optional_unguarded", f"`{what}` may be {how}. {advice}", at)

    def no_such_place(self, schema: Schema, path: Path) -> str:
        known, above = properties(schema), dotted("", path[:-1])
        types = Kind(schema).types or frozenset()
        if isinstance(path[-1], int) or not types & {"object"}:
            return f"`{above}` is {type_names(types)}, and has nothing at {abbreviate(path[-1])} inside"
        return f"`{above}` has no {abbreviate(path[-1])}{did_you_mean(str(path[-1]), known)}"

    def is_guarded(self, names: tuple[str, ...], scope: Scope) -> bool:
        return bool(scope.facts) and any(("there", names[:end]) in scope.facts for end in range(2, len(names) + 1))

    def note(self, names: tuple[str, ...], guarded: bool) -> None:
        if (read := Read(names, guarded)) not in self.reads:
            self.reads.append(read)

    def stand_in(self, table: dict[str, tuple[str, ...]], letter: str, names: tuple[str, ...]) -> Name:
        for known, other in table.items():
            if other == names:
                return Name(known)
        name = f"{self.prefix}{letter}{len(table)}"
        table[name] = names
        return Name(name)

    def presence(self, tree: Field, path: Path, scope: Scope) -> Seen:
        """`has(a.b.c)`. Of a place in sight it may be asked though `a.b` is missing too; in a list or a macro the engine wants
        what is above."""
        names = names_of(path)
        free = names == path and path[0] not in scope.variables
        self.locate(path, scope.with_facts(facts_if(tree, True, scope.resolve) if free else last_of(scope.resolve(path))))
        if path[0] in scope.variables:
            return tree, Kind(BOOLEAN)
        self.note(names, True)
        if free:
            return self.stand_in(self.tests, "h", names), Kind(BOOLEAN)
        above = rest_of(self.stand_in(self.values, "v", names), path[len(names) : -1])
        return Field(above, tree.name, True), Kind(BOOLEAN)

    def below(self, kind: Kind, tree: Field) -> Schema:
        """The schema of a field of a computed value."""
        place = narrow(kind.schema, [tree.name])
        if place is None:
            hint = did_you_mean(tree.name, properties(kind.schema))
            self.problem("unknown_reference", f"`{short(tree.operand)}` has no {abbreviate(tree.name)}{hint}")
        elif place.optional and not tree.test:
            advice = "and can't be asked for here. Read it in a step before, or in a macro with has()"
            self.problem("optional_unguarded", f"`{short(tree)}` may be missing, {advice}")
        return place.schema if place else UNKNOWN


def last_of(path: Path) -> Facts:
    return frozenset({("there", path)})


def names_of(path: Path) -> tuple[str, ...]:
    """The part of a place that is names alone, up to the first index."""
    names: list[str] = []
    for part in path:
        if isinstance(part, int):
            break
        names.append(part)
    return tuple(names)


def rest_of(tree: Tree, path: Path) -> Tree:
    for part in path:
        tree = Call("_[_]", (tree, Literal(part, "int" if isinstance(part, int) else "string")))
    return tree


def short(tree: Tree) -> str:
    """The expression as text for a sentence."""
    text = write(tree)
    return text if len(text) <= 80 else text[:79] + "…"
