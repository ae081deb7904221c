"""Cron lines and what the change of clocks does to them, beside a clock that is looked at minute by minute."""

from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestration.core.cron import Timetable, timetable, zones
from orchestration.core.errors import Refused
from tests.corpora import schedules

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TURNS = {
    # zone → days around which its clocks are changed
    "Europe/Berlin": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "America/Havana": ("2026-03-08", "2026-11-01"),  # at midnight, and back over it
    "Africa/Cairo": ("2026-04-24", "2026-10-29"),  # at midnight
    "Australia/Lord_Howe": ("2026-04-04", "2026-10-03"),  # by half an hour
    "Antarctica/Troll": ("2026-03-29", "2026-10-25"),  # by two
    "Pacific/Apia": ("2011-12-29", "2011-09-24"),  # by a whole day
    "Asia/Kathmandu": ("2026-01-01", "2026-07-01"),  # never
    "UTC": ("2026-01-01", "2026-07-01"),
}


@dataclass(frozen=True)
class Field:
    text: str
    holds: frozenset[int]


def field(low: int, high: int) -> st.SearchStrategy[Field]:
    number = st.integers(low, high)
    every = st.just(Field("*", frozenset(range(low, high + 1))))
    steps = st.integers(2, high).map(lambda n: Field(f"*/{n}", frozenset(range(low, high + 1, n))))
    some = st.sets(number, min_size=1, max_size=4).map(lambda s: Field(",".join(map(str, sorted(s))), frozenset(s)))
    spans = st.tuples(number, number).map(sorted).map(lambda s: Field(f"{s[0]}-{s[1]}", frozenset(range(s[0], s[1] + 1))))
    return st.one_of(every, steps, some, spans)


@dataclass(frozen=True)
class Line:
    minute: Field
    hour: Field
    weekday: Field

    def __str__(self) -> str:
        return f"{self.minute.text} {self.hour.text} * * {self.weekday.text}"

    def shows(self, local: datetime) -> bool:
        return (
            local.minute in self.minute.holds and local.hour in self.hour.holds and local.isoweekday() % 7 in self.weekday.holds
        )

    @property
    def written_out(self) -> bool:
        return not self.minute.text.startswith("*") and not self.hour.text.startswith("*")


LINES = st.builds(Line, field(0, 59), field(0, 23), st.one_of(st.just(Field("*", frozenset(range(7)))), field(0, 6)))
PLACES = st.sampled_from([(zone, day) for zone, days in TURNS.items() for day in days])


@cache
def clock(zone: str, day: str) -> list[tuple[datetime, datetime]]:
    """(moment, what the clock shows) for each minute of six days around it."""
    start = datetime.fromisoformat(day).replace(tzinfo=UTC) - 2 * DAY
    moments = [start + n * MINUTE for n in range(6 * 1440)]
    return [(moment, moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)) for moment in moments]


def expected(line: Line, zone: str, day: str) -> list[datetime]:
    """Every occurrence of those days, found by looking at the clock."""
    shown = clock(zone, day)
    if not line.written_out:
        return [moment for moment, local in shown if line.shows(local)]
    found: set[datetime] = set()
    latest = shown[0][1]
    for moment, local in shown[1:]:
        passed = int((local - latest) / MINUTE)  # more than one: these were skipped; none or less: it was shown before
        found |= {moment for n in range(passed) if line.shows(latest + (n + 1) * MINUTE)}
        latest = max(latest, local)
    return sorted(found)


@given(LINES, PLACES, st.integers(0, 4 * 1440 * 60))
@example(
    Line(Field("30", frozenset({30})), Field("2", frozenset({2})), Field("*", frozenset(range(7)))),
    ("Europe/Berlin", "2026-10-25"),
    0,
)
@example(
    Line(Field("*/15", frozenset({0, 15, 30, 45})), Field("5", frozenset({5})), Field("*", frozenset(range(7)))),
    ("Australia/Lord_Howe", "2026-10-03"),
    0,
)
def test_the_next_one_is_the_next_that_the_clock_shows_wherever_one_begins_to_look(
    line: Line, place: tuple[str, str], seconds: int
) -> None:
    """Also in the midst of an hour that comes twice: what comes next hangs on the moment alone, not on what came before."""
    zone, day = place
    moment = clock(zone, day)[1][0] + timedelta(seconds=seconds)
    end = clock(zone, day)[-1][0]
    wanted = [at for at in expected(line, zone, day) if at > moment][:40]
    table = timetable(str(line), zone)
    assert [at for at in islice(table.since(moment), 40) if at <= end] == wanted


def shown(cron: str, zone: str, moment: str, most: int = 4) -> list[str]:
    table = timetable(cron, zone)
    return [
        f"{one.local:%d %H:%M%z} {one.turn}".strip()
        for one in table.following(datetime.fromisoformat(moment).replace(tzinfo=UTC), most)
    ]


@pytest.mark.parametrize(
    ("cron", "after", "wanted"),
    [
        # spring: the clock goes from 02:00 to 03:00
        ("30 2 * * *", "2026-03-27T12:00", ["28 02:30+0100", "29 03:00+0200 skipped", "30 02:30+0200", "31 02:30+0200"]),
        ("0,30 2 * * *", "2026-03-28T12:00", ["29 03:00+0200 skipped", "30 02:00+0200", "30 02:30+0200", "31 02:00+0200"]),
        ("0 3 * * *", "2026-03-28T12:00", ["29 03:00+0200", "30 03:00+0200", "31 03:00+0200", "01 03:00+0200"]),
        ("*/30 2 * * *", "2026-03-28T12:00", ["30 02:00+0200", "30 02:30+0200", "31 02:00+0200", "31 02:30+0200"]),
        ("*/30 * * * *", "2026-03-29T00:15", ["29 01:30+0100", "29 03:00+0200", "29 03:30+0200", "29 04:00+0200"]),
        # autumn: from 03:00 back to 02:00
        ("30 2 * * *", "2026-10-24T12:00", ["25 02:30+0200 first", "26 02:30+0100", "27 02:30+0100", "28 02:30+0100"]),
        ("30 2 * * *", "2026-10-25T01:10", ["26 02:30+0100", "27 02:30+0100", "28 02:30+0100", "29 02:30+0100"]),
        ("*/30 * * * *", "2026-10-25T00:15", ["25 02:30+0200 first", "25 02:00+0100 second", "25 02:30+0100 second"]),
    ],
)  # fmt: skip
def test_in_berlin_a_time_that_is_skipped_or_shown_twice_comes_as_is_documented(cron: str, after: str, wanted: list[str]) -> None:
    assert shown(cron, "Europe/Berlin", after, len(wanted)) == wanted


@pytest.mark.parametrize(
    ("cron", "zone", "after", "wanted"),
    [
        ("30 2 * * *", "Europe/Berlin", "2026-01-01", "2026-03-29 03:00 skipped"),
        ("30 2 * * *", "Europe/Berlin", "2026-05-01", "2026-10-25 02:30 first"),
        ("*/30 * * * *", "Europe/Berlin", "2026-05-01", "2026-10-25 02:00 first"),
        ("*/30 2 * * *", "Europe/Berlin", "2026-01-01", "2026-03-29 02:00 left_out"),
        ("*/15 * * * *", "Australia/Lord_Howe", "2026-05-01", "2026-10-04 02:00 left_out"),
        ("*/30 2 * * *", "Europe/Berlin", "2026-03-30", "2026-10-25 02:00 first"),
        ("*/30 2 * * MON", "Europe/Berlin", "2026-01-01", None),
        ("*/30 3 * * *", "Europe/Berlin", "2026-01-01", None),
        ("0 0 * * *", "America/Havana", "2026-01-01", "2026-03-08 01:00 skipped"),
        ("30 2 * * MON", "Europe/Berlin", "2026-01-01", None),
        ("30 2 * * *", "Asia/Kolkata", "2026-01-01", None),
    ],
)
def test_the_next_one_that_a_change_of_clocks_is_about_is_known_beforehand(
    cron: str, zone: str, after: str, wanted: str | None
) -> None:
    found = timetable(cron, zone).turned(datetime.fromisoformat(after).replace(tzinfo=UTC))
    assert (f"{found.local:%Y-%m-%d %H:%M} {found.turn}" if found else None) == wanted


def test_a_line_is_kept_as_it_is_read() -> None:
    assert timetable("  0   8 * *  mon-fri ", "UTC") == Timetable("0 8 * * mon-fri", "UTC")
    assert shown("0 8 L * *", "UTC", "2026-02-01T00:00", 2) == ["28 08:00+0000", "31 08:00+0000"]
    assert shown("0 8 * * MON#1", "UTC", "2026-02-01T00:00", 2) == ["02 08:00+0000", "02 08:00+0000"]
    assert timetable("0 0 29 2 *", "UTC").after(datetime(2026, 1, 1, tzinfo=UTC)) == datetime(2028, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize("which", schedules.LINES)
def test_a_line_that_is_none_or_never_comes_is_one_clear_problem(which: str) -> None:
    cron, code, words = schedules.LINES[which]
    with pytest.raises(Refused) as refused:
        timetable(cron, "UTC")
    [problem] = refused.value.problems
    assert (problem.code, problem.path) == (code, "cron")
    assert words in problem.message
    assert problem.message.endswith(".") and len(problem.message) < 350


@pytest.mark.parametrize("which", schedules.ZONES)
def test_a_zone_that_is_none_is_one_clear_problem_beside_that_of_the_line(which: str) -> None:
    zone, words = schedules.ZONES[which]
    with pytest.raises(Refused) as refused:
        timetable("0 0 30 2 *", zone)
    assert [problem.path for problem in refused.value.problems] == ["cron", "zone"]
    problem = refused.value.problems[1]
    assert problem.code == "unknown_zone"
    assert words in problem.message
    assert problem.message.endswith((".", "?")) and len(problem.message) < 350


def test_every_zone_of_the_list_is_one() -> None:
    assert {"UTC", "Europe/Berlin", "Asia/Kolkata"} <= set(zones())
    noon = datetime(2026, 6, 1, 12, tzinfo=UTC)
    assert all(timetable("0 * * * *", zone).after(noon) for zone in zones())


@given(st.text(alphabet="0123456789*/,-#L W@MONFRIJA?\u0663\u00b2\0", max_size=60))
def test_whatever_is_written_is_a_line_or_a_problem(text: str) -> None:
    try:
        table = timetable(text, "Europe/Berlin")
    except Refused:
        return
    first = table.after(datetime(2026, 3, 1, tzinfo=UTC))
    assert first is None or first.second == 0


@given(LINES, st.sampled_from(sorted(TURNS)), st.integers(0, 3 * 365 * 86_400))
def test_each_one_comes_after_the_one_before_and_none_is_left_out_by_looking_from_between(
    line: Line, zone: str, seconds: int
) -> None:
    table = timetable(str(line), zone)
    moment = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    found = list(islice(table.since(moment), 6))
    assert found == sorted(set(found))
    for before, after in pairwise(found):
        assert table.after(before + (after - before) / 2) == after
    index = bisect_left(found, moment)
    assert index == 0
