"""Waits for events and moments, on a real engine: what continues a run, what is kept, and what its record says of it."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from orchestration import fsck
from orchestration.acts import events, runs
from orchestration.core.errors import Refused
from orchestration.core.moment import written
from orchestration.models import Act, Event, Run, StepRecord
from orchestration.record import events as writing
from orchestration.record.clock import database_now
from orchestration.record.pack import unpack_all
from tests import database
from tests.corpora import events as bad
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow

PAID = {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}


def wait(id: str = "pay", **keys: Any) -> dict[str, Any]:
    """For `paid`, told apart by the run's text."""
    if "until" not in keys:
        keys = {"event": "paid", "correlation": "${run.input.text}", "deadline": "1d", "on_deadline": "late", **keys}
    return {"id": id, "type": "wait", "next": "done", **keys}


def paying(*steps: dict[str, Any], **keys: Any) -> dict[str, Any]:
    """Waits for what was paid, and ends with it."""
    first = steps or (wait(output=PAID, catch=[{"errors": ["invalid_output"], "to": "odd"}], **keys),)
    ends = end({"amount": "${steps.pay.amount}"}), end(id="late", outcome="late"), end({"why": "${error.message}"}, "odd", "bad")
    outcomes = {"good": {"kind": "success"}, "late": {"kind": "failure"}, "bad": {"kind": "failure"}}
    used = [each for each in ends if each["id"] in str(first)]
    outcomes = {name: kind for name, kind in outcomes.items() if name == "bad" or name in str(used)}
    return workflow(*first, *used, outcomes=outcomes, models={})


def pay(correlation: Any = "x", amount: Any = 5.0, **keys: Any) -> dict[str, Any]:
    return events.send(name="paid", correlation=correlation, payload={"amount": amount}, by="shop", **keys)


def kept() -> int:
    return Event.objects.filter(run=None).count()


class TestAnEvent:
    def test_continues_the_run_that_waits_for_it_and_stands_with_the_record(self, floor: Floor) -> None:
        run = floor.run(paying())
        assert (run.status, run.wait, run.awaits, run.place) == ("waiting", "event", 'paid "x"', "pay")
        assert run.due is not None and run.since is not None and run.due - run.since == timedelta(days=1)
        sent = pay()
        assert sent == {"id": sent["id"], "run": run.id, "kept_until": None}
        ended = floor.ended(run.id)
        assert (ended.outcome, floor.output(ended)) == ("good", {"amount": 5.0})
        [took, _] = floor.records(ended)
        assert took["input"] == {"event": "paid", "correlation": "x"}
        assert (took["output"], took["actor"], took["started"]) == ({"amount": 5.0}, "shop", run.since)
        event = Event.objects.get()
        found = took["result"]["event"]
        assert (found["id"], found["by"], found["received"]) == (event.id, "shop", written(event.received))
        assert (event.run_id, event.seq) == (run.id, 1)
        assert took["decision"]["rule"] == "steps[0].next"
        assert took["decision"]["sentence"] == "Went on to Done because paid came, as soon as it began to wait."
        assert [operand["path"] for operand in took["decision"]["because"]] == ["event", "correlation"]
        assert (ended.awaits, ended.since) == ("", None)

    def test_that_comes_before_anyone_waits_is_kept_and_taken_by_the_first_who_does(self, floor: Floor) -> None:
        first = pay()
        assert first["run"] is None and first["kept_until"] is not None
        pay(amount=6.0)
        pay("y")
        run = floor.run(paying())
        assert floor.output(run) == {"amount": 5.0}, "the oldest first"
        assert floor.records(run)[0]["result"]["event"]["waited"] < 0
        assert "had come already" in floor.records(run)[0]["decision"]["sentence"]
        assert floor.output(floor.another(run)) == {"amount": 6.0}
        assert floor.another(run).status == "waiting"
        assert kept() == 1

    def test_continues_one_run_that_which_has_waited_longest(self, floor: Floor) -> None:
        first = floor.run(paying())
        second, third = floor.another(first), floor.another(first)
        assert [pay()["run"] for _ in range(4)] == [first.id, second.id, third.id, None]
        assert {floor.ended(run.id).outcome for run in (first, second, third)} == {"good"}

    def test_is_taken_by_one_of_two_waits_in_a_row_for_the_same(self, floor: Floor) -> None:
        first, second = wait("first", next="pay"), wait(output=PAID)
        pay(amount=1.0)
        run = floor.run(paying(first, second))
        assert (run.status, run.place, kept()) == ("waiting", "pay", 0)
        assert pay(amount=2.0)["run"] == run.id
        assert floor.output(floor.ended(run.id)) == {"amount": 2.0}
        pay(amount=3.0)
        pay(amount=4.0)
        assert floor.output(floor.another(run)) == {"amount": 4.0}

    def test_of_another_name_or_correlation_or_kind_is_for_somebody_else(self, floor: Floor) -> None:
        run = floor.run(paying(wait(correlation="${run.input.n}", output=PAID)), {"n": 42})
        assert run.awaits == "paid 42"
        others: tuple[Any, ...] = ("42", 43, True, None)
        assert {pay(other)["run"] for other in others} == {None}
        assert events.send(name="paid.back", correlation=42, payload={}, by="shop")["run"] is None
        assert pay(42.0)["run"] == run.id, "a number is what it is worth"
        floor.ended(run.id)

    def test_that_was_sent_before_gets_the_same_answer_and_is_one(self, floor: Floor) -> None:
        run = floor.run(paying())
        sent = pay(idempotency="k1")
        floor.ended(run.id)
        assert pay(idempotency="k1") == sent
        assert Event.objects.count() == 1
        with pytest.raises(Refused, match="came before"):
            pay(amount=6.0, idempotency="k1")
        assert Act.objects.filter(subject=f"event:{sent['id']}").count() == 1

    def test_that_comes_too_late_is_kept_like_any_other(self, timed: Floor) -> None:
        run = timed.run(paying())
        timed.advance(2 * 86_400)
        ended = timed.ended(run.id)
        assert ended.outcome == "late"
        [record, _] = timed.records(ended)
        assert record["decision"]["sentence"] == "Went to Late because paid had not come after 1 day."
        assert record["result"]["error"]["code"] == "timeout"
        assert pay()["run"] is None
        assert (kept(), Event.objects.get().seq) == (1, None)

    def test_that_breaks_the_contract_is_the_failure_of_the_step_and_shown(self, floor: Floor) -> None:
        run = floor.run(paying())
        assert pay(amount="five")["run"] == run.id
        ended = floor.ended(run.id)
        record = floor.records(ended)[0]
        assert (ended.outcome, record["result"]["kind"], record["decision"]["to"]) == ("bad", "invalid", "odd")
        assert record["output"] == {"amount": "five"}
        assert record["result"]["event"]["by"] == "shop"
        assert record["scope"] is None, "nobody reads it"
        assert Event.objects.get().seq == 1

    def test_nobody_takes_one_that_was_kept_for_too_long(self, floor: Floor) -> None:
        pay()
        Event.objects.update(received=database_now() - writing.KEPT - timedelta(minutes=1))
        assert floor.run(paying()).status == "waiting"

    def test_keeps_what_no_store_can_keep_mended_and_says_where(self, floor: Floor) -> None:
        run = floor.run(workflow(wait(), end("${steps.pay}"), end(id="late", outcome="bad"), models={}))
        events.send(name="paid", correlation="x", payload={"name": "a\x00b", "n": 2.0}, by="shop")
        ended = floor.ended(run.id)
        assert floor.output(ended) == {"name": "a\ufffdb", "n": 2.0}
        assert floor.records(ended)[0]["result"]["mended"] == ["output.name"]

    @pytest.mark.parametrize(
        ("sent", "path"),
        [
            ({"name": ""}, "name"),
            ({"name": "a b"}, "name"),
            ({"name": "x" * 101}, "name"),
            ({"correlation": ["x"]}, "correlation"),
            ({"correlation": "x" * 600}, "correlation"),
        ],
    )
    def test_is_refused_where_it_could_be_for_nobody(self, db: None, sent: dict[str, Any], path: str) -> None:
        with pytest.raises(Refused) as refused:
            events.send(**{"name": "paid", "payload": {}, "by": "shop", **sent})
        assert [problem.path for problem in refused.value.problems] == [path]
        assert not Event.objects.exists()

    @pytest.mark.parametrize("which", ["a list", "an object", "501 letters"])
    def test_of_which_no_run_can_say_what_it_is_for_is_a_failure_of_the_step(self, floor: Floor, which: str) -> None:
        step = wait(correlation="${run.input.text}", catch=[{"errors": ["expression"], "to": "odd"}])
        steps = (step, end(), end(id="late", outcome="bad"), end("${error.message}", "odd", "bad"))
        run = floor.run(workflow(*steps, models={}, input={"type": "object"}), {"text": bad.CORRELATIONS[which][0]})
        assert (run.outcome, run.awaits) == ("bad", "")
        assert str(floor.output(run)).startswith("correlation: a correlation ")

    def test_and_a_run_that_missed_each_other_are_brought_together_by_a_sweep(self, floor: Floor) -> None:
        run = floor.run(paying())
        with patch.object(writing, "give", lambda *event: None):  # as where neither sees the other
            sent = pay()
        assert sent["run"] is None
        floor.engine.look()
        assert floor.ended(run.id).outcome == "good"


class TestAMoment:
    def test_that_has_passed_is_no_reason_to_wait(self, floor: Floor) -> None:
        run = floor.run(
            workflow(wait(until="${run.input.text}"), end("${steps.pay.until}"), models={}), {"text": "2020-02-29T08:00:00+01:00"}
        )
        assert (run.outcome, floor.output(run)) == ("good", "2020-02-29T07:00:00Z")
        assert floor.records(run)[0]["decision"]["sentence"] == "Went on to Done because 2020-02-29T07:00:00Z had come."

    def test_that_is_to_come_is_one_row_with_a_due_time(self, timed: Floor) -> None:
        run = timed.run(workflow(wait(until="30d"), end(), models={}))
        assert (run.status, run.wait, run.awaits) == ("waiting", "time", "")
        assert run.due is not None and run.since is not None and run.due - run.since == timedelta(days=30)
        timed.advance(29 * 86_400)
        assert Run.objects.get(id=run.id).status == "waiting"
        timed.advance(2 * 86_400)
        ended = timed.ended(run.id)
        [record, _] = timed.records(ended)
        assert record["input"] == record["output"] == {"until": written(run.due)}
        assert (record["started"], record["result"]) == (run.since, {"kind": "done"})

    def test_behind_the_deadline_is_not_waited_for(self, timed: Floor) -> None:
        step = wait(until="${run.input.n}", deadline="1h", on_deadline="late")
        run = timed.run(workflow(step, end(), end(id="late", outcome="bad"), models={}), {"n": 7200})
        assert run.due is not None and run.since is not None and run.due - run.since == timedelta(hours=1)
        timed.advance(3601)
        assert timed.ended(run.id).outcome == "bad"

    @pytest.mark.parametrize("given", ["tomorrow", "2026-01-31", "400d", "9999-01-01T00:00:00Z", "2026-02-30T00:00:00Z"])
    def test_that_is_none_or_too_far_is_a_failure_of_the_step(self, floor: Floor, given: str) -> None:
        steps = (
            wait(until="${run.input.text}", catch=[{"errors": ["expression"], "to": "odd"}]),
            end(),
            end("${error.message}", "odd", "bad"),
        )
        run = floor.run(workflow(*steps, models={}), {"text": given})
        assert run.outcome == "bad"
        assert str(floor.output(run)).startswith(f'until: "{given}" ')


class TestARunThatWaits:
    def test_can_be_cancelled_and_its_event_is_for_others_then(self, floor: Floor) -> None:
        run = floor.run(paying())
        assert runs.cancel(run=run.id, by="otto") == "cancelled"
        assert pay()["run"] is None
        ended = floor.ended(run.id)
        [record] = floor.records(ended)
        assert (record["type"], record["started"]) == ("cancel", run.since)
        assert (ended.awaits, ended.since) == ("", None)

    def test_waits_in_each_round_of_a_loop_for_the_rounds_own(self, floor: Floor) -> None:
        step = wait(correlation="${run.input.text + string(iter.index)}", output=PAID, on_deadline="break")
        del step["next"]
        loop = {
            "id": "rounds", "type": "loop", "max": 3, "body": [step], "carry": {"sum": 0.0},
            "update": {"sum": "${carry.sum + steps.pay.amount}"}, "next": "done",
        }  # fmt: skip
        pay("x3", 100.0)
        run = floor.run(workflow(loop, end("${steps.rounds.sum}"), models={}))
        assert (run.awaits, run.place) == ('paid "x1"', "rounds[1]/pay")
        assert pay("x1", 1.0)["run"] == run.id
        run = floor.until(run.id, lambda found: found.awaits == 'paid "x2"')
        pay("x2", 10.0)
        assert floor.output(floor.ended(run.id)) == 111.0

    def test_waits_in_the_child_runs_of_a_map_each_for_its_own(self, floor: Floor) -> None:
        step = wait(correlation="${run.input.text + string(item)}", output=PAID, on_deadline="continue")
        del step["next"]
        each = {"id": "each", "type": "map", "over": "${[1, 2]}", "max_items": 2, "body": [step], "next": "done"}
        definition = workflow(each, end("${size(steps.each)}"), models={})
        run = floor.start(definition)
        children = Run.objects.filter(parent=run).order_by("index")
        floor.until(run, lambda found: [child.awaits for child in children.all()] == ['paid "x1"', 'paid "x2"'])
        assert [pay(f"x{number}")["run"] for number in (2, 1)] == [child.id for child in reversed(children)]
        assert floor.output(floor.ended(run)) == 2
        told = floor.records(children[0])[0]["decision"]["sentence"]
        assert told.startswith("Ended the item because paid came, ") and told.endswith(". Item 1 of Each was done.")
        run = floor.start(definition)
        children = Run.objects.filter(parent=run, status="waiting")
        floor.until(run, lambda found: children.count() == 2)
        runs.cancel(run=run, by="otto")
        floor.until(run, lambda found: found.status == "cancelled" and not children.exists())
        assert pay("x1")["run"] is None

    def test_is_over_with_the_item_that_its_deadline_ends(self, timed: Floor) -> None:
        for step in (wait(on_deadline="continue"), wait(until="2d", deadline="1d", on_deadline="continue")):
            del step["next"]
            each = {"id": "each", "type": "map", "over": "${[1, 2]}", "max_items": 2, "body": [step], "next": "done"}
            run = timed.start(workflow(each, end("${steps.each}"), models={}))
            children = Run.objects.filter(parent=run)
            timed.until(run, lambda found, children=children: children.filter(status="waiting").count() == 2)
            timed.advance(25 * 3600)
            assert timed.output(timed.ended(run)) == [None, None]
            assert set(children.values_list("status", "seq")) == {("succeeded", 1)}

    def test_costs_nothing_while_it_waits(self, floor: Floor) -> None:
        run = floor.run(paying())
        before = Run.objects.values("revision", "fence").get(id=run.id)
        floor.engine.look()
        assert floor.another(run).status == "waiting"
        assert Run.objects.values("revision", "fence").get(id=run.id) == before
        assert unpack_all([run.spent])[0].get("steps", 0) == 0


BREAKS: dict[str, tuple[str, str, Any]] = {
    "an event that nobody has sent": ("I8", "nobody has sent it", lambda run: Act.objects.filter(verb="send").delete()),
    "an event that another record took": ("I6", "record 2 of ", lambda run: Event.objects.update(seq=2)),
    "an event that no record took": (
        "I6",
        "record None of None took it",
        lambda run: Event.objects.update(run=None, seq=None),
    ),
    "a record of an event that is not there": ("I6", "which is not there", lambda run: Event.objects.all().delete()),
    "two records of one event": (
        "I6",
        "step record 2 of ",
        lambda run: StepRecord.objects.filter(run=run, seq=2).update(**_same(run)),
    ),
    "a run that waits for what it was given": (
        "I4",
        "which waits for it still",
        lambda run: (
            Event.objects.update(seq=None),
            Run.objects.filter(id=run).update(awaits='paid "x"', status="waiting", ended=None, wait="event"),
        ),
    ),
}


def _same(run: str) -> dict[str, Any]:
    return {"type": "wait", "result": StepRecord.objects.get(run=run, seq=1).result}


@pytest.mark.parametrize("name", BREAKS)
def test_what_is_broken_about_an_event_is_found(floor: Floor, name: str) -> None:
    invariant, words, broken = BREAKS[name]
    run = floor.run(paying())
    pay()
    floor.ended(run.id)
    assert list(fsck.check()) == []
    broken(run.id)
    found = list(fsck.check())
    assert [finding for finding in found if finding.invariant == invariant and words in finding.message], found
    assert all(finding.row and finding.message for finding in found)
    Event.objects.all().delete()
    database.empty()
