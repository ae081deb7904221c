"""What the page for trying a step says of its answers, and of what it can't try."""

from typing import Any

from django.test import Client

from tests.web.test_workflow_pages import samples, shown  # noqa: F401 - fixtures

TRY = "/workflows/support_triage/try/?step="


def test_a_mocked_answer_is_called_so_and_calls_are_numbered_as_they_were_made(
    samples: None, as_designer: Client  # noqa: F811
) -> None:  # fmt: skip
    page = as_designer.get(f"{TRY}classify")
    mocks = '{"classify": [{"answer": "no JSON"}, {"output": {"label": "unclear", "urgent": false, "quote": ""}}]}'
    reading = shown(as_designer.post(f"{TRY}classify", {"input": page.context["input"], "mocks": mocks}))
    assert "1. Attempt" in reading and "2. Repair" in reading
    assert reading.count("as you mocked it, nobody was asked") == 2 and "from a script" not in reading


def test_a_tool_that_a_model_asks_for_is_mocked_by_its_own_name(samples: None, as_designer: Client) -> None:  # noqa: F811
    page = as_designer.get(f"{TRY}draft")
    mocks = '{"desk.find_articles": {"output": {"articles": []}}}'
    answer = as_designer.post(f"{TRY}draft", {"input": page.context["input"], "mocks": mocks})
    calls: Any = answer.context["tried"].calls
    assert {(call.call.is_model, call.mocked, call.scripted) for call in calls} == {(True, False, True), (False, True, False)}


def test_what_can_not_be_tried_alone_is_named(samples: None, as_designer: Client) -> None:  # noqa: F811
    assert "can't be tried alone: Answer the ticket." in shown(as_designer.get(f"{TRY}classify"))
