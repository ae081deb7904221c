"""P1: the state is a fold; where a run stands survives being written down; the chain of hashes shows every change."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core import state, values
from orchestration.core.errors import ErrorCode, Problem
from orchestration.core.position import Close, Frame, Position, Sub, Used, dump, load, scopes
from orchestration.core.result import Failure, Result
from tests.core.drawn import flow, get, loop, put
from tests.core.strolls import stroll

CLEAN = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
"""What the sanitiser lets through as it is."""
NAMES = st.sampled_from(["a", "refine", "x1", "draft"])
PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(CLEAN, max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(CLEAN, max_size=3), inner, max_size=3),
    max_leaves=6,
)
FAILURES = st.builds(
    Failure,
    st.sampled_from(list(ErrorCode)),
    st.text(CLEAN, max_size=9),
    st.none() | st.floats(0, 9e3),
    st.booleans(),
    st.lists(st.builds(Problem, NAMES, st.text(CLEAN, max_size=5), NAMES), max_size=2).map(tuple),
)
ERRORS = st.none() | st.fixed_dictionaries({"code": NAMES, "message": st.text(CLEAN, max_size=9), "step": NAMES})
FRAMES = st.builds(
    Frame,
    NAMES,
    st.integers(1, 99),
    PLAIN,
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple),
    ERRORS,
)
SUBS = st.builds(Sub, st.integers(0, 5), NAMES, st.none() | FAILURES)
REASONS = st.sampled_from(["until", "break", "exhausted", "stalled", "failed"])


@st.composite
def positions(draw: st.DrawFn) -> Position:
    frames = draw(st.lists(FRAMES, max_size=3).map(tuple))
    return Position(
        step=frames[-1].step if frames and draw(st.booleans()) else draw(NAMES),
        visit=draw(st.integers(1, 200)),
        frames=frames,
        part=draw(st.sampled_from(["", "round.2", "tool.1.0", "fallback.words"])),
        rung=draw(st.integers(0, 5)),
        tried=draw(st.lists(SUBS, max_size=2).map(tuple)),
        used=draw(st.builds(Used, st.integers(0, 3), st.integers(0, 3))),
        error=draw(ERRORS),
        part_visit=draw(st.integers(1, 9)),
        base=draw(st.sampled_from([1, 100])),
        close=draw(st.none() | st.builds(Close, REASONS, st.none() | FAILURES)) if frames else None,
    )


@given(positions())
def test_where_a_run_stands_survives_being_written_down(position: Position) -> None:
    kept = values.load(values.dump(values.clean(dump(position)).value))
    assert load(kept) == position
    assert load(kept).path == position.path


def test_paths_name_rounds_and_parts() -> None:
    inside = Position("look", frames=(Frame("outer", 2), Frame("inner", 3)))
    assert inside.path == "outer[2]/inner[3]/look"
    assert inside.with_part("round.2").path == "outer[2]/inner[3]/look/round.2"
    assert inside.with_part("fallback.words").active == "words"
    closing = Position("inner", frames=inside.frames, close=Close("until"))
    assert (closing.path, closing.scope) == ("outer[2]/inner", "outer[2]")
    assert scopes(inside) == {"": "", "outer": "outer[2]", "inner": "outer[2]/inner[3]"}


def run_of_rounds() -> Any:
    inner = loop("inner", [get("look", None)], next=None, max=2, until="carry.n >= 2")
    outer = loop(
        "outer", [inner], next="after", max=2, carry={"sum": 0}, update={"sum": "${carry.sum + 1}"}, until="carry.sum >= 2"
    )
    return stroll(flow(outer, put("after", values={"sum": "${steps.outer.sum}"})), look=Result.done({"tier": "free"}))


def test_the_state_at_any_seq_is_the_fold_of_the_records_up_to_it() -> None:
    went = run_of_rounds()
    step_by_step = state.start(went.input)
    for number, record in enumerate(went.records, 1):
        step_by_step = state.write(step_by_step, record)
        folded = state.fold(went.input, went.records[:number])
        assert folded == step_by_step
        assert folded.seq == number
        live = {"", *({} if folded.position is None else scopes(folded.position).values())}
        assert {scope for scope, _ in folded.outputs} <= live, "a round that is over is out of sight"
    shown = step_by_step.as_dict()
    assert shown["steps"] == {"outer": {"sum": 2}, "after": {"sum": 2}}
    assert shown["scopes"][""]["after"]["path"] == "after"


def test_a_step_inside_sees_its_round_and_what_is_around_it() -> None:
    levels = {"look": "inner", "tell": "outer", "first": ""}
    at = Position("x", frames=(Frame("outer", 2), Frame("inner", 3)))
    assert state.names_for(["look", "tell", "first", "other"], levels, at) == [
        ("outer[2]/inner[3]", "look"), ("outer[2]", "tell"), ("", "first"),
    ]  # fmt: skip
    assert state.names_for(["look", "first"], levels, Position("x")) == [("", "first")]


@pytest.mark.parametrize("change", ["path", "visit", "output", "to", "seq"])
def test_the_chain_of_hashes_shows_every_change(change: str) -> None:
    went = run_of_rounds()
    sound = went.state.hash
    for number, record in enumerate(went.records):
        other = {"path": record.path + "x", "visit": 9, "output": {"else": 1}, "to": "elsewhere", "seq": 99}[change]
        changed = [*went.records[:number], replace(record, **{change: other}), *went.records[number + 1 :]]
        assert state.fold(went.input, changed).hash != sound
    assert state.fold({"other": 1}, went.records).hash != sound
    assert state.fold(went.input, went.records[::-1]).hash != sound


def test_a_failed_visit_leaves_what_was_written_before() -> None:
    first = state.Record(1, "a", 1, {"n": 1}, ("", "a"), "a", Position("a", visit=2))
    again = state.Record(2, "a", 2, None, None, "b", Position("b"))
    found = state.fold({}, [first, again])
    assert found.outputs[("", "a")].seq == 1
    assert state.environment("r", {}, Position("b"), {"a": found.outputs[("", "a")].value})["steps"] == {"a": {"n": 1}}
