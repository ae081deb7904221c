"""Move: steps to another place of their level, into a container, or out of one.

On its own level nothing but the order changes. Where a step leaves its level, the routes to it are healed as if it were removed;
in a body that it comes into it is connected, where only one way is plain. Of those from it, a `next` that can't be followed any
more is taken away; of the others it is told. Where it stood on the canvas says nothing on another level, so it is placed anew
there.
"""

from typing import Any

from orchestration.core.editing.building import forget_layout, heal, labels, place_of, take_out
from orchestration.core.editing.commands import Move
from orchestration.core.editing.draft import Draft, Spot, below, is_end_of_level
from orchestration.core.editing.edited import Change, Note
from orchestration.core.editing.keys import put_in_order
from orchestration.core.editing.places import BODIES, leads_to, may_be_missing, open_end, routes
from orchestration.core.editing.routing import can_end_level, words
from orchestration.core.errors import Problem, Refused


def move(draft: Draft, command: Move) -> Change:
    spots = draft.chosen(command.steps)
    container, siblings = draft.level(command.into, "into")
    _check(draft, command, spots, container)
    ids = [spot.id for spot in spots]
    leaving = [spot for spot in spots if spot.level != command.into]
    if leaving:
        heal(draft, {spot.id for spot in leaving}, command.into)
        take_out(draft, leaving)
        forget_layout(draft, {spot.id for spot in leaving}, ("at",))
    chosen = {id(spot.step) for spot in spots}
    rest = [step for step in siblings if id(step) not in chosen]
    index = place_of(rest, command.before)
    siblings[:] = [*rest[:index], *(spot.step for spot in spots), *rest[index:]]
    rebind = [note for spot in leaving for note in _routes_out(draft, spot)]
    if container in BODIES and len(leaving) == len(spots):
        _lead_on(rest, [spot.step for spot in spots], index)
    return Change(_sentence(draft, command, spots, bool(leaving)), tuple(ids), rebind=tuple(rebind))


def _lead_on(body: list[dict[str, Any]], steps: list[dict[str, Any]], index: int) -> None:
    """Connects steps that come into a body with what is there, where only one way is plain: after the one step that ends it, or
    before the one that began it. Nothing where a route leads to one of them already."""
    names = {str(step["id"]) for step in steps}
    led = any(route.to in names for step in body for route in routes(step))
    if not body or led or not names <= leads_to(steps, str(steps[0]["id"])):
        return
    end = open_end(body if index == len(body) else steps if index == 0 else [])
    if end is not None:
        put_in_order(end, "next", str(steps[0]["id"]) if index else str(body[0]["id"]))


def _check(draft: Draft, command: Move, spots: list[Spot], container: str) -> None:
    for spot in spots:
        if command.into == spot.id or any(inner.id == command.into for inner in below(spot.step)):
            raise Refused(Problem("into_itself", f"{spot.label} can't be moved into itself.", "into", spot.id))
        if (spot.type == "arm") != (container == "parallel"):
            where = "an arm stands in a parallel" if spot.type == "arm" else "a parallel holds arms, which hold steps"
            raise Refused(Problem("wrong_container", f"{spot.label} can't be moved there: {where}.", "into", spot.id))
    if command.before is not None and command.before in {spot.id for spot in spots}:
        raise Refused(Problem("unknown_step", f"{command.before} is itself moved. Name a step that stays.", "before"))


def _routes_out(draft: Draft, spot: Spot) -> list[Note]:
    """Takes away, or tells, the routes of a step that lead where none can any more."""
    ids = draft.ids()
    notes: list[Note] = []
    here = ids[spot.id]
    for route in list(routes(here.step)):
        target = ids.get(route.to)
        if can_end_level(draft, here, route.to) if is_end_of_level(route.to) else target is None or target.level == here.level:
            continue
        if route.kind == "next" and may_be_missing(here.type, "next"):
            del route.holder[route.key]
        else:
            to = target.label if target else route.to
            message = f"{here.label}’s {words(route)} leads to {to}, which can't be reached from here. Connect it anew."
            notes.append(Note("route", route.to, message, f"{here.place}.{route.written}", here.id))
    return notes


def _sentence(draft: Draft, command: Move, spots: list[Spot], leaving: bool) -> str:
    sentence = f"Moved {labels(spots)}"
    if leaving:
        sentence += f" into {draft.ids()[command.into].label}" if command.into else " to the outermost level"
    if command.before is not None:
        sentence += f" before {draft.ids()[command.before].label}"
    return sentence if leaving or command.before is not None else f"{sentence} to the end"
