"""Add and remove: steps put in, also in the middle of a route, and taken out, with the routes around them healed."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from orchestration.core.editing.commands import Add, Connect, Remove
from orchestration.core.editing.draft import Draft, Spot, below, label
from orchestration.core.editing.edited import Change, Note
from orchestration.core.editing.keys import put_in_order
from orchestration.core.editing.mentions import mentions, readers
from orchestration.core.editing.places import (
    BODIES,
    START,
    Route,
    leads_to,
    may_be_missing,
    open_end,
    routes,
    routes_of_workflow,
)
from orchestration.core.editing.routing import connect, written_route
from orchestration.core.editing.starters import Starter
from orchestration.core.errors import Problem, Refused
from orchestration.core.frozen import replace
from orchestration.core.routes import CONTINUE
from orchestration.core.wording import counted


def add(draft: Draft, command: Add) -> Change:
    container, siblings = draft.level(command.into, "into")
    if (container == "parallel") != (command.step.get("type") == "arm"):
        raise _wrong_container(draft, command.into, container)
    begins = command.from_ is not None and command.from_.step != "" and command.from_.route == START
    if begins:
        command = _as_first(draft, command, container, siblings)
    index = place_of(siblings, command.before)
    with _at_from():
        lead, source = _lead(draft, command, container, siblings)
    if source is not None and command.before is None:
        index = next((place for place, step in enumerate(siblings, 1) if step is source.step), 0)
    elif command.from_ is not None and command.before is None:
        index = 0
    step = Starter(draft, draft.named()).fill(command.step, lead, "step", "" if container else _late(draft, siblings))
    end = open_end(siblings) if container in BODIES and command.from_ is None and command.before is None else None
    siblings.insert(index, step)
    if end is not None:
        put_in_order(end, "next", step["id"])
    spot = next(spot for spot in draft.spots() if spot.step is step)
    sentence = f"Added {spot.label}" + (f" to {draft.find(command.into, 'into').label}" if command.into else "")
    if command.from_ is not None:
        with _at_from():
            connect(draft, Connect(do="connect", step=command.from_.step, route=command.from_.route, to=step["id"]))
        sentence += f" after {source.label}" if source else " as the first step"
    elif begins:
        sentence += " as the first step"
    elif end is not None:
        sentence += f" after {label(end)}"
    others = [source.id] if source else [str(end["id"])] if end else []
    return Change(sentence, (spot.id, *others), places=((spot.place, "step"),))


def _as_first(draft: Draft, command: Add, container: str, siblings: list[Any]) -> Add:
    """A body begins with its first step: to begin it is to stand before that one."""
    if command.from_ is None or command.from_.step != command.into or container not in BODIES:
        message = "Only a loop, a map or an arm has a start within the workflow. Name the one that the step goes into."
        raise Refused(Problem("no_such_route", message, "from.route"))
    return command.model_copy(update={"before": siblings[0]["id"] if siblings else None, "from_": None})


def _lead(draft: Draft, command: Add, container: str, siblings: list[Any]) -> tuple[str | None, Spot | None]:
    """Where a new step leads: where the route led that is to lead to it, or to what began the body that it begins now, else to a
    step after which nothing comes."""
    source = draft.find(command.from_.step, "step") if command.from_ and command.from_.step else None
    if command.from_ is not None:
        found = written_route(source, command.from_.route) if source else None
        if source is None:
            found = next((each for each in routes_of_workflow(draft.data) if each.written == command.from_.route), None)
        if found is not None and found.kind not in ("fallback", "breach"):
            return found.to, source
    elif container in BODIES and siblings and command.before == siblings[0]["id"]:
        return command.before, None
    if command.step.get("type") in ("branch", "human"):
        if container:
            return CONTINUE, source
        ends = list(reversed(_ends(siblings)))
        good = [name for name, outcome in ends if _kind(draft, outcome) == "success"]
        return next(iter([*good, *(name for name, _ in ends)]), None), source
    return None, source


def _late(draft: Draft, siblings: list[Any]) -> str:
    """The end for where nobody answers: that of an escalation, else one that is a failure; "" where there is none, for silence is
    no answer."""
    escalation = draft.data.get("escalation")
    late = escalation.get("on_deadline") if isinstance(escalation, dict) else None
    ends = {outcome: name for name, outcome in reversed(_ends(siblings))}
    failures = [outcome for outcome in (draft.data["on_failure"], *ends) if _kind(draft, outcome) == "failure"]
    return next((ends[outcome] for outcome in (late, *failures) if outcome in ends), "")


def _ends(siblings: list[Any]) -> list[tuple[str, str]]:
    """(step, outcome)"""
    return [(str(step["id"]), str(step.get("outcome"))) for step in siblings if step.get("type") == "end"]


def _kind(draft: Draft, outcome: str) -> str:
    found = draft.data["outcomes"].get(outcome)
    return str(found.get("kind")) if isinstance(found, dict) else ""


def place_of(siblings: list[Any], before: str | None) -> int:
    if before is None:
        return len(siblings)
    for index, step in enumerate(siblings):
        if step["id"] == before:
            return index
    raise Refused(Problem("unknown_step", f"There is no step {before} on that level to stand before.", "before"))


def _wrong_container(draft: Draft, into: str, container: str) -> Refused:
    if container == "parallel":
        message = f"{draft.find(into, 'into').label} holds arms. Add one of type arm, or name the arm that the step goes into."
    else:
        message = "An arm stands in a parallel. Name one."
    return Refused(Problem("wrong_container", message, "into"))


@contextmanager
def _at_from() -> Iterator[None]:
    """What is wrong with the route that shall lead to a new step is told at `from`."""
    try:
        yield
    except Refused as error:
        paths = {"step": "from.step", "route": "from.route"}
        raise Refused(*(replace(each, path=paths.get(each.path, "from")) for each in error.problems)) from None


# Taking out


def remove(draft: Draft, command: Remove) -> Change:
    spots = draft.chosen(command.steps)
    gone = {each.id for spot in spots for each in (spot, *below(spot.step))}
    touched = heal(draft, gone)
    take_out(draft, spots)
    forget_layout(draft, gone)
    rebind = [
        Note("expression", name, f"{mention.path} reads steps.{name}, which is gone.", mention.path, mention.step or None)
        for mention, name in readers(mentions(draft.data), gone - draft.ids().keys())
    ]
    return Change(f"Removed {labels(spots)}", tuple(touched), rebind=tuple(rebind))


def take_out(draft: Draft, spots: list[Spot]) -> None:
    """Takes steps out of the lists that hold them. Refused where one would be empty."""
    chosen = {id(spot.step) for spot in spots}
    for spot in spots:
        if all(id(step) in chosen for step in spot.siblings):
            around = draft.ids().get(spot.level)
            message = "A workflow has at least one step. Add another to it first."
            if around is not None:
                message = f"{around.label} has to hold at least one step. Take {around.label} itself, or add another to it first."
            raise Refused(Problem("level_empty", message, "steps", spot.id))
    for spot in spots:
        spot.siblings[:] = [step for step in spot.siblings if id(step) not in chosen]


def labels(spots: list[Spot]) -> str:
    """`Classify`, `Classify and Route`, `Classify and 2 other steps`."""
    if len(spots) == 2:
        return f"{spots[0].label} and {spots[1].label}"
    return spots[0].label + (f" and {counted(len(spots) - 1, 'other step')}" if spots[1:] else "")


def heal(draft: Draft, gone: Collection[str], level: str | None = None) -> list[str]:
    """Leads the routes to steps that go where those lead; takes away what then leads nowhere and may be missing. Gives the ids of
    the steps whose routes were changed. `level`: steps there keep theirs, since what goes comes to them."""
    ids = draft.ids()
    for route in list(routes_of_workflow(draft.data)):
        if route.to in gone and level != "":
            target = _beyond(ids, route.to, gone, "")
            if target is not None:
                route.holder[route.key] = target
            elif route.kind == "breach":
                del route.holder[route.key]
    touched = []
    for spot in ids.values():
        if spot.id not in gone and spot.level != level:
            found = [route for route in routes(spot.step) if route.to in gone]
            touched += [spot.id] if found else []
            for route in found:
                _heal(ids, spot, route, gone)
    return touched


def _heal(ids: dict[str, Spot], spot: Spot, route: Route, gone: Collection[str]) -> None:
    target = _beyond(ids, route.to, gone, spot.level) if route.kind != "fallback" else None
    if target is not None and target != spot.id and spot.id not in leads_to(spot.siblings, target):
        if target == CONTINUE and route.kind == "next":
            del route.holder[route.key]
        else:
            route.holder[route.key] = target
    elif route.siblings is not None and route.kind in ("catch", "fallback"):
        route.siblings[:] = [item for item in route.siblings if item is not route.item]
    elif route.siblings is None and may_be_missing(spot.type, route.key):
        del route.holder[route.key]


def _beyond(ids: dict[str, Spot], name: str, gone: Collection[str], level: str) -> str | None:
    """Where a run would come to after the steps that go, None where that is nowhere, or open."""
    seen = set()
    while name in gone:
        if name in seen or name not in ids or ids[name].level != level:
            return None
        seen.add(name)
        step = ids[name].step
        following = step.get("default") if ids[name].type == "branch" else step.get("next")
        if not isinstance(following, str):
            return CONTINUE if level and ids[name].type not in ("branch", "human", "end") else None
        name = following
    return name


def forget_layout(draft: Draft, gone: Collection[str], parts: tuple[str, ...] = ("at", "folded")) -> None:
    layout = draft.data.get("layout")
    for part in parts:
        if isinstance(layout, dict) and isinstance(layout.get(part), dict):
            layout[part] = {name: value for name, value in layout[part].items() if name not in gone}
