"""What child runs give together: as much as it may be, and never more of it in memory than that."""

import tracemalloc
from typing import Any

import pytest

from orchestration.acts import runs
from orchestration.executor import children as closing
from orchestration.executor import family
from tests.engine.conftest import Floor
from tests.engine.publishing import end
from tests.engine.test_children import asking, children, each, over, person, put

ITEMS = {"type": "array", "items": {"type": "number"}}
GIVEN = {"type": "object", "required": ["items", "text"], "properties": {"items": ITEMS, "text": {"type": "string"}}}
SORRY = put("sorry", {"code": "${error.code}", "why": "${error.message}"}, next="late")


def heaped(giving: dict[str, Any], **more: Any) -> dict[str, Any]:
    catch = [{"errors": ["too_large"], "to": "sorry"}]
    steps = (each(giving, catch=catch, **more), SORRY, end("${steps.each}"), {**end("${steps.sorry}"), "id": "late"})
    return over(*steps, input=GIVEN)


def test_what_is_too_much_is_one_clear_failure_and_is_never_read(floor: Floor) -> None:
    many, long = 60, 200_000
    assert many * long > closing.MOST_OUTPUT
    flow = heaped(put("a", {"text": "${string(index) + run.input.text}"}), concurrency=1)
    tracemalloc.start()
    try:
        run = floor.ended(floor.start(flow, {"items": list(range(many)), "text": "x" * long}))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert floor.output(run) == {
        "code": "too_large",
        "why": "what they gave is longer than 10,000,000 characters; let `output` give less of each",
    }
    assert {child.status for child in children(run)} == {"succeeded"}
    assert peak < closing.MOST_OUTPUT


@pytest.mark.parametrize("how", ["skip", "collect"])
def test_what_is_not_is_read_some_at_a_time_each_as_often_as_it_is_there(
    floor: Floor, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(family, "MOST_COUNTED", 2)
    few = {"type": "object", "properties": {"n": {"type": "number", "exclusiveMaximum": 10}}}
    half = put("half", {"n": "${10.0 / item}", "text": "${run.input.text}"}, output=few)
    given, kept = {"items": [1, 2, 1, 1, 4, 5, 1], "text": "x" * 5_000}, [(1, 5.0), (4, 2.5), (5, 2.0)]
    for most, enough in ((16_000, True), (15_000, False)):
        monkeypatch.setattr(closing, "MOST_OUTPUT", most)
        output = floor.output(floor.ended(floor.start(heaped(half, on_item_error=how, need=0), given)))
        if not enough:
            assert output["code"] == "too_large"
        elif how == "skip":
            assert [item["n"] for item in output] == [n for _, n in kept]
        else:
            assert [item["index"] for item in output] == list(range(7))
            assert [(item["index"], item["value"]["n"]) for item in output if item["ok"]] == kept
            assert {item["error"]["code"] for item in output if not item["ok"]} == {"invalid_output"}


def test_an_item_that_somebody_cancelled_is_collected_as_one_that_failed(floor: Floor) -> None:
    run = floor.start(over(each(person("ask"), on_item_error="collect", need=0), end("${steps.each}")), {"items": [1]})
    (child,) = children(floor.until(run, asking(1)))
    runs.cancel(run=child.id, by="olga", reason="a mistake")
    assert floor.output(floor.ended(run)) == [
        {"index": 0, "ok": False, "error": {"code": "refused", "message": "it was cancelled"}}
    ]
    child.refresh_from_db()
    assert child.status == "cancelled"
