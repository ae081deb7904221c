"""What the page of a run says of child runs that have not begun, and of how many it needs."""

from typing import Any

import pytest
from django.test import Client

from orchestration.acts import events, runs
from orchestration.models import Escalation, Run
from tests.engine.conftest import Floor, floor, server  # noqa: F401  (fixtures)
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_children import asking, person, put
from tests.web.test_run_pages import text

pytestmark = pytest.mark.any_database
ROUNDS = {
    "id": "rounds", "type": "loop", "max": 20, "body": [put("t", {"x": 1})], "carry": {"n": 0},
    "update": {"n": "${carry.n + 1}"}, "until": "carry.n > 0", "on_exhausted": "continue",
}  # fmt: skip


def begun(floor: Floor, fan: dict[str, Any], many: int, **keys: Any) -> str:  # noqa: F811
    """A run that waits, and so many of its child runs for a person."""
    publish(workflow(fan | {"next": "done"}, end(), models={}, **keys))
    run = runs.start(workflow="sample", input={"text": "x", "n": 0}, by="otto")
    floor.until(run, asking(many))
    return run


def test_they_wait_for_room_under_a_limit_or_for_their_turn(as_viewer: Client, floor: Floor) -> None:  # noqa: F811
    items = {"id": "each", "type": "map", "over": "${[1, 2, 3, 4]}", "max_items": 4, "body": [person("ask", "rounds"), ROUNDS]}
    run = begun(floor, items, 1, limits={"steps": 30, "on_breach": "done"})
    page, lanes = text(as_viewer.get(f"/runs/{run}/")), {"HTTP_HX_REQUEST": "true", "HTTP_HX_TARGET": "lanes"}
    assert "Waits for 4 of 4 items. A person is asked in 1, and 3 wait for room under the limit on steps." in page
    assert "4 items 1 begun, 3 wait for room under the limit on steps" in page
    assert "1 begun, 3 wait for room" in text(as_viewer.get(f"/runs/{run}/", **lanes))
    run = begun(floor, items | {"concurrency": 3}, 3, limits={"steps": 100, "on_breach": "done"})
    page = text(as_viewer.get(f"/runs/{run}/"))
    assert "4 items 3 begun, at most 3 at once" in page
    assert "wait for room" not in page


def test_of_arms_it_waits_for_as_many_as_are_enough(as_viewer: Client, floor: Floor) -> None:  # noqa: F811
    waits = {"type": "wait", "deadline": "1d", "on_deadline": "continue"}
    names = ("left", "mid", "right")
    arms = [{"id": name, "body": [{"id": f"on_{name}", "event": f"at.{name}", **waits}]} for name in names]
    for join, said in (("any", "any 1 of 3 arms"), (2, "any 2 of 3 arms"), ("all", "3 of 3 arms"), (3, "3 of 3 arms")):
        publish(workflow({"id": "both", "type": "parallel", "join": join, "branches": arms, "next": "done"}, end(), models={}))
        run = runs.start(workflow="sample", input={"text": "x", "n": 0}, by="otto")
        floor.until(run, lambda found: found.wait == "children" and Run.objects.filter(parent=found, wait="event").count() == 3)
        assert f"Waits for {said}." in text(as_viewer.get(f"/runs/{run}/"))
        assert f"Waiting for {said}" in text(as_viewer.get("/runs/?status=waiting"))
        if join == 2:
            events.send(name="at.mid", payload=None, by="otto")
            floor.until(run, lambda found: found.wait == "children" and '"done":1' in found.position)
            assert "Waits for any 1 of 3 arms." in text(as_viewer.get(f"/runs/{run}/"))
        runs.cancel(run=run, by="otto")
        floor.ended(run)


def test_an_arm_that_is_to_listen_says_that_there_is_no_room_for_it(as_viewer: Client, floor: Floor) -> None:  # noqa: F811
    listens = {"id": "withdrawn", "type": "wait", "event": "order.withdrawn", "deadline": "9d", "on_deadline": "continue"}
    arms = [{"id": "region", "body": [person("decide", "rounds"), ROUNDS]}, {"id": "withdrawal", "body": [listens]}]
    work = {"id": "work", "type": "parallel", "join": "any", "branches": arms}
    run = begun(floor, work, 1, limits={"steps": 20, "on_breach": "done"})
    page = text(as_viewer.get(f"/runs/{run}/"))
    assert "Waits for any 1 of 2 arms. A person is asked in 1, and 1 waits for room under the limit on steps." in page
    assert Escalation.objects.count() == 1
