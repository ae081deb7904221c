"""The page for trying a step: what it opens with, what it says of answers, and of what it can't try."""

import re
from typing import Any

import pytest
from django.test import Client

from orchestration.acts import drafts
from tests.web.test_workflow_pages import shown

pytestmark = pytest.mark.any_database

TRY = "/workflows/support_triage/try/?step="


def test_a_mocked_answer_is_called_so_and_calls_are_numbered_as_they_were_made(samples: None, as_designer: Client) -> None:
    page = as_designer.get(f"{TRY}classify")
    mocks = '{"classify": [{"answer": "no JSON"}, {"output": {"label": "unclear", "urgent": false, "quote": ""}}]}'
    reading = shown(as_designer.post(f"{TRY}classify", {"input": page.context["input"], "mocks": mocks}))
    assert "1. Attempt" in reading and "2. Repair" in reading
    assert reading.count("as you mocked it, nobody was asked") == 2 and "from a script" not in reading


def test_a_tool_that_a_model_asks_for_is_mocked_by_its_own_name(samples: None, as_designer: Client) -> None:
    page = as_designer.get(f"{TRY}draft")
    mocks = '{"desk.find_articles": {"output": {"articles": []}}}'
    answer = as_designer.post(f"{TRY}draft", {"input": page.context["input"], "mocks": mocks})
    calls: Any = answer.context["tried"].calls
    assert {(call.call.is_model, call.mocked, call.scripted) for call in calls} == {(True, False, True), (False, True, False)}


def test_what_can_not_be_tried_alone_is_named(samples: None, as_designer: Client) -> None:
    assert "can't be tried alone: Answer the ticket." in shown(as_designer.get(f"{TRY}classify"))


def test_a_step_is_tried_with_an_input_made_for_it(samples: None, as_designer: Client) -> None:
    page = as_designer.get("/workflows/support_triage/try/?step=send")
    assert page.context["mocks"] == '{\n  "desk.reply": {\n    "output": {\n      "message_id": ""\n    }\n  }\n}'
    given = {"input": page.context["input"], "mocks": page.context["mocks"]}
    answer = as_designer.post("/workflows/support_triage/try/?step=send", given)
    assert answer.context["tried"].kind == "done"
    assert answer.context["tried"].card.to == "Answered"
    part = as_designer.post(
        "/workflows/support_triage/try/?step=send",
        {**given, "mocks": '{"desk.reply": {"error": "refused"}}'},
        headers={"HX-Request": "1"},
    )
    assert b"<html" not in part.content
    assert b"Went to Hand the ticket over" in part.content


def test_a_rehearsed_answer_is_shown_as_the_model_s_and_not_as_the_script(samples: None, as_designer: Client) -> None:
    page = as_designer.get("/workflows/support_triage/try/?step=classify")
    answer = as_designer.post("/workflows/support_triage/try/?step=classify", {"input": page.context["input"], "mocks": ""})
    reading = shown(answer)
    assert "As it answered from a script, no model was asked" in reading
    assert re.search(r'answer \{"label":', reading), reading
    assert '"seconds"' not in reading
    assert '"reply"' not in reading


def test_a_rehearsed_answer_says_whose_script_it_is_and_where_there_is_none(samples: None, as_designer: Client) -> None:
    address = "/workflows/support_triage/try/?step=sorter&version=draft"
    rename = {"do": "rename", "id": "classify", "to": "sorter"}
    drafts.edit(workflow="support_triage", commands=[rename], revision=1, by="dora")
    given = {"input": as_designer.get(address).context["input"], "mocks": ""}
    reading = shown(as_designer.post(address, given))
    assert "that of classify answered it, whose answers keep its contract" in reading
    assert "made up" not in reading
    put = {"do": "set", "step": "sorter"}
    why = [{**put, "key": "output.properties.why", "value": {"type": "string"}}]
    why += [{**put, "key": "output.required", "value": ["label", "urgent", "quote", "why"]}]
    drafts.edit(workflow="support_triage", commands=why, revision=2, by="dora")
    assert "No script answers this step, so the answer was made up from its contract." in shown(as_designer.post(address, given))


def test_a_branch_is_tried_on_the_state_that_it_reads(samples: None, as_designer: Client) -> None:
    page = as_designer.get("/workflows/support_triage/try/?step=known&version=1")
    assert '"label": "refund"' in page.context["input"]
    given = {"input": page.context["input"].replace("refund", "unclear")}
    answer = as_designer.post("/workflows/support_triage/try/?step=known&version=1", given)
    assert answer.context["tried"].card.to == "Answer the ticket"


@pytest.mark.parametrize(
    ("given", "mocks", "words"),
    [
        ('{"ticket": ', "", "input"),
        ("[]", "", "JSON object"),
        ('{"ticket": NaN}', "", "input"),
        ('{"ticket": "T-1", "text": "x"}', "", "irreversible"),
        ('{"ticket": "T-1", "text": "x"}', '{"desk.reply": {"output": {"id": 1}}}', "message_id"),
        ('{"ticket": "T-1", "text": "x"}', '{"desk.reply": {"error": "no"}}', "An error is one of"),
    ],
)
def test_a_trial_that_cannot_be_made_keeps_what_was_typed(
    samples: None, as_designer: Client, given: str, mocks: str, words: str
) -> None:
    answer = as_designer.post("/workflows/support_triage/try/?step=send", {"input": given, "mocks": mocks})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert (answer.context["input"], answer.context["mocks"]) == (given, mocks)


def test_every_step_that_can_be_tried_opens_with_an_input(samples: None, as_designer: Client) -> None:
    for name in ("support_triage", "invoice_reading", "answer_with_sources"):
        steps = as_designer.get(f"/workflows/{name}/try/").context["steps"]
        assert steps
        for step in steps:
            assert as_designer.get(f"/workflows/{name}/try/?step={step.id}").status_code == 200, step.id
