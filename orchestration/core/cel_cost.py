"""What an evaluation may cost at most, reckoned before it runs from the sizes of the values that it reads.

The engine counts iterations, and nothing else: `['aa'].map(x, x + x)`, chained, doubles each time; `map` copies its list at each
element; `a.contains(b)` takes |a|·|b| steps on texts made for it. The engine can't be stopped once it runs, so an expression
that could take long or grow large is refused with a sentence. Prices are nanoseconds measured on one slow core, rounded up.
"""

from collections.abc import Mapping
from typing import Any

from orchestration.core.cel_tree import Call, Entries, Field, Items, Literal, Macro, Name, Tree, walk
from orchestration.core.errors import EvaluationError
from orchestration.core.frozen import dataclass
from orchestration.core.values import dump

MOST_BYTES = 50_000_000
MOST_WORK = 1_000_000_000
MOST_ITERATIONS = 10_000

_COPY = 20  # for each pair of elements in a list that map or filter builds
_STEP = 300  # for each iteration and call
_SEARCHES = {"contains", "indexOf", "lastIndexOf", "replace", "split", "startsWith", "endsWith", "matches", "join"}
_TEXTS = {"lowerAscii", "upperAscii", "trim", "reverse", "substring", "charAt", "string"}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Upper bounds: `size` of the value in bytes, `made` of all that is built on the way, `work` in nanoseconds, `count` of the
    value's elements."""

    size: float
    made: float = 0
    work: float = 0
    count: float = 0


@dataclass(frozen=True, slots=True)
class Cost:
    tree: Tree

    def check(self, data: Mapping[str, Any], source: str) -> None:
        """Raise EvaluationError where the expression could cost too much on these values."""
        sizes = {name: _measure(value) for name, value in data.items()}
        found = _estimate(self.tree, sizes)
        if found.made > MOST_BYTES or found.work > MOST_WORK:
            what = "grow too large" if found.made > MOST_BYTES else "take too long"
            raise EvaluationError(f"`{source[:120]}` could {what} on these values. Use less of them, or do it in a tool")


def cost(tree: Tree) -> Cost | None:
    """The reckoning for a tree, None where it can't cost more than a small multiple of what it reads."""
    adds = 0
    for part in walk(tree):
        if isinstance(part, Macro) or (isinstance(part, Call) and part.function in _SEARCHES):
            return Cost(tree)
        adds += isinstance(part, Call) and part.function == "_+_"
    return Cost(tree) if adds > 8 else None


def _measure(value: Any) -> Estimate:
    if isinstance(value, str):
        return Estimate(len(value) if value.isascii() else 4 * len(value))
    if isinstance(value, list | dict):
        return Estimate(len(dump(value)), count=len(value))
    return Estimate(8)


Sizes = Mapping[str, Estimate]


def _estimate(tree: Tree, sizes: Sizes) -> Estimate:
    match tree:
        case Name(name):
            return sizes.get(name, Estimate(0))
        case Literal(value, _):
            return Estimate(len(value) if isinstance(value, str | bytes) else 8)
        case Field(operand, _, _):
            return _estimate(operand, sizes)
        case Items(items):
            return _built([_estimate(item, sizes) for item in items], len(items))
        case Entries(entries):
            return _built([_estimate(part, sizes) for entry in entries for part in entry], len(entries))
        case Macro():
            return _macro(tree, sizes)
        case Call(function, args, target):
            parts = [_estimate(part, sizes) for part in (args if target is None else (target, *args))]
            return _call(function, parts)


def _built(parts: list[Estimate], count: float) -> Estimate:
    size = sum(part.size + 16 for part in parts)
    return Estimate(size, size + sum(part.made for part in parts), _STEP + sum(part.work for part in parts), count)


def _call(function: str, parts: list[Estimate]) -> Estimate:
    made, work = sum(part.made for part in parts), _STEP + sum(part.work for part in parts)
    total = sum(part.size for part in parts)
    first, rest = parts[0].size if parts else 0.0, sum(part.size for part in parts[1:])
    if function in ("_+_", "_?_:_", "dyn"):
        return Estimate(total, made + (total if function == "_+_" else 0), work, sum(part.count for part in parts))
    if function == "_[_]":
        return Estimate(first, made, work, parts[0].count)
    if function in _TEXTS:
        return Estimate(first + 32, made + first + 32, work + first)
    if function in _SEARCHES:
        work += first * (1 + rest / 50)
        size = {"replace": (first + 1) * (parts[-1].size + 1), "join": first + parts[0].count * rest, "split": first * 16}
        grown = size.get(function, 8)
        return Estimate(grown, made + grown, work + grown, first if function == "split" else 0)
    return Estimate(8, made, work + total)  # comparisons, arithmetic, conversions: they look at what they take, at most


def _macro(tree: Macro, sizes: Sizes) -> Estimate:
    """Elements share the size of what they come from. So with one of size nothing and one of the whole size the body shows what
    all of them cost together, however they share it."""
    over = _estimate(tree.over, sizes)
    rounds = min(MOST_ITERATIONS, over.count or over.size)
    inside = tree.body if tree.where is None else Items((tree.where, tree.body))
    least = _estimate(inside, {**sizes, tree.variable: Estimate(0)})
    whole = _estimate(inside, {**sizes, tree.variable: Estimate(over.size, count=over.count)})
    size = rounds * least.size + whole.size if tree.kind == "map" else over.size if tree.kind == "filter" else 8
    builds = tree.kind in ("map", "filter")
    return Estimate(
        size,
        over.made + rounds * least.made + whole.made + (size if builds else 0),
        over.work + rounds * (least.work + _STEP) + whole.work + (_COPY * rounds**2 if builds else 0),
        rounds if builds else 0,
    )
