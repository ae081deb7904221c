"""A plan as a graph of plain values, for the canvas: steps with their routes, where each leads and which more could be drawn.

    route    the place of a target within its step, as in `Exit.path` without the step's own place: `next`, `cases[0].to`; a new
             entry of a list is named by the list (`cases`, `catch`). Edit commands name routes the same way.
    parent   the container whose level a step stands in, "" for the root
    errors   of a step, where each of its errors comes to in the end, as the proof says; see `error_ways`
    at       where people put it, from the corner of its container; None: the canvas finds a place

What stands in `layout` may be anything; what makes no sense there is left out.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from dashboard.error_ways import error_ways
from dashboard.outline import EFFECTS, TYPES, ending, lead
from dashboard.panel.around import tools_of
from dashboard.proof_view import ProofView
from dashboard.run_view import Reached, stands_in, words
from orchestration.core.condition import spelled
from orchestration.core.editing.places import is_drawn
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.proof.derivation import duration
from orchestration.core.routes import BREAK, CONTINUE, Exit
from orchestration.core.wording import listed
from orchestration.queries.course import Course, Visit

MOST_LABEL = 60
_FAR = 100_000
"""No step stands further out: a number that is larger was never dragged there."""


def graph(plan: Plan, proof: ProofView, *, revision: int | None = None, version: int | None = None) -> dict[str, Any]:
    """The whole of it. `problems` of a step stand with it; all of them at the end."""
    workflow = plan.workflow
    layout = workflow.layout if isinstance(workflow.layout, dict) else {}
    wrong = _by_step(proof.problems)
    failing = error_ways(plan, proof.rows)
    return {
        "workflow": workflow.id,
        "title": workflow.title or words(workflow.id),
        "revision": revision,
        "version": version,
        "start": workflow.start,
        "routes": list(_root_routes(plan)),
        "steps": [
            {**_step(plan, step, layout, wrong.get(step.id, [])), "errors": failing.get(step.id, [])}
            for step in plan.steps.values()
        ],
        "outcomes": [{"id": end.id, "title": end.name, "kind": end.kind} for end in (ending(plan, n) for n in workflow.outcomes)],
        "on_failure": workflow.on_failure,
        "models": list(plan.models),
        "tools": [list(offer) for offer in tools_of(plan, plan.catalog)],
        "problems": [_problem(problem) for problem in proof.problems],
        "bounds": bounds(proof),
    }


def bounds(proof: ProofView) -> list[dict[str, str]]:
    """The figures of the worst case as chips. `usual`: what recorded runs came to. `why` it is not known, "" where it is. `href`:
    the place of a figure's derivation, or of what it lacks, "" where it has none."""
    return [
        {
            "label": figure.words,
            "text": figure.value,
            "limit": figure.limit,
            "usual": figure.usual,
            "why": figure.why,
            "href": f"#{figure.anchor}" if figure.anchor else "",
        }
        for figure in proof.figures
    ]


def _problem(problem: Mapping[str, Any]) -> dict[str, Any]:
    return {key: problem.get(key) for key in ("code", "severity", "step", "path", "message")}


def _by_step(problems: tuple[Mapping[str, Any], ...]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for problem in problems:
        if problem.get("step"):
            found.setdefault(problem["step"], []).append(_problem(problem))
    return found


def _step(plan: Plan, step: PlanStep, layout: Mapping[str, Any], problems: list[dict[str, Any]]) -> dict[str, Any]:
    effect, tone = EFFECTS[step.tool.effect] if step.type == "tool" and step.tool else ("", "")
    if step.type == "end":
        tone = "good" if ending(plan, step.model.outcome).kind == "success" else "bad"
    folded = layout.get("folded")
    return {
        "id": step.id,
        "type": step.type,
        "word": TYPES[step.type],
        "title": step.label,
        "parent": step.level,
        "note": step.model.note,
        "lead": lead(plan, step),
        "brief": brief(plan, step),
        "effect": effect,
        "tone": tone,
        "problems": problems,
        "at": _at(layout, step.id),
        "folded": isinstance(folded, dict) and folded.get(step.id) is True,
        "routes": list(routes(step)),
        "free": list(free(step)),
    }


def _at(layout: Mapping[str, Any], step: str) -> list[float] | None:
    places = layout.get("at")
    at = places.get(step) if isinstance(places, dict) else None
    if not isinstance(at, list) or len(at) != 2 or not all(_is_near(value) for value in at):
        return None
    return [float(value) for value in at]


def _is_near(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -_FAR < value < _FAR


# What stands on a node, in a few words


def brief(plan: Plan, step: PlanStep) -> str:
    """The lead for a place that has room for some thirty characters."""
    model = step.model
    if step.type == "llm":
        first = step.rungs[0].model if step.rungs else None
        return first.model or first.provider if first else str(model.model)
    said = {
        "tool": lambda: step.tool.name if step.tool else model.tool or "no tool yet",
        "branch": lambda: _count(len(model.cases), "rule"),
        "set": lambda: listed(model.values, join="and"),
        "loop": lambda: f"at most {_count(model.max, 'round')}",
        "map": lambda: f"at most {_count(model.max_items, 'item')}",
        "parallel": lambda: f"{_count(len(model.branches), 'arm')}, {_joined(model.join)}",
        "arm": lambda: "",
        "human": lambda: f"{model.queue}, {duration(model.deadline)}",
        "wait": lambda: model.event or (f"{duration(model.deadline)} at most" if model.deadline else "a while"),
        "workflow": lambda: model.workflow or "no workflow yet",
        "end": lambda: ending(plan, model.outcome).name,
    }
    return _short(str(said[step.type]()))


def _short(text: str) -> str:
    return text if len(text) <= MOST_LABEL else f"{text[: MOST_LABEL - 1]}…"


def _joined(join: str | int) -> str:
    return {"all": "all of them", "any": "the first"}.get(str(join), f"{join} of them")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"


# Routes


def _root_routes(plan: Plan) -> Iterator[dict[str, Any]]:
    """Those of the workflow itself."""
    yield _route("start", "next", "", plan.workflow.start)
    if plan.workflow.limits.on_breach is not None:
        yield _route("limits.on_breach", "breach", "limits met", plan.workflow.limits.on_breach)


def _route(route: str, kind: str, label: str, to: str, errors: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"route": route, "kind": kind, "label": _short(label), "to": to, "errors": list(errors)}


def routes(step: PlanStep) -> Iterator[dict[str, Any]]:
    """As written, and the fallbacks to other steps. A body's end that is not written is no route."""
    cases = iter(getattr(step.model, "cases", ()))
    taken = False
    for found in step.exits:
        if found.path == step.place:
            continue
        condition = spelled(next(cases).when) if found.kind == "case" else ""
        label = _label(step, found, condition, taken)
        taken = taken or found.kind == "catch"
        yield _route(found.path.removeprefix(f"{step.place}."), found.kind, label, found.to, found.errors)
    for index, rung in enumerate(getattr(step.model, "fallback", ())):
        if rung.step is not None:
            yield _route(f"fallback[{index}].step", "fallback", "in its place", rung.step)


def _label(step: PlanStep, found: Exit, condition: str, again: bool) -> str:
    """When it is taken. `again`: a catch stands before it."""
    if found.kind == "case":
        return found.label or condition or "no condition yet"
    if found.kind == "action":
        return found.label
    if found.kind == "catch":
        if "*" in found.errors:
            return "any other error" if again else "any error"
        return listed([code.replace("_", " ") for code in found.errors])
    if found.kind == "deadline":
        deadline = getattr(step.model, "deadline", None)
        return f"after {duration(deadline)}" if deadline else "too late"
    return {
        "default": "otherwise", "exhausted": "rounds used up", "stalled": "no progress", "unknown": "nobody knows if it happened",
    }.get(found.kind, "")  # fmt: skip


OFFERED = {
    "llm": ("next", "catch", "fallback"),
    "tool": ("next", "catch", "fallback", "on_unknown"),
    "branch": ("cases", "catch"),
    "set": ("next", "catch"),
    "loop": ("next", "on_exhausted", "on_stalled", "catch"),
    "map": ("next", "catch"),
    "parallel": ("next", "catch"),
    "human": ("actions", "on_deadline", "catch"),
    "wait": ("next", "on_deadline", "catch"),
    "workflow": ("next", "catch"),
}
"""Routes that the canvas offers to draw, by type, in the order of their ports. Commands know more (`editing.places.free`). Names
of lists may be drawn again and again."""

CALLED = {
    "next": "then",
    "catch": "on an error",
    "fallback": "in its place",
    "on_unknown": "nobody knows if it happened",
    "cases": "if",
    "actions": "on an answer",
    "on_exhausted": "rounds used up",
    "on_stalled": "no progress",
    "on_deadline": "too late",
}


def free(step: PlanStep) -> Iterator[dict[str, str]]:
    for route in OFFERED.get(step.type, ()):
        if not is_drawn(vars(step.model), route):
            yield {"route": route, "label": CALLED[route]}


# A run


def of_run(
    plan: Plan,
    proof: ProofView,
    course: Course,
    reached: tuple[Reached, ...],
    version: int,
    items: Mapping[str, Any],
    inside: tuple[Visit, ...],
) -> dict[str, Any]:
    """The same with where a run has been: of each step how often and how it went, and which ways were taken, as (from, to,
    route). "" is where it began, and the route where none leads there by itself. `select` chooses the last visit of a step on the
    page of the run. `items` (as `items_view.ran`) and `inside` say that of the steps that child runs came to."""
    stands = {item.step.id: _ran(item) for item in reached}
    ran = {step: found for step in plan.steps if (found := {**(stands.get(step) or {}), **items.get(step, {})})}
    drawn = graph(plan, proof, version=version)
    return {
        **drawn,
        "steps": [{**step, "problems": [], "folded": False, "ran": ran.get(step["id"])} for step in drawn["steps"]],
        "problems": [],
        "bounds": [],
        "visited": sorted(_ways(plan, course, inside) | _entered(plan, ran)),
    }


def _ran(item: Reached) -> dict[str, Any] | None:
    if item.look is None:
        return None
    return {
        "visits": item.visits, "word": item.look.word, "icon": item.look.icon, "tone": item.look.tone, "select": item.select,
    }  # fmt: skip


def _ways(plan: Plan, course: Course, inside: tuple[Visit, ...]) -> set[tuple[str, str, str]]:
    found = (visit for visit in (*course.visits, *inside) if visit.step in plan.steps and not _ended(plan, visit))
    return {(stands_in(visit), visit.step, "") if stands_in(visit) else _way(plan, visit) for visit in found}


def _ended(plan: Plan, visit: Visit) -> bool:
    """Whether no way led on from there: it failed, and nothing caught that."""
    return visit.rule == plan.steps[visit.step].place


def _entered(plan: Plan, ran: Collection[str]) -> set[tuple[str, str, str]]:
    """The ways into the whole, and into loops, items and arms."""
    levels = (level for level in plan.levels if not level or plan.steps[level].type != "parallel")
    return {(level, first, "start") for level in levels if (first := plan.first(level)) in ran}


def _way(plan: Plan, visit: Visit) -> tuple[str, str, str]:
    step, to = plan.steps[visit.step], _target(plan, visit)
    led = [found["route"] for found in routes(step) if found["to"] == to]
    rule = visit.rule.removeprefix(f"{step.place}.")
    return step.id, to, next((route for route in led if route in (rule, f"{rule}.to", f"{rule}.step")), "")


def _target(plan: Plan, visit: Visit) -> str:
    """A record says where the run went by its path; within a body that may be out of the round, which has ends of its own."""
    path = visit.to
    to, level = path.rpartition("/")[2].partition("[")[0], plan.steps[visit.step].level
    here = path.rpartition("/")[0] == visit.path.rpartition("/")[0]
    if not level or (here and plan.level_of.get(to) == level):
        return to
    leaves = {found.to for found in plan.steps[visit.step].exits}
    return CONTINUE if CONTINUE in leaves or BREAK not in leaves else BREAK
