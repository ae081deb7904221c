"""Cron lines in time zones: what is a line, which one never comes, and when one comes next.

cronsim reads the line and goes through the times that a clock on the wall would show. What such a time means where the clock is
put forward or back is decided here, for every zone alike, and as cron does it:

    written out   neither the minute nor the hour begins with `*`, as in `30 2 * * *`: a time that the clock skips comes the
                  moment it has been put forward, several of them together; a time that it shows twice comes the first time alone
    running       the minute or the hour begins with `*`, as in `*/15 * * * *`: as the clock goes. A time that it skips does not
                  come, and one that it shows twice comes twice

Moments are in UTC. A line has five fields; it comes at whole minutes.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, takewhile
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from cronsim import CronSim, CronSimError

from orchestration.core.errors import Problem, Refused
from orchestration.core.frozen import dataclass
from orchestration.core.wording import abbreviate, did_you_mean, with_stop

MOST_LINE = 200
_FIELDS = (
    ("minute", "0 to 59"),
    ("hour", "0 to 23"),
    ("day of the month", "1 to 31, L for the last day or LW for the last weekday"),
    ("month", "1 to 12 or JAN to DEC"),
    ("day of the week", "0 to 7, where 0 and 7 are Sunday, or SUN to SAT; MON#1 is the first Monday, 5L the last Friday"),
)
_NAMED = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_NO_ZONES = frozenset({"localtime", "posixrules", "Factory"})
"""What stands among the zones of some machines and means another one on each."""
_SECOND, _STEP = timedelta(seconds=1), timedelta(hours=12)
"""`_STEP`: clocks are not changed twice in so long."""
_AROUND, _YEAR = timedelta(hours=3), timedelta(days=400)
_SOME_DAY = datetime(2000, 1, 1)  # noqa: DTZ001  # what a clock shows

Turn = Literal["", "skipped", "first", "second", "left_out"]


@dataclass(frozen=True, slots=True)
class Occurrence:
    """`local` is what the clock of the zone shows `at` that moment, with its offset. `turn`: the line's own time is skipped that
    day; or the clock shows this time twice, and it is the first or the second of the two. From `turned` alone, `left_out`: what
    the clock skips `at` its change, so that it is no occurrence."""

    at: datetime
    local: datetime
    turn: Turn = ""


@dataclass(frozen=True, slots=True)
class Timetable:
    """A line and a zone that hold. From `timetable`."""

    cron: str
    zone: str

    @property
    def written_out(self) -> bool:
        minute, hour = self.cron.split()[:2]
        return not minute.startswith("*") and not hour.startswith("*")

    def after(self, moment: datetime) -> datetime | None:
        """The first occurrence after this moment; None where there is none in fifty years."""
        found = _written_out if self.written_out else _running
        return found(self.cron, ZoneInfo(self.zone), moment)

    def since(self, moment: datetime) -> Iterator[datetime]:
        """The occurrences after this moment, in order; without an end, or nearly."""
        found = self.after(moment)
        while found is not None:
            yield found
            found = self.after(found)

    def following(self, moment: datetime, most: int = 5) -> tuple[Occurrence, ...]:
        return tuple(self._seen(at) for at in islice(self.since(moment), most))

    def is_changed(self, moment: datetime) -> bool:
        """Whether the clock of the zone is changed within a year after this moment."""
        return _turn(ZoneInfo(self.zone), moment, moment + _YEAR) is not None

    def turned(self, moment: datetime) -> Occurrence | None:
        """The first occurrence after this moment that the change of a clock is about, or the first time that one leaves out; None
        where there is none within a year."""
        zone, turn, end = ZoneInfo(self.zone), moment, moment + _YEAR
        while (turn := _turn(zone, turn, end)) is not None:  # type: ignore[assignment]
            if not self.written_out and (found := self._left_out(zone, turn)):
                return found
            around = takewhile(lambda at: at <= turn + _AROUND, self.since(max(turn - _AROUND, moment)))
            if found := next((seen for seen in map(self._seen, around) if seen.turn), None):
                return found
        return None

    def _left_out(self, zone: ZoneInfo, turn: datetime) -> Occurrence | None:
        before, after = ((turn + _offset(zone, at)).replace(tzinfo=None) for at in (turn - _SECOND, turn))
        shown = _next(self.cron, before - _SECOND)
        return Occurrence(turn, shown.replace(tzinfo=zone), "left_out") if shown is not None and shown < after else None

    def _seen(self, at: datetime) -> Occurrence:
        local = at.astimezone(ZoneInfo(self.zone))
        shown = local.replace(tzinfo=None, fold=0)
        if next(CronSim(self.cron, shown - _SECOND)) != shown:
            return Occurrence(at, local, "skipped")
        first, second = (local.replace(fold=fold).utcoffset() for fold in (0, 1))
        return Occurrence(at, local, "" if first == second else "second" if local.fold else "first")


def timetable(cron: Any, zone: Any) -> Timetable:
    """Raises `Refused` with a problem for each of the two that is wrong, at `cron` and at `zone`."""
    wrong = [problem for problem in (_wrong_line(cron), _wrong_zone(zone)) if problem is not None]
    if wrong:
        raise Refused(*wrong)
    return Timetable(" ".join(cron.split()), zone)


@cache
def zones() -> tuple[str, ...]:
    """The names of all zones that this machine knows, in order."""
    return tuple(sorted(available_timezones() - _NO_ZONES))


def _wrong_zone(zone: Any) -> Problem | None:
    if isinstance(zone, str) and zone in zones():
        try:
            ZoneInfo(zone)
            return None
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    told = abbreviate(zone, 60)
    near = ""
    if isinstance(zone, str):
        meant = zone.strip().lower().replace(" ", "_")
        same = next((each for each in zones() if meant in (each.lower(), each.lower().rpartition("/")[2])), None)
        near = f"; did you mean {same}?" if same else did_you_mean(zone, (each for each in zones() if "/" in each))
    hint = near if near.endswith("?") else "; write one of the IANA database, as Europe/Berlin, America/New_York or UTC"
    return Problem("unknown_zone", with_stop(f"{told} is no time zone{hint}"), "zone")


def _wrong_line(cron: Any) -> Problem | None:
    told = abbreviate(cron, 60)
    if not isinstance(cron, str) or len(cron) > MOST_LINE:
        return Problem("bad_cron", f"A cron line is text of at most {MOST_LINE} characters, as 0 8 * * MON-FRI.", "cron")
    fields = cron.split()
    if len(fields) != len(_FIELDS):
        named = _NAMED.get(cron.strip().lower())
        also = f"{cron.strip()} is written {named}." if named else "0 8 * * MON-FRI is at eight on weekdays."
        names = ", ".join(name for name, _ in _FIELDS)
        return Problem("bad_cron", f"A cron line has five fields: {names}. {told} has {len(fields)}. {also}", "cron")
    for place, (field, (name, takes)) in enumerate(zip(fields, _FIELDS, strict=True)):
        alone = ["*"] * len(_FIELDS)
        alone[place] = field
        if not _reads(" ".join(alone)):
            also = "; also lists (1,2), ranges upwards (1-5) and steps (*/2)"
            return Problem("bad_cron", f"{abbreviate(field, 40)} is no {name}. It takes {takes}{also}.", "cron")
    if not _reads(cron) or _next(cron, _SOME_DAY) is None:
        return Problem("never", f"{told} never comes: no date is like that. Look at its days and months.", "cron")
    return None


def _reads(cron: str) -> bool:
    try:
        CronSim(cron, _SOME_DAY)
    except (CronSimError, ValueError):  # the latter for numbers of thousands of digits
        return False
    return True


def _next(cron: str, shown: datetime) -> datetime | None:
    """The first time after `shown` at which a clock that nobody ever changes is as the line says."""
    return next(CronSim(cron, shown), None)


def _written_out(cron: str, zone: ZoneInfo, moment: datetime) -> datetime | None:
    for shown in CronSim(cron, moment.astimezone(zone).replace(tzinfo=None, fold=0)):
        if (found := _first(zone, shown)) > moment:  # else it was shown before the clock was put back, or skipped with others
            return found
    return None


def _first(zone: ZoneInfo, shown: datetime) -> datetime:
    """The first moment at which the clock shows this time; where it never does, that at which it was put forward past it."""
    first, second = (shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return _turn(zone, second, first) or first


def _running(cron: str, zone: ZoneInfo, moment: datetime) -> datetime | None:
    """From one change of the clock to the next: in between it runs like one that nobody ever changes."""
    offset = _offset(zone, moment)
    shown: datetime | None = (moment + offset).replace(tzinfo=None)
    while shown is not None and (shown := _next(cron, shown)) is not None:
        found = shown.replace(tzinfo=UTC) - offset
        turn = _turn(zone, moment, found)
        if turn is None:
            return found
        moment, offset = turn, _offset(zone, turn)
        shown = (turn + offset).replace(tzinfo=None) - _SECOND
    return None


def _turn(zone: ZoneInfo, since: datetime, until: datetime) -> datetime | None:
    """When the clock is first changed after `since`, and not after `until`; None where it is not."""
    low, offset = since.replace(microsecond=0), _offset(zone, since)
    while low < until:
        high = min(low + _STEP, until)
        if _offset(zone, high) != offset:
            return _narrowed(zone, int(low.timestamp()), int(high.timestamp()))
        low = high
    return None


def _narrowed(zone: ZoneInfo, low: int, high: int) -> datetime:
    """The same between two seconds of which the clock was changed after the first, and not after the second."""
    before = _offset(zone, datetime.fromtimestamp(low, UTC))
    while high - low > 1:
        middle = (low + high) // 2
        if _offset(zone, datetime.fromtimestamp(middle, UTC)) == before:
            low = middle
        else:
            high = middle
    return datetime.fromtimestamp(high, UTC)


def _offset(zone: ZoneInfo, moment: datetime) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()
