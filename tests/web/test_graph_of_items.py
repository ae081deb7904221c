"""The graph of a run whose maps and parallels have child runs: how many stand how at each step inside, and what ways any took."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestration.acts.resolve import resolve
from orchestration.models import Escalation, Run
from tests import fans
from tests.engine.conftest import Floor, floor, server  # noqa: F401  (fixtures)
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_wait_meetings import explained
from tests.web.test_lanes import MIXED

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def _drawn(client: Client, run: str) -> tuple[dict[str, Any], list[list[str]]]:
    """(what is said of each step by id, the ways taken)."""
    answer = client.get(f"/runs/{run}/graph/").json()
    return {step["id"]: step["ran"] for step in answer["steps"]}, answer["visited"]


def _counts(ran: dict[str, Any] | None) -> dict[str, int] | str | None:
    """How many stand how; of one alone how it does."""
    return ran and ({item["word"]: item["number"] for item in ran["items"]} or ran["word"])


def test_each_step_of_a_map_says_how_many_items_stand_how_there_and_lights_the_ways_that_any_took(as_viewer: Client) -> None:
    run = fans.waiting(12, MIXED)
    fans.recorded(run)
    ran, ways = _drawn(as_viewer, run.id)
    assert list(ran["each"]["items"][0].items()) == [("word", "Failed"), ("icon", "failed"), ("tone", "bad"), ("number", 2)]
    assert ran["each"]["said"] == "2 failed, 2 waiting for a person, 1 running, 1 waiting, 3 done and 1 cancelled"
    assert _counts(ran["way"]) == {"Running": 1, "Waiting": 1, "Done": 8}
    assert _counts(ran["ask"]) == {"Waiting for a person": 2}
    assert _counts(ran["seen"]) == {"Failed": 2, "Done": 3}
    assert {step: (ran[step]["tone"], ran[step]["select"], ran[step]["lanes"]) for step in ("way", "ask", "seen")} == {
        "way": ("live", "open", "live"), "ask": ("person", "open", "person"), "seen": ("bad", "open", "failed"),
    }  # fmt: skip
    assert ran["done"] is None
    taken = [["way", "ask", "cases[0].to"], ["way", "seen", "default"], ["seen", "continue", ""], ["each", "way", "start"]]
    assert [way for way in ways if way[0] in ("way", "ask", "seen", "each")] == sorted(taken)
    Run.objects.filter(parent=run, status="succeeded").update(status="failed")
    fans.recorded(run)
    ran, ways = _drawn(as_viewer, run.id)
    assert _counts(ran["seen"]) == {"Failed": 5}
    assert ["seen", "continue", ""] not in ways, "no item was done"


@pytest.mark.parametrize("many", [500, 2_000])
def test_that_costs_the_same_queries_however_many_items_there_are(as_viewer: Client, many: int) -> None:
    run = fans.waiting(many, [MIXED[number % len(MIXED)] for number in range(many)])
    fans.recorded(run)
    as_viewer.get(f"/runs/{run.id}/graph/")
    with CaptureQueriesContext(connection) as made:
        ran, _ = _drawn(as_viewer, run.id)
    assert len(made) == 17
    assert _counts(ran["seen"]) == {"Failed": many // 5, "Done": many // 10 * 3}
    grouped = [query["sql"] for query in made if "RECURSIVE family" in query["sql"]]
    assert len(grouped) == 3
    if many > 1_000 and connection.vendor == "sqlite":
        for plan in map(explained, grouped):
            assert "SEARCH run USING INDEX sqlite_autoindex_orchestration_run_2 (parent_id=?)" in plan, (
                "one look for each of them"
            )
            assert "SCAN orchestration_" not in plan and "SCAN U0" not in plan and "SCAN V0" not in plan


def _deep() -> dict[str, Any]:
    """Items that ask a person in a loop of their own, call a workflow with a step of the same name, and run arms of which one may
    fail; and a carry that is too large to stand in its row."""
    form = {"type": "object", "properties": {}}
    act = {"id": "yes", "label": "Yes", "to": "continue"}
    ask = {
        "id": "ask",
        "type": "human",
        "title": "Again?",
        "show": {"Item": "${item}"},
        "queue": "desk",
        "form": form,
        "actions": [act],
        "deadline": "2d",
        "on_deadline": "continue",
    }
    again = {
        "id": "again", "type": "loop", "max": 2, "carry": {"text": "${run.input.text}"}, "until": "iter.index > 5",
        "body": [ask], "next": "both", "on_exhausted": "both",
    }  # fmt: skip
    way = {"id": "way", "type": "branch", "cases": [{"when": "item == 'odd'", "to": "again"}], "default": "both"}
    left = {"id": "left", "body": [{"id": "one", "type": "set", "values": {"n": 1}}]}
    right = {"id": "right", "body": [{"id": "two", "type": "set", "values": {"n": "${1 / (item == 'broken' ? 0 : 1)}"}}]}
    both = {
        "id": "both", "type": "parallel", "branches": [left, right], "catch": [{"errors": ["*"], "to": "call"}], "next": "call",
    }  # fmt: skip
    call = {"id": "call", "type": "workflow", "workflow": "inner@1", "input": {"text": "x", "n": 1}}
    each = {
        "id": "each", "type": "map", "over": "${['plain', 'odd', 'broken']}", "max_items": 3, "on_item_error": "skip",
        "body": [way, again, both, call], "next": "done",
    }  # fmt: skip
    return workflow(each, end(), id="deep")


def test_what_is_deeper_inside_is_counted_too_and_each_item_once(as_viewer: Client, floor: Floor) -> None:  # noqa: F811
    publish(workflow({"id": "way", "type": "set", "values": {"n": 1}, "next": "done"}, end(), id="inner"))
    run = floor.start(_deep(), {"text": "long " * 1_000})

    def asks(round: int) -> None:
        place = f"each[1]/again[{round}]/ask"
        floor.until(run, lambda _: Run.objects.filter(parent=run, ended__isnull=False).count() == 2)
        floor.until(run, lambda _: Escalation.objects.filter(status="open", path=place).exists())
        floor.until(run, lambda _: Run.objects.filter(parent=run, wait="person", place=place).exists())

    asks(1)
    assert Run.objects.get(parent=run, wait="person").position.startswith("@")
    ran, ways = _drawn(as_viewer, run)
    counts = {step: _counts(found) for step, found in ran.items()}
    assert counts == {
        "each": {"Waiting for a person": 1, "Done": 2}, "way": {"Done": 3}, "again": "Waiting for a person",
        "ask": "Waiting for a person", "both": {"Failed": 1, "Done": 1}, "left": None, "one": {"Done": 2}, "right": None,
        "two": {"Failed": 1, "Done": 1}, "call": {"Done": 2}, "done": None,
    }  # fmt: skip
    assert (ran["both"]["lanes"], ran["two"]["lanes"], ran["ask"]["lanes"]) == ("", "", "person"), "no item has failed"
    assert [way for way in ways if way[0] in ("each", "again", "both", "right", "two")] == [
        ["again", "ask", "start"], ["both", "call", "catch[0].to"], ["both", "call", "next"], ["each", "way", "start"],
        ["right", "two", "start"], ["two", "continue", ""],
    ]  # fmt: skip
    resolve(escalation=Escalation.objects.get(status="open").id, action="yes", values={}, by="otto")
    asks(2)
    ran, ways = _drawn(as_viewer, run)
    assert [_counts(ran[step]) for step in ("way", "again", "ask")] == [{"Done": 3}, *["Waiting for a person"] * 2]
    resolve(escalation=Escalation.objects.get(status="open").id, action="yes", values={}, by="otto")
    floor.ended(run)
    ran, ways = _drawn(as_viewer, run)
    assert [_counts(ran[step]) for step in ("each", "again", "ask", "both")] == [
        {"Done": 3}, "Done", "Done", {"Failed": 1, "Done": 2},
    ]  # fmt: skip
    assert {ran[step]["select"] for step in ("each", "ask", "two")} == {"1"}
    child = Run.objects.get(parent=run, index=2)
    ran, ways = _drawn(as_viewer, child.id)
    assert {step: _counts({"items": [], **found}) for step, found in ran.items() if found} == {
        "way": "Decided", "both": {"Failed": 1, "Done": 1}, "one": "Done", "two": "Failed", "call": "Done",
    }  # fmt: skip
    assert (ran["two"]["lanes"], ["two", "continue", ""] in ways) == ("failed", False)
