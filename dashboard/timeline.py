"""A run's life as stretches: queued, running, lost with a worker, backing off, waiting for a person, an event, a moment or its
child runs. Times in, segments out.

Long waits would press the work into a line of no width, so they are drawn shorter than they were; their words tell how
long they took.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from dashboard.presentation import SEGMENTS, Bar, Segment, Strip, span
from orchestration.queries.children import FANS
from orchestration.queries.course import CallTime, Course

RANK = {"person": 3, "waiting": 3, "children": 3, "running": 2, "lost": 1, "backoff": 1, "queued": 0}
"""Where two things hold at once, what is shown."""
BLINK = 0.05
"""Seconds: a shorter pause between two pieces of work is none."""
MOST = 400


@dataclass(frozen=True, slots=True)
class Timeline:
    """`folded`: waits are drawn shorter than they were. `total` in seconds."""

    strip: Strip
    total: float
    folded: bool


def timeline(
    created: datetime,
    until: datetime,
    course: Course,
    backing_off: bool,
    named: dict[str, str],
    since: datetime | None = None,
    in_children: str = "",
) -> Timeline:
    """From when the run was created to when it ended, or now. `named` gives the title of a step; `since`: it waits for an event
    or a moment; `in_children`: the title of the one whose child runs it waits for."""
    total = max((until - created).total_seconds(), 0.0)
    found = stretches(created, until, course, backing_off, named, since, in_children)
    lengths = [drawn(segment, found) for segment in found]
    return Timeline(_strip(found, lengths), total, any(d < s.end - s.start for d, s in zip(lengths, found, strict=True)))


def stretches(
    created: datetime,
    until: datetime,
    course: Course,
    backing_off: bool,
    named: dict[str, str],
    since: datetime | None = None,
    in_children: str = "",
) -> tuple[Segment, ...]:
    """Without gaps and overlaps, in seconds from `created`."""
    total = max((until - created).total_seconds(), 0.0)
    marked = [Segment("queued", 0.0, total)]
    for kind, begin, end, words in _known(until, course, backing_off, named, since):
        start, stop = max((begin - created).total_seconds(), 0.0), min((end - created).total_seconds(), total)
        if stop > start:
            marked.append(Segment(kind, start, stop, words))
    if in_children:
        begun = (course.visits[-1].finished - created).total_seconds() if course.visits else 0.0
        marked.append(Segment("children", begun, max(total, begun), f"waiting for the child runs of {in_children}"))
    return laid(marked)


def laid(marked: Sequence[Segment]) -> tuple[Segment, ...]:
    """What holds at each time, where several may: a wait before work."""
    return _merged(_painted(marked))


def drawn(segment: Segment, among: Sequence[Segment]) -> float:
    """The length that a stretch is drawn with: a wait at most as long as all the work."""
    length = segment.end - segment.start
    if segment.kind in _WORK:
        return length
    work = sum(s.end - s.start for s in among if s.kind in _WORK)
    return min(length, work) if work else length


_WORK = ("running", "backoff", "children")
Known = tuple[str, datetime, datetime, str]


def _known(
    until: datetime, course: Course, backing_off: bool, named: dict[str, str], since: datetime | None = None
) -> Iterable[Known]:
    if since is not None:
        yield "waiting", since, until, ""
    for pause in course.pauses:
        yield "person", pause.created, pause.ended or until, f"waiting for a person at {named.get(pause.step, pause.step)}"
    called = {(call.path, call.visit) for call in course.calls}
    for visit in course.visits:
        if visit.type == "wait":
            yield "waiting", visit.started, visit.finished, f"waiting at {named.get(visit.step, visit.step)}"
        elif visit.type in FANS:
            title = named.get(visit.step, visit.step)
            yield "children", visit.started, visit.finished, f"waiting for the child runs of {title}"
        elif (visit.path, visit.visit) not in called and visit.type != "human":
            yield "running", visit.started, visit.finished, named.get(visit.step, visit.step)
    before: dict[tuple[str, int], CallTime] = {}
    for call in course.calls:
        earlier = before.get((call.path, call.visit))
        if earlier is not None and earlier.finished is not None:
            yield "backoff", earlier.finished, call.intended, f"backing off before call {call.n} of {_title(call, named)}"
        before[call.path, call.visit] = call
        begun, words = call.intended, f"{_title(call, named)}, call {call.n}"
        for again in call.resent:
            yield "lost", begun, again.at, f"{words}: {again.why}"
            begun = again.at
        yield "running", begun, call.finished or until, f"{words}, sent again" if call.resent else words
    if backing_off and course.calls and (last := course.calls[-1]).finished:
        yield "backoff", last.finished, until, f"backing off before call {last.n + 1} of {_title(last, named)}"


def _title(call: CallTime, named: dict[str, str]) -> str:
    step = next((part for part in reversed(call.path.split("/")) if part in named), "")
    return named.get(step, call.path)


def _painted(marked: Sequence[Segment]) -> list[Segment]:
    """Of what holds between two neighbouring times, what ranks highest. A sweep over the times, open stretches kept."""
    edges = sorted({edge for segment in marked for edge in (segment.start, segment.end)})
    by_start = sorted(marked, key=lambda segment: segment.start)
    found: list[Segment] = []
    current: list[Segment] = []
    index = 0
    for begin, end in pairwise(edges):
        while index < len(by_start) and by_start[index].start <= begin:
            current.append(by_start[index])
            index += 1
        current = [segment for segment in current if segment.end > begin]
        top = max(current, key=lambda segment: (RANK[segment.kind], segment.start))
        found.append(Segment(top.kind, begin, end, top.words))
    return found


def _merged(found: Iterable[Segment]) -> tuple[Segment, ...]:
    """Neighbours that say the same are one; a blink of queueing belongs to what was before it."""
    merged: list[Segment] = []
    for segment in found:
        last = merged[-1] if merged else None
        blink = segment.kind in ("queued", "backoff") and segment.end - segment.start < BLINK
        if last is not None and (blink or (last.kind, last.words) == (segment.kind, segment.words)):
            merged[-1] = Segment(last.kind, last.start, segment.end, last.words)
        else:
            merged.append(segment)
    return tuple(merged[-MOST:])


def _strip(found: Sequence[Segment], lengths: Sequence[float]) -> Strip:
    whole = sum(lengths) or 1.0
    bars: list[Bar] = []
    sums: dict[str, float] = {}
    at = 0.0
    for segment, length in zip(found, lengths, strict=True):
        tone, word = SEGMENTS[segment.kind]
        took = segment.end - segment.start
        sums[word] = sums.get(word, 0.0) + took
        start, end = round(1000 * at / whole), round(1000 * (at + length) / whole)
        start = min(start, 998)
        bars.append(Bar(tone, start, min(max(end - start, 2), 1000 - start), f"{segment.words or word}: {span(took)}"))
        at += length
    sentence = ", ".join(f"{word} {span(seconds)}" for word, seconds in sums.items()) or "nothing has happened yet"
    return Strip(tuple(bars), sentence)
