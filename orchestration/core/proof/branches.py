"""Cases that never hold, or that an earlier case always takes first. Seen from the text alone, so not all are found."""

import re
from collections.abc import Iterator
from typing import Any

from orchestration.core.errors import EvaluationError, Problem
from orchestration.core.plan import PlanStep
from orchestration.core.proof.graph import Graph, at

_COMPARISON = re.compile(r"(?P<path>[a-z_][\w.]*)(?P<op>>=|<=|==|>|<)(?P<number>-?\d+(?:\.\d+)?)\Z")
_STRING_OR_SPACE = re.compile(r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")|\s+")

_MOST_WAYS = 64


def check(graph: Graph) -> Iterator[Problem]:
    for step in graph.plan.steps.values():
        if step.type == "branch" and len(step.cases) == len(step.model.cases):
            yield from _branch(step)


def _branch(step: PlanStep) -> Iterator[Problem]:
    before: list[tuple[str, tuple[frozenset[str], ...]]] = []
    for index, (condition, case) in enumerate(zip(step.cases, step.model.cases, strict=True)):
        key, name = f"cases[{index}]", case.label or f"Case {index + 1}"
        constant = _constant(condition)
        if constant is False:
            yield at(step, "shadowed_case", f"{name} of {step.label} never holds. Remove it.", f"{key}.when", "warning")
            continue
        ways = _ways(case.when)
        taker = next((other for other, theirs in before if _covers(theirs, ways)), None)
        if taker is not None:
            message = f"{name} of {step.label} is never taken: whenever it holds, {taker} does. Move it up, or remove it."
            yield at(step, "shadowed_case", message, f"{key}.when", "warning")
        before.append((name, (frozenset(),) if constant else ways))


def _constant(condition: Any) -> bool | None:
    """What a condition that reads nothing always is."""
    if condition.reads:
        return None
    try:
        return condition.evaluate({}) is True
    except EvaluationError:
        return None


def _ways(tree: Any) -> tuple[frozenset[str], ...]:
    """The ways in which a condition may hold, each the set of all that must hold for it. Texts are not taken apart further."""
    if isinstance(tree, str):
        text = _STRING_OR_SPACE.sub(lambda found: found[1] or "", tree)
        return (frozenset({text}),)
    if "any" in tree:
        return tuple(way for part in tree["any"] for way in _ways(part))
    if "all" in tree:
        ways: tuple[frozenset[str], ...] = (frozenset(),)
        for part in tree["all"]:
            ways = tuple(one | other for one in ways for other in _ways(part))
            if len(ways) > _MOST_WAYS:
                return (frozenset({f"too many ways: {tree!r}"}),)
        return ways
    return (frozenset({f"not {tree!r}"}),)


def _covers(earlier: tuple[frozenset[str], ...], later: tuple[frozenset[str], ...]) -> bool:
    """Whether each way in which the later may hold makes the earlier hold too."""
    return all(any(all(_follows(term, way) for term in other) for other in earlier) for way in later)


def _follows(term: str, way: frozenset[str]) -> bool:
    return term in way or any(_implies(known, term) for known in way)


def _implies(known: str, term: str) -> bool:
    """`x>=0.8` implies `x>=0.5`."""
    one, other = _COMPARISON.match(known), _COMPARISON.match(term)
    if not one or not other or one["path"] != other["path"]:
        return False
    a, b, op = float(one["number"]), float(other["number"]), other["op"]
    if one["op"] == "==":
        return {">=": a >= b, "<=": a <= b, "==": a == b, ">": a > b, "<": a < b}[op]
    if one["op"][0] != op[0] or op == "==":
        return False
    nearer = a > b if op[0] == ">" else a < b
    return nearer or (a == b and (one["op"] == op or len(op) == 2))
