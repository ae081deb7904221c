"""What can be done with a step of an outline, and the edit commands that an answer to its menu means.

The menu offers what is legal; what comes back is checked again by the commands themselves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dashboard.graph_view import free, routes
from dashboard.outline import TYPES, target
from dashboard.panel.around import Offer, targets, tools_of
from orchestration.core.definition import CONTAINERS, STEP_TYPES
from orchestration.core.editing.places import open_end
from orchestration.core.errors import Problem, Refused
from orchestration.core.plan import Plan

Json = dict[str, Any]
START = "start"
"""The route of the workflow itself to where a run begins."""
WORDS = {
    "llm": "asks a model", "tool": "calls a tool", "branch": "chooses by rules", "set": "computes values",
    "loop": "repeats steps", "map": "runs steps for each item", "parallel": "runs arms at once", "human": "asks a person",
    "wait": "waits", "workflow": "runs another workflow", "end": "ends the run", "arm": "runs beside the others",
}  # fmt: skip
TYPE_OFFERS: tuple[Offer, ...] = tuple((name, f"{TYPES[name]}: {WORDS[name]}") for name in STEP_TYPES)
_ARM: tuple[Offer, ...] = (("arm", f"{TYPES['arm']}: {WORDS['arm']}"),)


@dataclass(frozen=True, slots=True)
class MenuRoute:
    """One route: where it leads, and where it may. `new`: it is not there yet. `name`: of its control; `was`: where it leads in
    the draft, whatever was chosen in it, and `errors`: what is wrong with that."""

    name: str
    label: str
    to: str
    options: tuple[Offer, ...]
    was: str = ""
    new: bool = False
    needed: bool = False
    errors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Menu:
    """`places`: where a new step may come, (what is sent, in words). `tools`: that one may call. `holders`: containers that it
    could be moved into. `written`: the title that it has, "" where it is called by its id, or what was typed for it; `titled`
    that in the draft; `named`: its id, or what was typed for it. `typed` and `errors`: what its other controls hold, and what is
    wrong with it, by their names."""

    id: str
    title: str
    written: str
    type: str
    routes: tuple[MenuRoute, ...]
    places: tuple[Offer, ...]
    types: tuple[Offer, ...]
    tools: tuple[Offer, ...]
    holders: tuple[Offer, ...]
    up: bool
    down: bool
    out: str
    titled: str = ""
    named: str = ""
    typed: Mapping[str, str] = field(default_factory=dict)
    errors: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def adds(self) -> str:
        """Where a step is added here, in words."""
        offered = [place for place, _ in self.places]
        after = "below it" if offered[:1] == ["beside"] and self.type != "arm" else "after it"
        return f"{after} or inside it" if "inside" in offered else after


def menu(plan: Plan, step: str) -> Menu:
    found = plan.steps[step]
    beside = plan.levels[found.level]
    at = beside.index(step)
    return Menu(
        id=step,
        title=found.label,
        written=found.model.title,
        type=found.type,
        routes=tuple(_routes(plan, step)),
        places=tuple(_places(plan, step)),
        types=_ARM + TYPE_OFFERS if found.type in ("arm", "parallel") else TYPE_OFFERS,
        tools=tools_of(plan, plan.catalog),
        holders=tuple(_holders(plan, step)),
        up=at > 0,
        down=at < len(beside) - 1,
        out=plan.steps[found.level].label if found.level and found.type != "arm" else "",
        titled=found.model.title,
        named=step,
    )


def refused(plan: Plan, step: str, sent: Mapping[str, str], problems: Sequence[Problem]) -> tuple[Menu, tuple[Problem, ...]]:
    """The menu as it was sent, each problem at its control; and the problems that are about none."""
    errors: dict[str, list[str]] = {}
    for problem in problems:
        errors.setdefault(_control(plan, step, sent, problem), []).append(problem.message)
    shown, do = menu(plan, step), sent.get("do", "")
    led = (replace(route, to=sent.get(route.name, route.to), errors=tuple(errors.get(route.name, ()))) for route in shown.routes)
    if do == "connect":
        shown = replace(shown, routes=tuple(led))
    elif do == "rename":
        shown = replace(shown, written=sent.get("title", ""), named=sent.get("id", ""))
    shown = replace(shown, typed=sent if do in ("add", "into") else {}, errors=errors)
    return shown, tuple(problem for problem in problems if not _control(plan, step, sent, problem))


def _control(plan: Plan, step: str, sent: Mapping[str, str], problem: Problem) -> str:
    """The name of the control that a problem is about, "" where it is about what was pressed."""
    do = sent.get("do", "")
    if do == "add":
        return next((f"new_{name}" for name in ("title", "tool") if name in problem.path), "new_type")
    if do == "into":
        return "holder"
    if do not in ("connect", "rename"):
        return ""
    made = commands(plan, step, sent)
    number = problem.path.partition("]")[0].removeprefix("commands[")
    command = made[int(number)] if number.isdecimal() and int(number) < len(made) else made[0]
    return f"route:{command['route']}" if do == "connect" else "id" if command["do"] == "rename" else "title"


def _routes(plan: Plan, step: str) -> Iterator[MenuRoute]:
    offered = tuple(targets(plan, step))
    beside = tuple((name, plan.steps[name].label) for name in plan.levels[plan.steps[step].level] if name != step)
    for route in routes(plan.steps[step]):
        options = beside if route["kind"] == "fallback" else offered
        if route["to"] not in {name for name, _ in options}:
            options = ((route["to"], target(plan, route["to"], plan.steps[step].level).name), *options)
        label = f"{_KINDS.get(route['kind'], '')}{route['label']}" or "then"
        yield MenuRoute(f"route:{route['route']}", label, route["to"], options, route["to"], needed=_needed(plan, step, route))
    for route in free(plan.steps[step]):
        options = beside if route["route"] == "fallback" else offered
        yield MenuRoute(f"route:{route['route']}", route["label"], "", options, new=True)


_KINDS = {"case": "if ", "action": "on ", "catch": "on ", "fallback": "", "next": "then"}


def _needed(plan: Plan, step: str, route: Mapping[str, Any]) -> bool:
    """Whether it can be led elsewhere, and not taken away."""
    model = plan.steps[step].model
    alone = (route["kind"] == "case" and len(model.cases) == 1) or (route["kind"] == "action" and len(model.actions) == 1)
    return alone or route["kind"] == "default" or (route["kind"] == "deadline" and model.type == "human")


def _places(plan: Plan, step: str) -> Iterator[Offer]:
    found = plan.steps[step]
    if found.type == "arm":
        yield "beside", "after it, as an arm"
    else:
        model = type(found.model)
        drawn = {route["route"]: route for route in routes(found)}
        if "next" in model.model_fields:
            yield "after:next", "after it"
        for route in drawn.values():
            if route["kind"] in ("case", "default", "action"):
                yield f"after:{route['route']}", f"where it goes {_KINDS.get(route['kind'], '')}{route['label']}"
        if not _is_plain(plan, step):
            yield "beside", "below it, and nothing leads there yet"
    if found.type in CONTAINERS:
        yield "inside", "inside it, as its last arm" if found.type == "parallel" else "inside it, at the end"


def _is_plain(plan: Plan, step: str) -> bool:
    """Whether what comes below it is led to by itself: it stands last in a body, from which one way goes on."""
    level = plan.steps[step].level
    body = [data_of(plan, name) for name in plan.levels[level]]
    return bool(level) and plan.levels[level][-1] == step and open_end(body) is not None


def _holders(plan: Plan, step: str) -> Iterator[Offer]:
    if plan.steps[step].type == "arm":
        return
    for name, found in plan.steps.items():
        if found.type in ("loop", "map", "arm") and name != plan.steps[step].level and step not in plan.chain(name):
            yield name, found.label


# What comes back


def commands(plan: Plan, step: str, sent: Mapping[str, str]) -> list[Json]:
    """The commands of an answer. `step` "" is the workflow itself. Raises `Refused` where it means nothing."""
    do = sent.get("do", "")
    if do == "add":
        return [_add(plan, step, sent)]
    if step not in plan.steps:
        raise Refused(Problem("unknown_step", f"There is no step {step[:60]} any more. Look at the outline again.", "step"))
    doing = {"connect": _connect, "rename": _rename, "up": _move, "down": _move, "out": _move, "into": _move}
    if do in ("duplicate", "remove"):
        return [{"do": do, "steps": [step]}]
    if do not in doing:
        raise Refused(Problem("unknown_command", "Nothing was asked for. Press one of the buttons.", "do"))
    return doing[do](plan, step, sent)


def _add(plan: Plan, step: str, sent: Mapping[str, str]) -> Json:
    title = sent.get("title", "").strip()
    new: Json = {"type": sent.get("type", ""), **({"title": title} if title else {})}
    if new["type"] == "tool":
        new |= _tool(plan, sent.get("tool", ""))
    where = sent.get("where", "")
    if step not in plan.steps:
        return {"do": "add", "step": new, "from": {"step": "", "route": START}}
    if where == "inside":
        return {"do": "add", "step": new, "into": step}
    level = plan.steps[step].level
    if where.startswith("after:"):
        return {"do": "add", "step": new, "into": level, "from": {"step": step, "route": where.removeprefix("after:")}}
    return {"do": "add", "step": new, "into": level, "before": _following(plan, step)}


def _tool(plan: Plan, chosen: str) -> Json:
    """The one that was chosen, else the only one; nothing where it is chosen later."""
    names = [name for name, _ in tools_of(plan, plan.catalog)]
    found = [name for name in names if name == chosen] or names
    return {"tool": found[0]} if len(found) == 1 else {}


def _following(plan: Plan, step: str, by: int = 1) -> str | None:
    beside = plan.levels[plan.steps[step].level]
    at = beside.index(step) + by
    return beside[at] if 0 <= at < len(beside) else None


def _move(plan: Plan, step: str, sent: Mapping[str, str]) -> list[Json]:
    level = plan.steps[step].level
    do = sent["do"]
    if do == "into":
        return [{"do": "move", "steps": [step], "into": sent.get("holder", "")}]
    if do == "out":
        if not level:
            raise Refused(Problem("at_the_root", "It stands in no container that it could be taken out of.", "step"))
        return [{"do": "move", "steps": [step], "into": plan.steps[level].level, "before": _following(plan, level)}]
    beside = plan.levels[level]
    if step == (beside[0] if do == "up" else beside[-1]):
        raise Refused(Problem("at_the_end", f"It is the {'first' if do == 'up' else 'last'} already.", "step"))
    before = _following(plan, step, -1 if do == "up" else 2)
    return [{"do": "move", "steps": [step], "into": level, "before": before}]


def _rename(plan: Plan, step: str, sent: Mapping[str, str]) -> list[Json]:
    found = plan.steps[step].model
    title, name = sent.get("title", "").strip(), sent.get("id", "").strip() or step
    made: list[Json] = [{"do": "rename", "kind": "step", "id": step, "to": name}] if name != step else []
    if title != sent.get("was:title", found.title):
        put = {"do": "set", "step": name, "key": "title", "value": title}
        made.append(put if title else {"do": "unset", "step": name, "key": "title"})
    return made


def _connect(plan: Plan, step: str, sent: Mapping[str, str]) -> list[Json]:
    """What differs from how it was shown: it may have been changed since, in another tab. New routes last, and those that go from
    the last to the first, so that no number changes under another."""
    drawn = menu(plan, step).routes
    changed = [
        (route, sent[route.name])
        for route in drawn
        if route.name in sent and sent[route.name] != sent.get(f"was:{route.name}", route.to)
    ]
    led: list[Json] = []
    gone: list[Json] = []
    for route, to in changed:
        name = route.name.removeprefix("route:")
        if to:
            led.append({"do": "connect", "step": step, "route": name, "to": to})
        else:
            gone.insert(0, {"do": "disconnect", "step": step, "route": name})
    existing = [each for each in led if not any(r.new and r.name == f"route:{each['route']}" for r in drawn)]
    return [*existing, *gone, *(each for each in led if each not in existing)]


def goes_on(before: Plan, after: Plan, touched: Sequence[str]) -> str:
    """The step with which somebody goes on: what came, else the neighbour of what went, else what was touched or differs; ""
    where it was no step."""
    came = [name for name in after.steps if name not in before.steps]
    if came:
        return next((name for name in touched if name in came), came[0])
    if gone := [name for name in before.steps if name not in after.steps]:
        return next((name for name in _around(before, gone[0]) if name in after.steps), "")
    differs = (name for name in after.steps if data_of(before, name) != data_of(after, name))
    return next((name for name in touched if name in after.steps), next(differs, ""))


def _around(plan: Plan, step: str) -> Iterator[str]:
    """What follows a step, what comes before it from the nearest on, what it is in; then the same of that."""
    while step:
        level = plan.steps[step].level
        beside = plan.levels[level]
        at = beside.index(step)
        yield from (*beside[at + 1 :], *reversed(beside[:at]), *([level] if level else []))
        step = level


def data_of(plan: Plan, step: str) -> Json:
    """A step as it is written."""
    here: Any = plan.definition.data
    for part in plan.steps[step].place.replace("[", ".").replace("]", "").split("."):
        here = here[int(part)] if part.isdecimal() else here[part]
    return dict(here)
