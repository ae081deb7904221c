"""What a draft changes, told step by step, where it is published, compared, and over the API."""

import pytest
from django.contrib.auth.models import User
from django.test import Client

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
