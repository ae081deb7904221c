"""Schedules in words: when they come, how they stand, and what was done with them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from orchestration.core.cron import Occurrence, timetable
from orchestration.core.errors import Problem, Refused
from orchestration.core.wording import counted
from orchestration.queries import schedules as queries
from orchestration.queries.schedules import Done, ScheduleView

State = Literal["retired", "paused", "stuck", "on"]
CATCHING_UP = {"skip": "passed over", "last": "one late run for all", "all": "a late run for each"}
_TURNS = {
    "skipped": "the clock skips the line's own time",
    "left_out": "the clock skips this time, so it does not come that day",
    "first": "the clock shows this time twice: the first",
    "second": "the clock shows this time twice: the second",
}
_RULES = {
    "skip": "as missed times are",
    "last": "as there is one late run for all",
    "most": "as no more get a late run",
    "restored": "since the database was restored from a backup, and they may have been started",
}
_VERBS = {
    "create_schedule": "made it",
    "change_schedule": "changed it",
    "pause_schedule": "paused it",
    "resume_schedule": "resumed it",
}


@dataclass(frozen=True, slots=True)
class Comes:
    """One occurrence. `offset` is what the zone's clock is ahead of UTC; `turn` in words where the clock is changed around it."""

    at: datetime
    day: str
    clock: str
    offset: str
    turn: str


@dataclass(frozen=True, slots=True)
class Coming:
    """The next occurrences of a line in a zone, or what is wrong with the two. `changed`: its clock is changed at times;
    `turned`: the first one that this is about, or that it leaves out, where that is not among them."""

    times: tuple[Comes, ...]
    zone: str
    changed: bool = False
    written_out: bool = False
    turned: Comes | None = None
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """A schedule in a list. `status`: of its last run, where that is still there."""

    schedule: ScheduleView
    comes: Comes | None
    status: str

    @property
    def catching_up(self) -> str:
        return catching_up(self.schedule)

    @property
    def state(self) -> State:
        return state_of(self.schedule)


@dataclass(frozen=True, slots=True)
class Told:
    """A line of its history."""

    at: datetime
    words: str
    bad: bool = False


def state_of(schedule: ScheduleView) -> State:
    return "retired" if schedule.retired else "paused" if schedule.paused else "stuck" if schedule.trouble else "on"


def catching_up(schedule: ScheduleView) -> str:
    more = f", at most {schedule.most:,}" if schedule.catchup == "all" else ""
    return CATCHING_UP[schedule.catchup] + more


def lines(found: Iterable[ScheduleView]) -> list[Line]:
    rows = list(found)
    statuses = queries.statuses([row.run or "" for row in rows])
    return [Line(row, next(iter(shown(row.following(1))), None), statuses.get(row.run or "", "")) for row in rows]


def shown(occurrences: Iterable[Occurrence]) -> tuple[Comes, ...]:
    return tuple(
        Comes(one.at, f"{one.local:%a %-d %b %Y}", f"{one.local:%H:%M}", _offset(one.local), _TURNS.get(one.turn, ""))
        for one in occurrences
    )


def coming(cron: str, zone: str) -> Coming:
    """What the two come to as they are typed. One query."""
    return _coming(cron, zone, queries.now())


def coming_of(schedule: ScheduleView) -> Coming:
    """What it comes to, or would if it were not paused. One query at most."""
    return _coming(schedule.cron, schedule.zone, (schedule.next and schedule.next - timedelta(seconds=1)) or queries.now())


def _coming(cron: str, zone: str, moment: datetime) -> Coming:
    try:
        table = timetable(cron, zone)
    except Refused as refused:
        return Coming((), zone, problems=refused.problems)
    times, turned = table.following(moment), table.turned(moment)
    more = shown([turned])[0] if turned is not None and turned not in times else None
    return Coming(shown(times), zone, table.is_changed(moment), table.written_out, more)


def _offset(local: datetime) -> str:
    text = f"{local:%z}"
    return "UTC" if text == "+0000" else f"UTC{text[:3]}:{text[3:5]}".replace("-", "−")


def passed_words(passed: Mapping[str, Any]) -> str:
    """`12 occurrences, 24 Oct 2026 22:00 to 23:50 UTC, were passed over, as …`."""
    many = "More than 1,000 occurrences" if passed["count"] >= 1000 else counted(passed["count"], "occurrence")
    since, until = (datetime.fromisoformat(passed[name]) for name in ("since", "until"))
    if passed["count"] == 1:
        span = f", that of {since:%-d %b %Y %H:%M} UTC,"
    elif passed["count"] >= 1000:
        span = f" from {since:%-d %b %Y %H:%M} UTC on"
    else:
        span = f", {since:%-d %b %Y %H:%M} to {until:%-d %b %Y %H:%M} UTC,"
    were = "was" if passed["count"] == 1 else "were"
    return f"{many}{span} {were} passed over, {_RULES.get(passed['rule'], '')}."


def told(history: Iterable[Done]) -> list[Told]:
    return [_told(done) for done in history]


def _told(done: Done) -> Told:
    if done.verb == "refuse":
        occurrence = datetime.fromisoformat(done.detail["occurrence"])
        return Told(
            done.at, f"The occurrence of {occurrence:%-d %b %Y %H:%M} UTC started nothing: {done.detail['message']}", True
        )
    if done.verb == "pass_over":
        return Told(done.at, passed_words(done.detail))
    return Told(done.at, f"{done.by} {_VERBS.get(done.verb, done.verb.replace('_', ' '))}.")
