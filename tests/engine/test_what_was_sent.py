"""`sent` of a failure: False where nothing left for the world, so that nobody looks for a trace of it there."""

import pytest

from orchestration.acts import events, retiring
from orchestration.models import Run
from orchestration.record.pack import unpack_all
from tests import factories
from tests.engine.conftest import Floor
from tests.engine.publishing import end, publish, workflow
from tests.engine.test_children import each, over, put
from tests.engine.test_runs import tool
from tests.servers import behaviours

pytestmark = pytest.mark.any_database
BROKEN = {"x": "${run.input.items[7]}"}
NUMBER = {"type": "object", "properties": {"n": {"type": "number", "maximum": 5}}}
CAUGHT = {"errors": ["*"], "to": "late"}
LATE = end(id="late", outcome="bad")
LIMIT = {"limits": {"steps": 1, "on_breach": "late"}}
FAILING = {
    "a value": over(put("a", BROKEN, next="done"), end()),
    "a contract": over(put("a", {"n": 7}, output=NUMBER, next="done"), end()),
    "a list": over(each(put("a", {}), over="${[1, run.input.items[7]]}"), end()),
    "an item": over(each(put("a", BROKEN)), end()),
    "too many": over(each(put("a", {}), max_items=1), end()),
    "a limit": over(put("a", {}, next="b"), put("b", {}, next="done"), end(), LATE, **LIMIT),
    "a workflow": over(
        {"id": "call", "type": "workflow", "workflow": "asking@1", "input": {"text": "x"}, "next": "done", "catch": [CAUGHT]},
        end(),
        LATE,
    ),
}


def errors(floor: Floor, run: Run) -> list[bool]:
    """Of its records that failed, and of itself, whether something was sent."""
    found = [record["result"].get("error") for record in floor.records(run)] + unpack_all([run.error])
    return [error["sent"] for error in found if error]


@pytest.mark.parametrize("name", FAILING)
def test_what_fails_without_a_call_sent_nothing(floor: Floor, name: str) -> None:
    publish(factories.asking())
    retiring.retire(workflow="asking", reason="use another", by="dora")
    run = floor.ended(floor.start(FAILING[name], {"items": [1, 2]}, proven=False))
    assert run.status == "failed" and set(errors(floor, run)) == {False}


def test_nor_did_an_event_that_breaks_its_contract_but_a_call_that_is_answered_did(floor: Floor) -> None:
    run = floor.start(factories.paying(), {"text": "o-1"})
    floor.until(run, lambda found: found.wait == "event")
    events.send(name="payment.received", correlation="o-1", payload={"amount": "much"}, by="shop")
    assert errors(floor, floor.ended(run)) == [False, False]
    step, tools = tool(floor)
    floor.server.script(behaviours.error(422), path="/tools/send")
    assert errors(floor, floor.run(workflow(step, end(), tools=tools))) == [True, True]
