"""Connect and disconnect: routes led elsewhere, drawn anew, taken away. What leads on another level or in a circle is refused."""

import re
from typing import Any

from orchestration.core.editing.commands import Connect, Disconnect
from orchestration.core.editing.draft import Draft, Spot, is_end_of_level, label, new_id
from orchestration.core.editing.edited import Change
from orchestration.core.editing.keys import put_in_order
from orchestration.core.editing.places import (
    LISTS,
    OF_WORKFLOW,
    SINGLE,
    Route,
    free,
    leads_to,
    may_be_missing,
    routes,
    routes_of_workflow,
)
from orchestration.core.errors import Problem, Refused
from orchestration.core.routes import BREAK, CONTINUE, no_loop, way_out
from orchestration.core.wording import listed

_WRITTEN = re.compile(r"([a-z_]+)(?:\[([0-9]{1,4})\]\.(to|step))?\Z")
_WORDS = {
    "next": "next", "default": "default", "deadline": "deadline", "unknown": "unknown effects", "exhausted": "end of all rounds",
    "stalled": "lack of progress", "fallback": "fallback", "start": "start", "breach": "breach of limits",
}  # fmt: skip


def connect(draft: Draft, command: Connect) -> Change:
    if command.errors is not None and not command.route.startswith("catch"):
        raise Refused(Problem("not_a_catch", "Only a catch takes errors. Leave them out here.", "errors"))
    if not command.step:
        return _connect_workflow(draft, command)
    spot = draft.find(command.step, "step")
    route = written_route(spot, command.route)
    check_target(draft, spot, "fallback" if command.route.startswith("fallback") else "", command.to)
    if route is None:
        route = _new_route(draft, spot, command)
    else:
        route.holder[route.key] = command.to
    if command.errors is not None and route.item is not None:
        route.item["errors"] = list(command.errors)
    sentence = f"Connected {spot.label}’s {words(route)} to {_name(draft, command.to)}"
    return Change(sentence, (spot.id,), places=((f"{spot.place}.{route.written}", "to"),))


def disconnect(draft: Draft, command: Disconnect) -> Change:
    if not command.step:
        if command.route == "start":
            raise Refused(Problem("route_needed", "A run has to begin somewhere. Connect the start to another step.", "route"))
        route = next((r for r in routes_of_workflow(draft.data) if r.written == command.route), None)
        if route is None:
            raise _no_route(command.route, "The workflow", [r.written for r in routes_of_workflow(draft.data)])
        del route.holder[route.key]
        return Change("Took away where a breach of limits leads")
    spot = draft.find(command.step, "step")
    route = next((route for route in routes(spot.step) if route.written == command.route), None)
    if route is None:
        raise _no_route(command.route, spot.label, [route.written for route in routes(spot.step)])
    sentence = f"Took away {spot.label}’s {words(route)}"
    take_route(spot, route)
    return Change(sentence, (spot.id,))


def take_route(spot: Spot, route: Route) -> None:
    """Takes away a route, with the case, action, catch or fallback that it belongs to. Refused where the step needs it."""
    if route.siblings is not None:
        if len(route.siblings) == 1 and not may_be_missing(spot.type, route.written.partition("[")[0]):
            message = f"{spot.label} needs at least one {route.kind}. Connect it to another step, or remove {spot.label}."
            raise Refused(Problem("route_needed", message, "route", spot.id))
        route.siblings[:] = [item for item in route.siblings if item is not route.item]
        if not route.siblings:
            spot.step.pop(route.written.partition("[")[0], None)
    elif not may_be_missing(spot.type, route.key):
        message = f"{spot.label} needs its {words(route)}. Connect it to another step, or remove {spot.label}."
        raise Refused(Problem("route_needed", message, "route", spot.id))
    else:
        del route.holder[route.key]


def written_route(spot: Spot, written: str) -> Route | None:
    """The route at that place, None where it may be drawn anew. Refused where a step of this type has none such."""
    found = next((route for route in routes(spot.step) if route.written == written), None)
    if found is None:
        parsed = _WRITTEN.match(written)
        if parsed is None or parsed[2] is not None or parsed[1] not in free(spot.step, spot.type):
            raise _no_route(written, spot.label, [*(route.written for route in routes(spot.step)), *free(spot.step, spot.type)])
    return found


def check_target(draft: Draft, spot: Spot, kind: str, to: str) -> None:
    """Refused where a route of the step can't lead there."""
    if is_end_of_level(to):
        if kind == "fallback" or not can_end_level(draft, spot, to):
            around = draft.ids()[spot.level].type if spot.level else ""
            what = "a fallback is a step. Name a step." if kind == "fallback" else no_loop(spot.label, around)
            raise Refused(Problem("outside_loop", f"It can't go to {to} here: {what}", "to", spot.id))
        return
    target = draft.find(to, "to")
    if target.level != spot.level:
        raise Refused(Problem("wrong_level", f"{target.label} {_elsewhere(draft, spot, kind, target)}", "to", spot.id))
    if kind == "fallback":
        if target.id == spot.id:
            raise Refused(Problem("cycle", f"{spot.label} can't stand in for itself. Name another step.", "to", spot.id))
    elif spot.id in leads_to(spot.siblings, to):
        way = f"{target.label} leads back to {spot.label}" if target.id != spot.id else f"{spot.label} would lead to itself"
        message = f"{way}. Routes lead forward only: put what is to be repeated into a loop, which has a bound."
        raise Refused(Problem("cycle", message, "to", spot.id))


def can_end_level(draft: Draft, spot: Spot, to: str) -> bool:
    """Whether a step may go to `break` or `continue` where it stands."""
    container = draft.ids()[spot.level].type if spot.level else ""
    return container == "loop" or bool(container and to == CONTINUE)


def _elsewhere(draft: Draft, spot: Spot, kind: str, target: Spot) -> str:
    ids, beside = draft.ids(), f"Name a step beside {spot.label}."
    chain: list[str] = []
    while (level := ids[chain[-1]].level if chain else target.level) != "":
        chain.append(level)
    if around := next((level for level in chain if ids[level].level == spot.level), ""):
        instead = beside if kind == "fallback" else f"Connect to {ids[around].label}."
        return f"stands inside {ids[around].label}, which can't be entered from outside. {instead}"
    inside = ids[spot.level]
    leads = ids[inside.level] if inside.type == "arm" else inside
    then = "." if leads.id in chain else f", and let {leads.label} lead there."
    return f"stands outside {inside.label}. {beside if kind == 'fallback' else way_out(inside.type) + then}"


def _new_route(draft: Draft, spot: Spot, command: Connect) -> Route:
    key, to = command.route, command.to
    if key in SINGLE:
        put_in_order(spot.step, key, to)
        return Route(key, SINGLE[key], spot.step, key)
    kind, target = LISTS[key]
    siblings = spot.step.get(key)
    if siblings is None:
        siblings = []
        put_in_order(spot.step, key, siblings)
    item: dict[str, Any] = {target: to}
    if key == "catch":
        item = {"errors": ["*"], "to": to}
    elif key == "cases":
        item = {"when": "", "to": to}
    elif key == "actions":
        title = _name(draft, to)
        item = {"id": new_id(to, {action["id"] for action in siblings}), "label": title, "to": to}
    siblings.append(item)
    return Route(f"{key}[{len(siblings) - 1}].{target}", kind, item, target, item, siblings)


def _connect_workflow(draft: Draft, command: Connect) -> Change:
    if command.route not in OF_WORKFLOW:
        raise _no_route(command.route, "The workflow", list(OF_WORKFLOW))
    target = draft.find(command.to, "to")
    if target.level or target.type == "arm":
        around = draft.ids()[target.level]
        message = f"{target.label} stands inside {around.label}. Name a step outside of it."
        raise Refused(Problem("wrong_level", message, "to"))
    if command.route == "start":
        draft.data["start"] = command.to
        return Change(f"Let runs start with {target.label}", (target.id,), places=(("start", "to"),))
    if not isinstance(draft.data.get("limits"), dict):
        put_in_order(draft.data, "limits", {})
    draft.data["limits"]["on_breach"] = command.to
    return Change(f"Let a breach of limits lead to {target.label}", (target.id,), places=(("limits.on_breach", "to"),))


def _no_route(written: str, who: str, known: list[str]) -> Refused:
    there = f" There are {listed(dict.fromkeys(known), join='and')}." if known else " It leads nowhere."
    return Refused(Problem("no_such_route", f"{who} has no route {written[:60]}.{there}", "route"))


def _name(draft: Draft, to: str) -> str:
    if is_end_of_level(to):
        return "the end of the loop" if to == BREAK else "the end of the round"
    found = draft.ids().get(to)
    return found.label if found else to


def words(route: Route) -> str:
    """A route as people call it, behind the name of its step."""
    item = route.item or {}
    if route.kind == "case":
        number = next(index for index, each in enumerate(route.siblings or (), 1) if each is item)
        return f"case “{item['label']}”" if item.get("label") else f"case {number}"
    if route.kind == "action":
        return f"“{item.get('label') or label(item)}”"
    if route.kind == "catch":
        errors = item.get("errors", ["*"])
        return "errors" if "*" in errors else f"{listed((code.replace('_', ' ') for code in errors), most=3, join='and')} errors"
    return _WORDS[route.kind]
