"""What one definition changes in another, as a person would tell it: steps, routes, conditions, prompts, contracts and the rest,
key by key. Where things stand on the canvas never counts.

A step that another one has become was renamed (`matching` says which), and what follows from that (routes to it, expressions
that read it) is no change of its own.
"""

import difflib
from collections.abc import Collection, Iterator
from dataclasses import asdict
from typing import Any, Literal

from orchestration.core.editing.draft import Draft, Spot, label, new_id
from orchestration.core.editing.places import LISTS, NOUNS, SINGLE, Route, routes
from orchestration.core.editing.renaming import follow
from orchestration.core.editing.routing import words
from orchestration.core.editing.setting import is_empty
from orchestration.core.frozen import dataclass, replace
from orchestration.core.matching import matched
from orchestration.core.shape import properties_of, required_of
from orchestration.core.values import canonical, dump, load
from orchestration.core.wording import abbreviate, dotted, listed

Kind = Literal["added", "removed", "renamed", "moved", "changed"]
Subject = Literal["step", "route", "condition", "prompt", "contract", "model", "tool", "limit", "outcome", "setting"]

_HOLDS = ("body", "branches")
_APART = frozenset({"id", "type", *_HOLDS})
_OUTSIDE = frozenset({"interlock", "id", "layout", "steps"})
_PROMPTS = {"prompt": "prompt", "system": "system text"}
_CONTRACTS = {"output": "must give", "expects": "takes", "form": "asks for", "input": "takes"}
_VALUES_AS_OUTPUT = frozenset({"loop", "map", "arm", "end"})
_HELD: dict[str, Subject] = {"models": "model", "tools": "tool", "outcomes": "outcome"}
_SUBJECTS: dict[str, Subject] = {
    "model": "model", "tool": "tool", "tools": "tool", "limits": "limit", "max": "limit", "max_items": "limit",
    "timeout": "limit", "until": "condition", "outcome": "outcome", "on_failure": "outcome", "start": "route",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is not as it was. `step`: the id that it has now, or had; "" for the workflow itself. `key`: the place
    within it. `before` and `after` are None where there was, or is, nothing."""

    kind: Kind
    subject: Subject
    sentence: str
    step: str = ""
    key: str = ""
    before: Any = None
    after: Any = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def changes(before: dict[str, Any], after: dict[str, Any]) -> tuple[Change, ...]:
    """What the second of two definitions changes in the first, in the order of the second; both can be read. Equal hashes give
    nothing. `before` may be {}: then all is new."""
    old, new = Draft(load(dump(before or {"steps": []}))), Draft(after)
    anew = _renamed(old, new)
    was, now = _as_now(old, new, anew), new.ids()
    found = list(_of_workflow(old.data, new.data))
    found += [_rename(one, now[two]) for two, one in anew.items()]
    found += [_removed(spot, was, now) for name, spot in was.items() if name not in now and spot.level in {"", *now}]
    for name, spot in now.items():
        if name not in was:
            if not spot.level or spot.level in was:
                found.append(_added(spot, now, was))
            continue
        if spot.level != was[name].level:
            found.append(_moved(spot, was[name], now))
        found += _of_step(was[name], spot, {**was, **now})
    return (*found, *_orders(was, now))


# Steps


def _renamed(old: Draft, new: Draft) -> dict[str, str]:
    then = {two: one for one, two in matched(old, new).items() if one != two}
    return {name: then[name] for name in new.ids() if name in then}


def _as_now(old: Draft, new: Draft, anew: dict[str, str]) -> dict[str, Spot]:
    """The steps of the old by the ids that they have now, and so in all that reads them. One that is gone, and whose id another
    has now, stands under an id that nobody has."""
    was, taken = old.ids(), {*old.ids(), *new.ids()}
    names = {one: two for two, one in anew.items()}
    apart = {name: new_id(name, taken) for name in was if name in anew and name not in names}
    follow(old, {**names, **apart})
    found = old.ids()
    for name, alias in apart.items():
        found[alias] = replace(found[alias], step={**found[alias].step, "id": name})
    return found


def _rename(one: str, spot: Spot) -> Change:
    return Change("renamed", "step", f"Renamed {one} to {spot.id}", spot.id, "id", one, spot.id)


def _added(spot: Spot, now: dict[str, Spot], was: dict[str, Spot]) -> Change:
    where = f" to {now[spot.level].label}" if spot.level else ""
    return Change("added", "step", f"Added {spot.label}{where}", spot.id, after=_without(spot.step, was))


def _removed(spot: Spot, was: dict[str, Spot], now: dict[str, Spot]) -> Change:
    where = f" from {was[spot.level].label}" if spot.level else ""
    return Change("removed", "step", f"Removed {spot.label}{where}", spot.id, before=_without(spot.step, now))


def _without(step: dict[str, Any], others: Collection[str]) -> dict[str, Any]:
    """Without the steps inside of it that are told for themselves, since they stand elsewhere too."""
    inner = {key: [_without(each, others) for each in step[key] if each["id"] not in others] for key in _HOLDS if key in step}
    return {**step, **inner}


def _moved(spot: Spot, was: Spot, now: dict[str, Spot]) -> Change:
    where = f"into {now[spot.level].label}" if spot.level else "to the outermost level"
    return Change("moved", "step", f"Moved {spot.label} {where}", spot.id, before=was.level, after=spot.level)


def _orders(was: dict[str, Spot], now: dict[str, Spot]) -> Iterator[Change]:
    """The order of a level's steps, of those that stood on it before; where another one is the first now, that is told."""
    for level in ("", *now):
        one, two = ([spot.id for spot in spots.values() if spot.level == level] for spots in (was, now))
        old, new = [name for name in one if name in two], [name for name in two if name in one]
        if level and one and two and one[0] != two[0] and now[level].type != "parallel":
            sentence = f"Let {now[level].label} begin with {now[two[0]].label}"
            yield Change("moved", "step", sentence, level, "body", one, two)
        elif old != new:
            where = f" in {now[level].label}" if level else ""
            yield Change("moved", "step", f"Changed the order of the steps{where}", level, "body" if level else "steps", one, two)


def _of_step(was: Spot, spot: Spot, known: dict[str, Spot]) -> Iterator[Change]:
    one, two, who = was.step, spot.step, spot.label
    if one.get("type") != two.get("type"):
        sentence = f"Made {who} a step of type {spot.type}, which was of type {was.type}"
        yield Change("changed", "step", sentence, spot.id, "type", was.type, spot.type)
    yield from _single_routes(one, two, spot, known)
    for key in (*one, *(key for key in two if key not in one)):
        is_route = key in SINGLE and (isinstance(one.get(key), str) or isinstance(two.get(key), str))
        if key in _APART or is_route or _same(one, two, key):
            continue
        if key in NOUNS:
            yield from _items(key, one, two, spot, known)
        elif key in _CONTRACTS and not (key == "input" or (key == "output" and spot.type in _VALUES_AS_OUTPUT)):
            yield _contract(who, spot.id, key, one.get(key), two.get(key))
        elif key in _PROMPTS:
            yield Change("changed", "prompt", f"Changed {who}’s {_PROMPTS[key]}", spot.id, key, one.get(key), two.get(key))
        else:
            yield from _leaves(who, spot.id, (key,), one.get(key), two.get(key), _SUBJECTS.get(key, "setting"))


# Routes


def _single_routes(one: dict[str, Any], two: dict[str, Any], spot: Spot, known: dict[str, Spot]) -> Iterator[Change]:
    was, is_ = ({route.written: route for route in routes(step) if route.written in SINGLE} for step in (one, two))
    for key in dict.fromkeys((*was, *is_)):
        yield from _route(spot, was.get(key), is_.get(key), known)


def _route(spot: Spot, was: Route | None, route: Route | None, known: dict[str, Spot]) -> Iterator[Change]:
    before, after = was.to if was else None, route.to if route else None
    if before == after:
        return
    shown = route or was
    assert shown is not None
    who = f"{spot.label}’s {words(shown)}"
    if before is None:
        change = ("added", f"Connected {who} to {_name(after, known)}")
    elif after is None:
        change = ("removed", f"Took away {who}, which led to {_name(before, known)}")
    else:
        change = ("changed", f"Let {who} lead to {_name(after, known)} instead of {_name(before, known)}")
    yield Change(change[0], "route", change[1], spot.id, shown.written, before, after)  # type: ignore[arg-type]


def _name(target: str | None, known: dict[str, Spot]) -> str:
    return known[target].label if target in known else str(target)


# Lists of cases, catches and such


def _items(key: str, one: dict[str, Any], two: dict[str, Any], spot: Spot, known: dict[str, Spot]) -> Iterator[Change]:
    old, new = one.get(key) or [], two.get(key) or []
    for start, end, first, last in _unlike(old, new):
        paired = min(end - start, last - first)
        for offset in range(paired):
            yield from _item(key, old, new, start + offset, first + offset, spot, known)
        for index in range(start + paired, end):
            yield from _whole(key, "removed", old, index, spot, known)
        for index in range(first + paired, last):
            yield from _whole(key, "added", new, index, spot, known)


def _unlike(old: list[Any], new: list[Any]) -> Iterator[tuple[int, int, int, int]]:
    matcher = difflib.SequenceMatcher(None, list(map(canonical, old)), list(map(canonical, new)), autojunk=False)
    yield from (opcode[1:] for opcode in matcher.get_opcodes() if opcode[0] != "equal")


def _item(
    key: str, old: list[Any], new: list[Any], index: int, place: int, spot: Spot, known: dict[str, Spot]
) -> Iterator[Change]:
    """An item that is another one now, key by key."""
    one, two = old[index], new[place]
    was, route = _route_of(key, old, index), _route_of(key, new, place)
    yield from _route(spot, was, route, known)
    what = words(route) if route else f"{NOUNS[key]} {place + 1}"
    for inner in dict.fromkeys((*one, *two)):
        if _same(one, two, inner) or (key in LISTS and inner == LISTS[key][1]):
            continue
        subject: Subject = "condition" if inner in ("when", "that") else "model" if inner == "model" else "setting"
        sentence = f"Changed the condition of {spot.label}’s {what}"
        if subject != "condition":
            sentence = f"Changed {inner} of {spot.label}’s {what}{_from_to(one.get(inner), two.get(inner))}"
        yield Change("changed", subject, sentence, spot.id, f"{key}[{place}].{inner}", one.get(inner), two.get(inner))


def _whole(key: str, kind: Kind, items: list[Any], index: int, spot: Spot, known: dict[str, Spot]) -> Iterator[Change]:
    """An item that is new, or gone."""
    route, item = _route_of(key, items, index), items[index]
    who = f"{spot.label}’s {words(route) if route else f'{NOUNS[key]} {index + 1}'}"
    subject: Subject = "route" if route else "condition" if key == "checks" else "model"
    if kind == "added":
        sentence = f"Connected {who} to {_name(route.to, known)}" if route else f"Added {who}"
        yield Change(kind, subject, sentence, spot.id, f"{key}[{index}]", None, item)
    else:
        sentence = f"Took away {who}" + (f", which led to {_name(route.to, known)}" if route else "")
        yield Change(kind, subject, sentence, spot.id, f"{key}[{index}]", item)


def _route_of(key: str, items: list[Any], index: int) -> Route | None:
    return next((route for route in routes({key: items}) if route.item is items[index]), None)


# Contracts and single keys


def _contract(who: str, step: str, key: str, before: Any, after: Any) -> Change:
    old, new = (schema if isinstance(schema, dict) else {} for schema in (before, after))
    one, two = properties_of(old), properties_of(new)
    added, gone = [name for name in two if name not in one], [name for name in one if name not in two]
    other = [name for name in two if name in one and one[name] != two[name]]
    needed, free = required_of(new), required_of(old)
    parts = [
        f"{listed(names[:5], join='and')} {'is' if len(names) == 1 else 'are'} {how}"
        for names, how in (
            (added, "new"),
            (gone, "gone"),
            (other, "another"),
            ([name for name in two if name in one and name in needed - free], "required now"),
            ([name for name in two if name in one and name in free - needed], "optional now"),
        )
        if names
    ]
    sentence = f"Changed what {who} {_CONTRACTS[key]}" + (f": {', '.join(parts)}" if parts else "")
    return Change("changed", "contract", sentence, step, key, before, after)


def _leaves(who: str, step: str, key: tuple[str, ...], before: Any, after: Any, subject: Subject) -> Iterator[Change]:
    """Each key that is another one, down to what is no mapping."""
    if isinstance(before, dict) and isinstance(after, dict):
        for inner in dict.fromkeys((*before, *after)):
            if not _same(before, after, inner):
                yield from _leaves(who, step, (*key, inner), before.get(inner), after.get(inner), subject)
        return
    written = dotted("", key)
    if before is None:
        sentence = f"Left {who}’s {written} empty" if is_empty(after) else f"Set {who}’s {written}{_to(after)}"
        yield Change("added", subject, sentence, step, written, None, after)
    elif after is None:
        yield Change("removed", subject, f"Took {written} from {who}", step, written, before, None)
    else:
        yield Change("changed", subject, f"Changed {who}’s {written}{_from_to(before, after)}", step, written, before, after)


def _same(one: dict[str, Any], two: dict[str, Any], key: str) -> bool:
    """As the hash sees it: 3.0 is not 3, and null not nothing."""
    return (key in one) == (key in two) and canonical(one.get(key)) == canonical(two.get(key))


def _to(value: Any) -> str:
    return f" to {abbreviate(value, 40)}" if _short(value) else ""


def _from_to(before: Any, after: Any) -> str:
    return f" from {abbreviate(before, 40)} to {abbreviate(after, 40)}" if _short(before) and _short(after) else ""


def _short(value: Any) -> bool:
    return isinstance(value, bool | int | float) or (isinstance(value, str) and len(value) <= 40 and "\n" not in value)


# The workflow itself


def _of_workflow(one: dict[str, Any], two: dict[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys((*one, *two)):
        before, after = one.get(key), two.get(key)
        if key in _OUTSIDE or _same(one, two, key):
            continue
        if key in _HELD:
            yield from _of_held(_HELD[key], key, before or {}, after or {})
        elif key == "input":
            yield _contract("the workflow", "", key, before, after)
        else:
            yield from _leaves("the workflow", "", (key,), before, after, _SUBJECTS.get(key, "setting"))


def _of_held(subject: Subject, key: str, before: dict[str, Any], after: dict[str, Any]) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *after)):
        place = dotted("", (key, name))
        if name not in before:
            yield Change("added", subject, f"Added the {subject} {_called(name, after[name])}", "", place, None, after[name])
        elif name not in after:
            yield Change("removed", subject, f"Removed the {subject} {_called(name, before[name])}", "", place, before[name])
        else:
            yield from _leaves("the workflow", "", (key, name), before[name], after[name], subject)


def _called(name: str, held: dict[str, Any]) -> str:
    return label({"id": name, **held}) if held.get("title") else name
