"""Whether every value that one contract allows is allowed by another: what the proof asks of each edge."""

from collections.abc import Iterator
from typing import Any

from orchestration.core.schema import Schema
from orchestration.core.shape import UNKNOWN, Node, Shape, root, shapes, type_of
from orchestration.core.values import canonical
from orchestration.core.wording import abbreviate, dotted, listed, meant_boolean

MOST_REASONS = 10
_MOST_STEPS = 2000
_NAMES = {
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "array": "a list",
    "object": "an object",
    "null": "null",
}

Path = tuple[str | int, ...]


def type_name(kind: str) -> str:
    """The JSON Schema type in words."""
    return _NAMES[kind]


def type_names(kinds: frozenset[str]) -> str:
    """The types in words, as `text or null`; any where there is no limit."""
    shown = [kind for kind in _NAMES if kind in kinds and not (kind == "integer" and "number" in kinds)]
    return listed(_NAMES[kind] for kind in shown)


def assignable(source: Schema | bool, target: Schema | bool) -> tuple[str, ...]:
    """Why a value that satisfies `source` may not satisfy `target`, in sentences; () where each does, or where the source
    says too little to tell (then the value is checked when it is there).

    Compared are types with null, enum and const, required properties, properties that a closed target does not know, and the
    same in items and below. Each alternative of the source must fit one of the target. Not compared are bounds, lengths,
    patterns and formats, and undeclared properties of a source that is silent on them: those too are checked when it runs.
    """
    if canonical(source) == canonical(target):
        return ()
    reasons = _Comparison().reasons(root(source), root(target), ())
    return tuple(dict.fromkeys(reasons))[:MOST_REASONS]


class _Comparison:
    """`above` are the pairs that are being compared right now: meeting one again, as recursive schemas do, says nothing new.
    After `_MOST_STEPS` the rest is left to the check of the value."""

    def __init__(self) -> None:
        self.above: set[tuple[str, str]] = set()
        self.steps = 0

    def reasons(self, source: Node, target: Node, path: Path) -> list[str]:
        self.steps += 1
        if target.schema is True or source.schema is True or self.steps > _MOST_STEPS:
            return []
        if not source.defs or not target.defs:
            return self._compared(source, target, path)  # one of them comes to an end
        pair = (canonical([source.schema, source.defs]), canonical([target.schema, target.defs]))
        if pair in self.above:
            return []
        self.above.add(pair)
        found = self._compared(source, target, path)
        self.above.remove(pair)
        return found

    def _compared(self, source: Node, target: Node, path: Path) -> list[str]:
        found: list[str] = []
        goals = shapes(target)
        for shape in shapes(source):
            for kind in _kinds(shape):
                found += self._nearest(shape, kind, goals, path)
        return found[:MOST_REASONS]

    def _nearest(self, shape: Shape, kind: str, goals: list[Shape], path: Path) -> list[str]:
        """The reasons against the goal that has the fewest, of those with the right type if there is one."""
        if any(goal is UNKNOWN for goal in goals):
            return []
        of_kind = [goal for goal in goals if kind in goal.types]
        if not of_kind:
            wanted = type_names(frozenset().union(*(goal.types for goal in goals))) if goals else "nothing"
            hint = meant_boolean(_values(shape, kind)) if any("boolean" in goal.types for goal in goals) else ""
            return [f"{_place(path)} may be {type_name(kind)}, where {wanted} is wanted{hint}"]
        answers: list[list[str]] = []
        for goal in of_kind:
            answers.append(list(self._against(shape, kind, goal, path)))
            if not answers[-1]:
                return []
        values = _values(shape, kind)
        if values is not None and len(of_kind) > 1 and all(_allowed_by_any(value, of_kind) for value in values):
            return []
        return min(answers, key=len)

    def _against(self, shape: Shape, kind: str, goal: Shape, path: Path) -> Iterator[str]:
        yield from _enum_reasons(shape, kind, goal, path)
        if kind == "object":
            yield from self._object(shape, goal, path)
        elif kind == "array":
            yield from self._array(shape, goal, path)

    def _object(self, shape: Shape, goal: Shape, path: Path) -> Iterator[str]:
        knows = bool(shape.properties) or shape.extra is not None
        for name in sorted(goal.required - shape.required) if knows else ():
            if name in shape.properties or not (shape.closed or shape.extra is None):
                yield f"{_place((*path, name))} may be missing, and is required"
            else:
                yield f"{_place((*path, name))} is never there, and is required"
        for name, node in shape.properties.items():
            if name in goal.properties:
                yield from self.reasons(node, goal.properties[name], (*path, name))
            elif goal.closed:
                yield f"{_place((*path, name))} is not among the properties that are allowed"
            elif goal.extra is not None:
                yield from self.reasons(node, goal.extra, (*path, name))
        if shape.extra is not None and not shape.closed and goal.extra is not None and not goal.closed:
            yield from self.reasons(shape.extra, goal.extra, (*path, "*"))

    def _array(self, shape: Shape, goal: Shape, path: Path) -> Iterator[str]:
        for index in range(max(len(shape.prefix), len(goal.prefix))):
            ours = shape.prefix[index] if index < len(shape.prefix) else shape.items
            theirs = goal.prefix[index] if index < len(goal.prefix) else goal.items
            if ours is not None and theirs is not None:
                yield from self.reasons(ours, theirs, (*path, index))
        if shape.items is not None and goal.items is not None:
            yield from self.reasons(shape.items, goal.items, (*path, "[]"))


def _kinds(shape: Shape) -> list[str]:
    """The types to compare: where any number may come, whole ones are no case of their own."""
    if not shape.said:
        return []
    return sorted(shape.types - {"integer"} if "number" in shape.types else shape.types)


def _enum_reasons(shape: Shape, kind: str, goal: Shape, path: Path) -> Iterator[str]:
    if goal.enum is None or kind == "null":
        return
    allowed = listed((abbreviate(value) for value in goal.enum), most=8)
    values = _values(shape, kind)
    if values is None:
        yield f"{_place(path)} may be {type_name(kind)} of any value, where only {allowed} is allowed"
        return
    wrong = [value for value in values if not _allowed_by_any(value, [goal])]
    if wrong:
        yield f"{_place(path)} may be {listed((abbreviate(value) for value in wrong), most=8)}, where only {allowed} is allowed"


def _values(shape: Shape, kind: str) -> list[Any] | None:
    """The values of that type which the shape lists, None where it doesn't list."""
    if kind == "boolean" and shape.enum is None:
        return [False, True]
    return (
        None
        if shape.enum is None
        else [value for value in shape.enum if type_of(value) == kind or (kind == "number" and type_of(value) == "integer")]
    )


def _allowed_by_any(value: Any, goals: list[Shape]) -> bool:
    return any(goal.enum is None or any(type_of(one) == type_of(value) and one == value for one in goal.enum) for goal in goals)


def _place(path: Path) -> str:
    return dotted("", path).replace('["[]"]', "[]").replace('["*"]', ".*") if path else "the value"
