"""Definite assignment: whatever a step reads has been written on every path that leads to it.

What is surely there is a set of facts: the outputs that were written, and `error`. A fact holds at a step if it holds after
every edge that leads there, and may hold if it does after one of them; the graphs are acyclic, so one pass in order is enough.
Over a catch, a deadline or an unknown effect a step's own output is not written. Each round begins with what was there around
the loop, and what a round wrote can be read by the loop's own keys at the end of it, and by nobody else. To ask for what can't
be there is pointed out too.
"""

from collections.abc import Iterator
from operator import attrgetter

from orchestration.core.errors import Problem
from orchestration.core.frozen import dataclass
from orchestration.core.plan import Plan, PlanStep, Use
from orchestration.core.proof.graph import Edge, Graph, Level, unreachable
from orchestration.core.routes import BREAK, CONTINUE
from orchestration.core.wording import dotted

ERROR = "error"
VALUES = ".values"
"""What a person filled in: a fact of its own, since an action may ignore the form."""
_EVERYTHING = -1
_SILENT = {"branch": "a branch", "end": "an end"}
Facts = tuple[int, int]
"""As bits: what is surely there, what may be."""
_NOWHERE: Facts = (_EVERYTHING, 0)
"""Where no run comes."""


@dataclass(frozen=True, slots=True)
class _Missing:
    """A read that is not covered: `at` the step where it happens (for the end of a round, the loop). `never`: what it reads
    can't be there on any path; `asked`: it is asked for first."""

    use: Use
    at: str
    fact: str
    shown: str
    host: str | None = None
    never: bool = False
    asked: bool = False


def check(graph: Graph, assignment: "Assignment") -> Iterator[Problem]:
    """A problem `unassigned` for each read of what may not be there, with the shortest path on which it is not; `never_there`
    for each that asks for what can't be. What follows from a route that is broken or missing is not reported beside it."""
    for missing in assignment.missing:
        if missing.use.broken and missing.fact not in graph.plan.steps:
            continue  # a name that is not there, which is a problem where it stands
        source = graph.plan.steps.get(missing.fact.removesuffix(VALUES)) if missing.never else None
        if source is None or not (graph.loose or unreachable(graph, source)):
            yield _problem(graph, missing)


class Assignment:
    """The facts at the entry of each reached step; and for each container, those at the end of a round and those where it is
    left."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.plan = graph, graph.plan
        forms = [f"{step.id}{VALUES}" for step in graph.plan.steps.values() if step.type == "human"]
        self.bits = {name: 1 << index for index, name in enumerate([ERROR, *graph.plan.steps, *forms])}
        self.entry: dict[str, Facts] = {}
        self.ends: dict[str, tuple[Facts, Facts]] = {}
        self.missing: list[_Missing] = []
        self._level("", (0, 0))

    @property
    def readers(self) -> dict[str, str]:
        """A step that is read where it can't be there → one that reads it."""
        found = [missing for missing in self.missing if missing.never and not missing.asked]
        return {missing.fact.removesuffix(VALUES): missing.at for missing in found}

    def holds(self, step: str, fact: str) -> bool:
        """Whether the output of the step `fact` (or `error`) is there whenever `step` is entered."""
        return bool(self.entry[step][0] & self.bits[fact])

    def may_hold(self, step: str, fact: str) -> bool:
        return bool(self.entry[step][1] & self.bits[fact])

    def _level(self, name: str, around: Facts) -> tuple[Facts, Facts]:
        """Goes through a level. What holds at the end of its rounds, and where it is left."""
        level = self.graph.levels[name]
        facts = dict.fromkeys(level.entries, around)
        breach = self.plan.workflow.limits.on_breach
        if name == "" and breach in level.entries:
            facts[breach] = (self.bits[ERROR] if breach != self.plan.workflow.start else 0, _EVERYTHING)
        ends = {CONTINUE: _NOWHERE, BREAK: _NOWHERE}
        for step_id in level.order:
            if step_id in level.reached:
                self._visit(self.plan.steps[step_id], facts, ends, level)
        return ends[CONTINUE], _meet(ends[CONTINUE], ends[BREAK])

    def _visit(self, step: PlanStep, facts: dict[str, Facts], ends: dict[str, Facts], level: Level) -> None:
        here = self.entry[step.id] = facts[step.id]
        moments = {"enter": here, "round": here, "leave": here}
        if step.id in self.graph.levels:
            moments["round"], moments["leave"] = self.ends[step.id] = self._level(step.id, here)
        self._read(step, moments)
        for rung in step.rungs:
            if rung.step is not None and step.id in self.graph.hosts.get(rung.step, ()):
                self._read(self.plan.steps[rung.step], {"enter": here}, host=step.id)
        for edge in level.edges[step.id]:
            gained = sum(self.bits[fact] for fact in dict.fromkeys(_gains(step, edge)))
            known = facts if edge.inside else ends
            known[edge.target] = _meet(known.get(edge.target, _NOWHERE), (here[0] | gained, here[1] | gained))

    def _read(self, step: PlanStep, moments: dict[str, Facts], host: str | None = None) -> None:
        for use in step.uses:
            if use.moment not in moments:
                continue
            told: set[str] = set()
            for read in sorted(use.reads, key=attrgetter("guarded")):  # what nobody asks for first is an error
                fact = self._fact(read.path)
                if fact is None or fact in told:
                    continue
                (surely, maybe), bit = moments[use.moment], self.bits.get(fact, 0)
                never, asked = not (surely | maybe) & bit, read.guarded and not use.broken
                if never if read.guarded else not surely & bit:
                    told.add(fact)
                    shown = dotted("", read.path[:2] if fact in self.plan.steps else read.path)
                    self.missing.append(_Missing(use, step.id, fact, shown, host, never, asked))

    def _fact(self, path: tuple[str, ...]) -> str | None:
        if path[0] != "steps":
            return ERROR if path[0] == ERROR else None
        if len(path) > 2 and f".{path[2]}" == VALUES and f"{path[1]}{VALUES}" in self.bits:
            return f"{path[1]}{VALUES}"
        return path[1] if len(path) > 1 else "steps"


def _meet(one: Facts, other: Facts) -> Facts:
    return one[0] & other[0], one[1] | other[1]


def _gains(step: PlanStep, edge: Edge) -> list[str]:
    """The facts that hold once the edge was taken. An action that ignores the form leaves its values unchecked."""
    if edge.fails:
        return [ERROR]
    if not edge.writes or step.type in _SILENT:
        return []
    if step.type != "human":
        return [step.id]
    action = next(found for found, taken in zip(step.model.actions, step.exits, strict=False) if taken is edge.exit)
    return [step.id, f"{step.id}{VALUES}"] if action.form == "required" else [step.id]


# in words


def _problem(graph: Graph, missing: _Missing) -> Problem:
    plan, step = graph.plan, graph.plan.steps[missing.at]
    who = step.label if missing.host is None else f"{step.label}, in place of {plan.steps[missing.host].label},"
    path = missing.use.path
    if missing.asked:
        message = f"{who} asks for {missing.shown}, {_never(graph, missing)} It is never there: take it out."
        return Problem("never_there", message, path, step.id, "warning")
    return Problem("unassigned", f"{who} reads {missing.shown}, {_why(graph, missing)}", path, step.id)


def _never(graph: Graph, missing: _Missing) -> str:
    """Why it can't be there on any path."""
    plan, fact = graph.plan, missing.fact.removesuffix(VALUES)
    if fact == ERROR:
        return "and no failure leads there."
    if fact not in plan.steps:
        return "and there is no such step."
    if fact == missing.at and missing.use.moment == "enter":
        return "its own output, which is not there yet."
    if plan.steps[fact].type in _SILENT:
        return f"which is {_SILENT[plan.steps[fact].type]}, and gives nothing to read."
    if fact not in graph.reached:
        return "which never runs."
    if missing.fact != fact:
        return f"which nobody fills in: no action of {plan.steps[fact].label} that leads there requires the form."
    return "which can only run after it." if _leads(graph, missing.host or missing.at, fact) else "which lies on no path to it."


def _leads(graph: Graph, begin: str, goal: str) -> bool:
    """Whether a route goes from one step to another of its level, or of one around it."""
    plan = graph.plan
    while plan.steps[begin].level and plan.steps[begin].level != plan.steps[goal].level:
        begin = plan.steps[begin].level
    level, seen = graph.levels[plan.steps[begin].level], {begin}
    for name in level.order:
        if name in seen:
            seen.update(edge.target for edge in level.edges[name])
    return goal in seen


def _why(graph: Graph, missing: _Missing) -> str:
    plan, fact = graph.plan, missing.fact.removesuffix(VALUES)
    if fact == "steps":
        return "all outputs at once. Name the step whose output is meant."
    if fact != ERROR and fact not in plan.steps:
        return "and there is no such step. Name one that there is."
    if fact == missing.at and missing.use.moment == "enter":
        return "its own output, which is not there yet. Read what came before."
    if fact != ERROR and plan.steps[fact].type in _SILENT:
        return f"which is {_SILENT[plan.steps[fact].type]}, and gives nothing to read. Read what it decided on."
    guard = f"has({missing.shown})"
    if fact != ERROR and fact not in graph.reached:
        return "which never runs. Lead a route to it, or don't read it."
    if missing.never and missing.fact == fact and fact != ERROR:
        return f"{_never(graph, missing)} Read what comes before, or move it."
    path = _witness(graph, missing)
    if fact == ERROR:
        return f"which is there only after a failure, and not {_way(plan, path)}. Read it behind {guard}."
    if missing.fact != fact and path and any(edge.source == fact and edge.writes for edge in path.edges):
        filled = f"which nobody need have filled in {_way(plan, path)}"
        return f"{filled}. Read it behind {guard}, or let that action require the form."
    return f"which has not run {_way(plan, path)}. Read it behind {guard}, or lead that path elsewhere."


@dataclass(frozen=True, slots=True)
class _Path:
    """A path without the fact. `breach`: it begins where a run goes that has met a limit."""

    begin: str
    edges: tuple[Edge, ...]
    fact: str
    breach: bool


def _witness(graph: Graph, missing: _Missing) -> _Path | None:
    """The shortest path on which the fact is not written, in the level where it could have been."""
    plan = graph.plan
    level, goal = _goal(graph, missing)
    ends = missing.use.moment != "enter" and level.name == missing.at
    goals = {BREAK, CONTINUE} if missing.use.moment == "leave" else {CONTINUE}
    breach = plan.workflow.limits.on_breach if level.name == "" else None
    breach = None if breach == plan.workflow.start else breach
    begins = [entry for entry in level.entries if missing.fact != ERROR or entry != breach]
    queue: list[tuple[str, tuple[Edge, ...], str]] = [(entry, (), entry) for entry in begins]
    seen = set(begins)
    for name, edges, begin in queue:
        if name == goal and not ends:
            return _Path(begin, edges, missing.fact.removesuffix(VALUES), begin == breach)
        for edge in level.edges[name]:
            if missing.fact in _gains(plan.steps[edge.source], edge):
                continue
            if not edge.inside and ends and edge.target in goals:
                return _Path(begin, (*edges, edge), missing.fact.removesuffix(VALUES), False)
            if edge.inside and edge.target not in seen:
                seen.add(edge.target)
                queue.append((edge.target, (*edges, edge), begin))
    return None


def _goal(graph: Graph, missing: _Missing) -> tuple[Level, str]:
    """The level in which to look for a path, and the step there that reads or holds the reader."""
    plan = graph.plan
    wanted = plan.steps[missing.fact.removesuffix(VALUES)].level if missing.fact != ERROR else None
    goal = missing.host or missing.at
    if missing.use.moment != "enter" and wanted in (missing.at, None):
        return graph.levels[missing.at], goal
    while wanted is not None and plan.steps[goal].level and plan.steps[goal].level != wanted:
        goal = plan.steps[goal].level
    return graph.levels[plan.steps[goal].level], goal


def _way(plan: Plan, path: _Path | None) -> str:
    """`when Customer fails and its catch goes straight to Draft`; `on the way Start → Route → Draft`."""
    if path is None:
        return "before it"
    if path.breach:
        return f"when a limit is met and the run goes to {_chain(plan, path.begin, path.edges)}"
    left = next((index for index, edge in enumerate(path.edges) if edge.source == path.fact and not edge.writes), None)
    if left is None:
        return f"on the way {_chain(plan, path.begin, path.edges)}" if path.edges else "when the run begins"
    edge, rest = path.edges[left], path.edges[left + 1 :]
    where = _chain(plan, edge.target, rest)
    return f"when {_leaving(plan, edge)} goes {'to' if rest else 'straight to'} {where}"


def _leaving(plan: Plan, edge: Edge) -> str:
    label = plan.steps[edge.source].label
    if edge.exit.kind == "deadline":
        waits = plan.steps[edge.source].type == "wait"
        return f"the deadline of {label} passes and it" if waits else f"nobody answers {label} in time and it"
    if edge.exit.kind == "unknown":
        return f"nobody knows whether {label} happened and it"
    return f"{label} fails and its catch"


def _chain(plan: Plan, begin: str, edges: tuple[Edge, ...]) -> str:
    names = [_name(plan, begin)]
    for edge in edges:
        if edge.exit.kind != "next":
            names[-1] += f" ({edge.exit.label or edge.exit.kind})"
        names.append(_name(plan, edge.target))
    return " → ".join(names if len(names) <= 8 else [*names[:4], "…", *names[-3:]])


def _name(plan: Plan, target: str) -> str:
    words = {CONTINUE: "the end of the round", BREAK: "the end of the loop"}
    return words.get(target) or plan.steps[target].label
