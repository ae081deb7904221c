"""The proof, as tables: for each problem the smallest definition that has it, and the smallest change that has not."""

from typing import Any

import pytest

from orchestration.core import ladder
from orchestration.core.definition import MAX_TOOL_CALLS_PER_ROUND, parse
from orchestration.core.errors import Problem
from orchestration.core.plan import compile_plan
from orchestration.core.proof import Proof, bound, prove
from orchestration.core.proof.bound import MOST_QUESTION
from orchestration.core.proof.derivation import money
from orchestration.core.source import write
from orchestration.steps import tool as steps
from tests.core.drawn import CATALOG, Data, ask, flow, fork, get, loop, person, planned, put, step
from tests.core.flaws import CASES, OUT, outcomes, without_nothing


def proof(data: Data) -> Proof:
    return prove(planned(data))


def found_codes(data: Data) -> list[str]:
    return [problem.code for problem in proof(data).problems]


def sentences(data: Data, code: str) -> list[str]:
    return [problem.message for problem in proof(data).problems if problem.code == code]


@pytest.mark.parametrize("name", CASES)
def test_the_smallest_definition_with_a_problem_and_the_smallest_change_without(name: str) -> None:
    wrong, right, expected = CASES[name]
    code = name.split()[0]
    mine = [problem for problem in proof(without_nothing(wrong)).problems if problem.code == code]
    assert [(p.path, p.step, p.severity) for p in mine] == [expected], [str(p) for p in proof(without_nothing(wrong)).problems]
    assert all(_is_a_sentence(problem) for problem in mine)
    left = [problem for problem in proof(without_nothing(right)).problems if problem.code == code]
    assert left == []
    assert proof(without_nothing(right)).ok, proof(without_nothing(right)).problems


def _is_a_sentence(problem: Problem) -> bool:
    text = problem.message
    asks = text.partition("did you mean")[2]
    ended = text.endswith((".", "?")) and "?." not in text and ("?" in asks or not asks)
    return ended and len(text) < 400 and "  " not in text and ".." not in text.replace("…", "")


@pytest.mark.parametrize(
    ("nano", "said"),
    [(0, "$0.00"), (100, "$0.0000001"), (1, "$0.000000001"), (4_000_000, "$0.004"), (123_456_789, "$0.1235"),
     (500_000_000, "$0.50"), (999_999_999, "$1.00"), (1_500_000_000_000, "$1,500.00")],
)  # fmt: skip
def test_money_is_said_without_powers_of_ten(nano: int, said: str) -> None:
    assert money(nano) == said


# Definite assignment, in words

FORM = {"type": "object", "required": ["x"], "properties": {"x": {"type": "string"}}}
PAY: Data = {"type": "tool", "tool": "crm.pay"}
ANY: Data = {"type": "object"}
TWO = [{"id": "ok", "label": "Ok", "to": "b"}, {"id": "no", "label": "No", "to": "b", "form": "ignored"}]


LOOSE: Data = {"type": "object", "required": ["label"], "properties": {"label": {"type": "string"}, "note": {"type": "string"}}}
TEXT_CHECK = {"that": "size(input.text) > 0", "else": "There is no text"}


def reading(path: str, id: str = "b", **keys: Any) -> Data:
    return put(id, values={"x": f"${{{path}}}"}, **keys)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (
            flow(get("a", "b", catch=[{"errors": ["*"], "to": "b"}]), reading("steps.a.tier", title="Draft")),
            "Draft reads steps.a, which has not run when A fails and its catch goes straight to Draft. ",
        ),
        (
            flow(
                get("a", "b", catch=[{"errors": ["auth"], "to": "c"}]), put("b", "d"), put("c", "d"), reading("steps.a.tier", "d")
            ),
            "D reads steps.a, which has not run when A fails and its catch goes to C → D. ",
        ),
        (
            flow(fork("f", "run.input.text == 'x'", "a", "b"), get("a", "b"), reading("steps.a.tier")),
            "B reads steps.a, which has not run on the way F (default) → B. ",
        ),
        (
            flow(person("a", "b", "b"), reading("steps.a.by")),
            "B reads steps.a, which has not run when nobody answers A in time and it goes straight to B. ",
        ),
        (
            flow(person("a", form=FORM, actions=TWO), reading("steps.a.values.x")),
            "B reads steps.a.values.x, which nobody need have filled in on the way A (No) → B. ",
        ),
        (
            flow({"id": "a", **PAY, "next": "b", "on_unknown": "b"}, reading("steps.a")),
            "B reads steps.a, which has not run when nobody knows whether A happened and it goes straight to B. ",
        ),
        (
            flow(get("a", "b"), reading("steps.a.tier"), limits={"steps": 9, "on_breach": "b"}),
            "B reads steps.a, which has not run when a limit is met and the run goes to B. ",
        ),
        (
            flow(put("a", "b"), reading("error.code")),
            "B reads error.code, which is there only after a failure, and not on the way A → B. ",
        ),
        (
            flow(get("a", "b", fallback=[{"step": "g"}]), put("g", None, {"tier": "pro"}), reading("steps.g.tier")),
            "B reads steps.g, which never runs. ",
        ),
        (flow(reading("steps.b.x")), "B reads steps.b, its own output, which is not there yet. "),
        (flow(reading("steps")), "B reads steps, all outputs at once. "),
        (
            flow(fork("a", "run.input.text == 'x'", "b", "done"), reading("steps.a")),
            "B reads steps.a, which is a branch, and gives nothing to read. ",
        ),
        (
            flow(loop("l", [fork("f", "run.input.text == 'x'", "a", "continue"), get("a", None)], until="steps.a.tier == 'pro'")),
            "L reads steps.a, which has not run on the way F (default) → the end of the round. ",
        ),
        (
            flow(loop("l", [fork("f", "run.input.text == 'x'", "a", "break"), get("a", None)], output="${steps.a}")),
            "L reads steps.a, which has not run on the way F (default) → the end of the loop. ",
        ),
        (
            flow(get("a", "l", catch=[{"errors": ["*"], "to": "l"}]), loop("l", [reading("steps.a.tier", next=None)])),
            "B reads steps.a, which has not run when A fails and its catch goes straight to L. ",
        ),
        (
            flow(
                loop(
                    "l",
                    [
                        get("a", "m"),
                        loop(
                            "m",
                            [fork("f", "iter.index > 1", "b", "break"), reading("steps.c.x", next="c"), put("c", None, {"x": 1})],
                            None,
                        ),
                    ],
                )
            ),
            "B reads steps.c, which can only run after it. Read what comes before, or move it.",
        ),
        (
            flow(loop("l", [get("a", None)], "z", catch=[{"errors": ["*"], "to": "z"}]), reading("steps.l.n", "z")),
            "Z reads steps.l, which has not run when L fails and its catch goes straight to Z. ",
        ),
        (
            flow(
                ask("q", fallback=[{"step": "b"}], next="g"),
                get("g"),
                put("b", None, {"label": "bug", "confidence": 0.5, "note": "${steps.g.tier}"}),
            ),
            "B, in place of Q, reads steps.g, which can only run after it. ",
        ),
    ],
)
def test_the_path_that_breaks_an_assignment_is_named(data: Data, words: str) -> None:
    assert [sentence[: len(words)] for sentence in sentences(data, "unassigned")] == [words]


@pytest.mark.parametrize(
    "data",
    [
        flow(get("a", "b", catch=[{"errors": ["*"], "to": "b"}]), reading("has(steps.a) ? steps.a.tier : 'none'")),
        flow(get("a", "b", catch=[{"errors": ["*"], "to": "c"}]), put("b"), reading("error.code", "c")),
        flow(person("a", form=FORM, actions=[TWO[0], {**TWO[1], "to": "done"}]), reading("steps.a.values.x")),
        flow(person("a", form=FORM, actions=TWO), reading("has(steps.a.values.x) ? steps.a.values.x : ''")),
        flow(
            fork("f", "run.input.text == 'x'", "a", "c"),
            get("a", "b"),
            get("c", "b", tool="crm.get"),
            reading("has(steps.a.tier) ? steps.a.tier : has(steps.c.tier) ? steps.c.tier : ''"),
        ),
        flow(loop("l", [get("a", None)], until="steps.a.tier == 'pro'", update={"n": "${carry.n + 1}"}, output="${steps.a}")),
        flow(get("a", "l"), loop("l", [reading("steps.a.tier", next=None)])),
        flow(
            get("a", "q"),
            ask("q", fallback=[{"step": "b"}]),
            put("b", None, {"label": "bug", "confidence": 0.5, "note": "${steps.a.tier}"}),
        ),
    ],
)
def test_what_is_there_on_every_path_or_asked_for_first_may_be_read(data: Data) -> None:
    assert sentences(data, "unassigned") == []
    assert proof(data).ok


# Causes without their consequences

LATER = ask("c", output=LOOSE)
END = [put("b", "c"), LATER]


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        (flow(put("a", None), put("b")), {"no_exit"}),
        (flow(put("a", "bb"), put("b")), {"unknown_step"}),
        (flow(put("a", "b"), put("b"), start="aa"), {"unknown_step"}),
        (flow(put("a", "b"), put("b", "a")), {"cycle"}),
        (flow(put("a"), put("a")), {"duplicate_id"}),
        (flow(loop("l", [put("a", "x"), put("b", None)])), {"unknown_step"}),
        (flow(put("a", "b", {"x": "${has(steps.c.x) ? 1 : 2}"}), put("b", "cc"), put("c", values={"x": 1})), {"unknown_step"}),
        (flow(put("a", "b"), put("b", None), put("c", "d", {"x": "${steps.b}"}), put("d")), {"no_exit"}),
        (flow(put("a"), step("done", "end", outcome="okk"), outcomes=outcomes(ok={"kind": "success"})), {"unknown_outcome"}),
        (flow(ask("a", input={"text": "${run.inptu.text}"}, prompt="{{ text }}")), {"unknown_reference"}),
        (flow(ask("a", input={"text": "${run.input.txt}"}, prompt="{{ text }}", checks=[TEXT_CHECK])), {"unknown_reference"}),
        (flow(put("a", "b", {"x": "${steps.c.note}"}), *END), {"unassigned"}),
    ],
)
def test_a_cause_stands_without_what_follows_from_it(data: Data, codes: set[str]) -> None:
    assert {problem.code for problem in proof(data).problems} == codes


def test_a_step_that_is_read_and_that_no_route_leads_to_is_one_error() -> None:
    [found] = proof(flow(reading("steps.g.tier"), get("g"))).problems
    assert (found.code, found.severity, found.step) == ("unreachable", "error", "g")
    assert found.message == "No route leads to G, and B reads it. Lead one there, or remove it."
    body = [get("a", None), get("g", None)]
    [found] = proof(flow(loop("l", body, until="steps.g.tier == 'pro'"))).problems
    assert found.message.startswith("No route leads to G, and L reads it. A, before it, has no `next` and so ends the round. ")


def test_a_name_that_is_wrong_in_a_prompt_is_found_beside_an_input_that_is_wrong() -> None:
    found = proof(flow(ask("a", input={"text": "${run.inptu.text}"}, prompt="One\n{{ txt }}"))).problems
    assert [problem.path for problem in found] == ["steps[0].input.text", "steps[0].prompt"]
    assert found[1].message == 'line 2 of this text: the step\'s input has no "txt"; did you mean text?'


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (flow(put("a", "b", {"x": "${has(steps.c.note) ? 1 : 2}"}), *END), "steps.c, which can only run after it."),
        (flow(fork("f", "run.input.text == 'x'", "a", "c"), put("a"), reading("has(steps.a) ? 1 : 2", "c")), "lies on no path"),
        (flow(put("a", values={"x": "${has(error.code) ? 1 : 2}"})), "error.code, and no failure leads there."),
        (flow(put("a", values={"x": "${has(steps.a.x) ? 1 : 2}"})), "its own output, which is not there yet."),
        (flow(fork("f", "run.input.text == 'x'", "b", "b"), reading("has(steps.f) ? 1 : 2")), "which is a branch,"),
        (
            flow(get("a", "b", fallback=[{"step": "g"}]), put("g", None, {"tier": "pro"}), reading("has(steps.g) ? 1 : 2")),
            "which never runs.",
        ),
        (
            flow(person("a", form=FORM, actions=[TWO[1]]), reading("has(steps.a.values.x) ? 1 : 2")),
            "steps.a.values.x, which nobody fills in: no action of A that leads there requires the form.",
        ),
    ],
)
def test_to_ask_for_what_can_never_be_there_is_pointed_out(data: Data, words: str) -> None:
    [found] = [problem for problem in proof(data).problems if problem.code == "never_there"]
    assert found.severity == "warning"
    assert words in found.message
    assert found.message.endswith(" It is never there: take it out.")
    assert _is_a_sentence(found)


def test_what_is_asked_for_and_read_all_the_same_is_an_error() -> None:
    both = put("a", "b", {"x": "${has(steps.c.note) ? 1 : 2} ${steps.c.label}"})
    assert {(p.code, p.severity) for p in proof(flow(both, *END)).problems} == {("unassigned", "error")}


def test_after_a_breach_anything_may_have_been_there() -> None:
    later = reading("has(steps.a.tier) ? steps.a.tier : has(error.code) ? error.code : ''")
    assert found_codes(flow(get("a"), later, limits={"steps": 9, "on_breach": "b"})) == []


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
    words = "A: 4 rounds over small and main together + 4 retries and the tools they ask for = 56 calls, "
    assert found["derivation"][0]["sentence"].startswith(words)


def test_a_loop_is_its_bound_times_its_longest_round_and_its_own_record() -> None:
    body = [get("b", "c"), fork("c", "steps.b.tier == 'pro'", "d", "break"), person("d", "continue", "continue")]
    found = worst(flow(loop("a", body, max=4)))
    assert (found["executions"], found["human_seconds"]) == (4 * 3 + 2, 4 * 3600)
    times = {line["step"]: line["times"] for line in found["derivation"]}
    assert times == {"a": 1, "b": 4, "c": 4, "d": 4, "done": 1}
    assert found["derivation"][0]["sentence"] == "A: at most 4 rounds of 3 steps."
    twice = worst(flow(loop("z", [loop("a", body, None, max=4)], max=2)))
    assert (twice["executions"], twice["human_seconds"]) == (2 * 13 + 2, 8 * 3600)


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
        "A: 2 rounds and the tools they ask for = 18 calls, 3 min 20 s at most, at an unknown price.",
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


def test_a_plan_with_circles_and_holes_is_still_proved() -> None:
    data = flow(put("a", "b"), put("b", "a"), get("c", "nobody"), loop("d", [put("e", "e")]), start="a")
    found = proof(data)
    assert {problem.code for problem in found.problems} >= {"cycle", "unknown_step"}
    assert not found.ok
    [circle] = [problem for problem in found.problems if problem.code == "cycle" and problem.step == "b"]
    assert circle.message.startswith("A → B → A goes in a circle.")
    empty = proof(flow(put("a", "b"), loop("b", [put("a", None)])))
    assert "duplicate_id" in {problem.code for problem in empty.problems}


def test_problems_come_in_the_order_of_the_document() -> None:
    data = flow(get("a", "b", tool="nope"), put("b", "nobody"), put("c"), on_failure="ok")
    found = prove(compile_plan(parse(write(data)), CATALOG)).problems
    assert [problem.line for problem in found] == sorted(problem.line or 0 for problem in found)
    assert len(set(found)) == len(found)
