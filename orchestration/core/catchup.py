"""What a schedule does about the occurrences that are due: pure, as all that decides.

Nobody may have looked for a while: workers were down, or the database was. An occurrence is on time for a minute; one that is
older was missed, and the schedule says what is made up for:

    skip   nothing: what was missed is passed over
    last   the last one of all that are due, however many they are
    all    each of them, the oldest first, but of more than `most` the latest `most` alone

What is passed over is told, never forgotten silently.
"""

from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Literal, get_args

from orchestration.core.cron import Timetable
from orchestration.core.frozen import dataclass

Catchup = Literal["skip", "last", "all"]
POLICIES: tuple[Catchup, ...] = get_args(Catchup)
ON_TIME = timedelta(minutes=1)
"""A sweep comes every two seconds; a worker that is started anew is back in less."""
MOST = 1000
"""The most that `most` may be, and up to which is counted what was passed over."""
USUAL = 100
_SPAN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Passed:
    """Occurrences that started nothing, by which rule: `skip`, `last`, `most` of `all`, or `restored` after a restore. `count`
    is at most `MOST`."""

    count: int
    since: datetime
    until: datetime
    rule: str


@dataclass(frozen=True, slots=True)
class Due:
    """`fire` are the occurrences to start a run for, in order; after them the schedule is due at `next`, None where it never
    comes again."""

    fire: tuple[datetime, ...]
    next: datetime | None
    passed: Passed | None = None


def decide(table: Timetable, first: datetime, now: datetime, catchup: Catchup, most: int) -> Due:
    """`first` is the occurrence that has been due for longest; it is not after `now`. Where the zone's rules have changed since
    it was reckoned, it is none any more, and the new rules hold."""
    if catchup == "skip":
        fire = tuple(takewhile(lambda at: at <= now, table.since(max(now - ON_TIME, first) - timedelta(seconds=1))))
        fire = tuple(at for at in fire if at >= now - ON_TIME)
    else:
        fire = _latest(table, first, now, 1 if catchup == "last" else most)
    rule = "most" if catchup == "all" else catchup
    return Due(fire, table.after(now), passed(table, first, fire[0] if fire else now + timedelta(seconds=1), rule))


def _latest(table: Timetable, first: datetime, now: datetime, most: int) -> tuple[datetime, ...]:
    """The last `most` occurrences until now. Looks back as far as it has to, for that may be years of minutes."""
    span = _SPAN
    while True:
        start = max(now - span, first)
        found = tuple(takewhile(lambda at: at <= now, table.since(start - timedelta(seconds=1))))
        if len(found) >= most or start == first:
            return found[-most:]
        span *= 2


def passed(table: Timetable, first: datetime, until: datetime, rule: str) -> Passed | None:
    """Those from `first` on that come before `until`, passed over by this rule."""
    found = tuple(islice(takewhile(lambda at: at < until, table.since(first - timedelta(seconds=1))), MOST))
    return Passed(len(found), found[0], found[-1], rule) if found else None
