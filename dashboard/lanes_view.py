"""The child runs of a step as its run's page shows them: a bar of how many stand how, and a lane for each, what failed first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard import run_view, run_words
from dashboard.presentation import Bar, Segment, Strip, Tone, strip
from dashboard.run_words import Doing, Kind, waits_for
from dashboard.step_titles import titles_of
from dashboard.timeline import laid
from orchestration.core.proof.limits import ON
from orchestration.core.wording import Opening, abbreviate, counted, cut, item_at, listed
from orchestration.queries import children
from orchestration.queries.children import Lane, Lanes
from orchestration.queries.room import Unbegun
from orchestration.queries.run_list import Standing

STATES: dict[str, tuple[str, str, Tone]] = {
    "failed": ("Failed", "failed", "bad"),
    "person": ("Waiting for a person", "person", "person"),
    "live": ("Running", "running", "live"),
    "done": ("Done", "succeeded", "good"),
    "cancelled": ("Cancelled", "cancelled", "idle"),
}
"""How each is called, its outline and its tone, in the order of the list."""
DRAWN = ("done", "cancelled", "failed", "person", "live")
"""From the left of the bar on; what is not begun is what is left of it."""
NARROWEST = 8
"""Thousandths: one of ten thousand is seen too."""
MOST_SAID = 120
MOST_GIVEN = 50
"""Items of a list that is shown whole."""


Titles = Mapping[tuple[str, int], Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Count:
    """So many stand like that. `chosen`: these alone are listed."""

    state: str
    word: str
    icon: str
    tone: Tone
    number: int
    chosen: bool


@dataclass(frozen=True, slots=True)
class LaneView:
    """A child in a line. `name` is `Item 3` or the title of an arm, `about` the item in a few words, `took` seconds until it
    ended, `since` when it was begun where it has not; `strip` when it ran, on one scale for all that are shown."""

    id: str
    name: str
    about: str
    doing: Doing
    step: str
    error: str
    strip: Strip
    took: float | None
    since: datetime
    cost: int
    escalation: str | None


@dataclass(frozen=True, slots=True)
class LanesView:
    """`noun`: item or arm. `bar` draws all of them, `begun` of which there are; `held` says what keeps the others. `from_` and
    `to` are the ends of the scale."""

    title: str
    noun: str
    total: int
    begun: int
    held: str
    counts: tuple[Count, ...]
    bar: Strip
    state: str
    lanes: tuple[LaneView, ...]
    next: str | None
    from_: datetime | None
    to: datetime | None
    going: bool


@dataclass(frozen=True, slots=True)
class Given:
    """What the child runs of a visit were given, of which its own record says how many they are. `run`: the one that is called;
    `value` None where `sentence` says it."""

    value: Any = None
    run: str = ""
    sentence: str = ""


def given(kind: str, run: str, path: str, visit: int, total: int, begun: int) -> Given | None:
    """Of the step at `path`, which is of this kind and was to have `total` of them; None where nothing was given to any. Two
    queries at most."""
    if kind == "workflow":
        found = children.called(run, path, visit)
        return Given(found[1], run=found[0]) if found else None
    if kind == "parallel":
        return Given(sentence=f"Each of its {counted(total, 'arm')} reads what it needs by itself.")
    items = children.items(run, path, visit, MOST_GIVEN)
    if items is not None and len(items) == total:
        return Given(items)
    where = "each of which stands with its run" if begun == total else "of which those that were begun stand with their runs"
    return Given(sentence=f"A list of {counted(total, 'item')}, {where}.")


def lanes_view(
    path: str,
    total: int,
    counts: Mapping[str, int],
    found: Lanes,
    state: str,
    named: Mapping[str, str],
    unbegun: Unbegun,
) -> LanesView:
    """Of the step at `path`. `total`: how many there are to be, as far as that is known."""
    begun = sum(counts.values())
    whole = max(total, begun)
    noun = noun_of(path, named)
    first, last = _scale(found)
    titles = titles_of({(lane.row.run.workflow, lane.row.run.version) for lane in found.lanes})
    return LanesView(
        title=run_view.spoken(path, named)[0],
        noun=noun,
        total=whole,
        begun=begun,
        held=held(unbegun),
        counts=tuple(Count(name, *STATES[name], counts[name], name == state) for name in STATES if counts[name] or name == state),
        bar=_bar(counts, whole, noun),
        state=state,
        lanes=tuple(_lane(lane, found, first, last, named, titles) for lane in found.lanes),
        next=found.next,
        from_=first,
        to=last,
        going=any(lane.row.run.ended is None for lane in found.lanes),
    )


def _bar(counts: Mapping[str, int], total: int, noun: str) -> Strip:
    """Each at least so wide that it is seen, at the expense of the others."""
    drawn = [(state, max(round(1000 * counts[state] / total), NARROWEST)) for state in DRAWN if counts[state]]
    room = 1000 if sum(counts.values()) == total else 1000 - NARROWEST
    while (over := sum(length for _, length in drawn) - room) > 0:
        widest = max(range(len(drawn)), key=lambda at: drawn[at][1])
        drawn[widest] = (drawn[widest][0], drawn[widest][1] - over)
    bars, at = [], 0
    for state, length in drawn:
        word, _, tone = STATES[state]
        bars.append(Bar(tone, at, length, f"{word}: {counts[state]:,}"))
        at += length
    said = [f"{counts[state]:,} {STATES[state][0].lower()}" for state in STATES if counts[state]]
    if left := total - sum(counts.values()):
        said.append(f"{left:,} not begun")
    return Strip(tuple(bars), f"Of {total:,} {noun}{'' if total == 1 else 's'}: {listed(said, join='and') or 'none'}")


def _scale(found: Lanes) -> tuple[datetime | None, datetime | None]:
    """From when the first of those that are shown was begun, to when the last of them ended, or now."""
    if not found.lanes:
        return None, None
    runs = [lane.row.run for lane in found.lanes]
    return min(run.created for run in runs), max(run.ended or found.now for run in runs)


def _lane(
    lane: Lane, found: Lanes, first: datetime | None, last: datetime | None, named: Mapping[str, str], titles: Titles
) -> LaneView:
    run = lane.row.run
    assert first is not None and last is not None
    scope = run_view.scope_of(run.parent_path, lane.index, named)
    own, inner = scope.rpartition("/")[2], titles[run.workflow, run.version]
    called = noun_of(run.parent_path, named) == "workflow"
    return LaneView(
        id=run.id,
        name=run.label if called else item_at(lane.index).capitalize() if own.endswith("]") else named.get(own, own),
        about=about(lane.item),
        doing=run_words.state_of(lane.row, found.now, found.sweeping, kind_of(run.place, inner)),
        step=run_view.titled(inner)(run_view.within(run.place, scope)) if run.place else "",
        error=_said(lane),
        strip=_strip(lane, found.now, first, last),
        took=(run.ended - run.created).total_seconds() if run.ended else None,
        since=run.created,
        cost=run.cost,
        escalation=run.escalation,
    )


def about(item: Any) -> str:
    """The first things that an item says of itself, as `T-7 · refund · 12`."""
    if isinstance(item, dict):
        said = [each for each in item.values() if isinstance(each, str | int | float) and each != ""]
        return " · ".join(about(each) for each in said[:3]) or abbreviate(item, MOST_SAID)
    if isinstance(item, Opening) and item.startswith('"'):
        item = item[1:]
    return "" if item is None else cut(item, MOST_SAID) if isinstance(item, str) else abbreviate(item, MOST_SAID)


def _said(lane: Lane) -> str:
    if lane.error is None or lane.row.run.status != "failed":
        return ""
    code = lane.error.get("code", "")
    return ": ".join(filter(None, (code.replace("_", " "), str(lane.error.get("message", "")).split("\n")[0][:300])))


def noun_of(place: str, named: Mapping[str, str]) -> str:
    """What the child runs of the step at this place are."""
    return {"parallel": "arm", "workflow": "workflow"}.get(run_view.type_of(place.rpartition("/")[2], named), "item")


def kind_of(place: str, named: Mapping[str, str]) -> Kind:
    return Kind(noun_of(place, named), run_view.needs_of(place.rpartition("/")[2], named))


def waiting(found: Standing, kind: Kind, unbegun: Unbegun) -> str:
    """What a run waits for in a sentence: `Waits for 7 of 12 items.`"""
    said = [f"A person is asked {'there' if kind.noun == 'workflow' else f'in {found.asking:,}'}"] if found.asking else []
    said += [held(unbegun)] if unbegun.limit else []
    return " ".join(f"{words}." for words in (f"Waits for {waits_for(found, kind)}", ", and ".join(said)) if words)


def held(unbegun: Unbegun) -> str:
    """What keeps those that have not begun: `3 wait for room under the limit on steps`."""
    if unbegun.limit:
        wait = "waits" if unbegun.many == 1 else "wait"
        return f"{unbegun.many:,} {wait} for room under the limit {ON[unbegun.limit]}"
    return f"at most {unbegun.at_once:,} at once" if unbegun.at_once else ""


def _strip(lane: Lane, now: datetime, first: datetime, last: datetime) -> Strip:
    """When it was queued, when it ran, when a person was asked, and when it waited for anything else."""
    run = lane.row.run
    end = run.ended or now
    begun = min(run.started or end, end)
    whole = max((last - first).total_seconds(), 0.001)
    if (begun - run.created).total_seconds() * 1000 < NARROWEST * whole and (run.started or run.ended):
        begun = run.created  # too short to be told from the work
    known = [("queued", run.created, begun), ("running", begun, end)]
    known += [("person", asked.created, asked.ended or end) for asked in lane.asked]
    known += [("waiting", rest.created, rest.ended or end) for rest in lane.rested]
    pieces = [Segment(kind, _at(start, first), _at(min(stop, end), first)) for kind, start, stop in known]
    return strip(laid([piece for piece in pieces if piece.start < piece.end]), whole, NARROWEST)


def _at(moment: datetime, first: datetime) -> float:
    return max((moment - first).total_seconds(), 0.0)
