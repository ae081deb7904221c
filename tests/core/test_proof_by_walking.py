"""The proof against every run that there is: small definitions, walked each possible way."""

import json
from collections import Counter
from collections.abc import Iterator
from functools import reduce
from itertools import pairwise
from operator import or_
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestration.core import ladder
from orchestration.core.definition import from_data, parse
from orchestration.core.errors import ErrorCode
from orchestration.core.ladder import CallFact
from orchestration.core.plan import PlanStep
from orchestration.core.position import Sub
from orchestration.core.proof import prove
from orchestration.core.proof.assignment import Assignment
from orchestration.core.proof.bound import QUANTITIES, Bound, total, visit
from orchestration.core.proof.failures import Failures
from orchestration.core.proof.graph import build
from orchestration.core.proof.worst_case import WorstCases
from orchestration.core.result import Failure
from orchestration.core.source import write
from tests.core.drawn import Data, ask, flow, planned, put
from tests.core.walks import definitions, runs


def levels_of(data: Data) -> dict[str, str]:
    return {inner["id"]: each["id"] for each in data["steps"] for inner in each.get("body", ())} | {
        each["id"]: "" for each in data["steps"]
    }


@settings(max_examples=80)
@given(definitions())
def test_what_is_surely_there_is_what_every_run_has_written_and_what_may_be_what_some_has(data: Data) -> None:
    routes = build(planned(data))
    assignment = Assignment(routes)
    seen: dict[str, frozenset[str]] = {}
    ever: dict[str, frozenset[str]] = {}
    for walk in runs(data):
        for name, facts in walk.entered:
            seen[name] = seen.get(name, facts) & facts
            ever[name] = ever.get(name, facts) | facts
    assert set(assignment.entry) == set(seen) == routes.reached
    levels = levels_of(data)
    for name, facts in seen.items():
        visible = {other for other, level in levels.items() if level in ("", levels[name])} | {"error"}
        assert {fact for fact in visible if assignment.holds(name, fact)} == facts & visible
        assert {fact for fact in visible if assignment.may_hold(name, fact)} == ever[name] & visible


@settings(max_examples=80)
@given(definitions())
def test_the_worst_case_is_the_worst_of_all_runs(data: Data) -> None:
    plan = planned(data)
    worst = prove(plan).worst
    own = {name: visit(plan, each) for name, each in plan.steps.items()}
    most = reduce(or_, (total(own[name] for name in walk.records) for walk in runs(data)), Bound())
    assert worst.bound == most
    for name in COLUMNS:
        assert sum(getattr(line, name) for line in worst.derivation) == getattr(most, name), name
    paths = [Counter(walk.records) for walk in runs(data)]
    assert {line.step: line.times for line in worst.derivation}.items() <= reduce(or_, paths).items()


@settings(max_examples=80)
@given(definitions())
def test_what_an_answer_may_come_to_is_the_worst_of_all_runs_up_to_the_next_person_or_the_end(data: Data) -> None:
    plan = planned(data)
    routes = build(plan)
    cases = WorstCases(routes, Failures(routes), past_people=False)
    people = {name for name, each in plan.steps.items() if each.type == "human"}
    own = {name: visit(plan, each) for name, each in plan.steps.items()}
    most: dict[str, Bound] = {}
    came: dict[str, set[str]] = {}
    for walk in runs(data):
        asked = [index for index, name in enumerate(walk.records) if name in people]
        for index, following in pairwise([*asked, len(walk.records)]):
            come = total(own[name] for name in walk.records[index + 1 : following])
            came.setdefault(walk.records[index], set()).update(walk.records[index + 1 : following])
            most[walk.records[index]] = most.get(walk.records[index], Bound()) | come
    for name, bound in most.items():
        targets = {found.to for found in plan.steps[name].exits}
        found = [cases.beyond(name, to) for to in targets]
        assert reduce(or_, (each for each, _ in found)) == bound, name
        reached = frozenset().union(*(each for _, each in found))
        assert {each for each in reached ^ came[name] if plan.steps[each].type != "loop"} == set(), name


COLUMNS = tuple(name for name in QUANTITIES if name != "cost")


ANSWERS = (None, ErrorCode.INVALID_OUTPUT, ErrorCode.TIMEOUT, ErrorCode.REFUSED)


def climbs(each: PlanStep, calls: tuple[CallFact, ...] = (), tried: tuple[Sub, ...] = ()) -> Iterator[tuple[int, int]]:
    """(calls, steps in place) of every way up the ladder."""
    following = ladder.climb(each, calls, tried)
    if isinstance(following, ladder.Settled):
        yield len(calls), len(tried)
    elif isinstance(following, ladder.RunStep):
        yield from climbs(each, calls, (*tried, Sub(following.rung, following.step, Failure(ErrorCode.REFUSED, "no"))))
    else:
        assert isinstance(following, ladder.Ask)
        for code in ANSWERS:
            failure = Failure(code, "no") if code else None
            fact = CallFact(following.n, following.ask, following.rung, following.kind, failure=failure)
            yield from climbs(each, (*calls, fact), tried)


@settings(max_examples=40)
@given(st.integers(0, 2), st.integers(1, 3), st.lists(st.sampled_from(["small", "odd", "step"]), max_size=2))
def test_a_ladder_may_ask_as_often_as_its_bound_and_no_more(repairs: int, attempts: int, below: list[str]) -> None:
    fallback = [{"step": "b"} if each == "step" else {"model": each} for each in below]
    spare = put("b", None, {"label": "bug", "confidence": 1.0})
    plan = planned(flow(ask("a", repair={"attempts": repairs}, retry={"attempts": attempts}, fallback=fallback), spare))
    bound = visit(plan, plan.steps["a"])
    ways = list(climbs(plan.steps["a"]))
    assert (bound.calls, bound.executions) == (max(calls for calls, _ in ways), 1 + max(tried for _, tried in ways))
    assert bound.unpriced == (repairs + attempts) * below.count("odd")


@given(definitions())
def test_a_definition_written_and_read_again_is_the_same(data: Data) -> None:
    assert parse(write(data)).hash == from_data(data).hash == parse(json.dumps(data)).hash


@settings(max_examples=50)
@given(definitions(), st.data())
def test_a_route_that_is_drawn_backwards_is_named_and_the_rest_is_still_proved(data: Data, drawn: Any) -> None:
    names = [each["id"] for each in data["steps"] if "next" in each]
    assume(names)
    source, target = drawn.draw(st.sampled_from(names)), drawn.draw(st.sampled_from([each["id"] for each in data["steps"]]))
    changed = [{**each, "next": target} if each["id"] == source else each for each in data["steps"]]
    proved = prove(planned({**data, "steps": changed}))
    order = [each["id"] for each in data["steps"]]
    if order.index(target) > order.index(source):
        assert "cycle" not in {problem.code for problem in proved.problems}
    assert proved.worst.bound.executions < 100
