"""What is proved of maps and parallels: where failures of their child runs go, what they may come to, what can't be meant."""

from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.catalog import Called
from orchestration.core.editing import edit
from orchestration.core.errors import ErrorCode, Refused
from orchestration.core.fan import Ended, joined, opened, result
from orchestration.core.frozen import replace
from orchestration.core.position import Fan
from orchestration.core.proof import prove
from orchestration.core.result import Failure
from tests.core.drawn import CATALOG, Data, flow, get, loop, person, planned, put, step, wait
from tests.core.proving import found_codes, is_a_sentence, proof, sentences

PERSON = person("ask", to="look", late="look")


def each(*body: Data, **keys: Any) -> Data:
    return step("each", "map", **{"over": "${['a', 'b']}", "max_items": 6, "body": list(body), "next": "done", **keys})


def both(**keys: Any) -> Data:
    left = {"id": "left", "body": [PERSON, get("look", None)]}
    right = {"id": "right", "body": [person("ask_too", to="continue", late="continue", deadline="3h")]}
    return step("both", "parallel", **{"branches": [left, right], "next": "done", **keys})


NEEDS = (None, 0, 1, 5, 6, "0%", "1%", "83%", "84%", "100%")
ARMS = [
    {"id": "left", "body": [get("look", None)]},
    *({"id": name, "body": [put(f"{name}_too", None)]} for name in ("mid", "right")),
]
BROKEN = Failure(ErrorCode.TIMEOUT, "it took too long")


def worst(data: Data) -> dict[str, Any]:
    found: dict[str, Any] = proof(data).as_dict()["worst"]
    return found


class TestTheWorstCase:
    def test_of_a_map_is_all_its_items_and_of_what_passes_by_itself_all_its_waves(self) -> None:
        found = worst(flow(each(PERSON, get("look", None), concurrency=4)))
        assert (found["executions"], found["calls"], found["machine_seconds"], found["human_seconds"]) == (14, 6, 30.0, 7200.0)

    def test_of_a_parallel_is_all_its_arms_and_of_what_passes_by_itself_the_longest(self) -> None:
        found = worst(flow(both()))
        assert (found["executions"], found["calls"], found["machine_seconds"], found["human_seconds"]) == (5, 1, 5.0, 10800.0)

    @pytest.mark.parametrize(
        "data",
        [
            flow(each(PERSON, get("look", None), concurrency=4)),
            flow(both()),
            flow(each({**both(), "next": "end"}, put("end", None), concurrency=1)),
            flow(loop("again", [each(PERSON, get("look", None)) | {"next": "continue"}], max=3, on_exhausted="done")),
            flow(
                step(
                    "out",
                    "parallel",
                    branches=[{"id": "arm", "body": [each(get("look", None)) | {"next": "continue"}]}],
                    next="done",
                )
            ),
        ],
        ids=["map", "parallel", "parallel in map", "map in loop", "map in arm"],
    )
    def test_is_what_its_derivation_adds_up_to(self, data: Data) -> None:
        assert [p.message for p in proof(data).problems if p.severity == "error"] == []
        found = worst(data)
        added = {name: sum(line[name] for line in found["derivation"]) for name in ("executions", "calls", "seconds", "human")}
        assert added == {
            "executions": found["executions"],
            "calls": found["calls"],
            "seconds": found["machine_seconds"],
            "human": found["human_seconds"],
        }

    def test_is_told_in_words(self) -> None:
        lines = [line["sentence"] for line in worst(flow(each(get("look", None), concurrency=4)))["derivation"]]
        assert lines[0] == "Each: at most 6 items of 1 step, 4 at once."
        assert worst(flow(both()))["derivation"][0]["sentence"] == "Both: 2 arms at once."


LIMITS = {"steps": 12, "on_breach": "done"}
SLOWLY = [person("ask", "rounds", "rounds"), loop("rounds", [put("t", None)], None, max=20, on_exhausted="continue")]
IN_TURN = "one after another, since the limit on steps may leave no room for more at once"


class TestUnderALimitThatMayBeMet:
    """A child run is lent all that it may come to, so that there need not be room for another until it has ended."""

    def test_child_runs_count_one_after_another(self) -> None:
        found = worst(flow(each(*SLOWLY, max_items=4, concurrency=10), limits=LIMITS))
        assert (found["human_seconds"], found["derivation"][0]["sentence"]) == (
            4 * 3600, f"Each: at most 4 items of 2 steps, {IN_TURN}.",
        )  # fmt: skip
        assert sum(line["human"] for line in found["derivation"]) == 4 * 3600
        assert worst(flow(each(*SLOWLY, max_items=4, concurrency=10), limits={**LIMITS, "steps": 99}))["human_seconds"] == 3600
        arms = worst(flow(both(), limits={**LIMITS, "steps": 4, "machine_time": "1s"}))
        assert arms["human_seconds"] == 4 * 3600
        why = IN_TURN.replace("the limit on", "the limit on machine time or the limit on")
        assert arms["derivation"][0]["sentence"] == f"Both: 2 arms, {why}."

    def test_and_so_do_those_below_a_called_workflow_whichever_of_the_limits_it_is(self) -> None:
        def calling(inner: Data, **keys: Any) -> dict[str, Any]:
            proved = tuple(prove(planned(inner)).worst.bound)
            catalog = replace(CATALOG, workflows={"inner@1": Called("inner", 1, "Inner", {}, {"ok": None}, proved)})
            call = step("call", "workflow", workflow="inner@1", next="done")
            found: dict[str, Any] = prove(planned(flow(call, **keys), catalog)).as_dict()["worst"]
            return found

        free, own = flow(each(*SLOWLY)), flow(each(*SLOWLY), limits=LIMITS)
        assert [calling(inner)["human_seconds"] for inner in (free, own)] == [3600, 6 * 3600]
        above = calling(free, limits=LIMITS)
        assert above["human_seconds"] == 6 * 3600
        assert above["derivation"][0]["sentence"] == f"Call: a run of inner@1, its child runs {IN_TURN}."
        assert calling(own, limits=LIMITS)["derivation"][0]["sentence"] == "Call: a run of inner@1."

    def test_is_told_at_the_limit_with_what_would_be_enough(self) -> None:
        last = each(put("x", None), concurrency=1) | {"id": "last"}
        some = [each(*SLOWLY, next="both"), step("both", "parallel", branches=ARMS, next="last"), last]
        (words,) = sentences(flow(*some, limits=LIMITS), "one_after_another")
        assert words.startswith("Under this limit, what Each and Both would run at once may run one after another: a child run")
        assert words.endswith(" Raise it to 145 steps, and none has to wait for room.")
        assert sentences(flow(*some, limits={**LIMITS, "steps": 145}), "one_after_another") == []
        assert sentences(flow(last, limits={**LIMITS, "steps": 1}), "one_after_another") == []

    @settings(max_examples=60)
    @given(st.data())
    def test_is_the_sum_and_else_the_same_as_without(self, drawn: st.DataObject) -> None:
        names = (f"s{number}" for number in count())
        most, at_once = drawn.draw(st.integers(1, 4)), drawn.draw(st.integers(1, 4))
        steps = [each(drawn.draw(containers(names, 3)), max_items=most, concurrency=at_once)]
        free, limit = prove(planned(flow(*steps))).worst, drawn.draw(st.integers(1, 60))
        limited = prove(planned(flow(*steps, limits={"steps": limit, "on_breach": "done"}))).worst
        if limit >= free.bound.executions:
            assert limited == free
        else:
            together = sum(line.human + line.waiting for line in limited.derivation)
            assert together == limited.bound.human + limited.bound.waiting == hours(steps) * 3600
            assert limited.bound.human >= free.bound.human
            assert limited.bound.waiting >= free.bound.waiting


@st.composite
def containers(draw: st.DrawFn, names: Any, depth: int) -> Data:
    """A step that waits, or one that has such steps inside."""
    kind = draw(st.sampled_from(["person", "wait", "map", "parallel", "loop"] if depth else ["person", "wait"]))
    name = next(names)
    if kind == "person":
        return person(name, "continue", "continue")
    if kind == "wait":
        return wait(name, None)
    if kind == "parallel":
        arms = [{"id": next(names), "body": [draw(containers(names, depth - 1))]} for _ in range(draw(st.integers(1, 3)))]
        return step(name, "parallel", branches=arms)
    body = [draw(containers(names, depth - 1))]
    if kind == "loop":
        return loop(name, body, None, max=draw(st.integers(1, 3)), on_exhausted="continue")
    most, at_once = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    return step(name, "map", over="${['a']}", max_items=most, concurrency=at_once, body=body)


def hours(steps: list[Data]) -> int:
    """What they wait one after another."""
    often = {"map": "max_items", "loop": "max"}
    return sum(
        hours([one for arm in each["branches"] for one in arm["body"]])
        if each["type"] == "parallel"
        else each[often[each["type"]]] * hours(each["body"])
        if each["type"] in often
        else 1
        for each in steps
    )


class TestFailures:
    def goes(self, data: Data, name: str, code: str) -> str | None:
        found: dict[str, dict[str, str]] = proof(data).as_dict()["errors"]
        return found[name].get(code)

    def test_of_an_item_are_the_map_s_where_it_may_fail_by_them(self) -> None:
        catch = [{"errors": ["*"], "to": "z"}]
        failing = flow(each(get("look", None), catch=catch), put("z"))
        assert (self.goes(failing, "each", "timeout"), self.goes(failing, "look", "timeout")) == ("z", "z")
        skipping = flow(each(get("look", None), on_item_error="skip"), put("z"))
        assert (self.goes(skipping, "each", "timeout"), self.goes(skipping, "each", "limit")) == (None, "broken")

    @pytest.mark.parametrize(
        "around",
        [
            *(each(get("look", None), on_item_error=how, need=need) for how in ("skip", "collect") for need in NEEDS),
            each(get("look", None)),
            *(step("each", "parallel", branches=ARMS, join=join, next="done") for join in ("all", "any", 1, 2, 3)),
        ],
        ids=lambda keys: "-".join(str(keys.get(key)) for key in ("type", "on_item_error", "need", "join")),
    )
    def test_in_it_are_those_that_a_run_comes_to_however_many_of_its_children_fail(self, around: Data) -> None:
        """Against what the engine asks about each child that has ended."""
        data = flow(around)
        found, ends, goes_on = planned(data).steps["each"], set(), False
        for total in range(1, 7) if found.type == "map" else (len(ARMS),):
            for failing in range(1, total + 1):
                fan = opened(found, total)
                ended = [Ended(index, "failed", failure=BROKEN) for index in range(failing)]
                ended += [Ended(index, "done") for index in range(failing, total)]
                if isinstance(fan, Fan):
                    how = result(found, joined(found, replace(fan, begun=total), ended), ended)
                    ends |= {how.failure.code} if how.failure else set()
                    goes_on |= how.failure is None
        assert (self.goes(data, "each", "timeout") == "broken") == (ErrorCode.TIMEOUT in ends)
        assert self.goes(data, "look", "timeout") == ("each" if goes_on else "broken")
        assert self.goes(data, "each", "limit") == ("broken" if found.type == "map" else None)

    def test_of_a_step_in_place_of_another_are_that_one_s_inside_of_a_body_too(self) -> None:
        inner = [get("look", None, fallback=[{"step": "spare"}]), get("spare", None)]
        for data in (flow(each(*inner)), flow(*(keys | {"next": "done"} for keys in inner))):
            assert (self.goes(data, "spare", "timeout"), self.goes(data, "look", "timeout")) == ("look", "broken")

    def test_of_an_arm_are_the_parallel_s(self) -> None:
        found = flow(both(catch=[{"errors": ["timeout"], "to": "z"}]), put("z"))
        assert (self.goes(found, "both", "timeout"), self.goes(found, "both", "auth")) == ("z", "broken")

    def test_that_the_body_catches_are_nobody_else_s(self) -> None:
        inner = get("look", None, catch=[{"errors": ["*"], "to": "continue"}])
        assert self.goes(flow(each(inner)), "each", "timeout") is None


PROBLEMS = {
    "end_in_child": (
        flow(each(put("a", "stop"), step("stop", "end", outcome="ok"))),
        flow(loop("a", [step("stop", "end", outcome="ok")], max=1)),
    ),
    "need_with_fail": (flow(each(put("a", None), need=2)), flow(each(put("a", None), need=2, on_item_error="skip"))),
    "need_too_many": (
        flow(each(put("a", None), need=7, on_item_error="skip")),
        flow(each(put("a", None), need=6, on_item_error="skip")),
    ),
    "over_no_list": (
        flow(each(put("a", None), over="${run.input.text}")),
        flow(
            each(
                put("a", None),
                over="run.input.items",
            ),
            input={"type": "object", "required": ["items"], "properties": {"items": {"type": "array"}}},
        ),
    ),
    "outside_loop": (flow(each(put("a", "break"))), flow(each(put("a", "continue")))),
    "unknown_workflow": (
        flow(step("call", "workflow", workflow="other@2", next="done")),
        flow(step("call", "workflow", workflow="kept@1", next="done")),
    ),
    "retired_workflow": (
        flow(step("call", "workflow", workflow="old@1", next="done")),
        flow(step("call", "workflow", workflow="kept@1", next="done")),
    ),
}


@pytest.mark.parametrize("code", PROBLEMS)
def test_what_can_t_be_meant_is_a_problem_and_what_is_beside_it_is_none(code: str) -> None:
    wrong, right = PROBLEMS[code]
    assert [problem.code for problem in proof(wrong).problems if problem.severity == "error"] == [code]
    assert code not in found_codes(right)
    assert all(is_a_sentence(problem) for problem in proof(wrong).problems)


def in_an_arm(to: str) -> Data:
    left, right = {"id": "left", "body": [put("a", to)]}, {"id": "right", "body": [put("b", None)]}
    return flow(step("both", "parallel", branches=[left, right], next="done"))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            flow(loop("again", [put("a", "done")])),
            "stands outside Again. Go to break, which leaves the loop, and let Again lead there.",
        ),
        (flow(each(put("a", "done"))), "stands outside Each. Go to continue, which ends the item, and let Each lead there."),
        (flow(each(put("a", "break"))), "stands in a map, and not in a loop. Go to continue, which ends the item."),
        (in_an_arm("done"), "stands outside Left. Go to continue, which ends the arm, and let Both lead there."),
        (in_an_arm("b"), "stands outside Left. Go to continue, which ends the arm."),
        (in_an_arm("break"), "stands in an arm, and not in a loop. Go to continue, which ends the arm."),
        (flow(put("a", "break")), "stands in no loop. Name a step."),
        (
            flow(each(get("a", None, fallback=[{"step": "late"}])), get("late")),
            "stands outside Each. Name a step beside A.",
        ),
    ],
)
def test_who_leads_out_of_its_level_is_told_what_is_legal_there(data: Data, said: str) -> None:
    """By the proof, and by the editor where it is drawn."""
    (told,) = [problem for problem in proof(data).problems if problem.code in ("wrong_level", "outside_loop")]
    assert told.message.endswith(said)
    route = told.path.rpartition("].")[2] if "fallback" not in told.path else "fallback[0].step"
    to = planned(data).steps["a"].exits[0].to if route == "next" else "late"
    with pytest.raises(Refused) as refused:
        edit(data, [{"do": "connect", "step": "a", "route": route, "to": to}])
    assert refused.value.problems[0].message.endswith(said)


@pytest.mark.parametrize("join", [0, 3])
def test_no_more_arms_can_be_needed_than_there_are(join: int) -> None:
    assert "need_too_many" in found_codes(flow(both(join=join)))


class TestSight:
    def test_an_arm_does_not_see_another(self) -> None:
        left = {"id": "left", "body": [put("a", None, {"x": 1})]}
        for read in ("steps.a.x", "steps.left.x"):
            right = {"id": "right", "body": [put("b", None, {"x": f"${{{read}}}"})]}
            assert "unknown_reference" in found_codes(flow(step("both", "parallel", branches=[left, right], next="done")))

    def test_an_item_is_seen_by_all_that_is_inside_of_it_and_a_round_ends_where_a_child_run_begins(self) -> None:
        arm = {"id": "arm", "body": [put("c", None, {"x": "${item}", "n": "${index}"})]}
        deep = step("deep", "parallel", branches=[arm])
        again = loop("again", [put("b", None, {"x": "${item}"})], None, on_exhausted="deep") | {"next": "deep"}
        assert found_codes(flow(each(again, deep))) == []
        outer = loop("outer", [each(put("a", None, {"x": "${carry.n}"})) | {"next": "continue"}], on_exhausted="done")
        assert "unknown_reference" in found_codes(flow(outer))

    def test_what_one_gives_is_typed_by_what_its_items_and_arms_give(self) -> None:
        read = put("z", values={"n": "${steps.each[0].n + 1}", "wrong": "${steps.each[0].m}"})
        found = proof(flow(each(put("a", None, {"n": "${size(item)}"})) | {"next": "z"}, read)).problems
        assert [(problem.code, problem.path) for problem in found] == [("unknown_reference", "steps[1].values.wrong")]
        some = put("z", values={"n": "${steps.both.left.tier}"})
        assert "optional_unguarded" in found_codes(flow(both(join="any") | {"next": "z"}, some))
        assert "optional_unguarded" not in found_codes(flow(both() | {"next": "z"}, some))
