"""The card of a decision in a loop: the step's own way beside the loop's rule, who updated the carry, and all of its progress."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from dashboard import run_view
from dashboard.run_view import Whole
from orchestration.acts import runs
from orchestration.models import Run
from orchestration.queries.course import Course, Visit
from tests import factories
from tests.engine.publishing import end, publish, workflow

pytestmark = pytest.mark.django_db


def looped() -> Run:
    look: dict[str, Any] = {
        "id": "look", "type": "branch", "title": "Look", "default": "continue",
        "cases": [{"when": "carry.n > 90.0", "to": "break", "label": "Far enough"}],
    }  # fmt: skip
    loop = {
        "id": "grow", "type": "loop", "max": 8, "carry": {"n": 0.0}, "update": {"n": "${carry.n + 2.0}"}, "progress": "carry.n",
        "until": "carry.n > 15.0", "body": [look], "next": "done", "on_exhausted": "done", "on_stalled": "done",
    }  # fmt: skip
    publish(workflow(loop, end(), models={}, input={"type": "object", "properties": {}}))
    return factories.move(Run.objects.get(id=runs.start(workflow="sample", input={}, by="otto")))


def test_the_steps_own_way_stands_beside_the_loops_rule(as_viewer: Client) -> None:
    run = looped()
    card = as_viewer.get(f"/runs/{run.id}/?seq=7").context["card"]
    assert (card.rule, card.via.rule) == ("steps[0].until", "steps[0].body[0].default")
    assert card.sentence == f"{card.via.sentence} " + (
        "Began round 8 of at most 8 of Grow because carry.n was 14 (not above 15); progress 8 → 10 → 12 → 14."
    )
    assert [(rule.label, rule.why) for rule in card.via.tried] == [("Far enough", "did not hold: carry.n was 12.0")]
    assert [(o.path, o.value, o.writer, o.seq) for o in card.via.operands] == [("carry.n", 12.0, "Look, round 6", 6)]
    assert [(o.path, o.value, o.writer, o.seq) for o in card.operands] == [("carry.n", 14.0, "Look, round 7", 7)]
    page = as_viewer.get(f"/runs/{run.id}/?seq=7").content.decode()
    assert page.count("What led to the end of the round") == 1
    assert page.index("What led to the end of the round") < page.index("What it rested on")
    first = as_viewer.get(f"/runs/{run.id}/?seq=1").context["card"]
    assert [(o.writer, o.seq) for o in first.via.operands] == [("the loop's carry", None)]


def test_progress_is_told_from_the_first_round_though_a_record_holds_the_last_five(as_viewer: Client) -> None:
    run = looped()
    for seq, rounds in ((7, 7), (9, 8)):
        card = as_viewer.get(f"/runs/{run.id}/?seq={seq}").context["card"]
        told = [(point.round, point.value) for point in card.series]
        assert told == [(number, f"{2 * number}") for number in range(1, rounds + 1)]


def visit(seq: int, path: str, begin: float, end: float, cost: int) -> Visit:
    at = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds) for seconds in (begin, end)]
    step = path.rpartition("/")[2].partition("[")[0]
    return Visit(seq, step, path, 1, "llm", "", None, *at, 0, 0, cost, "", "done", "", False, "", "")


def test_who_closes_others_stands_after_them_with_their_time_and_cost() -> None:
    visits = (
        visit(1, "sort/fallback.keywords", 1, 2, 0),
        visit(2, "sort", 0, 3, 5),
        visit(3, "refine[1]/draft/round.1", 3, 4, 10),
        visit(4, "refine[1]/draft/tool.1.0", 4, 6, 0),
        visit(5, "refine[1]/draft", 6, 6, 1),
        visit(6, "refine[2]/draft", 7, 9, 20),
        visit(7, "refine", 9, 9, 0),
        visit(8, "refine_more", 9, 10, 3),
    )
    found = run_view.wholes_of(Course(visits, (), (), 0, 0))
    assert found == {2: Whole(1, 3.0, 5), 5: Whole(2, 3.0, 11), 7: Whole(4, 5.0, 31)}
    cut = run_view.wholes_of(Course(visits[3:], (), (), 3, 0))
    assert cut == {}, "a sum of what is not all there would be wrong"


def test_the_path_and_the_visit_tell_the_whole(as_viewer: Client) -> None:
    run = looped()
    answer = as_viewer.get(f"/runs/{run.id}/?seq=9")
    closing = next(stop for stop in answer.context["stops"] if stop.title == "Grow")
    assert (closing.closes, answer.context["whole"].steps) == (8, 8)
    assert "8 steps above" in answer.content.decode() and "with the 8 steps in it" in answer.content.decode()


def test_from_what_is_under_way_the_keys_lead_back(as_viewer: Client) -> None:
    run = factories.asked().run
    page = as_viewer.get(f"/runs/{run.id}/").content.decode()
    assert f'data-key="k" href="/runs/{run.id}/?seq={run.seq}#chosen"' in page


def test_what_nothing_caught_shows_the_catches_that_were_tried(as_viewer: Client) -> None:
    step = {
        "id": "divide", "type": "set", "values": {"x": "${1 / (size(run.input.text) - 1)}"}, "next": "done",
        "catch": [{"errors": ["refused", "invalid_output"], "to": "done"}],
    }  # fmt: skip
    publish(workflow(step, end(), models={}))
    run = factories.move(Run.objects.get(id=runs.start(workflow="sample", input={"text": "x", "n": 1}, by="otto")))
    card = as_viewer.get(f"/runs/{run.id}/?seq=1").context["card"]
    assert [(rule.text, rule.why) for rule in card.tried] == [
        ("error.code in [refused, invalid_output]", 'did not hold: error.code was "expression"')
    ]
    assert [(o.path, o.value, o.writer) for o in card.operands][:1] == [("error.code", "expression", "the failed step")]
