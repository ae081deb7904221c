"""Where a run goes, by which rule, and what it says about that: a table of small definitions, each walked from start to end."""

import json
from dataclasses import replace
from typing import Any

import pytest

from orchestration.core import decision as deciding
from orchestration.core import state
from orchestration.core.acceptance import accept
from orchestration.core.decision import Spent
from orchestration.core.errors import ErrorCode
from orchestration.core.position import Frame, Position, failure_data, failure_of
from orchestration.core.result import Result
from tests.core.drawn import Data, ask, flow, fork, get, loop, person, planned, put, step
from tests.core.strolls import failed, stroll

FINE = Result.done({"action": "ok", "values": {}, "by": "otto"})
SURE = {"all": ["steps.classify.confidence >= 0.8", "steps.classify.label != 'refund'"]}


def label(label: str = "bug", confidence: float = 0.5, **more: Any) -> Result:
    return Result.done({"label": label, "confidence": confidence, **more})


def routed(when: Any, **keys: Any) -> Data:
    return flow(ask("classify", "route"), fork("route", when, "draft", "check", **keys), put("draft"), person("check"))


ROUTES: list[tuple[str, Any, Result, str, str]] = [
    ("all of them held", SURE, label("bug", 0.93), "draft",
     "Went to Draft because classify.confidence was 0.93 (at least 0.8) and classify.label was “bug” (not “refund”)."),
    ("one of them did not", SURE, label("bug", 0.62), "check", "Went to Check because classify.confidence was 0.62 (below 0.8)."),
    ("none held", SURE, label("refund", 0.62), "check",
     "Went to Check because classify.confidence was 0.62 (below 0.8) and classify.label was “refund”."),
    ("any", {"any": ["steps.classify.confidence >= 0.8", "steps.classify.label == 'bug'"]}, label(), "draft",
     "Went to Draft because classify.label was “bug”."),
    ("not", {"not": "steps.classify.label == 'refund'"}, label("refund"), "check",
     "Went to Check because classify.label was “refund”."),
    ("a list", "steps.classify.label in ['bug', 'refund']", label("refund"), "draft",
     "Went to Draft because classify.label was “refund” (one of “bug” or “refund”)."),
    ("an absent field", "has(steps.classify.note) && size(steps.classify.note) > 3", label(), "check",
     "Went to Check because classify.note was absent."),
    ("a call", "has(steps.classify.note) && size(steps.classify.note) > 3", label(note="lengthy"), "draft",
     "Went to Draft because size(classify.note) was 7 (above 3)."),
    ("a long text", "has(steps.classify.note) && steps.classify.note == 'x'", label(note="n" * 300), "check",
     f"Went to Check because classify.note was “{'n' * 80}…” (not “x”)."),
]  # fmt: skip


@pytest.mark.parametrize(("when", "result", "to", "sentence"), [row[1:] for row in ROUTES], ids=[row[0] for row in ROUTES])
def test_a_branch_says_which_values_it_went_by(when: Any, result: Result, to: str, sentence: str) -> None:
    taken = stroll(routed(when), classify=result, check=FINE).decisions[1]
    assert (taken.to, taken.sentence) == (to, sentence)
    assert {operand["path"] for operand in taken.because} <= {f"steps.classify.{n}" for n in ("label", "confidence", "note")}
    assert taken.because


def test_cases_are_tried_in_order_and_the_first_that_holds_wins() -> None:
    cases = [{"when": f"steps.classify.confidence >= {n}", "to": to} for n, to in ((0.9, "a"), (0.5, "b"), (0.1, "c"))]
    data = flow(ask("classify", "route"), step("route", "branch", cases=cases, default="d"), *map(put, "abcd"))
    for confidence, to, tried in ((0.95, "a", 0), (0.7, "b", 1), (0.2, "c", 2), (0.0, "d", 3)):
        taken = stroll(data, classify=label(confidence=confidence)).decisions[1]
        assert (taken.to, len(taken.tried)) == (to, tried)
        assert taken.rule == (f"steps[1].cases[{tried}]" if tried < 3 else "steps[1].default")
        assert all(not each["held"] for each in taken.tried)
    margins = [each["comparisons"][0]["margin"] for each in taken.tried]
    assert margins == pytest.approx([-0.9, -0.5, -0.1])


def test_what_held_is_kept_with_its_margin_as_what_did_not() -> None:
    data = flow(ask("classify", "route"), fork("route", SURE, "draft", "check"), put("draft"), person("check"))
    taken = stroll(data, classify=label("bug", 0.93)).decisions[1]
    assert [(each["left"], each["op"], each["right"], each["held"]) for each in taken.comparisons] == [
        (0.93, ">=", 0.8, True),
        ("bug", "!=", "refund", True),
    ]
    assert [each["margin"] for each in taken.as_dict()["comparisons"]] == [pytest.approx(0.13), None]
    assert taken.tried == ()
    missed = stroll(data, classify=label("bug", 0.62), check=FINE).decisions[1]
    assert missed.comparisons == (), "what did not hold stands with the rule that was tried"
    assert [each["held"] for each in missed.tried[0]["comparisons"]] == [False, True]


def test_an_until_is_kept_whether_it_held_or_not_beside_what_ended_the_round() -> None:
    body = [put("bump", "last", {"n": "${carry.n + 1}"}), fork("last", "steps.bump.n > 0", "continue", "continue")]
    keys = {"carry": {"n": 0}, "update": {"n": "${steps.bump.n}"}, "max": 3}
    went = stroll(flow(loop("refine", body, until="carry.n > 1", **keys)))
    again, held = [taken for taken in went.decisions if taken.rule == "steps[0].until"]
    for taken, n, holds, margin in ((again, 1, False, 0), (held, 2, True, 1)):
        (until,), (branched,) = taken.comparisons, taken.via["comparisons"]
        assert (branched["text"], branched["left"], branched["held"]) == ("steps.bump.n > 0", n, True)
        assert (until["text"], until["left"], until["held"], until["margin"]) == ("carry.n > 1", n, holds, margin)
        rested = [[operand["path"] for operand in because] for because in (taken.via["because"], taken.because)]
        assert rested == [["steps.bump.n"], ["carry.n"]]
    tired = stroll(flow(loop("refine", body, until="carry.n > 9", on_exhausted="done", **keys)))
    (exhausted,) = [taken for taken in tired.decisions if taken.rule == "steps[0].max"]
    assert [(each["rule"], each["held"], each["comparisons"][0]["margin"]) for each in exhausted.tried] == [
        ("steps[0].until", False, -6)
    ]
    assert [each["text"] for each in exhausted.comparisons] == ["iter.index >= 3"]
    assert [each["text"] for each in exhausted.via["comparisons"]] == ["steps.bump.n > 0"]


class TestChecks:
    data = flow(
        ask("classify", input={"least": "${0.5}"}, catch=[{"errors": ["*"], "to": "late"}], checks=[
            {"that": "output.confidence >= input.least", "else": "Be surer"},
            {"that": "output.label == 'bug'", "else": "It is a bug"},
        ]),
        put("late"),
    )  # fmt: skip

    def decided(self, output: dict[str, Any]) -> Any:
        """Through the contract, the checks and the record of a call, as an answer goes."""
        plan = planned(self.data)
        result = accept(plan.steps["classify"], {"least": 0.5}, output)
        if result.failure is not None:
            result = Result.failed(failure_of(json.loads(json.dumps(failure_data(result.failure, checks=True)))))
        env = {"run": {"id": "r", "input": {}}, "steps": {"classify": result.output}}
        return deciding.decide(plan, Position(step="classify"), result, env, {"least": 0.5})

    def told(self, taken: Any) -> list[Any]:
        return [(each["rule"], each["held"], each["comparisons"][0]["margin"]) for each in taken.checks]

    def test_checks_that_held_are_kept(self) -> None:
        taken = self.decided({"label": "bug", "confidence": 0.75})
        assert self.told(taken) == [("steps[0].checks[0]", True, 0.25), ("steps[0].checks[1]", True, None)]
        assert [operand["path"] for operand in taken.checks[0]["operands"]] == ["output.confidence", "input.least"]
        assert taken.sentence == "Went on to Done; both checks held."
        assert taken.as_dict()["checks"] == list(taken.checks)

    def test_checks_that_failed_are_kept_beside_those_that_held(self) -> None:
        taken = self.decided({"label": "bug", "confidence": 0.25})
        assert (taken.to, taken.rule) == ("late", "steps[0].catch[0]")
        assert self.told(taken) == [("steps[0].checks[0]", False, -0.25), ("steps[0].checks[1]", True, None)]

    def test_a_loop_does_not_take_the_checks_of_a_step_that_failed_in_it_for_its_own(self) -> None:
        body = {**self.data["steps"][0], "catch": []}
        plan = planned(flow(loop("refine", [{key: value for key, value in body.items() if key != "next"}])))
        result = accept(plan.steps["classify"], {"least": 0.5}, {"label": "bug", "confidence": 0.25})
        inside = Position(step="classify", frames=(Frame("refine", 1, {"n": 0}),))
        out = deciding.decide(plan, inside, result, {"run": {"input": {}}, "steps": {}}, {"least": 0.5})
        assert len(out.checks) == 2
        assert out.position.close.failure.checks == ()


class TestFailing:
    def caught(self, code: str, *catches: tuple[list[str], str], **keys: Any) -> Any:
        listed = [{"errors": errors, "to": to} for errors, to in catches]
        late = end_with("${error.code + ': ' + error.message + ' in ' + error.step}", "late")
        return stroll(flow(get("look", catch=listed, **keys), put("early"), late), look=failed(code, "it broke"))

    def test_the_first_catch_that_takes_it_wins(self) -> None:
        catches = ((["timeout"], "early"), (["*"], "late"), (["not_found"], "early"))
        assert self.caught("timeout", *catches).paths == ["look", "early", "done"]
        went = self.caught("not_found", *catches)
        assert went.paths == ["look", "late"]
        assert went.rules[0] == "steps[0].catch[1]"
        assert went.sentences[0] == "Went to Late because Look failed with not_found: it broke."
        assert went.last.output == "not_found: it broke in look"

    def test_a_star_does_not_take_unknown_which_has_an_edge_of_its_own_or_asks_a_person(self) -> None:
        asked = self.caught("unknown", (["*"], "late"))
        assert (asked.last.kind, asked.last.rule) == ("escalate", "escalation")
        assert asked.sentences == ["Asked a person whether Look happened, since it broke."]
        assert self.caught("unknown", (["*"], "early"), on_unknown="late").rules[0] == "steps[0].on_unknown"

    def test_what_nothing_catches_ends_the_run_in_its_predefined_state(self) -> None:
        went = self.caught("auth", (["timeout"], "late"))
        assert (went.last.kind, went.last.to, went.last.rule) == ("finish", "broken", "on_failure")
        said = "Look failed with auth: it broke. Nothing catches that. The run ended as broken, a failure."
        assert went.sentences == [said]

    def test_the_error_is_in_sight_after_a_catch_and_nowhere_else(self) -> None:
        went = stroll(flow(get("look", catch=[{"errors": ["*"], "to": "late"}]), put("late")), look=failed("timeout"))
        positions = [taken.position for taken in went.decisions]
        assert positions[0].error == {"code": "timeout", "message": "it broke", "step": "look"}
        assert positions[1].error is not None, "it stays until the run ends, or is at a loop's end"
        good = stroll(flow(get("look", catch=[{"errors": ["*"], "to": "late"}]), put("late")), look=Result.done({"tier": "free"}))
        assert all(taken.position is None or taken.position.error is None for taken in good.decisions)

    def test_a_value_that_can_t_be_computed_is_the_steps_own_failure(self) -> None:
        data = flow(put("sum", values={"n": "${10 / size(run.input.text)}"}, catch=[{"errors": ["expression"], "to": "late"}]),
                    put("late"))  # fmt: skip
        assert stroll(data, {"text": ""}).paths == ["sum", "late", "done"]
        assert stroll(data).paths == ["sum", "done"]


def end_with(output: Any, id: str) -> Data:
    return step(id, "end", outcome="ok", output=output)


class TestLoops:
    def test_until_is_looked_at_before_stalled_and_stalled_before_exhausted(self) -> None:
        """In round 3 all three hold: until wins. Without it stalled does, and without that exhausted."""
        keys: dict[str, Any] = {"max": 3, "on_exhausted": "tired", "on_stalled": "stuck"}
        flat = {"progress": "${carry.n > 2 ? 2.0 : double(carry.n)}"}
        for more, close, after in (
            ({**flat, "until": "carry.n > 2"}, "until", "done"),
            ({**flat, "until": "carry.n > 9"}, "progress", "stuck"),
            ({"until": "carry.n > 9"}, "max", "tired"),
        ):
            wanted = keys if "progress" in more else {name: key for name, key in keys.items() if name != "on_stalled"}
            went = stroll(flow(loop("refine", [put("bump", None)], **wanted, **more), put("stuck"), put("tired")))
            assert went.rules[2] == f"steps[0].{close}"
            assert went.paths[3:5] == ["refine", after]

    def test_its_sentences_give_the_round_the_value_and_the_series(self) -> None:
        keys = {"until": "carry.n > 9", "max": 4, "progress": "${carry.n > 2 ? 2.0 : double(carry.n)}", "on_stalled": "stuck"}
        went = stroll(flow(loop("refine", [put("bump", None)], title="Refine it", **keys, on_exhausted="stuck"), put("stuck")))
        assert went.sentences[:4] == [
            "Began round 2 of at most 4 of Refine it because carry.n was 1 (not above 9); progress 1.",
            "Began round 3 of at most 4 of Refine it because carry.n was 2 (not above 9); progress 1 → 2.",
            "Refine it stopped after round 3 because it made no progress: 2 → 2.",
            "Went to Stuck after 3 rounds: Refine it stalled.",
        ]
        assert went.decisions[2].series == (1.0, 2.0, 2.0)
        exhausted = stroll(flow(loop("refine", [put("bump", None)], until="carry.n > 9", on_exhausted="done")))
        assert exhausted.sentences[2] == "Refine stopped after round 3 of 3, its last: carry.n was 3 (not above 9)."
        until = stroll(flow(loop("refine", [put("bump", None)])))
        assert until.sentences[1] == "Refine was done after round 2 because carry.n was 2 (above 1)."

    def test_without_a_way_on_a_loop_that_did_not_converge_fails(self) -> None:
        went = stroll(flow(loop("refine", [put("bump", None)], until="carry.n > 9", catch=[{"errors": ["limit"], "to": "late"}]),
                           put("late")))  # fmt: skip
        assert went.paths[-3:] == ["refine", "late", "done"]
        assert went.sentences[3] == (
            "Went to Late because Refine failed with limit: "
            "it was not done after round 3, its last, and on_exhausted names no step."
        )

    def test_a_loop_without_until_is_done_when_its_rounds_are(self) -> None:
        body = loop("refine", [put("bump", None)])
        del body["until"]
        assert stroll(flow(body)).paths == ["refine[1]/bump", "refine[2]/bump", "refine[3]/bump", "refine", "done"]

    def test_break_leaves_at_once_without_an_update(self) -> None:
        cases = [{"when": "iter.index == 2", "to": "break"}]
        body = [step("look", "branch", cases=cases, default="bump"), put("bump", None)]
        went = stroll(flow(loop("refine", body, until="carry.n > 9", output={"n": "${carry.n}"}, on_exhausted="done")))
        assert went.paths == ["refine[1]/look", "refine[1]/bump", "refine[2]/look", "refine", "done"]
        assert went.records[3].output == {"n": 1}, "what round 1 came to"
        assert went.sentences[3] == "Went to Done after 2 rounds: Refine was left."

    def test_a_failure_climbs_out_of_each_container_until_something_catches_it(self) -> None:
        inner = loop("inner", [get("look", None)], next=None)
        outer = loop("outer", [inner], catch=[{"errors": ["timeout"], "to": "late"}])
        went = stroll(flow(outer, put("late")), look=failed("timeout", "no answer within 5 s"))
        assert went.paths == ["outer[1]/inner[1]/look", "outer[1]/inner", "outer", "late", "done"]
        assert went.rules[:3] == ["steps[0].body[0].body[0]", "steps[0].body[0]", "steps[0].catch[0]"]
        assert went.sentences[0] == (
            "Look failed with timeout: no answer within 5 s. Nothing in the body catches that, so Inner failed."
        )
        assert went.decisions[2].position.error["step"] == "outer"

    def test_each_round_begins_with_an_empty_scope(self) -> None:
        """The second round reads nothing of the first, though the names are the same; outside sees the loop's output alone."""
        keys = {"carry": {"n": 0}, "update": {"n": "${steps.bump.n}"}, "until": "carry.n >= 2"}
        body = [put("bump", None, {"n": "${iter.index}"})]
        went = stroll(flow(loop("refine", body, next="after", **keys), put("after", values={"n": "${steps.refine.n}"})))
        assert went.paths == ["refine[1]/bump", "refine[2]/bump", "refine", "after", "done"]
        first, second = (state.fold(went.input, went.records[:n]) for n in (1, 2))
        assert first.outputs.keys() == set(), "the first round's are gone when the second begins"
        assert second.outputs.keys() == {("refine[2]", "bump")}, "the last round's are there until the loop's output is made"
        assert went.state.outputs.keys() == {("", "refine"), ("", "after")}

    def test_nested_loops_count_their_own_rounds(self) -> None:
        inner = loop("inner", [put("bump", None)], next=None, max=2, until="carry.n >= 2")
        outer = loop(
            "outer", [inner], max=2, carry={"sum": 0}, update={"sum": "${carry.sum + steps.inner.n}"}, until="carry.sum >= 4"
        )
        went = stroll(flow(outer))
        visits = [f"outer[{a}]/{rest}" for a in (1, 2) for rest in ("inner[1]/bump", "inner[2]/bump", "inner")]
        assert went.paths == [*visits, "outer", "done"]
        assert went.records[6].output == {"sum": 4}

    def test_a_carry_or_an_update_that_fails_is_the_loops_failure(self) -> None:
        catch = [{"errors": ["expression"], "to": "late"}]
        carry = {"n": "${10 / size(run.input.text)}"}
        first = stroll(flow(loop("refine", [put("bump", None)], carry=carry, catch=catch), put("late")), {"text": ""})
        assert first.paths == ["refine", "late", "done"]
        later = stroll(
            flow(loop("refine", [put("bump", None)], update={"n": "${1 / (carry.n - carry.n)}"}, catch=catch), put("late"))
        )
        assert later.paths == ["refine[1]/bump", "refine", "late", "done"]
        assert "Refine failed at the end of round 1:" in later.sentences[0]

    def test_an_error_caught_in_a_round_is_gone_in_the_next(self) -> None:
        look = get("look", None, catch=[{"errors": ["*"], "to": "mend"}])
        went = stroll(flow(loop("refine", [look, put("mend", None)])), look=failed("timeout"))
        assert went.paths == ["refine[1]/look", "refine[1]/mend", "refine[2]/look", "refine[2]/mend", "refine", "done"]
        errors = [taken.position.error is not None for taken in went.decisions[:5]]
        assert errors == [True, False, True, True, False]


class TestPeople:
    def test_an_action_and_a_deadline_go_where_they_say(self) -> None:
        data = flow(person("check", late="late"), put("late"))
        assert stroll(data, check=FINE).sentences[0] == "Went to Done because otto chose “Fine”."
        plan = planned(data)
        taken = deciding.deadline(plan, Position(step="check"), {})
        assert (taken.to, taken.rule) == ("late", "steps[0].on_deadline")
        assert taken.sentence == "Went to Late because nobody answered Check in time."

    def test_an_escalation_that_no_step_asked_for_ends_the_run_when_nobody_answers(self) -> None:
        plan = planned(flow(get("look"), escalation={"deadline": "2d", "on_deadline": "broken"}))
        taken = deciding.unattended(plan, Position(step="look"))
        assert (taken.outcome, taken.rule) == ("broken", "escalation.on_deadline")
        assert taken.sentence == "Nobody answered in time. The run ended as broken, a failure."

    def test_what_did_not_happen_is_a_new_visit_and_what_goes_on_is_the_same(self) -> None:
        at = Position(step="look", visit=3)
        assert deciding.again(at, "", "").position == replace(at, visit=4)
        part = at.with_part("tool.1.0")
        assert deciding.again(part, "", "").position == replace(part, part_visit=2)
        assert deciding.again(part, "", "").position.with_part("").visit == 3, "the step's own visit stays what it was"
        assert deciding.resumed(part, "", "").position == part

    @pytest.mark.parametrize(("reason", "said"), [("", "."), ("a mistake", ": a mistake."), ("Enough.", ": Enough.")])
    def test_a_cancel_says_who_and_why(self, reason: str, said: str) -> None:
        assert deciding.cancelled("otto", reason).sentence == f"otto cancelled the run{said}"


class TestFallbackSteps:
    def test_its_result_returns_to_the_step_that_it_stood_in_for(self) -> None:
        plan = planned(
            flow(ask("classify", fallback=[{"step": "words"}]), put("words", values={"label": "bug", "confidence": 0.1}))
        )
        at = Position(step="classify").with_part("fallback.words", rung=1)
        taken = deciding.decide(plan, at, label(), {"run": {"input": {}}, "steps": {}})
        assert (taken.position.part, taken.position.tried[0].failure) == ("", None)
        assert (taken.rule, taken.sentence) == ("steps[0].fallback[0]", "Words answered in place of Classify.")
        broken = deciding.decide(plan, at, Result.done({"label": "nonsense"}), {"run": {"input": {}}, "steps": {}})
        assert broken.position.tried[0].failure.code == ErrorCode.INVALID_OUTPUT
        assert broken.sentence == "Words, in place of Classify, failed with invalid_output."


class TestLimits:
    LIMITS = {"cost_usd": 0.5, "steps": 10, "machine_time": "30m"}

    def breach(self, call: int | None = 0, on_breach: str | None = None, **spent: Any) -> Any:
        limits = {**self.LIMITS, **({"on_breach": on_breach} if on_breach else {})}
        plan = planned(flow(get("look"), put("late"), limits=limits, models={}))
        limit = deciding.breach(plan, Spent(**spent), call)
        return limit and deciding.breached(plan, Position(step="look"), limit, Spent(**spent))

    def test_money_is_counted_with_what_is_reserved_before_it_is_spent(self) -> None:
        nano = deciding.NANO
        assert self.breach(int(0.5 * nano)) is None
        assert self.breach(int(0.5 * nano) + 1).rule == "limits.cost_usd"
        assert self.breach(int(0.2 * nano) + 1, cost=int(0.1 * nano), reserved=int(0.2 * nano)).rule == "limits.cost_usd"

    @pytest.mark.parametrize(
        ("spent", "said"),
        [
            ({"steps": 10}, "All 10 steps that the run may take are taken."),
            ({"seconds": 1801.2}, "1801 s of machine time are spent, of 1800 s at most."),
            ({"cost": 500_000_001}, "The next call could cost more than is left of $0.50: $0.50 is spent."),
        ],
    )
    def test_a_breach_asks_a_person_or_goes_where_on_breach_says(self, spent: dict[str, Any], said: str) -> None:
        asked = self.breach(**spent)
        assert (asked.kind, asked.sentence) == ("escalate", said)
        routed = self.breach(on_breach="late", **spent)
        assert (routed.to, routed.sentence) == ("late", f"{said} Went to Late.")
        assert routed.position.error["code"] == "limit"

    def test_after_a_breach_only_money_can_end_the_run_and_not_where_a_person_lifted_that(self) -> None:
        assert self.breach(steps=99, seconds=1e6, breached=True) is None
        second = self.breach(cost=600_000_000, breached=True, on_breach="late")
        assert (second.kind, second.outcome) == ("finish", "broken")
        assert self.breach(cost=600_000_000, breached=True, lifted=("cost_usd",)) is None

    def test_in_an_item_or_an_arm_there_is_no_step_to_go_to(self) -> None:
        plan = planned(flow(get("look"), put("late"), limits={"steps": 1, "on_breach": "late"}, models={}))
        inside = Position(step="look", frames=(Frame("each", 0, kind="item"),))
        assert deciding.breached(plan, inside, "steps", Spent(steps=1)).kind == "finish"

    def test_what_a_person_lifted_is_gone_and_the_others_hold_on(self) -> None:
        over = {"steps": 10, "seconds": 1801.0, "cost": 500_000_001}
        met = []
        for _ in range(3):
            asked = self.breach(lifted=tuple(met), **over)
            assert asked.kind == "escalate"
            met.append(asked.rule.removeprefix("limits."))
        assert met == ["cost_usd", "steps", "machine_time"]
        assert self.breach(lifted=tuple(met), **over) is None

    def test_what_a_call_came_back_with_is_recorded_whatever_it_cost(self) -> None:
        assert self.breach(None, cost=600_000_000, seconds=1e6) is None
        assert self.breach(None, steps=10).rule == "limits.steps"

    def test_what_follows_a_breach_is_never_taken_for_an_earlier_visit(self) -> None:
        taken = self.breach(steps=10, on_breach="late")
        assert taken.position.number > 1
        assert taken.position.at("done").number == taken.position.number
