"""The routes of a plan as acyclic graphs, one for each level, and what is wrong with the routes themselves.

A level is the root ("") or a container's body. An edge leads from a step to a step of its level, or to the end of the round
(`continue`) or of the loop (`break`). Edges that close a circle are a problem, and left out, so that what comes after may
rely on an order.
"""

from collections.abc import Iterator
from dataclasses import field
from functools import partial

from orchestration.core.errors import Problem
from orchestration.core.frozen import dataclass
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.routes import BREAK, CONTINUE, Exit, no_loop, way_out
from orchestration.core.wording import did_you_mean, with_stop

GOES = "goes to"


@dataclass(frozen=True, slots=True)
class Edge:
    """`target` is a step of the level, `break` or `continue`."""

    source: str
    target: str
    exit: Exit

    @property
    def writes(self) -> bool:
        """Whether the source's output is there once the edge was taken."""
        return not self.exit.abnormal

    @property
    def fails(self) -> bool:
        """Whether `error` is there once the edge was taken."""
        return self.exit.kind in ("catch", "unknown")

    @property
    def inside(self) -> bool:
        return self.target not in (BREAK, CONTINUE)


@dataclass(slots=True)
class Level:
    """`order` holds every step of the level, each before all that it leads to. `entries` are where runs come in."""

    name: str
    entries: tuple[str, ...]
    order: tuple[str, ...] = ()
    edges: dict[str, list[Edge]] = field(default_factory=dict)
    reached: set[str] = field(default_factory=set)

    def all_edges(self) -> Iterator[Edge]:
        for name in self.order:
            yield from self.edges[name]


@dataclass(slots=True)
class Graph:
    """`hosts`: a step → the steps that fall back to it. `reached`: steps that a run may come to by routes. `live`: steps that may
    run, by routes or in place of another. `loose`: a route is missing or leads nowhere, so that what isn't reached may be meant
    to be: nothing is said of it until that is mended."""

    plan: Plan
    levels: dict[str, Level]
    hosts: dict[str, list[str]]
    reached: set[str]
    problems: list[Problem]
    live: set[str] = field(default_factory=set)
    loose: bool = False


def at(step: PlanStep, code: str, message: str, key: str = "", severity: str = "error") -> Problem:
    """A problem of a step, at one of its keys."""
    return Problem(code, message, f"{step.place}.{key}" if key else step.place, step.id, severity)  # type: ignore[arg-type]


def build(plan: Plan) -> Graph:
    graph = Graph(plan, {}, {}, set(), [])
    breach = _root_step(graph, plan.workflow.limits.on_breach, "limits.on_breach", "limits.on_breach")
    start = _root_step(graph, plan.workflow.start, "start", "`start`")
    for name in plan.levels:
        entries = (start, breach) if name == "" else plan.entries(name)
        level = Level(name, tuple(dict.fromkeys(entry for entry in entries if entry)))
        for step_id in plan.levels[name]:
            level.edges[step_id] = list(_edges(graph, plan.steps[step_id]))
        _hosts(graph, name)
        graph.levels[name] = level
        _order(graph, level)
    _reach(graph, "")
    graph.live = graph.reached | {name for name, hosts in graph.hosts.items() if graph.reached & set(hosts)}
    graph.loose = bool(graph.problems) or any(map(partial(lacks_exit, graph), plan.steps.values()))
    graph.loose |= any(problem.code == "duplicate_id" or _is_open(problem) for problem in plan.problems)
    return graph


def _is_open(problem: Problem) -> bool:
    return problem.code == "unfinished" and problem.path.endswith(".on_deadline")


def lacks_exit(graph: Graph, step: PlanStep) -> bool:
    """Whether a step of the root that needs a way on has none."""
    takes = "next" in type(step.model).model_fields
    return takes and step.model.next is None and not step.level and step.id not in graph.hosts


def unreachable(graph: Graph, step: PlanStep) -> bool:
    """Whether it is certain that the step never runs, while what it stands in may."""
    return not graph.loose and step.id not in graph.live and (not step.level or step.level in graph.reached)


def _root_step(graph: Graph, name: str | None, path: str, what: str) -> str | None:
    if name is None:
        return None
    step = graph.plan.steps.get(name)
    if step is None:
        message = with_stop(f"{what} names {name}, and there is no such step{_near(graph.plan, name, '')}")
        graph.problems.append(Problem("unknown_step", message, path))
    elif step.level:
        message = f"{what} names {name}, which stands inside {graph.plan.steps[step.level].label}. Name a step outside of it."
        graph.problems.append(Problem("wrong_level", message, path))
    else:
        return name
    return None


def _near(plan: Plan, name: str, level: str) -> str:
    if name in plan.workflow.outcomes:
        return f"; {name} is an outcome: go to a step of type end that names it"
    return did_you_mean(name, plan.levels[level])


def taken(step: PlanStep) -> Iterator[tuple[Exit, frozenset[str]]]:
    """The exits that can be taken, each catch with the codes that are left for it; none without any are given."""
    seen: set[str] = {"unknown"}
    for found in step.exits:
        if found.kind != "catch":
            yield found, frozenset()
            continue
        left = frozenset() if "*" in seen else frozenset(found.errors) - seen
        if left:
            yield found, left
        seen |= set(found.errors)


def _edges(graph: Graph, step: PlanStep) -> Iterator[Edge]:
    container = graph.plan.steps[step.level].type if step.level else ""
    for found, _ in taken(step):
        if found.to in (BREAK, CONTINUE):
            if container == "loop" or (container and found.to == CONTINUE):
                yield Edge(step.id, found.to, found)
            else:
                message = f"{step.label} goes to {found.to}: {no_loop('it', container)}"
                graph.problems.append(Problem("outside_loop", message, found.path, step.id))
        elif _beside(graph, step, found.to, found.path, GOES):
            yield Edge(step.id, found.to, found)


def _beside(graph: Graph, step: PlanStep, to: str, path: str, verb: str) -> bool:
    """Whether `to` is a step of the same level; if not, that is noted down."""
    plan, target = graph.plan, graph.plan.steps.get(to)
    if target is None:
        message = with_stop(f"{step.label} {verb} {to}, and there is no such step{_near(plan, to, step.level)}")
        graph.problems.append(Problem("unknown_step", message, path, step.id))
    elif target.level != step.level:
        inside = step.level and step.level not in plan.chain(target.level)
        around = plan.steps[step.level if inside else _outermost(plan, target, step.level)]
        how = f"stands outside {around.label}" if inside else f"stands inside {around.label}, which can't be entered from outside"
        if verb != GOES:
            how += f". Name a step beside {step.label}"
        elif inside:
            how += f". {way_out(around.type)}{_leading(plan, around, target)}"
        else:
            how += f". Go to {around.label}"
        graph.problems.append(Problem("wrong_level", f"{step.label} {verb} {target.label}, which {how}.", path, step.id))
    return target is not None and target.level == step.level


def _leading(plan: Plan, around: PlanStep, target: PlanStep) -> str:
    """What goes on from a container to the target: from an arm its parallel, unless that has the target in another arm."""
    leads = plan.steps[around.level] if around.type == "arm" else around
    return "" if leads.id in plan.chain(target.level) else f", and let {leads.label} lead there"


def _outermost(plan: Plan, target: PlanStep, level: str) -> str:
    """The container at `level` that the target is in, else the target's own."""
    found = target.level
    while plan.steps[found].level and plan.steps[found].level != level:
        found = plan.steps[found].level
    return found


def _hosts(graph: Graph, level: str) -> None:
    for step_id in graph.plan.levels[level]:
        step = graph.plan.steps[step_id]
        for index, fallback in enumerate(getattr(step.model, "fallback", ())):
            path = f"{step.place}.fallback[{index}].step"
            if fallback.step is not None and _beside(graph, step, fallback.step, path, "falls back to"):
                graph.hosts.setdefault(fallback.step, []).append(step_id)


def _order(graph: Graph, level: Level) -> None:
    """Depth first from the entries, then from what they don't lead to; edges to a step that is still open close a circle."""
    order: list[str] = []
    state: dict[str, int] = {}
    for root in (*level.entries, *level.edges):
        if root in state:
            continue
        state[root] = 1
        stack = [(root, iter(list(level.edges[root])))]
        while stack:
            name, edges = stack[-1]
            for edge in edges:
                if not edge.inside or state.get(edge.target) == 2:
                    continue
                if state.get(edge.target) == 1:
                    level.edges[name].remove(edge)
                    _circle(graph, [step for step, _ in stack], edge)
                    continue
                state[edge.target] = 1
                stack.append((edge.target, iter(list(level.edges[edge.target]))))
                break
            else:
                state[name] = 2
                order.append(name)
                stack.pop()
    level.order = tuple(reversed(order))


def _circle(graph: Graph, stack: list[str], edge: Edge) -> None:
    steps = stack[stack.index(edge.target) :]
    labels = [graph.plan.steps[name].label for name in [*steps, edge.target]]
    shown = " → ".join(labels if len(labels) <= 8 else [*labels[:4], "…", *labels[-3:]])
    message = f"{shown} goes in a circle. Routes lead forward only: put these steps into a loop, which has a bound."
    graph.problems.append(Problem("cycle", message, edge.exit.path, edge.source))


def _reach(graph: Graph, name: str) -> None:
    """What runs may come to. A loop whose body only ever ends the run is never left in an ordinary way."""
    level = graph.levels[name]
    level.reached.update(level.entries)
    for step_id in level.order:
        if step_id not in level.reached:
            continue
        if step_id in graph.levels:
            _reach(graph, step_id)
            body = graph.levels[step_id]
            left = any(not edge.inside for inner in body.reached for edge in body.edges[inner])
            if graph.plan.steps[step_id].loop and not left:
                level.edges[step_id] = [edge for edge in level.edges[step_id] if not edge.writes]
        level.reached.update(edge.target for edge in level.edges[step_id] if edge.inside)
    graph.reached |= level.reached
