"""Attempt → repair → retry → fallback → settled: one order everywhere, and never more calls than the proof has counted."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.core.errors import ErrorCode
from orchestration.core.ladder import MAX_RETRY_AFTER, Ask, CallFact, Open, RunStep, Settled, call_key, climb
from orchestration.core.plan import PlanStep
from orchestration.core.position import Sub
from orchestration.core.proof.bound import visit
from orchestration.core.result import Failure
from tests.core.drawn import ask, flow, get, planned, put

REPAIR_2 = {"repair": {"attempts": 2}}
RETRY_3 = {"retry": {"attempts": 3}}
SMALL = {"fallback": [{"model": "small"}]}
WORDS = {"fallback": [{"step": "words"}]}
ALL = {**REPAIR_2, **RETRY_3, "fallback": [{"model": "small"}, {"step": "words"}]}
SPELLED = {"bad": "invalid_output", "slow": "timeout", "down": "unavailable", "busy": "rate_limited"}


@dataclass
class Climb:
    """A visit as it went: `kind` or `kind:step` of what was done, each call with its ask; and how it was settled."""

    said: list[str]
    calls: list[CallFact]
    tried: list[Sub]
    asks: list[Ask]
    settled: Settled


def plan_step(**keys: Any) -> PlanStep:
    return planned(flow(ask("classify", **keys), put("words", None))).steps["classify"]


def failure(code: str, after: float | None = None) -> Failure:
    return Failure(ErrorCode(SPELLED.get(code, code)), code, after)


def play(step: PlanStep, answers: Iterable[str], most: int = 100, only: bool = False) -> Climb:
    """Climbs with these answers in order: `ok` or an error; when none is left, the last one again."""
    given = list(answers)
    went = Climb([], [], [], [], None)  # type: ignore[arg-type]
    for turn in range(most):
        code = given[min(turn, len(given) - 1)]
        found = climb(step, went.calls, went.tried, only=only)
        if isinstance(found, Settled):
            went.settled = found
            return went
        wrong = None if code == "ok" else failure(code)
        if isinstance(found, RunStep):
            went.said.append(f"step:{found.step}")
            went.tried.append(Sub(found.rung, found.step, wrong))
            continue
        assert isinstance(found, Ask)
        went.said.append(found.kind)
        went.asks.append(found)
        output = {"label": "bug"} if wrong is None else None
        went.calls.append(CallFact(found.n, found.ask, found.rung, found.kind, True, wrong, output, f"key{found.ask}"))
    raise AssertionError(f"it did not end: {went.said}")


TABLE: list[tuple[dict[str, Any], str, str, str]] = [
    # what the step declares, what comes back, what is done, how it ends
    ({}, "ok", "attempt", "done"),
    ({}, "bad", "attempt", "invalid_output"),
    ({}, "down", "attempt", "unavailable"),
    (REPAIR_2, "bad ok", "attempt repair", "done"),
    (REPAIR_2, "bad", "attempt repair repair", "invalid_output"),
    (REPAIR_2, "slow", "attempt", "timeout"),
    (RETRY_3, "slow down ok", "attempt retry retry", "done"),
    (RETRY_3, "busy", "attempt retry retry", "rate_limited"),
    (RETRY_3, "bad", "attempt", "invalid_output"),
    (RETRY_3, "auth", "attempt", "auth"),
    (RETRY_3, "refused", "attempt", "refused"),
    ({"retry": {"attempts": 2, "errors": ["auth"]}}, "auth slow", "attempt retry", "timeout"),
    # one budget of retries over a rung, repairs included
    ({**REPAIR_2, **RETRY_3}, "slow bad slow bad", "attempt retry repair retry repair", "invalid_output"),
    ({**REPAIR_2, **RETRY_3}, "slow bad slow slow", "attempt retry repair retry", "timeout"),
    # an answer that breaks its contract is repaired first, and retried only where that is asked for
    (
        {**REPAIR_2, "retry": {"attempts": 2, "errors": ["invalid_output"]}},
        "bad",
        "attempt repair repair retry",
        "invalid_output",
    ),
    (SMALL, "down ok", "attempt fallback", "degraded"),
    (SMALL, "bad down", "attempt fallback", "unavailable"),
    (WORDS, "bad ok", "attempt step:words", "degraded"),
    (WORDS, "bad expression", "attempt step:words", "expression"),
    # a fallback model starts both afresh
    ({**REPAIR_2, **SMALL}, "bad", "attempt repair repair fallback repair repair", "invalid_output"),
    ({**RETRY_3, **SMALL}, "slow", "attempt retry retry fallback retry retry", "timeout"),
    (ALL, "bad bad bad slow slow bad ok", "attempt repair repair fallback retry retry repair", "done"),
    (ALL, "bad", "attempt repair repair fallback repair repair step:words", "invalid_output"),
    # after `unknown` there is nothing: nobody knows whether it happened
    (ALL, "unknown", "attempt", "unknown"),
    (ALL, "slow unknown", "attempt retry", "unknown"),
    ({"retry": {"attempts": 3, "errors": ["timeout"]}, **SMALL}, "auth unknown", "attempt fallback", "unknown"),
]


@pytest.mark.parametrize(("keys", "answers", "done", "ends"), TABLE, ids=[f"{i}-{row[1]}" for i, row in enumerate(TABLE)])
def test_the_order_of_the_rungs(keys: dict[str, Any], answers: str, done: str, ends: str) -> None:
    went = play(plan_step(**keys), answers.split())
    result = went.settled.result
    assert " ".join(went.said) == done
    if ends in ("done", "degraded"):
        assert result.failure is None
        assert result.degraded == (ends == "degraded" or went.settled.rung > 0)
    else:
        assert result.failure is not None and result.failure.code == ends


def test_a_retry_repeats_the_ask_and_a_repair_or_a_fallback_is_a_new_one() -> None:
    went = play(plan_step(**ALL), ["slow", "bad", "slow", "bad", "bad", "bad", "ok"])
    assert [(call.kind, call.ask) for call in went.calls] == [
        ("attempt", 0), ("retry", 0), ("repair", 1), ("retry", 1), ("repair", 2), ("fallback", 3), ("repair", 4),
    ]  # fmt: skip
    keys = {call_key("run", "classify", 1, call.ask) for call in went.calls}
    assert len(keys) == 5
    assert call_key("run", "classify", 2, 0) not in keys
    assert [call.n for call in went.calls] == list(range(1, 8))


def test_a_repair_is_told_what_was_wrong() -> None:
    went = play(plan_step(**REPAIR_2), ["bad", "ok"])
    assert went.asks[1].broken == failure("bad")
    assert went.asks[0].broken is None


def test_waits_grow_are_spread_and_are_never_shorter_than_asked_for() -> None:
    step = plan_step(retry={"attempts": 6, "backoff": "2s", "factor": 3, "max_backoff": "30s"})
    waits = [asked.delay for asked in play(step, ["down"]).asks]
    assert waits[0] == 0
    for wait, most in zip(waits[1:], (2, 6, 18, 30, 30), strict=True):
        assert most * 0.75 <= wait <= most
    assert len(set(waits[4:])) == 2, "the spread does not depend on the call"
    call = CallFact(1, 0, 0, "attempt", True, failure("busy", 45.0))
    assert climb(step, [call]).delay == 45.0  # type: ignore[union-attr]
    patient = replace(call, failure=failure("busy", 1e9))
    assert climb(step, [patient]).delay == MAX_RETRY_AFTER  # type: ignore[union-attr]


def test_a_call_that_nobody_answered_is_taken_up_and_not_made_again() -> None:
    left = CallFact(1, 0, 0, "attempt", finished=False)
    assert climb(plan_step(**ALL), [left]) == Open(left)


def test_a_step_in_place_climbs_its_own_first_rung_alone() -> None:
    step = planned(flow(get("look", **RETRY_3, fallback=[{"step": "words"}], output={}), put("words", None))).steps["look"]
    went = play(step, ["down"], only=True)
    assert went.said == ["attempt", "retry", "retry"]


CODES = ("ok", "bad", "slow", "down", "busy", "auth", "refused", "too_large", "unknown")
KEYS = st.fixed_dictionaries(
    {
        "repair": st.builds(lambda n: {"attempts": n}, st.integers(0, 3)),
        "retry": st.builds(
            lambda n, errors: {"attempts": n, "errors": errors},
            st.integers(1, 4),
            st.lists(st.sampled_from(("timeout", "unavailable", "rate_limited", "invalid_output", "auth")), unique=True),
        ),
        "fallback": st.lists(st.sampled_from(({"model": "small"}, {"model": "odd"}, {"step": "words"})), max_size=3),
    }
)


@given(KEYS, st.lists(st.sampled_from(CODES), min_size=1, max_size=40))
def test_there_are_never_more_calls_than_the_proof_has_counted(keys: dict[str, Any], answers: list[str]) -> None:
    plan = planned(flow(ask("classify", **keys), put("words", None)))
    went = play(plan.steps["classify"], answers)
    bound = visit(plan, plan.steps["classify"])
    assert len(went.calls) <= bound.calls
    assert 1 + len(went.tried) <= bound.executions


@given(KEYS)
def test_what_fails_always_reaches_the_bound_or_a_code_that_ends_a_rung(keys: dict[str, Any]) -> None:
    """The bound is not loose: a model that is broken and down at the right moments makes every call that was counted."""
    plan = planned(flow(ask("classify", **{**keys, "retry": {**keys["retry"], "errors": ["timeout"]}}), put("words", None)))
    step = plan.steps["classify"]
    went = Climb([], [], [], [], None)  # type: ignore[arg-type]
    while not isinstance(found := climb(step, went.calls, went.tried), Settled):
        if isinstance(found, RunStep):
            went.tried.append(Sub(found.rung, found.step, failure("bad")))
            continue
        assert isinstance(found, Ask)
        mine = [call for call in went.calls if call.rung == found.rung]
        retries = len(mine) - len({call.ask for call in mine}) + (found.kind == "retry")
        code = "slow" if retries < step.model.retry.attempts - 1 else "bad"
        went.calls.append(CallFact(found.n, found.ask, found.rung, found.kind, True, failure(code)))
    assert len(went.calls) == visit(plan, step).calls


@given(KEYS, st.lists(st.sampled_from(CODES), min_size=1, max_size=40))
def test_a_worker_that_takes_over_climbs_on_from_the_same_rung(keys: dict[str, Any], answers: list[str]) -> None:
    """Whatever the last worker had in its head is gone: after each call the rows alone ask for the very call that was made."""
    step = plan_step(**keys)
    went = play(step, answers)
    for at, made in enumerate(went.calls):
        rows = [replace(call) for call in went.calls[:at]]
        tried = [sub for sub in went.tried if sub.rung < made.rung]
        found = climb(step, rows, tried)
        assert isinstance(found, Ask)
        assert (found.n, found.ask, found.rung, found.kind) == (made.n, made.ask, made.rung, made.kind)
        assert climb(step, [*rows, replace(made, finished=False)], tried) == Open(replace(made, finished=False))
    assert climb(step, went.calls, went.tried) == went.settled
