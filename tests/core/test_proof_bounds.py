"""Where each failure goes, and the worst case with its derivation in words."""

from typing import Any

import pytest

from orchestration.core import ladder
from orchestration.core.definition import MAX_TOOL_CALLS_PER_ROUND
from orchestration.core.proof import bound
from orchestration.core.proof.bound import MOST_QUESTION
from orchestration.core.proof.derivation import money
from orchestration.steps import tool as steps
from tests.core.drawn import Data, ask, flow, fork, get, loop, person, put
from tests.core.flaws_of_calls import OUT
from tests.core.proving import ANY, PAY, found_codes, proof

# Failures


def errors(data: Data) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = proof(data).as_dict()["errors"]
    return found


def test_each_failure_goes_to_the_first_catch_then_the_container_then_on_failure() -> None:
    inner = get("b", None, catch=[{"errors": ["timeout"], "to": "break"}])
    data = flow(loop("a", [inner], catch=[{"errors": ["auth", "limit"], "to": "z"}]), put("z"))
    found = errors(data)
    assert (found["b"]["timeout"], found["b"]["auth"], found["b"]["tool_error"]) == ("break", "z", "broken")
    assert "timeout" not in found["a"]
    assert (found["a"]["auth"], found["a"]["limit"], found["a"]["refused"]) == ("z", "z", "broken")
    rules = {(route.step, route.code): route.rule for route in proof(data).error_routes}
    assert rules["b", "auth"] == "steps[0].catch[0].to"
    assert rules["a", "refused"] == "on_failure"


def test_a_ladder_fails_with_what_its_last_rung_fails_with() -> None:
    spare = put("b", None, {"label": "bug", "confidence": 0.5})
    assert set(errors(flow(ask("a", fallback=[{"step": "b"}]), spare))["a"]) == {"expression", "invalid_output"}
    assert "timeout" in errors(flow(ask("a", fallback=[{"step": "b"}, {"model": "small"}]), spare))["a"]
    pay = {"id": "a", **PAY, "next": "done", "fallback": [{"step": "b"}]}
    assert errors(flow(pay, put("b", None)))["a"]["unknown"] == "escalation"
    assert errors(flow({**pay, "on_unknown": "b"}, put("b")))["a"]["unknown"] == "b"
    assert set(errors(flow(put("a", values={"x": 1}))).get("a", {})) == set()


def test_a_loop_that_need_not_converge_fails_with_limit_only_where_no_route_says_so() -> None:
    body = [put("b", None)]
    assert errors(flow(loop("a", body)))["a"]["limit"] == "broken"
    assert "limit" not in errors(flow(loop("a", body, on_exhausted="done")))["a"]
    assert errors(flow(loop("a", body, on_exhausted="done", progress="carry.n")))["a"]["limit"] == "broken"
    fixed = {key: value for key, value in loop("a", body).items() if key != "until"}
    assert "limit" not in errors(flow(fixed))["a"]


# The worst case


def worst(data: Data) -> dict[str, Any]:
    found: dict[str, Any] = proof(data).as_dict()["worst"]
    return found


def test_the_worst_case_of_a_ladder_and_its_words() -> None:
    spare = get("c", None, retry={"attempts": 3})
    keys: Data = {"repair": {"attempts": 2}, "retry": {"attempts": 3}, "output": OUT}
    data = flow(ask("a", fallback=[{"model": "small"}, {"step": "c"}], **keys), spare)
    found = worst(data)
    assert (found["executions"], found["calls"], found["model_calls"]) == (3, 13, 10)
    assert found["cost_usd"] == pytest.approx(5 * 0.002 + 5 * 0.0002)
    assert found["machine_seconds"] == 10 * 60 + 3 * 5
    assert (found["tokens_in"], found["tokens_out"], found["human_seconds"]) == (10_000, 1_000, 0)
    words = "A: 1 ask + 2 repairs + 2 retries, then small (1 ask + 2 repairs + 2 retries), then C in its place = 13 calls"
    assert found["derivation"][0]["sentence"] == f"{words}, 10 min 15 s, $0.011 at most; 6 h between tries at most."
    assert found["waiting_seconds"] == 6 * 3600  # two retries of each rung, an hour each where the other side asks for it


def test_rounds_with_tools_are_bounded_over_all_models_of_the_ladder() -> None:
    """Repairs are rounds; retries are one budget over the rounds of a model."""
    more = {"repair": {"attempts": 9}, "retry": {"attempts": 3, "errors": ["timeout"]}}
    data = flow(ask("a", tools=["crm.get"], max_rounds=4, model="small", fallback=[{"model": "main"}], **more))
    found = worst(data)
    tools = 3 * MAX_TOOL_CALLS_PER_ROUND
    assert (found["executions"], found["model_calls"], found["calls"]) == (1 + 4 + tools + 1, 8, 8 + tools)
    assert found["cost_usd"] == pytest.approx(3 * 0.0002 + 5 * 0.002)
    assert found["machine_seconds"] == 8 * 60 + tools * 5
    assert found["waiting_seconds"] == 4 * 3600
    words = "A: 4 rounds over small and main together + 4 retries, 8 asks × 1 min + 3 × 16 tool calls × 5 s = 56 calls, 12 min, "
    assert found["derivation"][0]["sentence"].startswith(words)
    once = worst(flow(ask("a", tools=["crm.get"], max_rounds=1)))["derivation"][0]["sentence"]
    assert once.startswith("A: 1 round, 1 ask × 1 min = 1 call, 1 min, ")
    asked = worst(flow(ask("a", tools=["crm.get", "crm.book"], max_rounds=2)))["derivation"][0]["sentence"]
    assert "2 asks × 1 min + 1 × 16 tool calls × 20 s, asking each time whether it happened = 34 calls, 7 min 20 s, " in asked


def test_a_loop_is_its_bound_times_its_longest_round_and_its_own_record() -> None:
    body = [get("b", "c"), fork("c", "steps.b.tier == 'pro'", "d", "break"), person("d", "continue", "continue")]
    found = worst(flow(loop("a", body, max=4)))
    assert (found["executions"], found["human_seconds"]) == (4 * 3 + 2, 4 * 3600)
    times = {line["step"]: line["times"] for line in found["derivation"]}
    assert times == {"a": 1, "b": 4, "c": 4, "d": 4, "done": 1}
    assert found["derivation"][0]["sentence"] == "A: at most 4 rounds of 3 steps."
    twice = worst(flow(loop("z", [loop("a", body, None, max=4)], max=2)))
    assert (twice["executions"], twice["human_seconds"]) == (2 * 13 + 2, 8 * 3600)


def test_loops_in_loops_are_bounded_without_going_through_their_rounds() -> None:
    """There are 3²⁵ ways to the innermost step: whoever goes them one by one doesn't come back."""
    body, records = put("leaf", None), 1
    for depth in range(25):
        body, records = loop(f"l{depth}", [body], None if depth < 24 else "done"), 3 * records + 1
    found = worst(flow(body))
    assert found["executions"] == records + 1
    times = {line["step"]: line["times"] for line in found["derivation"]}
    assert times == {"leaf": 3**25, **{f"l{depth}": 3 ** (24 - depth) for depth in range(25)}, "done": 1}


def test_unknown_prices_and_prompts_without_a_cap_are_unknown_and_not_nothing() -> None:
    assert worst(flow(ask("a", model="odd")))["cost_usd"] is None
    open_prompt = {key: value for key, value in ask("a").items() if key != "max_input_tokens"}
    assert (worst(flow(open_prompt))["cost_usd"], worst(flow(open_prompt))["tokens_in"]) == (None, None)
    assert worst(flow(put("a")))["cost_usd"] == 0


DAY: Data = {"deadline": "1d", "on_deadline": "broken"}


def test_people_s_time_counts_each_visit_that_may_ask_whether_it_happened() -> None:
    pay = {"id": "a", **PAY, "next": "b"}
    found = worst(flow(pay, person("b"), escalation=DAY))
    assert found["human_seconds"] == 86400 + 3600
    assert found["derivation"][0]["human"] == 86400
    words = "A: 1 ask = 1 call, 10 s at most; where nobody knows whether it happened, a person is asked, who has 1 day."
    assert found["derivation"][0]["sentence"] == words
    assert worst(flow({**pay, "on_unknown": "b"}, person("b"), escalation=DAY))["human_seconds"] == 3600
    thrice = worst(flow(loop("l", [{"id": "a", **PAY}], carry={}, update={}), escalation=DAY))
    assert thrice["human_seconds"] == 3 * 86400
    handed = worst(flow(ask("a", tools=["crm.pay"], max_rounds=2), escalation=DAY))
    assert handed["human_seconds"] == MAX_TOOL_CALLS_PER_ROUND * 86400
    spare = {"id": "c", **PAY, "output": ANY}
    in_place = flow(get("a", fallback=[{"step": "c"}], output=ANY), spare, escalation=DAY)
    assert (worst(in_place)["human_seconds"], errors(in_place)["c"]["unknown"]) == (86400, "escalation")
    decided = flow(get("a", fallback=[{"step": "c"}], output=ANY, on_unknown="done"), spare, escalation=DAY)
    assert (worst(decided)["human_seconds"], errors(decided)["c"]["unknown"]) == (0, "done")


def test_what_a_person_may_have_done_again_is_bounded_by_nothing_and_says_so() -> None:
    pay = {"id": "a", **PAY, "next": "b"}
    [end] = worst(flow(pay, put("b"), escalation=DAY))["open_ended"]
    assert (end["step"], end["kinds"]) == ("a", ["repetition"])
    assert end["sentence"].endswith("a person may have it done again, as often as they choose.")
    [end] = worst(flow(pay, put("b")))["open_ended"]
    assert end["kinds"] == ["repetition", "wait"]
    assert "escalation.deadline" in end["sentence"]
    assert worst(flow({**pay, "on_unknown": "b"}, put("b")))["open_ended"] == []
    assert worst(flow(get("a")))["open_ended"] == []
    by_model = ask("a", tools=["crm.pay"], max_rounds=2, on_unknown="done")
    assert [end["step"] for end in worst(flow(by_model, escalation=DAY))["open_ended"]] == ["a"]


def test_asking_whether_something_happened_takes_a_call_and_its_time() -> None:
    book = {"id": "a", "type": "tool", "tool": "crm.book", "next": "done", "timeout": "40s", "retry": {"attempts": 3}}
    found = worst(flow(book))
    assert (found["calls"], found["machine_seconds"]) == (6, 3 * (40 + MOST_QUESTION))
    words = "A: 1 ask + 2 retries + asking each time whether it happened = 6 calls, 3 min 30 s at most; 2 h between tries"
    assert found["derivation"][0]["sentence"].startswith(words)
    assert worst(flow({**book, "retry": {"attempts": 3, "backoff": "5h", "max_backoff": "8h"}}))["waiting_seconds"] == 13 * 3600
    assert (bound.MOST_QUESTION, bound.MOST_PATIENCE) == (steps.MOST_QUESTION, ladder.MAX_RETRY_AFTER)


def test_the_words_of_a_derivation() -> None:
    data = flow(
        ask("a", "b", model="odd", tools=["crm.get"], max_rounds=2), person("b", "c", "c", deadline="3d"), get("c", timeout="90s")
    )
    assert [line["sentence"] for line in worst(data)["derivation"]] == [
        "A: 2 rounds, 2 asks × 1 min + 1 × 16 tool calls × 5 s = 18 calls, 3 min 20 s at most, at an unknown price.",
        "B: waits for a person, 3 days at most.",
        "C: 1 ask = 1 call, 1 min 30 s at most.",
        "Done: 1 step.",
    ]
    assert found_codes(flow(ask("a"), models={"main": {"provider": "nobody"}}, limits={"cost_usd": 1})) == ["unknown_provider"]


def test_a_worst_case_above_a_limit_counts_the_way_after_the_breach() -> None:
    chain = [put(f"s{n}", f"s{n + 1}" if n < 9 else "done") for n in range(10)]
    after = [get("x", "y"), get("y")]
    assert worst(flow(*chain, *after, limits={"steps": 11, "on_breach": "x"}))["executions"] == 11
    assert worst(flow(*chain, *after, limits={"steps": 4, "on_breach": "x"}))["executions"] == (4 + 1) + 1 + 3
    costly = [ask("a", "b"), ask("b")]
    found = worst(flow(*costly, ask("x"), limits={"cost_usd": 0.003, "on_breach": "x"}))
    assert found["cost_usd"] == 0.003


@pytest.mark.parametrize(
    ("nano", "said"),
    [(0, "$0.00"), (100, "$0.0000001"), (1, "$0.000000001"), (4_000_000, "$0.004"), (123_456_789, "$0.1235"),
     (500_000_000, "$0.50"), (999_999_999, "$1.00"), (1_500_000_000_000, "$1,500.00")],
)  # fmt: skip
def test_money_is_said_without_powers_of_ten(nano: int, said: str) -> None:
    assert money(nano) == said
