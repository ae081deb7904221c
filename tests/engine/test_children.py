"""Child runs: items of a map and arms of a parallel, on a real engine. Whatever happens, each is counted once (`fsck`)."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from orchestration.acts import resolve, retiring, runs, workflows
from orchestration.core import source
from orchestration.core.errors import Refused
from orchestration.models import Escalation, Run
from orchestration.record.pack import unpack_all
from tests import factories
from tests.engine.conftest import Floor
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_runs import ask
from tests.servers import behaviours

pytestmark = pytest.mark.any_database
ITEMS = {"type": "object", "required": ["items"], "properties": {"items": {"type": "array", "items": {"type": "number"}}}}
MESSAGE = {"type": "object", "required": ["message_id"], "properties": {"message_id": {"type": "string"}}}


def each(*body: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "each",
        "type": "map",
        "over": "${run.input.items}",
        "max_items": 5000,
        "body": list(body),
        "next": "done",
        **more,
    }


def put(id: str, values: Any, **more: Any) -> dict[str, Any]:
    return {"id": id, "type": "set", "values": values, **more}


def over(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    return workflow(*steps, **{"input": ITEMS, "models": {}, **more})


def children(run: Run) -> list[Run]:
    return list(Run.objects.filter(parent=run).order_by("parent_path", "index"))


class TestMap:
    def test_it_gives_what_its_items_give_in_their_order(self, floor: Floor) -> None:
        double = put("double", {"n": "${item * 2.0}", "of": "${index}", "base": "${steps.base.n + run.input.items[0]}"})
        flow = over(put("base", {"n": 10.0}, next="each"), each(double), end("${steps.each}"))
        run = floor.ended(floor.start(flow, {"items": [1, 2, 3]}))
        assert floor.output(run) == [{"n": 2.0 * n, "of": n - 1, "base": 11.0} for n in (1, 2, 3)]
        assert floor.paths(run) == ["base", "each", "done"]
        record = floor.records(run)[1]
        assert (record["input"], record["decision"]["sentence"]) == ({"total": 3}, "All 3 items were done. Went on to Done.")
        found = children(run)
        assert [(child.index, child.status, child.parent_path, child.joined) for child in found] == [
            (n, "succeeded", "each", True) for n in range(3)
        ]
        assert floor.paths(found[2]) == ["each[2]/double"]
        assert floor.records(found[2])[0]["decision"]["sentence"] == "Item 3 of Each was done."

    def test_its_record_began_when_its_first_item_did(self, timed: Floor) -> None:
        run = timed.start(over(each(person("ask")), end()), {"items": [1]})
        parent = timed.until(run, asking(1))
        timed.advance(3600)
        answer(timed, parent)
        record = timed.records(timed.ended(run))[0]
        assert record["started"] == children(run)[0].created
        assert record["finished"] - record["started"] >= timedelta(hours=1)

    def test_an_empty_list_gives_an_empty_list(self, floor: Floor) -> None:
        run = floor.ended(floor.start(over(each(put("a", {"x": 1})), end("${steps.each}")), {"items": []}))
        assert (floor.output(run), children(run)) == ([], [])
        assert floor.records(run)[0]["decision"]["sentence"] == "There was no item. Went on to Done."

    def test_no_more_live_at_once_than_concurrency_says(self, floor: Floor) -> None:
        ask = {"id": "ask", "type": "human", "deadline": "1d", "on_deadline": "late"}
        ask |= {"actions": [{"id": "go", "label": "Go", "to": "late"}]}
        flow = over(each(ask, put("late", {"x": 1}), concurrency=2), end("${steps.each}"))
        run = floor.start(flow, {"items": [1, 2, 3, 4, 5]})
        for left in (5, 4, 3, 2, 1):
            parent = floor.until(run, asking(min(left, 2)))
            assert len(children(parent)) == 5 - left + min(left, 2)
            answer(floor, parent)
        assert floor.output(floor.ended(run)) == [{"x": 1}] * 5

    @pytest.mark.parametrize(
        ("how", "status", "output"),
        [
            ({}, "failed", None),
            ({"on_item_error": "skip"}, "succeeded", [{"n": 1.0}, {"n": 3.0}]),
            ({"on_item_error": "skip", "need": 2}, "succeeded", [{"n": 1.0}, {"n": 3.0}]),
            ({"on_item_error": "skip", "need": "67%"}, "failed", None),
            ({"on_item_error": "collect", "need": "66%"}, "succeeded", "collected"),
        ],
    )
    def test_items_that_fail(self, floor: Floor, how: dict[str, Any], status: str, output: Any) -> None:
        half = put("half", {"n": "${item}"}, output={"type": "object", "properties": {"n": {"not": {"const": 2}}}})
        run = floor.ended(floor.start(over(each(half, **how), end("${steps.each}")), {"items": [1, 2, 3]}))
        assert run.status == status
        if output == "collected":
            failed = {
                "index": 1,
                "ok": False,
                "error": {"code": "invalid_output", "message": floor.output(run)[1]["error"]["message"]},
            }
            output = [{"index": 0, "ok": True, "value": {"n": 1.0}}, failed, {"index": 2, "ok": True, "value": {"n": 3.0}}]
        assert floor.output(run) == output
        if status == "failed":
            error = unpack_all([run.error])[0]
            assert error["code"] == "invalid_output"
            missed = "2 of 3 items were done, and 3 have to be; the first to fail was "
            assert error["message"].startswith(f"{missed if 'need' in how else ''}item 2: ")

    def test_an_item_that_goes_on_after_a_failure_or_a_deadline_is_done(self, timed: Floor) -> None:
        late = person("late")
        bad = put("bad", {"n": "${run.input.items[5]}"}, catch=[{"errors": ["*"], "to": "continue"}])
        for step in (bad, late):
            run = timed.start(over(each(step), end("${steps.each}")), {"items": [1]})
            if step is late:
                timed.until(run, asking(1))
                timed.advance(2 * 86_400)
            assert timed.output(timed.ended(run)) == [None]
            assert [(child.status, child.error) for child in children(run)] == [("succeeded", "null")]

    def test_a_list_that_is_too_long_or_none_fails_by_rule(self, floor: Floor) -> None:
        catch = [{"errors": ["limit", "expression"], "to": "caught"}]
        flow = over(
            each(put("a", {"x": 1}), max_items=2, catch=catch), put("caught", {"why": "${error.message}"}, next="done"), end()
        )
        run = floor.ended(floor.start(flow, {"items": [1, 2, 3]}))
        assert floor.records(run)[1]["output"] == {"why": "there are 3 items, and max_items is 2: give fewer, or raise it"}
        assert children(run) == []
        flow = over(
            each(put("a", {"x": 1}), over="${run.input.text}", catch=catch),
            put("caught", {"why": "${error.message}"}, next="done"),
            end(),
            input={"type": "object"},
        )
        run = floor.ended(floor.start(flow, {"text": "no list"}))
        assert floor.records(run)[1]["output"] == {"why": 'over: must be a list; it is "no list"'}

    def test_in_a_loop_and_with_a_loop_and_a_map_inside(self, floor: Floor) -> None:
        grow = {"id": "grow", "type": "loop", "max": 3, "carry": {"n": 0.0}, "update": {"n": "${carry.n + item}"}}
        grow |= {"body": [put("step", {"at": "${iter.index}", "item": "${item}"})]}
        inner = {
            "id": "inner",
            "type": "map",
            "over": "${[item, item + 1.0]}",
            "max_items": 2,
            "body": [put("leaf", {"v": "${item}", "base": "${steps.round.k}"})],
        }
        again = {
            "id": "again",
            "type": "loop",
            "max": 2,
            "carry": {"all": []},
            "update": {"all": "${carry.all + [steps.each]}"},
            "next": "done",
        }
        again |= {
            "body": [
                put("round", {"k": "${iter.index}"}, next="each"),
                each(grow | {"next": "inner"}, inner, output={"sum": "${steps.grow.n}", "leaves": "${steps.inner}"})
                | {"next": "continue"},
            ]
        }
        run = floor.ended(floor.start(over(again, end("${steps.again.all}")), {"items": [1, 2]}))
        item = lambda n, k: {"sum": 3.0 * n, "leaves": [{"v": float(n), "base": k}, {"v": n + 1.0, "base": k}]}  # noqa: E731
        assert floor.output(run) == [[item(1, 1), item(2, 1)], [item(1, 2), item(2, 2)]]
        assert [child.parent_path for child in children(run)] == ["again[1]/each"] * 2 + ["again[2]/each"] * 2
        deepest = Run.objects.get(parent__parent=run, parent_path="again[2]/each[1]/inner", index=1)
        assert floor.paths(deepest) == ["again[2]/each[1]/inner[1]/leaf"]

    def test_an_item_sees_what_was_written_before_its_map_and_no_more(self, floor: Floor) -> None:
        """What is around an item is read once for all of a map; not for another map, which stands further on."""
        look = {"there": "${has(steps.late)}"}
        first, again = each(put("look", look), next="late"), each(put("look_again", look)) | {"id": "again"}
        flow = over(first, put("late", {"x": 1}, next="again"), again, end("${[steps.each, steps.again]}"))
        run = floor.ended(floor.start(flow, {"items": [1, 2]}))
        assert floor.output(run) == [[{"there": False}] * 2, [{"there": True}] * 2]

    def test_one_whose_end_nobody_was_told_of_is_found_by_the_sweep(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        run = floor.start(over(each(person("ask")), end()), {"items": [1]})
        parent = floor.until(run, asking(1))
        monkeypatch.setattr(floor.engine, "hint", lambda run: None)
        answer(floor, parent)
        assert floor.until(run, lambda found: floor.engine.look() or found.status in Run.ENDED).status == "succeeded"

    def test_one_is_counted_though_its_worker_is_full_and_more_is_due(self, floor: Floor) -> None:
        run = floor.start(over(each(person("ask")), end()), {"items": [1]})
        parent = floor.until(run, asking(1))
        floor.engine.capacity = 1
        floor.server.default(behaviours.hang())
        busy = floor.start(workflow(ask(), end(), id="busy"))
        floor.until(busy, lambda found: found.calls.exists())
        runs.start(workflow="busy", input={"text": "x", "n": 0}, by="ada")
        answer(floor, parent)
        assert floor.ended(run).status == "succeeded"


class TestParallel:
    def test_all_arms_are_done_and_don_t_see_each_other(self, floor: Floor) -> None:
        run = floor.ended(floor.start(over(both(), end("${steps.both}")), {"items": [1, 2]}))
        assert floor.output(run) == {"left": {"x": 1.0}, "right": 2}
        assert [floor.paths(child) for child in children(run)] == [["left/one"], ["right/two", "right/three"]]

    @pytest.mark.parametrize(("join", "needed"), [("any", 1), (2, 2), ("all", 3)])
    def test_enough_arms_are_done_and_the_others_cancelled(self, floor: Floor, join: Any, needed: int) -> None:
        arms = [{"id": f"arm{n}", "body": [person(f"ask{n}", f"said{n}"), put(f"said{n}", {"n": n})]} for n in range(3)]
        flow = over({"id": "both", "type": "parallel", "join": join, "branches": arms, "next": "done"}, end("${steps.both}"))
        run = floor.start(flow, {"items": []})
        for done in range(needed):
            parent = floor.until(run, asking(3 - done))
            answer(floor, parent)
        parent = floor.ended(run)
        assert floor.output(parent) == {f"arm{n}": {"n": n} for n in range(needed)}
        assert [child.status for child in children(parent)] == ["succeeded"] * needed + ["cancelled"] * (3 - needed)
        sentence = floor.records(parent)[0]["decision"]["sentence"]
        if join == "all":
            assert sentence == "All 3 arms were done. Went on to Done."
            return
        told = floor.records(children(parent)[2])[-1]["decision"]["sentence"]
        assert told == "The run was cancelled: enough arms of Both were done."
        assert f"{needed} of 3 arms were done, {3 - needed} cancelled." in sentence

    def test_an_arm_that_fails_fails_it_and_stops_the_others(self, floor: Floor) -> None:
        bad = put("bad", {"n": "${run.input.items[5]}"})
        arms = [{"id": "waits", "body": [person("ask")]}, {"id": "fails", "title": "Hopeless", "body": [bad]}]
        catch = [{"errors": ["*"], "to": "caught"}]
        flow = over(
            {"id": "both", "type": "parallel", "branches": arms, "catch": catch, "next": "done"},
            put("caught", {"e": "${error.message}"}, next="done"),
            end(),
        )
        run = floor.ended(floor.start(flow, {"items": []}))
        assert [child.status for child in children(run)] == ["cancelled", "failed"]
        assert floor.records(run)[1]["output"]["e"].startswith("Hopeless: ")


class TestStopping:
    def test_a_run_that_is_cancelled_stops_its_children_first(self, floor: Floor) -> None:
        arms = [
            {"id": "deep", "body": [each(person("ask"), over="${[1, 2, 3]}", next=None, concurrency=2)]},
            {"id": "flat", "body": [person("other")]},
        ]
        flow = over({"id": "both", "type": "parallel", "branches": arms, "next": "done"}, end())
        run = floor.start(flow, {"items": []})
        floor.until(run, lambda found: Run.objects.filter(wait="person").count() == 3)
        runs.cancel(run=run, by="olga", reason="a mistake")
        parent = floor.ended(run)
        assert (parent.status, floor.records(parent)[-1]["decision"]["sentence"]) == (
            "cancelled",
            "olga cancelled the run: a mistake.",
        )
        assert set(Run.objects.values_list("status", flat=True)) == {"cancelled"}


def both() -> dict[str, Any]:
    left = {"id": "left", "body": [put("one", {"x": "${run.input.items[0]}"})]}
    right = {"id": "right", "body": [put("two", {"y": 2}, next="three"), put("three", {"z": 1})], "output": "${steps.two.y}"}
    return {"id": "both", "type": "parallel", "branches": [left, right], "next": "done"}


def person(id: str, to: str = "continue") -> dict[str, Any]:
    actions = [{"id": "go", "label": "Go", "to": to}]
    return {"id": id, "type": "human", "deadline": "1d", "on_deadline": to, "actions": actions}


def waiting(run: Run) -> int:
    """How many of its children wait for a person."""
    return Run.objects.filter(parent=run, wait="person").count()


def asking(many: int) -> Callable[[Run], bool]:
    """Whether so many of its children wait for a person, and it for them."""
    return lambda run: run.wait == "children" and waiting(run) == many


def answer(floor: Floor, run: Run) -> None:
    """What the first of those waits for."""
    child = Run.objects.filter(parent=run, wait="person").order_by("index")[0]
    resolve.resolve(escalation=floor.escalation(child).id, action="go", values={}, by="olga")


class TestCalledWorkflows:
    def called(self, **takes: Any) -> None:
        double = put("double", {"n": "${run.input.n * 2.0}"}, next="which")
        cases = [{"when": "run.input.n > 99.0", "to": "lost"}, {"when": "run.input.n < 0.0", "to": "odd"}]
        steps = [double, {"id": "which", "type": "branch", "cases": cases, "default": "done"}]
        inner = workflow(
            *steps,
            end({"twice": "${steps.double.n}"}),
            end(id="lost", outcome="bad"),
            end(id="odd", outcome="fine"),
            id="inner",
            models={},
        )
        inner["input"] = {"type": "object", "required": ["n"], "properties": {"n": {"type": "number", **takes}}}
        inner["outcomes"]["good"]["output"] = {
            "type": "object",
            "required": ["twice"],
            "properties": {"twice": {"type": "number"}},
        }
        inner["outcomes"]["fine"] = {"kind": "success", "title": "Good enough"}
        inner["outcomes"]["bad"]["title"] = "Refused"
        publish(inner)

    def flow(self, n: str = "${run.input.n}", **more: Any) -> dict[str, Any]:
        call = {"id": "ask", "type": "workflow", "workflow": "inner@1", "input": {"n": n}, "next": "done"}
        caught = put("caught", {"code": "${error.code}", "why": "${error.message}"}, next="done")
        return workflow({**call, "catch": [{"errors": ["*"], "to": "caught"}]}, caught, end(), models={}, **more)

    def test_one_gives_its_outcome_and_output(self, floor: Floor) -> None:
        self.called()
        flow = self.flow()
        flow["steps"][-1]["output"] = {"it": "${has(steps.ask) ? steps.ask : null}"}
        for n, gave in ((4, {"outcome": "good", "output": {"twice": 8.0}}), (-1, {"outcome": "fine", "output": {}})):
            run = floor.ended(floor.start(flow, {"n": n}))
            assert floor.output(run) == {"it": gave}
        (child,) = children(run)
        assert (child.workflow_id, child.version.number, child.index, unpack_all([child.input])) == ("inner", 1, 0, [{"n": -1.0}])
        assert floor.records(run)[0]["decision"]["sentence"] == "inner@1 ended as Good enough. Went on to Done."
        assert floor.records(run)[0]["input"] == {"n": -1.0}

    def test_one_that_fails_is_caught(self, floor: Floor) -> None:
        self.called()
        flow = self.flow()
        run = floor.ended(floor.start(flow, {"n": 100}))
        assert floor.records(run)[1]["output"] == {"code": "tool_error", "why": "inner@1: it ended as Refused"}

    def test_one_that_is_retired_is_called_no_more_and_what_is_under_way_goes_on(self, floor: Floor) -> None:
        flow = self.flow()
        asks = factories.asking("inner", input={"type": "object"})
        asks["steps"][0]["values"] = {"text": "Good day"}
        publish(asks)
        under_way = floor.start(flow, {"n": 1})
        floor.until(under_way, lambda _: Escalation.objects.exists())
        retiring.retire(workflow="inner", reason="use outer", by="dora")
        (asked,) = Escalation.objects.all()
        resolve.resolve(escalation=asked.id, action="drop", values={}, by="otto")
        assert floor.paths(floor.ended(under_way)) == ["ask", "caught", "done"], (
            "its child came to its own end, which is no good one"
        )
        with pytest.raises(Refused, match=r"dora retired inner on .*: use outer\. Call another workflow, or have it taken back"):
            publish({**flow, "title": "Anew"})
        called = {"workflow": flow["id"], "input": {"n": 1, "text": "x"}, "by": "otto"}
        caught = floor.ended(runs.start(**called))
        told = floor.records(caught)[1]["output"]
        assert told["code"] == "refused"
        assert re.fullmatch(r"dora retired inner on .* 20\d\d: use outer\. Publish a version that calls .*", told["why"])
        retiring.reinstate(workflow="inner", by="dora")
        assert floor.until(runs.start(**called), lambda found: found.wait == "children").status == "waiting"

    def test_one_that_is_given_what_it_does_not_take_is_not_begun(self, floor: Floor) -> None:
        """What the proof can't see: a number that is too large for it."""
        self.called(maximum=9)
        run = floor.ended(floor.start(self.flow(), {"n": 10}))
        why = "the input does not meet the step's contract: input.n: must be at most 9; it is 10.0"
        assert floor.records(run)[1]["output"] == {"code": "refused", "why": why}
        assert children(run) == []

    def test_one_that_meets_a_limit_of_its_own_deals_with_it_by_itself(self, floor: Floor) -> None:
        steps = [put("a", {"x": 1}, next="b"), put("b", {"x": 2}, next="late"), put("late", {"x": 3}, next="done"), end()]
        inner = workflow(*steps, id="inner", models={}, limits={"steps": 1, "on_breach": "late"})
        inner["input"] = {"type": "object"}
        publish(inner)
        run = floor.ended(floor.start({**self.flow(), "limits": {"steps": 90, "on_breach": "caught"}}, {"n": 1}))
        assert floor.paths(children(run)[0]) == ["a", "b", "late", "done"]
        assert floor.paths(run) == ["ask", "done"]

    def test_what_it_takes_and_that_it_is_there_is_proved(self, db: None) -> None:
        self.called()
        flow = self.flow(n="${run.input.text}")
        flow["steps"].insert(1, {**flow["steps"][0], "id": "other", "workflow": "inner@2"})
        found = [
            (problem.code, problem.path)
            for problem in workflows.check(source.write(flow)).problems
            if problem.severity == "error"
        ]
        assert found == [("not_assignable", "steps[0].input"), ("unknown_workflow", "steps[1].workflow")]
