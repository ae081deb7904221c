"""What is made up for after nobody had looked for a while, by each policy, beside a plain count."""

from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core.catchup import MOST, ON_TIME, POLICIES, Catchup, decide
from orchestration.core.cron import timetable

FIRST = datetime(2026, 10, 24, 22, tzinfo=UTC)
"""A night in which the clocks of Berlin are put back."""
LINES = ("* * * * *", "*/7 * * * *", "30 2 * * *", "0 */3 * * *", "15,45 1-3 * * *")


@given(st.sampled_from(LINES), st.sampled_from(POLICIES), st.integers(1, 40), st.integers(0, 40 * 3600), st.integers(0, 59))
def test_what_is_due_is_fired_or_told_and_nothing_twice(cron: str, catchup: Catchup, most: int, late: int, second: int) -> None:
    table = timetable(cron, "Europe/Berlin")
    first = table.after(FIRST)
    assert first is not None
    now = first + timedelta(seconds=late + second)
    due = list(takewhile(lambda at: at <= now, table.since(first - timedelta(seconds=1))))
    wanted = {
        "skip": [at for at in due if at >= now - ON_TIME],
        "last": due[-1:],
        "all": due[-most:],
    }[catchup]
    found = decide(table, first, now, catchup, most)
    assert list(found.fire) == wanted
    assert found.next == table.after(now)
    passed = due[: len(due) - len(wanted)]
    if not passed:
        assert found.passed is None
        return
    assert found.passed is not None
    assert found.passed.since == first
    assert found.passed.count == min(len(passed), MOST)
    assert found.passed.until == passed[:MOST][-1]


@pytest.mark.parametrize(
    ("catchup", "fired", "rule"),
    [("skip", 2, "skip"), ("last", 1, "last"), ("all", 100, None)],
)
def test_of_a_hundred_that_were_missed(catchup: Catchup, fired: int, rule: str | None) -> None:
    """The sweep comes at a minute's end: the last two are on time, by a minute and by none."""
    table = timetable("* * * * *", "UTC")
    due = decide(table, FIRST, FIRST + timedelta(minutes=99), catchup, 100)
    assert len(due.fire) == fired
    assert due.fire[-1] == FIRST + timedelta(minutes=99)
    assert due.next == FIRST + timedelta(minutes=100)
    assert (due.passed.rule if due.passed else None) == rule
    assert (due.passed.count if due.passed else 0) == 100 - fired


def test_years_of_minutes_are_not_gone_through() -> None:
    """Only as far back as what is made up for, and what is counted."""
    table = timetable("* * * * *", "UTC")
    due = decide(table, FIRST, FIRST + timedelta(days=3650), "all", 10)
    assert len(due.fire) == 10
    assert due.passed is not None
    assert (due.passed.count, due.passed.rule) == (MOST, "most")
