"""What one definition changes in another, as a person would tell it: steps, routes, conditions, prompts, contracts and the rest,
key by key. Where things stand on the canvas never counts.

A step whose content stands elsewhere under another id was renamed, and what follows from that (routes to it, expressions that
read it) is no change of its own. So was one that stands alone between the same neighbours as another of its type did.
"""

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Literal

from orchestration.core.editing.commands import Rename
from orchestration.core.editing.draft import Draft, Spot, label
from orchestration.core.editing.mentions import of_step
from orchestration.core.editing.places import LISTS, SINGLE, Route, routes
from orchestration.core.editing.renaming import rename, rewrite
from orchestration.core.editing.routing import words
from orchestration.core.frozen import dataclass
from orchestration.core.shape import properties_of, required_of
from orchestration.core.values import canonical, dump, load
from orchestration.core.wording import abbreviate, dotted, listed

Kind = Literal["added", "removed", "renamed", "moved", "changed"]
Subject = Literal["step", "route", "condition", "prompt", "contract", "model", "tool", "limit", "outcome", "setting"]

_APART = frozenset({"id", "body", "branches", "type"})
_OUTSIDE = frozenset({"interlock", "id", "layout", "steps"})
_PROMPTS = frozenset({"prompt", "system"})
_CONTRACTS = {"output": "must give", "expects": "takes", "form": "asks for", "input": "takes"}
_VALUES_AS_OUTPUT = frozenset({"loop", "map", "arm", "end"})
_HELD: dict[str, Subject] = {"models": "model", "tools": "tool", "outcomes": "outcome"}
_SUBJECTS: dict[str, Subject] = {
    "model": "model", "tool": "tool", "tools": "tool", "limits": "limit", "max": "limit", "max_items": "limit",
    "timeout": "limit", "until": "condition", "outcome": "outcome", "on_failure": "outcome", "start": "route",
}  # fmt: skip
_ITEMS = ("cases", "actions", "catch", "fallback", "checks")
_NOUNS = {"cases": "case", "actions": "action", "catch": "catch", "fallback": "fallback", "checks": "check"}


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
    anew = list(_renamed(old, new))
    for one, two in anew:
        rename(old, Rename(do="rename", id=one, to=two))
    was, now = old.ids(), new.ids()
    found = list(_of_workflow(old.data, new.data))
    found += [_rename(one, now[two]) for one, two in anew]
    found += [_removed(spot, was) for name, spot in was.items() if name not in now and spot.level in {"", *now}]
    for name, spot in now.items():
        if name not in was:
            if not spot.level or spot.level in was:
                found.append(_added(spot, now))
            continue
        if spot.level != was[name].level:
            found.append(_moved(spot, was[name], now))
        found += _of_step(was[name], spot, {**was, **now})
    return (*found, *_orders(was, now))


def renamed(before: dict[str, Any], after: dict[str, Any]) -> dict[str, str]:
    """The steps of the second that stood under another id in the first: the id now → the id then. Both can be read."""
    return {two: one for one, two in _renamed(Draft(before), Draft(after))}


# Steps


def _renamed(old: Draft, new: Draft) -> Iterator[tuple[str, str]]:
    """(id then, id now), each id once."""
    found: dict[str, str] = {}
    for one, two in (*_alike(old, new), *_in_place(old, new)):
        if one not in found and two not in found.values():
            found[one] = two
    yield from found.items()


def _in_place(old: Draft, new: Draft) -> Iterator[tuple[str, str]]:
    """One that is gone and one of its type that has come, alone between the same neighbours."""
    was, now = old.ids(), new.ids()
    for level in ("", *(name for name in now if name in was)):
        one, two = (_gaps(spots, level, was.keys() & now.keys()) for spots in (was, now))
        for between, gone in one.items():
            come = two.get(between, ())
            if len(gone) == len(come) == 1 and was[gone[0]].type == now[come[0]].type:
                yield gone[0], come[0]


def _gaps(spots: dict[str, Spot], level: str, stay: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    """(step before, step after) → the steps between them, of those beside each other that are not in both."""
    found: dict[tuple[str, str], list[str]] = {}
    before, gap = "", list[str]()
    for name in (*(name for name, spot in spots.items() if spot.level == level), ""):
        if name and name not in stay:
            gap.append(name)
        else:
            found[before, name] = gap
            before, gap = name, []
    return found


def _alike(old: Draft, new: Draft) -> Iterator[tuple[str, str]]:
    """Alike in all but the names of such as were added or removed."""
    was, now = old.ids(), new.ids()
    gone, come = [name for name in was if name not in now], [name for name in now if name not in was]
    waiting = {name: _likeness(now[name], come) for name in come}
    for name in gone:
        likeness = _likeness(was[name], gone)
        found = next((other for other, each in waiting.items() if each == likeness), None)
        if found is not None:
            del waiting[found]
            yield name, found


def _likeness(spot: Spot, names: Sequence[str]) -> str:
    step = load(dump({key: value for key, value in spot.step.items() if key not in ("id", "body", "branches")}))
    copy = Spot(step, spot.type, spot.place, spot.level, [])
    rewrite(list(of_step(copy)), dict.fromkeys(names, "_"))
    return canonical([spot.type, step])


def _rename(one: str, spot: Spot) -> Change:
    return Change("renamed", "step", f"Renamed {one} to {spot.id}", spot.id, "id", one, spot.id)


def _added(spot: Spot, now: dict[str, Spot]) -> Change:
    where = f" to {now[spot.level].label}" if spot.level else ""
    return Change("added", "step", f"Added {spot.label}{where}", spot.id, after=spot.step)


def _removed(spot: Spot, was: dict[str, Spot]) -> Change:
    where = f" from {was[spot.level].label}" if spot.level else ""
    return Change("removed", "step", f"Removed {spot.label}{where}", spot.id, before=spot.step)


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
        if key in _ITEMS:
            yield from _items(key, one, two, spot, known)
        elif key in _CONTRACTS and not (key == "input" or (key == "output" and spot.type in _VALUES_AS_OUTPUT)):
            yield _contract(who, spot.id, key, one.get(key), two.get(key))
        elif key in _PROMPTS:
            yield Change("changed", "prompt", f"Changed {who}’s {key}", spot.id, key, one.get(key), two.get(key))
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
    what = words(route) if route else f"{_NOUNS[key]} {place + 1}"
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
    who = f"{spot.label}’s {words(route) if route else f'{_NOUNS[key]} {index + 1}'}"
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
        yield Change("added", subject, f"Set {who}’s {written}{_to(after)}", step, written, None, after)
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
