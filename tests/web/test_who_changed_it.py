"""Who was at a draft is said by a name that people know, and its title follows what was done."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard import presence
from orchestration.acts import drafts
from orchestration.core import source
from orchestration.queries.drafts import Change
from tests.engine.publishing import end, workflow


def test_whoever_installed_a_sample_is_nobody_at_its_draft_and_has_a_name_that_people_know(
    samples: None, admin: User, as_designer: Client
) -> None:
    assert presence.others("support_triage", "dora") == ()
    versions = as_designer.get("/workflows/support_triage/versions/").content.decode()
    assert 'data-label="By">Interlock itself<' in versions
    title = {"do": "set", "step": "", "key": "title", "value": "Triage"}
    drafts.edit(workflow="support_triage", commands=[title], revision=1, by="ada")
    ((ada, change),) = [(other.name, other.change) for other in presence.others("support_triage", "dora")]
    assert (ada, isinstance(change, Change) and change.sentence) == ("ada", "Set the workflow’s title to “Triage”")
    lately = as_designer.get("/workflows/support_triage/lately/?since=0").content.decode()
    assert re.findall(r"<b>(.*?)</b>", lately) == ["ada", "Interlock itself"]


@pytest.mark.django_db
def test_the_title_of_the_page_comes_with_the_outline(as_designer: Client) -> None:
    drafts.push(text=source.write(workflow(end(), id="drawn")), by="dora")
    title = {"do": "set", "step": "", "key": "title", "value": "Triage"}
    drafts.edit(workflow="drawn", commands=[title], revision=1, by="ada")
    page = as_designer.get("/workflows/drawn/?version=draft").content.decode()
    part = as_designer.get("/workflows/drawn/outline/", headers={"HX-Request": "true"}).content.decode()
    assert page.count('<h1 id="workflow-title">Triage</h1>') == 1
    assert part.count('<h1 id="workflow-title" hx-swap-oob="true">Triage</h1>') == 1
