"""A run that a limit or a person ended amid its child runs says on its page what there was to be, and where it was."""

import pytest
from django.test import Client

from orchestration.acts import runs as acts
from orchestration.models import Run
from tests.engine.conftest import Floor, floor, server  # noqa: F401  (fixtures)
from tests.engine.publishing import end
from tests.engine.test_children import asking, each, over, person, put
from tests.engine.test_limits_of_a_tree import spent
from tests.web.test_run_pages import text

pytestmark = pytest.mark.any_database
FIVE = {"items": [1, 2, 3, 4, 5]}


def page(who: Client, run: Run, rest: str = "") -> str:
    return text(who.get(f"/runs/{run.id}/{rest}"))


def test_a_limit_that_is_met_leaves_no_item_out(as_viewer: Client, floor: Floor) -> None:  # noqa: F811
    two = (put("a", {"x": "${item}"}, next="b"), put("b", {"x": "${item}"}))
    flow = over(
        each(*two, title="Each", concurrency=2),
        end(),
        {"id": "over", "type": "end", "outcome": "bad"},
        outcomes={"good": {"kind": "success"}, "bad": {"kind": "failure"}},
        limits={"steps": 5, "on_breach": "over"},
    )
    run = floor.ended(floor.start(flow, FIVE, proven=False))
    assert [record["type"] for record in floor.records(run)] == ["limit", "end"]
    begun = Run.objects.filter(parent=run).count()
    assert 0 < begun < 5 and spent(run)["steps"] > 2
    met = page(as_viewer, run, "?seq=1")
    assert f"5 items {begun} begun" in met
    assert "Input A list of 5 items, of which those that were begun stand with their runs." in met
    assert f"Steps {spent(run)['steps']} with 0 calls, those of its child runs too" in met
    assert "Each Failed" in met.partition("Outline")[2]
    assert ", visit " not in page(as_viewer, run, "?seq=2")


def test_so_does_one_that_a_person_cancels(as_viewer: Client, floor: Floor) -> None:  # noqa: F811
    run = floor.start(over(each(person("ask"), title="Each", concurrency=2), end()), {"items": [1, 2, 3, 4, 5, 6]})
    floor.until(run, asking(2))
    acts.cancel(run=run, by="otto", reason="a mistake")
    seen = page(as_viewer, floor.ended(run))
    assert "6 items 2 begun" in seen
    assert "Input A list of 6 items" in seen
    assert "those of its child runs too" in seen
    assert "Each Cancelled" in seen.partition("Outline")[2]
