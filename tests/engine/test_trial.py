"""Trying one step: what it leaves behind, and what it may do to the world."""

import pytest

from orchestration import fsck
from orchestration.acts.trial import try_step
from orchestration.core.errors import Refused
from orchestration.models import Act, Call, Run, StepRecord
from orchestration.record.pack import unpack_all
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import tool


def tried() -> list[tuple[str, str, object]]:
    acts = Act.objects.filter(verb="try").order_by("number")
    return [(act.subject, act.by, unpack_all([act.detail])[0]) for act in acts]


def test_who_tried_what_is_on_record_and_nothing_else(floor: Floor) -> None:
    step, tools = tool(floor)
    definition = workflow(step, end(), tools=tools)
    found = try_step(definition=definition, step="send", input={"text": "hello"}, mocks=None, by="dora")
    assert found["result"] == {"kind": "done"}
    [(subject, by, detail)] = tried()
    assert (subject, by) == ("workflow:sample", "dora")
    assert isinstance(detail, dict)
    assert (detail["step"], detail["input"], detail["mocks"]) == ("send", {"text": "hello"}, {})
    assert not any(model.objects.exists() for model in (Run, Call, StepRecord))
    assert list(fsck.check()) == []


def test_it_is_on_record_before_anything_is_sent(floor: Floor) -> None:
    step, tools = tool(floor, effect="irreversible")
    with pytest.raises(Refused, match="not called in a trial"):
        try_step(definition=workflow(step, end(), tools=tools), step="send", input={}, by="dora")
    assert len(tried()) == 1
    assert floor.server.seen == []


def test_what_can_t_be_tried_leaves_nothing(floor: Floor) -> None:
    step, tools = tool(floor)
    with pytest.raises(Refused, match="A mock is either"):
        try_step(definition=workflow(step, end(), tools=tools), step="send", input={}, mocks={"send": {"x": 1}}, by="dora")
    assert tried() == []


def test_each_trial_is_a_call_of_its_own_to_an_idempotent_tool(floor: Floor) -> None:
    step, tools = tool(floor)
    for text in ("one", "two"):
        try_step(definition=workflow(step, end(), tools=tools), step="send", input={"text": text}, by="dora")
    assert [effect.body for effect in floor.server.ledger.effects] == ['{"text":"one"}', '{"text":"two"}']
