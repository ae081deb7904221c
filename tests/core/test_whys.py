"""What a decision says where its rule is a loop's, a failure's or a limit's: what it rested on, and what was tried before it."""

from typing import Any

import pytest

from orchestration.core import decision as deciding
from orchestration.core.decision import Decision
from orchestration.core.limits import Spent
from orchestration.core.position import Position
from tests.core.drawn import Data, flow, fork, get, loop, person, planned, put
from tests.core.strolls import failed, stroll

BUMP = put("bump", None, {"n": "${carry.n + 1}"})
ANY = [{"errors": ["*"], "to": "continue"}]
COUNTED = {"carry": {"n": 0}, "update": {"n": "${carry.n + 1}"}}


def texts(conditions: Any) -> list[str]:
    return [each["text"] for each in conditions]


def tried(taken: Decision) -> list[tuple[str, str, bool]]:
    return [(each["rule"], each["text"], each["held"]) for each in taken.tried]


# The step's own way to the end of a round


def test_the_case_that_led_to_the_end_of_a_round_stands_beside_the_loops_rule() -> None:
    look = fork("look", "run.input.text == 'x'", "other", "continue")
    went = stroll(flow(loop("refine", [look, put("other", None)], max=2, until="carry.n > 1", **COUNTED)))
    again, done = went.decisions[:2]
    assert (again.rule, again.via["rule"]) == ("steps[0].until", "steps[0].body[0].default")
    assert again.via["sentence"] == "Went to the end of the round because text was “It is broken” (not “x”)."
    assert again.sentence == f"{again.via['sentence']} Began round 2 of at most 2 of Refine because carry.n was 1 (not above 1)."
    assert texts(again.via["tried"]) == ["run.input.text == 'x'"]
    assert (again.tried, [operand["path"] for operand in again.because]) == ((), ["carry.n"])
    assert (again.round, done.round, done.via["rule"]) == ("refine[1]", "refine[2]", "steps[0].body[0].default")
    assert again.as_dict()["via"] == again.via


@pytest.mark.parametrize(
    ("last", "results", "rule", "words"),
    [
        (person("last", "continue", "break"), {}, "actions[0].to", "because otto chose “Fine”"),
        (get("last", None, catch=ANY), {"last": failed("timeout")}, "catch[0]", "because Last failed"),
        (loop("last", [BUMP], None, until="carry.n > 0", **COUNTED), {}, "next", "after 1 round: Last was done"),
    ],
    ids=["an action", "a catch", "an inner loop"],
)  # fmt: skip
def test_every_way_to_the_end_of_a_round_is_kept(last: Data, results: Any, rule: str, words: str) -> None:
    fine = {"last": deciding.Result.done({"action": "ok", "values": {}, "by": "otto"})} if last["type"] == "human" else {}
    went = stroll(flow(loop("refine", [last], max=2, **COUNTED)), **{**fine, **results})
    (again,) = [taken for taken in went.decisions if taken.round == "refine[1]"]
    assert again.via["rule"] == f"steps[0].body[0].{rule}"
    assert words in again.via["sentence"]
    assert again.sentence == f"{again.via['sentence']} Began round 2 of at most 2 of Refine because carry.n was 1 (not above 1)."


def test_a_step_that_was_only_over_adds_nothing() -> None:
    (again, *_) = stroll(flow(loop("refine", [BUMP], until="carry.n > 1", **COUNTED))).decisions
    assert again.via is None
    assert "via" not in again.as_dict()
    assert again.sentence.startswith("Began round 2")


# Bounds


def test_a_loop_that_used_up_its_rounds_tried_until_and_progress() -> None:
    keys = {**COUNTED, "max": 3, "until": "carry.n > 9", "progress": "carry.n", "on_exhausted": "done", "on_stalled": "done"}
    taken = stroll(flow(loop("refine", [BUMP], **keys))).decisions[2]
    assert taken.rule == "steps[0].max"
    assert tried(taken) == [("steps[0].until", "carry.n > 9", False), ("steps[0].progress", "carry.n <= 2", False)]
    assert [(each["text"], each["left"], each["held"]) for each in taken.comparisons] == [("iter.index >= 3", 3, True)]
    assert [(operand["path"], operand["value"]) for operand in taken.because] == [("carry.n", 3), ("iter.index", 3)]


def test_a_loop_that_stalled_tried_until_and_says_what_it_compared() -> None:
    keys = {
        **COUNTED,
        "until": "carry.n > 9",
        "progress": "${carry.n > 1 ? 1 : carry.n}",
        "on_stalled": "done",
        "on_exhausted": "done",
    }
    taken = stroll(flow(loop("refine", [BUMP], **keys))).decisions[1]
    assert (taken.rule, tried(taken)) == ("steps[0].progress", [("steps[0].until", "carry.n > 9", False)])
    (compared,) = taken.comparisons
    assert (compared["left"], compared["op"], compared["right"], compared["held"], compared["margin"]) == (
        1.0,
        "<=",
        1.0,
        True,
        0.0,
    )


def test_a_single_round_compares_no_progress() -> None:
    keys = {**COUNTED, "max": 1, "until": "carry.n > 9", "progress": "carry.n", "on_exhausted": "done", "on_stalled": "done"}
    assert texts(stroll(flow(loop("refine", [BUMP], **keys))).decisions[0].tried) == ["carry.n > 9"]


# Failures

CATCHES = [{"errors": ["timeout", "auth"], "to": "z"}, {"errors": ["refused"], "to": "z"}, {"errors": ["*"], "to": "z"}]
ERROR = [("error.code", "not_found"), ("error.message", "no such customer")]
PASSED = [
    ("steps[0].catch[0]", "error.code in [timeout, auth]", False),
    ("steps[0].catch[1]", "error.code in [refused]", False),
]


def rested(taken: Decision) -> list[tuple[str, Any]]:
    return [(operand["path"], operand["value"]) for operand in taken.because]


def test_a_catch_says_which_were_tried_before_it() -> None:
    data = flow(get("look", catch=CATCHES), put("z"))
    taken = stroll(data, look=failed("not_found", "no such customer")).decisions[0]
    assert (taken.rule, tried(taken), rested(taken)) == ("steps[0].catch[2]", PASSED, ERROR)
    assert [(each["text"], each["held"]) for each in taken.comparisons] == [("error.code in [*]", True)]
    first = stroll(data, look=failed("auth")).decisions[0]
    assert (first.rule, first.tried) == ("steps[0].catch[0]", ())


def test_what_nothing_catches_says_what_failed_and_which_catches_let_it_pass() -> None:
    data = flow(get("look", catch=CATCHES[:2]), put("z"))
    taken = stroll(data, look=failed("not_found", "no such customer")).last
    assert (taken.rule, tried(taken), rested(taken)) == ("on_failure", PASSED, ERROR)


def test_a_failure_in_a_body_says_so_at_each_container() -> None:
    inner = get("look", None, catch=[{"errors": ["auth"], "to": "continue"}])
    data = flow(loop("refine", [inner], catch=[{"errors": ["timeout"], "to": "z"}], **COUNTED), put("z"))
    body, whole = stroll(data, look=failed("not_found", "no such customer")).decisions
    assert (body.rule, tried(body)) == ("steps[0].body[0]", [("steps[0].body[0].catch[0]", "error.code in [auth]", False)])
    assert (whole.rule, tried(whole)) == ("on_failure", [("steps[0].catch[0]", "error.code in [timeout]", False)])
    assert (rested(body), rested(whole)) == (ERROR, ERROR)


# Limits


@pytest.mark.parametrize(
    ("limits", "spent", "call", "operands", "text"),
    [
        (
            {"cost_usd": 0.5},
            Spent(cost=300_000_000, reserved=100_000_000),
            200_000_000,
            {"spent.cost_usd": 0.3, "spent.reserved_usd": 0.1, "call.cost_usd": 0.2, "limits.cost_usd": 0.5},
            "spent.cost_usd + spent.reserved_usd + call.cost_usd > limits.cost_usd",
        ),
        (
            {"cost_usd": 0.5},
            Spent(cost=500_000_000),
            1,
            {"spent.cost_usd": 0.5, "call.cost_usd": 1e-9, "limits.cost_usd": 0.5},
            "spent.cost_usd + call.cost_usd > limits.cost_usd",
        ),
        ({"steps": 10}, Spent(steps=10), None, {"spent.steps": 10, "limits.steps": 10}, "spent.steps >= limits.steps"),
        (
            {"machine_time": "30m"},
            Spent(seconds=1801.25),
            0,
            {"spent.machine_time": 1801.25, "limits.machine_time": 1800.0},
            "spent.machine_time >= limits.machine_time",
        ),
    ],
)
@pytest.mark.parametrize("way", ["a person", "on_breach", "again"])
def test_a_limit_says_what_it_is_what_is_spent_and_what_the_call_could_cost(
    limits: Data, spent: Spent, call: int | None, operands: Data, text: str, way: str
) -> None:
    more = {} if way == "a person" else {"on_breach": "late"}
    plan = planned(flow(get("look"), put("late"), limits={**limits, **more}, models={}))
    limit = deciding.breach(plan, spent, call)
    assert limit is not None
    if way == "again":
        spent = deciding.replace(spent, breached=True)
    taken = deciding.breached(plan, Position(step="look"), limit, spent, call)
    assert taken.kind == {"a person": "escalate", "on_breach": "advance", "again": "finish"}[way]
    assert dict(rested(taken)) == pytest.approx(operands)
    (compared,) = taken.comparisons
    assert (compared["text"], compared["held"], compared["right"]) == (text, True, operands[f"limits.{limit}"])
