"""How a run is told: its state in words, its life as stretches, its decisions as cards. Values in, words out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard import decision_card, run_view, run_words, timeline
from dashboard.run_words import Doing
from orchestration.queries.course import CallTime, Course, Pause, Visit
from orchestration.queries.run_list import Row
from orchestration.queries.runs import RunDetail, RunSummary

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


RUN = RunSummary(
    "r", "sample", "Sample", 1, "held", "", "ask", "", 1, 0, None, 0, "", {}, T0, "ada", None, T0, None, None, 0, None, "", None,
    None, "", 1, None,
)  # fmt: skip


@pytest.mark.parametrize(
    ("status", "changed", "more", "told"),
    [
        ("held", {"place": "refine[3]/critique"}, {}, Doing("held", "round 3")),
        ("held", {}, {"silent": True}, Doing("stuck", "its worker is silent")),
        ("ready", {"due": at(0)}, {}, Doing("ready")),
        ("ready", {"due": at(0)}, {"sweeping": False}, Doing("stuck", "no worker")),
        ("ready", {"due": at(55)}, {"sweeping": False}, Doing("ready")),
        ("ready", {"wait": "backoff", "due": at(64)}, {"tries": 2}, Doing("backoff", "2 tries failed", until=at(64))),
        ("ready", {"wait": "backoff", "due": at(60)}, {"tries": 1}, Doing("backoff", "1 try failed", until=at(60))),
        ("waiting", {"wait": "person"}, {"asked": at(-9)}, Doing("person", since=at(-9))),
        ("waiting", {"wait": "person"}, {"asked": T0, "claimed_by": "o"}, Doing("person", "claimed by o", since=T0)),
        ("quarantined", {"wait": "person", "deaths": 3}, {}, Doing("quarantined", "after 3 deaths of its worker")),
        ("waiting", {"wait": "event", "awaits": 'paid "x"', "since": T0, "due": at(99)}, {}, Doing("event", "paid", since=T0)),
        ("waiting", {"wait": "event", "awaits": "", "since": T0, "due": at(59)}, {}, Doing("event", since=T0)),
        ("waiting", {"wait": "event", "since": T0, "due": at(0)}, {"sweeping": False}, Doing("stuck", "no worker")),
        ("waiting", {"wait": "time", "since": T0, "due": at(99)}, {}, Doing("time", since=T0)),
        ("failed", {}, {"sweeping": False}, Doing("failed")),
    ],
)
def test_trouble_is_a_state_of_its_own(status: str, changed: Any, more: Any, told: Doing) -> None:
    row = Row(replace(RUN, status=status, **changed), **{key: value for key, value in more.items() if key != "sweeping"})
    assert run_words.state_of(row, at(60), more.get("sweeping", True)) == told


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("classify", "Sort the ticket"),
        ("refine[3]/critique", "Critique, round 3"),
        ("classify/fallback.keywords", "Sort the ticket, Keywords in its place"),
        ("answer/round.2", "Answer, asking the model, second time"),
        ("answer/round.21", "Answer, asking the model, time 21"),
        ("refine[2]/answer/tool.2.0", "Answer, round 2, tool 1 of round 2"),
        ("answered", "Answered"),
    ],
)
def test_a_path_is_told_in_words(path: str, told: str) -> None:
    assert run_view.titled({"classify": "Sort the ticket", "keywords": "Keywords", "answer": "Answer"})(path) == told


def test_a_step_that_answered_in_place_of_another_was_reached() -> None:
    crude = replace(visit(1, 0, 1, "sort/fallback.crude", "set"), step="crude")
    course = Course((crude, visit(2, 0, 2, "sort")), (), (), 0, 0)
    steps = {"steps": [{"id": "sort", "type": "llm"}, {"id": "crude", "type": "set"}, {"id": "done", "type": "end"}]}
    over = cast(RunDetail, SimpleNamespace(place="", over=True))
    assert [item.visits for item in run_view.reached(over, course, steps)] == [1, 1, 0]


def call(n: int, begin: float, end: float | None, path: str = "ask", error: str = "") -> CallTime:
    return CallTime(path, 1, n, "attempt", "main", at(begin), None if end is None else at(end), error)


def visit(seq: int, begin: float, end: float, path: str = "ask", type: str = "llm") -> Visit:
    return Visit(seq, path, path, 1, type, "", None, at(begin), at(end), 0, 0, 0, "", "done", "", False, "x", "Went on.")


def pause(begin: float, end: float | None) -> Pause:
    return Pause("e", "human", "ask", "ask", "Ask", "q", at(begin), None, "", None if end is None else at(end), "open", "")


def kinds(until: float, course: Course, backing_off: bool = False) -> list[tuple[str, float, float]]:
    found = timeline.stretches(T0, at(until), course, backing_off, {"ask": "Ask"})
    return [(segment.kind, round(segment.start, 3), round(segment.end, 3)) for segment in found]


def test_a_life_is_told_as_queued_running_backing_off_and_waiting() -> None:
    calls = (call(1, 1, 2, error="timeout"), call(2, 4, 5))
    course = Course((visit(1, 1, 5), visit(2, 5, 5.01, "end", "end")), calls, (pause(10, 100),), 0, 0)
    assert kinds(101, course) == [
        ("queued", 0, 1), ("running", 1, 2), ("backoff", 2, 4), ("running", 4, 5), ("running", 5, 5.01),
        ("queued", 5.01, 10), ("person", 10, 100), ("queued", 100, 101),
    ]  # fmt: skip
    assert kinds(9, Course((), calls[:1], (), 0, 0), backing_off=True) == [
        ("queued", 0, 1), ("running", 1, 2), ("backoff", 2, 9),
    ]  # fmt: skip
    assert kinds(9, Course((), (call(1, 1, None),), (), 0, 0)) == [("queued", 0, 1), ("running", 1, 9)]


def test_waiting_for_child_runs_is_no_work_of_its_own() -> None:
    course = Course((visit(1, 1, 2, "a", "set"), visit(2, 2, 50, "each", "map")), (), (), 0, 0)
    assert kinds(50, course) == [("queued", 0, 1), ("running", 1, 2), ("children", 2, 50)]
    found = timeline.stretches(T0, at(9), Course((visit(1, 1, 2, "a", "set"),), (), (), 0, 0), False, {}, in_children="Each")
    assert (found[-1].kind, found[-1].start, found[-1].words) == ("children", 2, "waiting for the child runs of Each")


times = st.floats(0, 1000).map(lambda x: round(x, 2))
spans = st.tuples(times, times).map(sorted)


@given(st.lists(spans, max_size=8), st.lists(spans, max_size=8), st.lists(spans, max_size=3), times, st.booleans())
def test_stretches_fill_a_life_without_gap_or_overlap_and_what_is_drawn_fits(
    called: Any, visited: Any, asked: Any, until: float, backing_off: bool
) -> None:
    calls = tuple(call(n, a, b, path=f"p{n % 3}") for n, (a, b) in enumerate(called, 1))
    visits = tuple(visit(n, a, b, path=f"q{n}") for n, (a, b) in enumerate(visited, 1))
    course = Course(visits, calls, tuple(pause(a, b) for a, b in asked), 0, 0)
    found = timeline.stretches(T0, at(until), course, backing_off, {})
    if until:
        assert found[0].start == 0
        assert found[-1].end == pytest.approx(until)
    assert all(one.end == other.start for one, other in pairwise(found))
    drawn = timeline.timeline(T0, at(until), course, backing_off, {})
    assert all(bar.start >= 0 and bar.length >= 2 and bar.start + bar.length <= 1000 for bar in drawn.strip.bars)


DECISION = {
    "sentence": "Went to Ask a person because confidence was 0.62, not >= 0.8.",
    "rule": "steps[2].default",
    "to": "ask",
    "because": [
        {"path": "steps.classify.confidence", "value": 0.62, "present": True, "by": "classify", "seq": 2},
        {"path": "run.input.ticket", "value": "T-1", "present": True, "by": "run"},
        {"path": "steps.draft.reply", "value": None, "present": False},
    ],
    "tried": [
        {
            "label": "Sure",
            "text": "steps.classify.confidence >= 0.8",
            "operands": [{"path": "steps.classify.confidence", "value": 0.62, "present": True}],
            "comparisons": [
                {
                    "text": "steps.classify.confidence >= 0.8",
                    "left": 0.62,
                    "op": ">=",
                    "right": 0.8,
                    "held": False,
                    "margin": -0.18,
                }
            ],
        },
        {"label": "", "text": "has(steps.x)", "operands": [{"path": "steps.x", "value": None, "present": False}]},
    ],
    "series": [3, 4, 4],
}


def test_a_card_tells_who_wrote_what_how_far_it_was_and_why_the_others_did_not_hold() -> None:
    card = decision_card.card(DECISION, lambda path: ("nobody", None), str.capitalize)
    assert [(o.writer, o.seq, o.margin, o.present) for o in card.operands] == [
        ("Classify", 2, "0.18 short of >= 0.8", True),
        ("run input", 0, "", True),
        ("nobody", None, "", False),
    ]
    assert [(t.label, t.why) for t in card.tried] == [
        ("Sure", "did not hold: steps.classify.confidence was 0.62"),
        ("", "did not hold: steps.x was absent"),
    ]
    assert [(p.round, p.value, p.change) for p in card.series] == [(1, "3", ""), (2, "4", "+1"), (3, "4", "no change")]
    assert (card.to, card.margins) == ("Ask", True)


HELD = {
    "sentence": "Went on to Draft; both checks held.",
    "rule": "steps[1].next",
    "to": "draft",
    "because": [],
    "checks": [
        {
            "rule": "steps[1].checks[0]",
            "held": True,
            "text": "output.confidence >= 0.5",
            "operands": [{"path": "output.confidence", "value": 0.62, "present": True, "by": "output"}],
            "comparisons": [
                {"text": "output.confidence >= 0.5", "left": 0.62, "op": ">=", "right": 0.5, "held": True, "margin": 0.12}
            ],
        },
        {
            "rule": "steps[1].checks[1]",
            "held": False,
            "text": "input.text.contains(output.quote)",
            "operands": [{"path": "output.quote", "value": "none", "present": True, "by": "output"}],
            "comparisons": [],
        },
    ],
}


def test_a_card_tells_what_held_and_by_how_much_as_it_tells_what_did_not() -> None:
    card = decision_card.card(HELD, lambda path: ("nobody", None), str.capitalize)
    assert [(o.path, o.writer, o.margin) for o in card.operands] == [
        ("output.confidence", "the step's output", "0.12 inside >= 0.5"),
        ("output.quote", "the step's output", ""),
    ]
    assert [(c.why, c.held) for c in card.checks] == [
        ("held: output.confidence was 0.62", True),
        ('did not hold: output.quote was "none"', False),
    ]
    case = {**DECISION, "tried": [], "comparisons": [{**DECISION["tried"][0]["comparisons"][0], "held": True, "margin": 0.13}]}
    told = decision_card.card(case, lambda path: ("nobody", None), str.capitalize)
    assert told.operands[0].margin == "0.13 inside >= 0.8"


def test_a_value_is_told_to_be_by_the_latest_writer_that_is_in_sight() -> None:
    written = ((6, "find", "refine[2]", "refine[2]/find", ""), (4, "find", "refine[1]", "refine[1]/find", ""),
               (2, "ask", "", "ask", "otto"))  # fmt: skip
    writer = run_view.writer_of(written, "refine[1]", "ada", str)
    assert writer("steps.find.answer") == ("refine[1]/find", 4)
    assert writer("steps.ask.values.reply") == ("ask, by otto", 2)
    assert writer("steps.none") == ("nobody", None)
    assert writer("run.input.text") == ("run input, by ada", 0)
