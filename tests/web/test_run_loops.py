"""The card of a decision in a loop: the step's own way beside the loop's rule, who updated the carry, and all of its progress."""

from typing import Any

import pytest
from django.test import Client

from orchestration.acts import runs
from orchestration.models import Run
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
