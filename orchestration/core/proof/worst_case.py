"""The worst case: the most that a run may come to, path by path, and the paths of steps that come to it.

A level's worst is its longest path, counted by what each step may come to at most. A loop is `max` rounds: all but the last
on the longest path that ends a round, the last on the longest that leaves. So each quantity is bounded exactly, by a path of
its own, which the derivation shows.
"""

from collections import Counter
from dataclasses import dataclass, replace
from functools import reduce
from operator import or_
from typing import Any

from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof.bound import NANO, QUANTITIES, Bound, visit
from orchestration.core.proof.failures import Failures
from orchestration.core.proof.graph import Graph, Level
from orchestration.core.routes import CONTINUE

Path = str | tuple[tuple[Any, int], ...]
"""A step, or paths and how often each is gone."""


@dataclass(frozen=True, slots=True)
class Trail:
    """A bound, and for each of `QUANTITIES` a path that comes to it."""

    bound: Bound
    paths: tuple[Path, ...]

    def __add__(self, other: "Trail") -> "Trail":
        joined = tuple(((mine, 1), (theirs, 1)) for mine, theirs in zip(self.paths, other.paths, strict=True))
        return Trail(self.bound + other.bound, joined)

    def __mul__(self, times: int) -> "Trail":
        return Trail(self.bound * times, tuple(((path, times),) for path in self.paths))

    def __or__(self, other: "Trail") -> "Trail":
        most = self.bound | other.bound
        if most == self.bound:
            return self
        worse = [getattr(other.bound, name) > getattr(self.bound, name) for name in QUANTITIES]
        paths = [theirs if taken else mine for mine, theirs, taken in zip(self.paths, other.paths, worse, strict=True)]
        return Trail(most, tuple(paths))

    def steps(self) -> dict[str, Counter[str]]:
        """For each quantity, how often its path comes to each step."""
        return dict(zip(QUANTITIES, map(_count, self.paths), strict=True))


def _count(whole: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    todo: list[tuple[Path, int]] = [(whole, 1)]
    while todo:
        path, times = todo.pop()
        if isinstance(path, str):
            found[path] += times
        else:
            todo.extend((part, times * count) for part, count in path if count)
    return found


@dataclass(frozen=True, slots=True)
class Passage:
    """What a step may come to where the run goes on from it, and where the run ends inside of it."""

    through: Trail
    ending: Trail | None = None


def trail(step: str, bound: Bound) -> Trail:
    return Trail(bound, (step,) * len(QUANTITIES))


NOTHING = Trail(Bound(), ((),) * len(QUANTITIES))


class WorstCases:
    """`own` is what one visit of each step comes to by itself; `passages` with all that is inside of it."""

    def __init__(self, graph: Graph, failures: Failures) -> None:
        self.graph, self.plan, self.failures = graph, graph.plan, failures
        self.own: dict[str, Bound] = {}
        self.passages: dict[str, Passage] = {}
        start = self.plan.workflow.start
        self.run = self._whole("", start) if start in graph.levels[""].entries else NOTHING

    def breached(self) -> Trail:
        """The worst from where a run goes that has met a limit."""
        to = self.plan.workflow.limits.on_breach
        return self._whole("", to) if to in self.graph.levels[""].entries else NOTHING

    def _whole(self, level: str, start: str) -> Trail:
        """The longest path from `start`, wherever it ends: a run may fail at each of its steps."""
        paths, endings = self._paths(self.graph.levels[level], start)
        return reduce(or_, [*paths.values(), *endings], NOTHING)

    def _paths(self, level: Level, start: str) -> tuple[dict[str, Trail], list[Trail]]:
        """Step → the longest path to it, itself included; and the longest that end inside of a step on the way."""
        before: dict[str, Trail] = {start: NOTHING}
        after: dict[str, Trail] = {}
        endings: list[Trail] = []
        for name in level.order:
            if name not in before:
                continue
            passage = self._passage(self.plan.steps[name])
            if passage.ending is not None:
                endings.append(before[name] + passage.ending)
            after[name] = before[name] + passage.through
            for edge in level.edges[name]:
                if edge.inside:
                    before[edge.target] = before[edge.target] | after[name] if edge.target in before else after[name]
        return after, endings

    def _passage(self, step: PlanStep) -> Passage:
        if step.id not in self.passages:
            self.own[step.id] = visit(self.plan, step)
            if step.type == "loop":
                self.passages[step.id] = self._loop(step)
            else:
                self.passages[step.id] = Passage(trail(step.id, self.own[step.id]))
        return self.passages[step.id]

    def _loop(self, step: PlanStep) -> Passage:
        level = self.graph.levels[step.id]
        paths, endings = self._paths(level, *level.entries) if level.entries else ({}, [])
        rounds = [path for name, path in paths.items() if any(edge.target == CONTINUE for edge in level.edges[name])]
        leaving = [path for name, path in paths.items() if self._leaves(name, level)]
        ending = [path for name, path in paths.items() if self.plan.steps[name].type == "end"] + endings
        full = reduce(or_, rounds) * (step.model.max - 1) if rounds else NOTHING
        inside = full + reduce(or_, leaving) if leaving else NOTHING
        return Passage(inside + trail(step.id, self.own[step.id]), full + reduce(or_, ending) if ending else None)

    def _leaves(self, name: str, level: Level) -> bool:
        return any(not edge.inside for edge in level.edges[name]) or self.failures.uncaught(self.plan.steps[name])


def with_breach(plan: Plan, run: Bound, rest: Bound) -> Bound:
    """A run that meets a limit stops short of its own worst case, leaves one record of that, and goes on with `rest`.

    Limits are met between calls: dollars are reserved before, so a limit in dollars holds for the rest as well; a call is
    given no more time than is left; people and ends are let through when steps are used up.
    """
    limits, most = plan.workflow.limits, run
    if limits.steps is not None:
        most = replace(most, executions=min(most.executions, limits.steps + most.pauses + 1))
    if limits.machine_time is not None:
        most = replace(most, seconds=min(most.seconds, limits.machine_time))
    most = most + rest + Bound(executions=1)
    if limits.cost_usd is not None:
        most = replace(most, cost=min(most.cost, round(limits.cost_usd * NANO)))
    return most
