"""How things are said and drawn: statuses, amounts, spans of time, strips. Values in, words out; no request, no database.

One table decides how a status looks, so that it looks the same in a list, on a run, in the inbox and in a nudge.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Tone = Literal["idle", "live", "person", "good", "bad", "slow", "odd", "rest"]

NANO = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Look:
    """The word, the outline (a symbol of static/icons.svg) and the tone of a state. `turning` marks the one that moves."""

    word: str
    icon: str
    tone: Tone
    turning: bool = False


STATUSES: dict[str, Look] = {
    "ready": Look("Ready", "ready", "idle"),
    "held": Look("Running", "running", "live", turning=True),
    "waiting": Look("Waiting", "waiting", "idle"),
    "person": Look("Waiting for a person", "person", "person"),
    "event": Look("Waiting for an event", "waiting", "idle"),
    "time": Look("Waiting for a time", "waiting", "idle"),
    "children": Look("Waiting", "waiting", "live"),
    "limit": Look("Waiting at a limit", "waiting", "slow"),
    "backoff": Look("Backing off", "backing-off", "slow"),
    "succeeded": Look("Succeeded", "succeeded", "good"),
    "failed": Look("Failed", "failed", "bad"),
    "cancelled": Look("Cancelled", "cancelled", "idle"),
    "quarantined": Look("Quarantined", "quarantined", "odd"),
    "stuck": Look("Not moving", "stale", "bad"),
}

RESULTS: dict[str, Look] = {
    "done": Look("Done", "succeeded", "good"),
    "open": Look("Running", "running", "live", turning=True),
    "invalid": Look("Broke its contract", "warning", "bad"),
    "timed_out": Look("Timed out", "waiting", "slow"),
    "failed": Look("Failed", "failed", "bad"),
    "unknown": Look("Effect unknown", "quarantined", "odd"),
    "needs_person": Look("Asked a person", "person", "person"),
}

UNKNOWN = Look("Unknown", "info", "idle")


def look_of(status: str, table: dict[str, Look] = STATUSES) -> Look:
    """How `status` looks. One that the table lacks keeps its own word, so that nothing is ever shown as something else."""
    return table.get(status) or Look(status.replace("_", " ").capitalize() or UNKNOWN.word, UNKNOWN.icon, UNKNOWN.tone)


def money(nano: int | None) -> str:
    """`nano` billionths of a dollar. Small sums keep four decimals; what is smaller still is never said to be nothing."""
    if nano is None:
        return "unknown"
    dollars = nano / NANO
    if dollars == 0:
        return "$0"
    if abs(dollars) < 0.0001:
        return "under $0.0001"
    if abs(dollars) < 1:
        return f"${dollars:.4f}".rstrip("0").ljust(5, "0")
    return f"${dollars:,.2f}"


def span(seconds: float | None) -> str:
    """`seconds` as people say them, two units at most: 850 ms, 1.24 s, 2 min 3 s, 3 h 20 min, 2 d 4 h."""
    if seconds is None:
        return "unknown"
    if seconds < 0.9995:  # the bounds are where rounding would reach the next unit
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for size, unit, rest, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            left = whole % size // rest
            return f"{whole // size} {unit}" + (f" {left} {small}" if left else "")
    return f"{whole} s"


def ago(then: datetime, now: datetime) -> str:
    """How long before `now` it was, coarsely, or the day where it is more than a week."""
    seconds = (now - then).total_seconds()
    if seconds < 0:
        return "in " + coarse(-seconds)
    if seconds < 5:
        return "just now"
    return coarse(seconds) + " ago" if seconds < 7 * 86400 else then.strftime("%-d %b %Y")


def coarse(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"


def left(seconds: float) -> str:
    """What is left until a deadline, rounded in its lesser unit: 8 h a moment after it was set, 7 h 59 min a minute later."""
    for size, unit, rest, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min")):
        if (parts := int(seconds / rest + 0.5)) * rest >= size:
            whole, more = divmod(parts, size // rest)
            return f"{whole} {unit}" + (f" {more} {small}" if more else "")
    return f"{int(seconds / 60 + 0.5)} min" if seconds >= 59.5 else f"{int(seconds + 0.5)} s"


def lasted(seconds: float) -> str:
    """How long something under way has taken, in whole seconds: 4 s, 2 min 3 s, 3 h 20 min."""
    seconds = max(int(seconds), 0)
    return f"{seconds} s" if seconds < 60 else span(seconds)


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of a run's life, in seconds from its start."""

    kind: str
    start: float
    end: float
    words: str = ""


@dataclass(frozen=True, slots=True)
class Bar:
    tone: Tone
    start: int
    length: int
    title: str


@dataclass(frozen=True, slots=True)
class Strip:
    """Segments drawn to scale in thousandths of the whole, and the same in one sentence for who can't see them."""

    bars: tuple[Bar, ...]
    sentence: str


SEGMENTS: dict[str, tuple[Tone, str]] = {
    "queued": ("idle", "queued"),
    "running": ("live", "running"),
    "lost": ("bad", "lost with its worker"),
    "backoff": ("slow", "backing off"),
    "person": ("person", "waiting for a person"),
    "waiting": ("rest", "waiting"),
    "children": ("rest", "waiting for child runs"),
}


def strip(segments: Iterable[Segment], total: float, least: int = 2) -> Strip:
    """A strip of `total` seconds. A segment that has any length is at least `least` thousandths wide, so that it can be seen."""
    bars: list[Bar] = []
    sums: dict[str, float] = {}
    for segment in segments:
        tone, word = SEGMENTS.get(segment.kind, ("idle", segment.kind))
        length = max(0.0, segment.end - segment.start)
        sums[word] = sums.get(word, 0.0) + length
        start = round(1000 * segment.start / total) if total else 0
        start = min(start, 1000 - least)
        width = max(least, round(1000 * length / total)) if total else 1000
        bars.append(Bar(tone, start, min(width, 1000 - start), f"{segment.words or word}: {span(length)}"))
    sentence = ", ".join(f"{word} {span(seconds)}" for word, seconds in sums.items()) or "nothing has happened yet"
    return Strip(tuple(bars), sentence)
