"""Conditions: CEL text, or a tree of `all: […]`, `any: […]`, `not: …` over it. One condition is compiled as one expression, so
that `has()` in the first row of an `all` guards the second."""

from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import reduce
from typing import Any

from orchestration.core.cel_explanation import Explainer, Explanation
from orchestration.core.cel_expression import Expression, Read, Sight, compile_tree, read_tree
from orchestration.core.cel_tree import Call, Tree, write
from orchestration.core.errors import EvaluationError, Problem, Refused
from orchestration.core.frozen import dataclass, replace
from orchestration.core.wording import abbreviate

MOST_LEVELS = 10
MOST_ROWS = 100

_JOINED = {"all": "_&&_", "any": "_||_"}
_BOOLEAN = {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Condition:
    """A compiled condition. `text` is one line of CEL for people, `reads` the places it reads."""

    text: str
    reads: tuple[Read, ...]
    expression: Expression = field(repr=False, compare=False)
    _tree: Tree = field(repr=False, compare=False)
    _sight: Sight = field(repr=False, compare=False)
    _explainers: list[Explainer] = field(default_factory=list, repr=False, compare=False)

    def evaluate(self, env: Mapping[str, Any]) -> bool:
        """Whether it holds. Rows are taken from left to right, and where the first ones settle it the rest doesn't matter, errors
        included. Raises EvaluationError."""
        value = self.expression.evaluate(env)
        if not isinstance(value, bool):
            raise EvaluationError(self._not_boolean(value))
        return value

    def explain(self, env: Mapping[str, Any]) -> Explanation:
        """The same evaluation with its reasons. Never raises: where `evaluate` would, `value` is None and `error` says why."""
        if not self._explainers:
            self._explainers.append(Explainer(self.expression, self._tree, self._sight))
        found = self._explainers[0].explain(env)
        if found.error or isinstance(found.value, bool):
            return found
        return replace(found, value=None, error=self._not_boolean(found.value))

    def _not_boolean(self, value: Any) -> str:
        return f"`{self.text[:120]}` gave {abbreviate(value)}, where true or false is wanted"


def compile_condition(tree: Any, sight: Sight, path: str = "") -> Condition:
    """Compile text or a tree of `all`, `any`, `not`. Raises `Refused` with the codes of `compile_expression`, and `bad_condition`
    for a tree that isn't one; a problem's path ends with the row, as `when.all[1]`."""
    rows: dict[int, str] = {}
    whole = _tree(tree, path, rows, 0)
    text = tree.strip() if isinstance(tree, str) else write(whole)
    expression = compile_tree(whole, text, sight, _BOOLEAN, path, rows)
    return Condition(text, expression.reads, expression, whole, sight)


def spelled(tree: Any) -> str:
    """One line for people, of what can't be compiled too."""
    if isinstance(tree, str):
        return tree.strip()
    try:
        return write(_tree(tree, "", {}, 0))
    except Refused:
        return abbreviate(tree)


def _tree(condition: Any, path: str, rows: dict[int, str], level: int) -> Tree:
    if isinstance(condition, str):
        found = read_tree(condition, path)
        rows[id(found)] = path
    elif not isinstance(condition, dict) or len(condition) != 1 or next(iter(condition)) not in {*_JOINED, "not"}:
        message = f"a condition is CEL text, or one of all: […], any: […], not: …; it is {abbreviate(condition)}"
        raise Refused(Problem("bad_condition", message, path))
    elif level >= MOST_LEVELS:
        raise Refused(Problem("bad_condition", f"a condition has at most {MOST_LEVELS} levels. Make two of it", path))
    elif "not" in condition:
        found = Call("!_", (_tree(condition["not"], f"{path}.not", rows, level + 1),))
    else:
        found = _joined(condition, path, rows, level)
    if len(rows) > MOST_ROWS:
        raise Refused(Problem("bad_condition", f"a condition has at most {MOST_ROWS} rows. Make two of it", path))
    return found


def _joined(condition: dict[str, Any], path: str, rows: dict[int, str], level: int) -> Tree:
    (key, parts), *_ = condition.items()
    if not isinstance(parts, list) or not parts:
        raise Refused(Problem("bad_condition", f"{key} is a list of at least one condition", f"{path}.{key}"))
    found, problems = list[Tree](), list[Problem]()
    for index, part in enumerate(parts):
        try:
            found.append(_tree(part, f"{path}.{key}[{index}]", rows, level + 1))
        except Refused as error:
            problems.extend(error.problems)
    if problems:
        raise Refused(*problems)
    return _balanced(found, _JOINED[key])


def _balanced(parts: list[Tree], function: str) -> Tree:
    """Joined pairwise, so that a hundred rows are seven levels deep and not a hundred."""
    while len(parts) > 1:
        pairs = list(_pairs(parts))
        parts = [reduce(lambda one, other: Call(function, (one, other)), pair) for pair in pairs]
    return parts[0]


def _pairs(parts: list[Tree]) -> Iterator[list[Tree]]:
    for index in range(0, len(parts), 2):
        yield parts[index : index + 2]
