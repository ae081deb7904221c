"""How the items of maps and the arms of parallels stand at each step, for the graph of their run."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dashboard import lanes_view
from dashboard.run_view import Reached
from orchestration.core.plan import Plan
from orchestration.core.wording import listed
from orchestration.queries import room
from orchestration.queries.course import Course
from orchestration.queries.inside import STATES, Inside, Tally
from orchestration.queries.runs import RunDetail

FANS = ("map", "parallel")
WORDS = {**lanes_view.STATES, "waiting": ("Waiting", "waiting", "idle")}
UNDER_WAY = ("person", "live", "waiting")
_LISTED = {"person": ("person",), "live": ("live", "waiting")}
"""Which lanes have those that stand so."""


@dataclass(frozen=True, slots=True)
class Fan:
    """The visit that is shown of a step with child runs: that at which the run stands, or its last. `select` chooses it."""

    path: str
    visit: int
    select: str


def fans(run: RunDetail, plan: Plan, course: Course, reached: tuple[Reached, ...]) -> dict[str, Fan]:
    """By step. Two queries at most."""
    last = {visit.step: visit for visit in course.visits}
    found = {}
    for item in reached:
        step = item.step.id
        if item.step.type not in FANS or not item.select:
            continue
        if item.select != "open":
            found[step] = Fan(last[step].path, last[step].visit, item.select)
        elif run.place.rpartition("/")[2] == step:
            found[step] = Fan(run.place, room.planned(run.id).visit, item.select)
    return found


def ran(plan: Plan, found: Mapping[str, Fan], told: Inside) -> dict[str, dict[str, Any]]:
    """By step, of those inside that any child run came to: as is said of a step what a run itself did, and as `items` how many
    stand how, what needs looking at first. `lanes`: which of the child runs to list. Of the steps around them, how many alone."""
    shown: dict[str, dict[str, Any]] = {}
    for step, fan in found.items():
        items = _items(told.fans.get(fan.path, {}))
        shown[step] = {"items": items, "said": _said(items)}
    for step, tally in _with_loops(plan, told.steps).items():
        around, nested = _around(plan, step, found)
        if around is not None:
            lanes = "" if nested else _lanes(tally, step in told.failing)
            shown[step] = {**_look(tally), "select": around.select, "lanes": lanes}
    return shown


def _with_loops(plan: Plan, steps: Mapping[str, Tally]) -> dict[str, Counter[str]]:
    """A child run that stands in a loop of its own stands at that too."""
    found = {step: Counter(tally) for step, tally in steps.items() if step in plan.steps}
    for step, tally in steps.items():
        level = plan.level_of.get(step, "")
        while level and plan.steps[level].type == "loop":
            found.setdefault(level, Counter()).update({state: tally[state] for state in UNDER_WAY if state in tally})
            level = plan.level_of[level]
    return found


def _around(plan: Plan, step: str, found: Mapping[str, Fan]) -> tuple[Fan | None, bool]:
    """The visit that a step is inside of; and whether in child runs of its child runs."""
    nested, level = False, plan.level_of[step]
    while level and level not in found:
        nested = nested or plan.steps[level].type in FANS
        level = plan.level_of[level]
    return found.get(level), nested


def _items(tally: Tally) -> list[dict[str, Any]]:
    return [
        {"word": word, "icon": icon, "tone": tone, "number": tally[state]}
        for state in STATES
        for word, icon, tone in (WORDS[state],)
        if tally.get(state)
    ]


def _look(tally: Tally) -> dict[str, Any]:
    """Of a single one no more than how it stands."""
    items = _items(tally)
    many = sum(tally.values()) > 1
    first = items[0]
    word = _said(items) if many else first["word"]
    return {"visits": 1, "word": word, "icon": first["icon"], "tone": first["tone"], "items": items if many else []}


def _said(items: list[dict[str, Any]]) -> str:
    return listed([f"{item['number']:,} {item['word'].lower()}" for item in items], join="and")


def _lanes(tally: Tally, failing: bool) -> str:
    if failing:
        return "failed"
    return next((state for state, here in _LISTED.items() if any(tally.get(each) for each in here)), "")
