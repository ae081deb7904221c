"""Why an expression came out as it did: each comparison in it with both sides, and the values of all places it read."""

from collections.abc import Iterator, Mapping
from typing import Any

from orchestration.core.cel_expression import Expression, Sight, compile_part, value_at
from orchestration.core.cel_tree import SIGNS, Call, Literal, Tree, write
from orchestration.core.cel_types import COMPARISONS
from orchestration.core.errors import EvaluationError
from orchestration.core.frozen import dataclass
from orchestration.core.wording import dotted

_ABSENT = object()


@dataclass(frozen=True, slots=True)
class Operand:
    """A place that was read, as `steps.classify.confidence`, and what it held; None and not `present` where nothing was."""

    path: str
    value: Any
    present: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison on these values. `held` is None where a side could not be had. `margin`, for numbers that were ordered, is
    how far from flipping: positive where it held (0 on the edge), negative by what was short where it did not."""

    text: str
    left: Any
    op: str
    right: Any
    held: bool | None
    margin: float | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`value` is what the expression gave, None where it failed; then `error` says why."""

    value: Any
    operands: tuple[Operand, ...]
    comparisons: tuple[Comparison, ...]
    error: str | None = None


class Explainer:
    """Takes one expression apart; keeps the compiled parts."""

    __slots__ = ("_comparisons", "_expression")

    def __init__(self, expression: Expression, tree: Tree, sight: Sight) -> None:
        self._expression = expression
        self._comparisons = [_Sides(call, sight) for call in _comparisons(tree)]

    def explain(self, env: Mapping[str, Any]) -> Explanation:
        value, error = _try(self._expression, env)
        paths = dict.fromkeys(read.path for read in self._expression.reads)
        found = [(path, value_at(env, path, _ABSENT)) for path in paths]
        operands = tuple(Operand(dotted("", path), None if got is _ABSENT else got, got is not _ABSENT) for path, got in found)
        return Explanation(value, operands, tuple(each.explain(env) for each in self._comparisons), error)


class _Sides:
    """A comparison whose two sides are evaluated by themselves."""

    __slots__ = ("left", "op", "right", "text", "whole")

    def __init__(self, call: Call, sight: Sight) -> None:
        self.text, self.op = write(call), SIGNS[call.function]
        self.left, self.right = (_part(side, sight) for side in call.args)
        self.whole = _part(call, sight)

    def explain(self, env: Mapping[str, Any]) -> Comparison:
        left, _ = _try(self.left, env)
        right, _ = _try(self.right, env)
        held, error = _try(self.whole, env)
        return Comparison(self.text, left, self.op, right, None if error else held, _margin(left, self.op, right))


def _comparisons(tree: Tree) -> Iterator[Call]:
    """The comparisons that the outcome rests on: those under &&, || and !, not those inside functions and macros."""
    if isinstance(tree, Call):
        if tree.function in COMPARISONS or tree.function == "@in":
            yield tree
        elif tree.function in ("_&&_", "_||_", "!_", "_?_:_"):
            for arg in tree.args:
                yield from _comparisons(arg)


@dataclass(frozen=True, slots=True)
class _Constant:
    value: Any

    def evaluate(self, env: Mapping[str, Any]) -> Any:
        return self.value


def _part(tree: Tree, sight: Sight) -> Expression | _Constant:
    return _Constant(tree.value) if isinstance(tree, Literal) else compile_part(tree, write(tree), sight)


def _try(expression: Expression | _Constant, env: Mapping[str, Any]) -> tuple[Any, str | None]:
    try:
        return expression.evaluate(env), None
    except EvaluationError as error:
        return None, str(error)


def _margin(left: Any, op: str, right: Any) -> float | None:
    numbers = all(isinstance(side, int | float) and not isinstance(side, bool) for side in (left, right))
    if not numbers or op not in ("<", "<=", ">", ">="):
        return None
    # Twelve digits: 0.62 - 0.8 is meant to be -0.18.
    return float(f"{left - right if op.startswith('>') else right - left:.12g}")
