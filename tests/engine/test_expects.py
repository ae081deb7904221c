"""What a step expects of what it is given, or reads, is checked before it does anything, whatever its type."""

from typing import Any

import pytest

from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow

SHORT = {
    "type": "object",
    "properties": {"run": {"type": "object", "properties": {"input": {"properties": {"text": {"maxLength": 3}}}}}},
}
SORRY = end({"why": "${error.code}", "where": "${error.step}"}, id="sorry")
CATCH = [{"errors": ["refused"], "to": "sorry"}]
TEXT = {"text": "${run.input.text}"}
ACTION = {"id": "ok", "label": "Fine", "to": "done"}
STEPS: dict[str, dict[str, Any]] = {
    "set": {"values": TEXT, "next": "done"},
    "branch": {"cases": [{"when": "run.input.text == 'x'", "to": "done"}], "default": "done"},
    "human": {"show": {"Text": "${run.input.text}"}, "actions": [ACTION], "deadline": "1d", "on_deadline": "done"},
    "loop": {"max": 2, "carry": TEXT, "body": [{"id": "b", "type": "set", "values": {}}], "next": "done"},
    "end": {"outcome": "good", "output": TEXT},
}


@pytest.mark.parametrize("type", STEPS)
def test_what_a_step_reads_is_checked_before_it_does_anything(floor: Floor, type: str) -> None:
    step = {"id": "a", "type": type, **STEPS[type], "expects": SHORT, "catch": CATCH}
    run = floor.run(workflow(step, end(), SORRY), {"text": "long"})
    assert floor.output(run) == {"why": "refused", "where": "a"}
    assert floor.paths(run) == ["a", "sorry"]
    record = floor.records(run)[0]
    assert record["result"]["error"]["problems"][0]["path"] == "input.run.input.text"
    assert "at most 3" in record["decision"]["sentence"]
    again = floor.run({**workflow(step, end(), SORRY), "id": "again"}, {"text": "abc"})
    assert again.status == ("waiting" if type == "human" else "succeeded")
    assert "sorry" not in floor.paths(again)


def test_what_a_step_need_not_read_is_none_of_its_expectations(floor: Floor) -> None:
    """After a caught failure there is an error in sight; a step that does not read it may still be closed to it."""
    closed = {"type": "object", "properties": {"run": {}, "steps": {}}, "additionalProperties": False}
    failing = {
        "id": "a",
        "type": "set",
        "values": TEXT,
        "expects": SHORT,
        "catch": [{"errors": ["*"], "to": "b"}],
        "next": "done",
    }
    after = {"id": "b", "type": "set", "values": TEXT, "expects": closed, "next": "done"}
    run = floor.run(workflow(failing, after, end()), {"text": "long"})
    assert (run.outcome, floor.paths(run)) == ("good", ["a", "b", "done"])
