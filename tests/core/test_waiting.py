"""What a wait is for: addresses of events, and moments."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core.event import MOST_ADDRESS, address, parts_of
from orchestration.core.moment import MOST_AHEAD, moment, written
from orchestration.core.waiting import awaited
from tests.core.drawn import flow, planned, wait

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (42, 42.0, True),
        (0, -0.0, True),
        ("42", 42, False),
        (1, True, False),
        ("true", True, False),
        (None, "", False),
        (2**53 + 1, float(2**53), False),
        (0.1, 0.10, True),
        ("é", "e\u0301", False),
    ],
)
def test_two_correlations_mean_the_same_event_where_they_are_one_value(one: Any, other: Any, same: bool) -> None:
    assert (address("paid", one) == address("paid", other)) is same


@given(SCALARS, SCALARS)
def test_an_address_is_that_of_no_other_value(one: Any, other: Any) -> None:
    for value in (one, other):
        if len(repr(value)) > 60:
            return
    found = address("paid", one)
    name, back = parts_of(found)
    assert (name, back) == ("paid", one)
    assert len(found) <= MOST_ADDRESS
    if found == address("paid", other):
        assert one == other


@pytest.mark.parametrize("name", ["", "a b", "-a", "a\n", "ä", "x" * 101, "a\u2028"])
def test_what_is_no_name_is_said_so(name: str) -> None:
    with pytest.raises(ValueError, match="an event's name has letters"):
        address(name, None)


@pytest.mark.parametrize("correlation", [[], {}, "x" * 501, "é" * 600])
def test_what_is_no_correlation_is_said_so(correlation: Any) -> None:
    with pytest.raises(ValueError, match="a correlation"):
        address("paid", correlation)


@pytest.mark.parametrize(
    ("value", "ahead"),
    [
        ("2d", timedelta(days=2)),
        (" 500ms ", timedelta(milliseconds=500)),
        (90, timedelta(seconds=90)),
        (1.5, timedelta(seconds=1.5)),
        (0, timedelta(0)),
        ("0s", timedelta(0)),
        (-5, timedelta(seconds=-5)),
        ("-5s", timedelta(seconds=-5)),
        (-1e300, -MOST_AHEAD),
        ("366d", MOST_AHEAD),
        ("2026-11-29T13:00:00Z", timedelta(hours=1)),
        ("2026-11-29 14:00+01:00", timedelta(hours=1)),
        ("2026-11-29t12:00:00.25z", timedelta(seconds=0.25)),
        ("1999-01-01T00:00:00Z", datetime(1999, 1, 1, tzinfo=UTC) - NOW),
    ],
)
def test_a_moment_is_a_time_or_a_duration(value: Any, ahead: timedelta) -> None:
    assert moment(value, NOW) == NOW + ahead


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "is no moment"),
        ("soon", "is no moment"),
        ("2026-11-30", "is no moment"),
        ("2026-11-30T08:00:00", "is no moment"),
        ("20261130T080000Z", "is no moment"),
        ("2026-W48-1", "is no moment"),
        ("2026-02-29T08:00:00Z", "is no time"),
        ("2026-11-30T24:01:00Z", "is no time"),
        ("2026-11-30T08:00:00+25:00", "is no time"),
        ("0001-01-01T00:00:00+23:59", "is no time"),
        ("٢٠٢٦-11-30T08:00:00Z", "is no moment"),
        ("367d", "lies more than 366 days ahead"),
        (1e300, "lies more than 366 days ahead"),
        ("9999-12-31T23:59:59Z", "lies more than 366 days ahead"),
        (True, "is no moment"),
        (None, "is no moment"),
        ([1], "is no moment"),
    ],
)
def test_what_is_no_moment_or_too_far_is_said_so(value: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        moment(value, NOW)


@given(st.timedeltas(timedelta(days=-300_000), MOST_AHEAD))
def test_a_moment_that_is_written_is_read_as_the_same(ahead: timedelta) -> None:
    at = NOW + ahead
    assert moment(written(at), NOW) == at


@pytest.mark.parametrize(
    ("until", "deadline", "due", "late"),
    [("1h", None, 3600, False), ("1h", "2h", 3600, False), ("2h", "1h", 3600, True), ("1h", "1h", 3600, False)],
)
def test_a_wait_is_over_at_its_moment_or_its_deadline_whichever_comes_first(
    until: str, deadline: str | None, due: int, late: bool
) -> None:
    more = {"deadline": deadline, "on_deadline": "done"} if deadline else {}
    found = awaited(planned(flow(wait("a", until=until, **more))).steps["a"], {}, NOW)
    assert (found.due, found.late, found.address) == (NOW + timedelta(seconds=due), late, "")
    assert found.given == {"until": written(NOW + timedelta(hours=int(until[0])))}
