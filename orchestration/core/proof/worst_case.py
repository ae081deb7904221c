"""The worst case: the most that a run may come to, path by path, and the paths of steps that come to it.

A level's worst is its longest path, counted by what each step may come to at most. A loop is `max` rounds: all but the last
on the longest path that ends a round, the last on the longest that leaves. A map is `max_items` items, a parallel all its arms:
what they wait adds up only as far as they can't at once. So each quantity is bounded exactly, by a path of its own, which the
derivation shows. Of what passes by itself there are two bounds: that, and the sum, which holds where a limit may leave no room
for more child runs at once.
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import field
from functools import reduce
from heapq import heappop, heappush
from itertools import takewhile
from operator import or_

from orchestration.core.frozen import dataclass
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof.bound import IN_TURN, NANO, QUANTITIES, Bound, total, visit
from orchestration.core.proof.failures import Failures
from orchestration.core.proof.graph import Edge, Graph, Level
from orchestration.core.routes import BREAK, CONTINUE


@dataclass(frozen=True, slots=True, eq=False)
class Trail:
    """A bound, and what comes to it: a step; or `parts`, gone so often; or, quantity by quantity, whichever of `either` is worse;
    or `lanes`, gone at once. It is higher than all that it is made of. `waves`: how often, for what passes by itself."""

    bound: Bound
    step: str = ""
    parts: tuple["Trail", ...] = ()
    times: int = 1
    either: tuple["Trail", "Trail"] | None = None
    height: int = 0
    lanes: tuple["Trail", ...] = ()
    waves: int | None = None

    def __add__(self, other: "Trail") -> "Trail":
        return Trail(self.bound + other.bound, parts=(self, other), height=max(self.height, other.height) + 1)

    def __mul__(self, times: int) -> "Trail":
        return Trail(self.bound * times, parts=(self,), times=times, height=self.height + 1)

    def __or__(self, other: "Trail") -> "Trail":
        most = self.bound | other.bound
        if most == self.bound:
            return self
        return Trail(most, either=(self, other), height=max(self.height, other.height) + 1)

    def many(self, times: int, waves: int) -> "Trail":
        """So often, of which so many one after the other."""
        passing = {name: getattr(self.bound, name) * waves for name in IN_TURN}
        return Trail((self.bound * times)._replace(**passing), parts=(self,), times=times, waves=waves, height=self.height + 1)

    def steps(self, in_turn: bool = False) -> dict[str, Counter[str]]:
        """For each of `QUANTITIES`, how often the path that comes to it comes to each step. Each trail is looked at once, behind
        all that it is a part of: where loops stand in loops, the ways through them are too many to be gone one by one."""
        meant = {IN_TURN.get(name, name) if in_turn else name: name for name in QUANTITIES}
        found: dict[str, Counter[str]] = {name: Counter() for name in QUANTITIES}
        often = {self: dict.fromkeys(meant, 1)}
        todo = [(0, 0, self)]
        while todo:
            _, _, trail = heappop(todo)
            for name, times in often.pop(trail).items():
                if trail.step:
                    found[meant[name]][trail.step] += times
                for part in trail.made(name):
                    if part not in often:
                        often[part] = {}
                        heappush(todo, (-part.height, id(part), part))
                    often[part][name] = often[part].get(name, 0) + times * trail.often(name)
        return found

    def often(self, quantity: str) -> int:
        return self.times if self.waves is None or quantity not in IN_TURN else self.waves

    def made(self, quantity: str) -> tuple["Trail", ...]:
        if self.lanes:
            longest = max(self.lanes, key=lambda lane: getattr(lane.bound, quantity))
            return (longest,) if quantity in IN_TURN else self.lanes
        if self.either is None:
            return self.parts
        one, other = self.either
        return (other,) if getattr(other.bound, quantity) > getattr(one.bound, quantity) else (one,)


@dataclass(frozen=True, slots=True)
class Passage:
    """What a step may come to where the run goes on from it as from one that is done, where it goes on as from one that failed,
    and where the run ends, or stops, inside of it. None: there is no such way."""

    through: Trail | None
    failing: Trail | None
    ending: Trail | None = None


@dataclass(slots=True)
class Ways:
    """The longest paths through a level, from where it was entered: `left` by which edge out of it, `failed` where no catch of it
    takes the failure, `ended` where the run ends or stops; and `all` of these, and those on the way. `reached`: what may run."""

    left: list[tuple[Edge, Trail]] = field(default_factory=list)
    failed: list[Trail] = field(default_factory=list)
    ended: list[Trail] = field(default_factory=list)
    all: list[Trail] = field(default_factory=list)
    reached: set[str] = field(default_factory=set)

    @property
    def on(self) -> Trail | None:
        """To the end of a round."""
        return _most(path for edge, path in self.left if edge.target == CONTINUE)

    @property
    def out(self) -> Trail | None:
        """To where a loop may be left: the end of a round may be that of its last."""
        return _most(path for _, path in self.left)

    def then(self, more: "Ways", rounds: int) -> "Ways":
        """Those that go on into so many more rounds of a loop beside those that don't. All but the last come to their end."""
        if self.on is None or rounds <= 0:
            return self
        before = self.on + more.on * (rounds - 1) if more.on is not None else self.on
        return Ways(
            [*self.left, *((edge, before + path) for edge, path in more.left)],
            [*self.failed, *(before + path for path in more.failed)],
            [*self.ended, *(before + path for path in more.ended)],
            reached=self.reached | more.reached,
        )


NOTHING = Trail(Bound())


def _at_once(lanes: Sequence[Trail]) -> Trail:
    passing = {name: max(getattr(lane.bound, name) for lane in lanes) for name in IN_TURN}
    whole = total(lane.bound for lane in lanes)._replace(**passing)
    return Trail(whole, lanes=tuple(lanes), height=max(lane.height for lane in lanes) + 1)


def _after(came: Trail, passage: Passage) -> tuple[Trail | None, Trail | None, Trail | None]:
    """The passage with the way that led to it. What is the same stays the same, for there are hundreds."""
    through = came + passage.through if passage.through is not None else None
    same = passage.failing is passage.through
    failing = through if same else came + passage.failing if passage.failing is not None else None
    return through, failing, came + passage.ending if passage.ending is not None else None


def _most(paths: Iterable[Trail]) -> Trail | None:
    found = list(paths)
    return reduce(or_, found) if found else None


class WorstCases:
    """`own` is what one visit of each step comes to by itself; `passages` with all that is inside of it. `past_people`: whether
    the way goes on past steps that ask a person, or stops before them."""

    def __init__(self, graph: Graph, failures: Failures, past_people: bool = True) -> None:
        self.graph, self.plan, self.failures, self.past_people = graph, graph.plan, failures, past_people
        self.own: dict[str, Bound] = {}
        self.passages: dict[str, Passage] = {}
        self._rounds: dict[str, Ways] = {}
        start = self.plan.workflow.start
        self.run = self._whole(start) if start in graph.levels[""].entries else NOTHING

    def breached(self) -> Trail:
        """The worst from where a run goes that has met a limit."""
        to = self.plan.workflow.limits.on_breach
        return self._whole(to) if to in self.graph.levels[""].entries else NOTHING

    def beyond(self, step: str, to: str | None = None, rounds: Sequence[int] = ()) -> tuple[Bound, frozenset[str]]:
        """The worst from a step on, its own visit included; or from where its exit leads, `to`; or, where that is "", from where
        it leads when it is done; in a child run until that ends. With the steps that may run. `rounds`: those that the loops
        around it are in, the outermost first; else their first."""
        level = self.plan.steps[step].level
        around = list(takewhile(lambda name: self.plan.steps[name].loop, self.plan.chain(level)[:-1]))
        ways = self._from(self.graph.levels[level], step, to)
        reached: set[str] = set()
        numbers = [*reversed(rounds)][: len(around)] if len(rounds) >= len(around) else [1] * len(around)
        for name, number in zip(around, numbers, strict=True):
            loop = self.plan.steps[name]
            inside = ways.then(self._round(loop), loop.model.max - number)
            reached |= inside.reached
            ways = self._ways(self.graph.levels[loop.level], name, self._around(loop, inside))
        return (_most(ways.all) or NOTHING).bound, frozenset(reached | ways.reached)

    def _from(self, level: Level, step: str, to: str | None) -> Ways:
        if to in (BREAK, CONTINUE):
            return Ways([(edge, NOTHING) for edge in level.edges[step] if edge.target == to])
        return self._ways(level, to or step, Passage(NOTHING, None) if to == "" else None)

    def _whole(self, start: str) -> Trail:
        """The longest path from `start`, wherever it ends: a run may fail at each of its steps."""
        return _most(self._ways(self.graph.levels[""], start).all) or NOTHING

    def _ways(self, level: Level, start: str, first: Passage | None = None) -> Ways:
        """`first`: what the step where it begins may come to, where that is not its whole passage."""
        before, ways = {start: NOTHING}, Ways()
        for name in level.order:
            if name not in before:
                continue
            step = self.plan.steps[name]
            passage = first if first is not None and name == start else self._passage(step)
            ways.reached |= self._running(step, passage) if passage is not first else set()
            done, failed, ended = _after(before[name], passage)
            ways.all += [way for way in (done, failed if failed is not done else None, ended) if way is not None]
            ways.ended += [way for way in (ended, done if step.type == "end" else None) if way is not None]
            if failed is not None and level.name and self.failures.uncaught(step):
                ways.failed.append(failed)
            for edge in level.edges[name]:
                way = done if edge.writes else failed
                if way is not None and edge.inside:
                    before[edge.target] = before[edge.target] | way if edge.target in before else way
                elif way is not None:
                    ways.left.append((edge, way))
        return ways

    def _running(self, step: PlanStep, passage: Passage) -> set[str]:
        """What runs where a step is come to: itself, what may stand in for it, and what is inside of it."""
        if step.type == "human" and passage.through is None:
            return set()
        spare = {rung.step for rung in step.rungs if rung.step and rung.step in self.plan.steps}
        inside = [] if step.id not in self.graph.levels else self._bodies(step)
        return {step.id, *spare, *inside, *(name for body in inside for name in self._round(self.plan.steps[body]).reached)}

    def _passage(self, step: PlanStep) -> Passage:
        if step.id not in self.passages:
            self.own[step.id] = visit(self.plan, step)
            self.passages[step.id] = self._found(step)
        return self.passages[step.id]

    def _found(self, step: PlanStep) -> Passage:
        if step.type == "loop":
            rounds = self._round(step)
            return self._around(step, rounds.then(rounds, step.model.max - 1), begins=True)
        if step.id in self.graph.levels:
            return self._fan(step)
        if step.type == "human" and not self.past_people:
            unasked = Trail(Bound(executions=1), step.id) if self.failures.codes(step) else None
            return Passage(None, unasked, NOTHING)
        own = Trail(self.own[step.id], step.id)
        return Passage(own, own)

    def _bodies(self, step: PlanStep) -> tuple[str, ...]:
        """The levels that a container runs: its own, or those of its arms."""
        return self.plan.levels[step.id] if step.type == "parallel" else (step.id,)

    def _fan(self, step: PlanStep) -> Passage:
        """All children, each at its worst; and its own record."""
        lanes = [self.child(body) for body in self._bodies(step)]
        if step.type == "map":
            most = step.model.max_items
            inside = lanes[0].many(most, math.ceil(most / step.model.concurrency))
        else:
            inside = _at_once(lanes)
        whole = inside + Trail(self.own[step.id], step.id)
        return Passage(whole, whole)

    def child(self, body: str) -> Trail:
        """The worst that one child run which runs this body may come to."""
        return _most(self._round(self.plan.steps[body]).all) or NOTHING

    def _round(self, loop: PlanStep) -> Ways:
        """One round of a loop, whole; or an item of a map, or an arm."""
        if loop.id not in self._rounds:
            level = self.graph.levels[loop.id]
            self._rounds[loop.id] = self._ways(level, level.entries[0]) if level.entries else Ways()
        return self._rounds[loop.id]

    def _around(self, loop: PlanStep, ways: Ways, begins: bool = False) -> Passage:
        """What the loop comes to whose rounds are these. It may fail where they fail, where it is left, and where it `begins`."""
        own, out = Trail(self.own.setdefault(loop.id, visit(self.plan, loop)), loop.id), ways.out
        broken = _most([*([out] if out is not None else []), *ways.failed, *([NOTHING] if begins else [])])
        return Passage(out + own if out is not None else None, broken + own if broken is not None else None, _most(ways.ended))


def with_breach(plan: Plan, run: Bound, rest: Bound) -> Bound:
    """A run that meets a limit stops short of its own worst case, leaves one record of that, and goes on with `rest`.

    Limits are met between calls: dollars are reserved before, so a limit in dollars holds for the rest as well; a call is
    given no more time than is left; people and ends are let through when steps are used up.
    """
    limits, most = plan.workflow.limits, run
    if limits.steps is not None:
        most = most._replace(executions=min(most.executions, limits.steps + most.pauses + 1))
    if limits.machine_time is not None:
        most = most._replace(seconds=min(most.seconds, limits.machine_time))
    most = most + rest + Bound(executions=1)
    if limits.cost_usd is not None:
        most = most._replace(cost=min(most.cost, round(limits.cost_usd * NANO)))
    return most
