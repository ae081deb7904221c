"""What the page of a run shows: its path as stops, what is chosen among them, the outline with the path taken.

Queries in, plain values for templates out.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from dashboard.presentation import RESULTS, Look, look_of
from orchestration.core.wording import item_at
from orchestration.queries.course import CallTime, Course, Visit
from orchestration.queries.runs import RunDetail

_OUTCOME = "outcome "
_TYPE = "type "
_FAILURE = "failure "
_ARM = "arm "
_NEEDS = "needs "
_FANS = ("map", "parallel", "arm", "workflow")
_RESTORED = (
    "Here the run was restored from a backup: what it did after that is lost, "
    "so that calls from here on may have been made before."
)
ENDINGS = {"cancel": "Cancelled", "limit": "A limit was met"}
"""Of a record by which a visit was ended or went on: its type, and what it is called."""
_PART = re.compile(r"(fallback|round|tool)\.(.+)\Z")


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the definition, or an arm, as far as a run's page needs it. `depth` counts the containers around it. `within`:
    that of them, if any, for which there are child runs. `needs`: how many arms are enough; 0: all of them have to be done."""

    id: str
    title: str
    type: str
    depth: int
    within: str = ""
    needs: int = 0


@dataclass(frozen=True, slots=True)
class Stop:
    """One line of the path. `select` is what chooses it; `look` a result or status; `took` in seconds; `since` when what is
    under way began; `above` what happened between the stop before it and this one."""

    select: str
    title: str
    detail: str
    look: Look
    why: str
    took: float | None
    tries: int = 0
    depth: int = 0
    degraded: bool = False
    since: datetime | None = None
    closes: int = 0
    cost: int = 0
    above: str = ""


@dataclass(frozen=True, slots=True)
class Whole:
    """A visit with the `steps` visits that stand within it: rounds, tools, fallbacks, a loop's body. `took` in seconds, no
    moment counted twice; `cost` in nano-dollars."""

    steps: int
    took: float
    cost: int


@dataclass(frozen=True, slots=True)
class Reached:
    """A step of the outline, and how often the run came there. `select` chooses its last visit. `apart`: it is for child runs."""

    step: Step
    visits: int
    look: Look | None
    select: str
    apart: bool = False


def steps_of(definition: Mapping[str, Any]) -> tuple[Step, ...]:
    """The steps as they are written, bodies after their containers."""
    return tuple(_steps(definition.get("steps", ()), 0))


def _steps(steps: Any, depth: int, within: str = "", kind: str = "") -> Iterator[Step]:
    for step in steps:
        name, type_ = step["id"], kind or step.get("type", "")
        yield Step(name, step.get("title") or words(name), type_, depth, within, _needs(step))
        if isinstance(step.get("branches"), list):
            yield from _steps(step["branches"], depth + 1, name, "arm")
        if isinstance(step.get("body"), list):
            yield from _steps(step["body"], depth + 1, name if type_ in ("map", "arm") else within)


def _needs(step: Mapping[str, Any]) -> int:
    join = {"any": 1}.get(step.get("join", "all"), step.get("join"))
    return join if isinstance(join, int) and join < len(step.get("branches", ())) else 0


def scope_of(path: str, index: int, named: Mapping[str, str]) -> str:
    """The item or the arm that child `index` of the step at `path` is for: `each[3]`, `legal`."""
    *around, step = path.split("/")
    return "/".join((*around, named.get(f"{_ARM}{step}.{index}", f"{step}[{index}]")))


def words(name: str) -> str:
    return name.replace("_", " ").capitalize()


def titles(definition: Mapping[str, Any]) -> dict[str, str]:
    """Step and outcome → how people call it. An outcome stands under `outcome x` too, for a step may have its name, and under
    `failure x` where it is one; the type of what has child runs under `type x`, the arms of a step under `arm x.0` and so on,
    and how many of them are enough under `needs x`."""
    outcomes = {name: found.get("title") or words(name) for name, found in definition.get("outcomes", {}).items()}
    certain = {f"{_OUTCOME}{name}": title for name, title in outcomes.items()}
    failures = {
        f"{_FAILURE}{name}": outcomes[name]
        for name, found in definition.get("outcomes", {}).items()
        if found.get("kind") == "failure"
    }
    steps = steps_of(definition)
    types = {f"{_TYPE}{step.id}": step.type for step in steps if step.type in _FANS}
    arms = {
        f"{_ARM}{parallel.id}.{number}": arm.id
        for parallel in steps
        if parallel.type == "parallel"
        for number, arm in enumerate(each for each in steps if each.type == "arm" and each.within == parallel.id)
    }
    needs = {f"{_NEEDS}{step.id}": str(step.needs) for step in steps if step.needs}
    return {**outcomes, **certain, **failures, **types, **arms, **needs, **{step.id: step.title for step in steps}}


def outcome_title(named: Mapping[str, str], outcome: str) -> str:
    return named.get(f"{_OUTCOME}{outcome}") or words(outcome)


def outcomes_of(named: Mapping[str, str]) -> dict[str, str]:
    """Outcome → its title, of what `titles` gave."""
    return {name.removeprefix(_OUTCOME): title for name, title in named.items() if name.startswith(_OUTCOME)}


def titled(named: Mapping[str, str]) -> Callable[[str], str]:
    """A path or an outcome in words: `refine[3]/critique` → `Criticise, round 3`, `each[2]/draft` → `Draft, item 3 of Each`."""

    def title(path: str) -> str:
        name, detail = spoken(path, named)
        return f"{name}, {detail}" if detail else name

    return title


def spoken(path: str, named: Mapping[str, str]) -> tuple[str, str]:
    """(title of the step, what else the path says)."""
    *scope, last = path.split("/")
    part = _PART.match(last)
    if part and scope:
        *scope, last = scope
    details = [said for name in scope if (said := _scope(name, named))]
    if part:
        details.append(_spoken_part(part[1], part[2], named))
    return named.get(last, words(last) if last else "the start"), ", ".join(details)


def _scope(name: str, named: Mapping[str, str]) -> str:
    """A round, an item or an arm: `round 3`, `item 3 of Each`, `arm Legal`."""
    step, _, number = name.rstrip("]").partition("[")
    if not number:
        return f"arm {named[step]}" if type_of(step, named) == "arm" else ""
    return f"{item_at(int(number))} of {named[step]}" if type_of(step, named) == "map" else f"round {number}"


def type_of(step: str, named: Mapping[str, str]) -> str:
    """`map`, `parallel` or `arm`, "" of another step."""
    return named.get(f"{_TYPE}{step}", "")


def needs_of(step: str, named: Mapping[str, str]) -> int:
    """How many arms of a step are enough; 0: all of them have to be done, or it is no `parallel`."""
    return int(named.get(f"{_NEEDS}{step}", 0))


def _spoken_part(kind: str, rest: str, named: Mapping[str, str]) -> str:
    if kind == "fallback":
        return f"{named.get(rest, rest)} in its place"
    if kind == "round":
        return f"asking the model, {_time(rest)}"
    number, _, index = rest.partition(".")
    return f"tool {int(index) + 1 if index.isdecimal() else 1} of round {number}"


_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def _time(number: str) -> str:
    index = int(number) - 1 if number.isdecimal() else len(_ORDINALS)
    return f"{_ORDINALS[index]} time" if index < len(_ORDINALS) else f"time {number}"


def is_part(path: str) -> bool:
    return _PART.match(path.rpartition("/")[2]) is not None and "/" in path


def stands_in(visit: Visit) -> str:
    """The step that it answered in place of, if it did."""
    around, _, part = visit.path.rpartition("/")
    return around.rpartition("/")[2].partition("[")[0] if part == f"fallback.{visit.step}" else ""


def stops(
    run: RunDetail, course: Course, named: Mapping[str, str], inside: str = "", waits: str = "", by: str = ""
) -> tuple[Stop, ...]:
    """The path taken, in order: the start, each visit, and what is under way. `inside` is the item or the arm that the run is
    for, which goes without saying; `waits` what it waits for in words, where these are child runs; `by` who or what began it."""
    began = Stop("0", "Started", "", look_of("done", RESULTS), by or f"By {run.starter}.", None)
    found = [began] if not course.before else []
    wholes = wholes_of(course)
    found.extend(_stop(visit, course, named, wholes.get(visit.seq), inside) for visit in course.visits)
    if not run.over and not course.after:
        found.append(_open(run, course, named, inside, waits))
    since = str(run.restored) if run.restored <= run.seq else "open"
    return tuple(replace(stop, above=_RESTORED) if run.restored and stop.select == since else stop for stop in found)


def wholes_of(course: Course) -> dict[int, Whole]:
    """By seq, of the visits that close others. A record is made when its step is over, so what is within stands right before it;
    one whose beginning is left out of the course has none."""
    found: dict[int, Whole] = {}
    for at, visit in enumerate(course.visits):
        first = at
        while first and course.visits[first - 1].path.startswith((f"{visit.path}/", f"{visit.path}[")):
            first -= 1
        if first < at and (first or not course.before):
            inside = course.visits[first : at + 1]
            found[visit.seq] = Whole(at - first, _covered(inside), sum(each.cost for each in inside))
    return found


def _covered(visits: Sequence[Visit]) -> float:
    """Seconds in which at least one of them was under way."""
    total, until = 0.0, None
    for visit in sorted(visits, key=lambda visit: visit.started):
        begin = visit.started if until is None else max(visit.started, until)
        total += max((visit.finished - begin).total_seconds(), 0.0)
        until = visit.finished if until is None else max(until, visit.finished)
    return total


def within(path: str, inside: str) -> str:
    """The path as it is seen from `inside`."""
    return path.removeprefix(f"{inside}/") if inside else path


def _stop(visit: Visit, course: Course, named: Mapping[str, str], whole: Whole | None, inside: str) -> Stop:
    path = within(visit.path, inside)
    name, detail = spoken(path, named)
    tries = sum(1 + len(call.resent) for call in course.calls if call.path == visit.path and call.visit == visit.visit)
    return Stop(
        select=str(visit.seq),
        title=ENDINGS.get(visit.type, name),
        detail=detail,
        look=_look(visit, named),
        why=visit.sentence,
        took=whole.took if whole else (visit.finished - visit.started).total_seconds(),
        closes=whole.steps if whole else 0,
        cost=whole.cost if whole else 0,
        tries=tries if tries > 1 else 0,
        depth=path.count("[") + is_part(path),
        degraded=visit.degraded,
    )


def _look(visit: Visit, named: Mapping[str, str]) -> Look:
    if visit.type == "cancel":
        return look_of("cancelled")
    if visit.type == "end" and f"{_FAILURE}{visit.to}" in named:
        return look_of("failed")
    if visit.result == "done" and visit.type == "branch":
        return Look("Decided", "branch", "good")
    return look_of(visit.result, RESULTS)


def _open(run: RunDetail, course: Course, named: Mapping[str, str], inside: str, waits: str) -> Stop:
    path = within(run.place, inside)
    name, detail = spoken(path, named) if path else ("Not begun", "")
    calls = open_calls(course)
    begun = run.since or (calls[0].intended if calls else course.visits[-1].finished if course.visits else run.created)
    why = waits or _under_way(run, calls)
    return Stop("open", name, detail, _standing(run), why, None, depth=path.count("["), since=begun)


def _standing(run: RunDetail) -> Look:
    return look_of("quarantined" if run.status == "quarantined" else run.wait or run.status)


def _under_way(run: RunDetail, calls: tuple[CallTime, ...]) -> str:
    if run.wait == "person":
        return "A person is asked."
    if run.wait == "event":
        return f"It waits for {run.awaits.partition(' ')[0]}." if run.awaits else "What it waited for has come."
    if run.wait == "time":
        return "It waits for its time."
    if run.wait == "limit":
        return "It has met a limit of the whole that it is a part of, and goes on where a person lifts that."
    if run.wait == "backoff" and calls:
        return f"Call {calls[-1].n} failed with {calls[-1].error or 'an error'}; the next one is due."
    if calls and calls[-1].finished is None:
        again = ", sent again since its worker was gone" if calls[-1].resent else ""
        return f"Call {calls[-1].n} to {calls[-1].target} is under way{again}."
    return "Waits to be taken up by a worker." if run.status == "ready" else ""


def open_calls(course: Course) -> tuple[CallTime, ...]:
    """Calls of the visit that is not over."""
    closed = {(visit.path, visit.visit) for visit in course.visits}
    return tuple(call for call in course.calls if (call.path, call.visit) not in closed)


def reached(run: RunDetail, course: Course, definition: Mapping[str, Any], inside: str = "") -> tuple[Reached, ...]:
    """The outline, each step with how often the run was there and how it went the last time. That of a child run is the body
    that it runs."""
    last: dict[str, Visit] = {}
    visits: dict[str, set[tuple[str, int]]] = {}
    for visit in course.visits:
        if not is_part(visit.path) or stands_in(visit) or visit.type in ENDINGS:
            last[visit.step] = visit
            visits.setdefault(visit.step, set()).add((visit.path, visit.visit))
    here = {name.partition("[")[0] for name in within(run.place, inside).split("/")} if not run.over else set()
    body = inside.rpartition("/")[2].partition("[")[0]
    named = titles(definition)
    return tuple(
        replace(_reached(run, step, last.get(step.id), len(seen), step.id in here, named), apart=step.within != body)
        for step in _body(steps_of(definition), body)
        for seen in (visits.get(step.id, ()),)
    )


def _body(steps: Sequence[Step], container: str) -> Iterator[Step]:
    """What is in it, or all where it is ""."""
    depth = -1 if not container else None
    for step in steps:
        if depth is not None and step.depth > depth:
            yield replace(step, depth=step.depth - depth - 1)
        elif container:
            depth = step.depth if step.id == container else None


def _reached(run: RunDetail, step: Step, last: Visit | None, visits: int, here: bool, named: Mapping[str, str]) -> Reached:
    if here:
        return Reached(step, visits, _standing(run), "open")
    if last is None:
        return Reached(step, 0, None, "")
    return Reached(step, visits, _look(last, named), str(last.seq))


def writer_of(
    written: tuple[tuple[int, str, str, str, str], ...], scope: str, by: str, title: Callable[[str], str]
) -> Callable[[str], tuple[str, int | None]]:
    """Who wrote the value at a path, as seen from `scope`: the latest visible record of that step. `written` as from
    `course.writers`, `by` who started the run."""

    def writer(path: str) -> tuple[str, int | None]:
        root, _, rest = path.partition(".")
        if root == "run":
            return f"run input, by {by}", 0
        if root != "steps":
            return {"carry": "the loop", "iter": "the loop", "error": "the failed step"}.get(root, ""), None
        name = rest.partition(".")[0].partition("[")[0]
        for seq, step, there, at, actor in written:
            if step == name and (there == "" or scope == there or scope.startswith(f"{there}/")):
                return f"{title(at)}, by {actor}" if actor else title(at), seq
        return "nobody", None

    return writer
