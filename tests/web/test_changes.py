"""What a draft changes, told step by step, where it is published, compared, and over the API."""

from collections import Counter

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.text_diff import text_diff
from orchestration.acts import drafts, workflows
from tests.api import Api
from tests.engine.publishing import publish
from tests.factories import asking
from tests.web.test_workflow_pages import said

pytestmark = pytest.mark.any_database


def test_publishing_tells_what_changes_step_by_step_and_who_did_it(as_designer: Client, designer: User) -> None:
    publish(asking(title="Ask somebody"))
    rename = {"do": "rename", "kind": "step", "id": "note", "to": "noted"}
    longer = {"do": "set", "step": "ask", "key": "deadline", "value": "3d"}
    drafts.edit(workflow="asking", commands=[rename], revision=1, by="dora")
    drafts.edit(workflow="asking", commands=[longer, {"do": "arrange", "at": {"ask": [10, 20]}}], revision=2, by="ada")
    page = said(as_designer, "/workflows/asking/publish/")
    assert "Renamed note to noted" in page
    assert 'Changed Ask’s deadline from "2d" to "3d"' in page
    assert "dora : Renamed" in page
    assert "2 since version 1" in page
    assert "steps.noted.text" not in page.partition("As text")[0], "what follows from the name is no change of its own"
    _, told = Api(designer).get("workflows/asking/diff")
    assert [(each["kind"], each["step"], each["key"]) for each in told["changes"]] == [
        ("renamed", "noted", "id"),
        ("changed", "ask", "deadline"),
    ]
    arranged = {"do": "arrange", "at": {"ask": [99, 20]}}
    workflows.publish(workflow="asking", by="dora")
    drafts.edit(workflow="asking", commands=[arranged], revision=3, by="dora")
    assert "Nothing that a run would notice." in said(as_designer, "/workflows/asking/changes/")


def test_of_lines_that_come_too_often_to_tell_anything_all_are_new() -> None:
    """Two thousand lines that are all alike would be a minute's work."""
    lines = text_diff("a\nb\n" * 1000, "b\na\nc\n" * 1000)
    assert Counter(line.kind for line in lines) == {"taken": 2000, "added": 3000}
    before = [f"line {number}" for number in range(2000)]
    changed = text_diff("\n".join(before), "\n".join([*before[:900], "another", *before[901:]]))
    assert [line.text for line in changed if line.kind in ("taken", "added")] == ["line 900", "another"]


def test_what_came_and_what_went_is_told_with_all_that_it_holds(as_designer: Client) -> None:
    publish(asking())
    fork = {"type": "branch", "title": "Is it long?", "cases": [{"when": "size(run.input.text) > 99", "to": "note"}]}
    drafts.edit(
        workflow="asking",
        commands=[
            {"do": "set", "step": "ask", "key": "show.Text", "value": "${run.input.text}"},
            {"do": "remove", "steps": ["note"]},
            {"do": "rename", "id": "ask", "to": "note"},
            {"do": "add", "step": {**fork, "default": "note"}},
        ],
        revision=1,
        by="dora",
    )
    page = said(as_designer, "/workflows/asking/changes/").partition("As text")[0]
    assert "Renamed ask to note" in page
    assert (
        page.index("Removed Note")
        < page.index("taken away values: {text: '${run.input.text}'}")
        < page.index("Added Is it long?")
    )
    assert page.index("Added Is it long?") < page.index("when: size(run.input.text) > 99")
    assert page.count("Note note") == 2, "what is gone stands for itself, though another has its id now"
