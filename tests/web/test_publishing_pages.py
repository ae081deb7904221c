"""Publishing: what is shown before it, what it freezes, and what becomes of versions."""

import re

import pytest
from django.test import Client

from orchestration.acts import drafts, schedules
from orchestration.acts import workflows as acts
from orchestration.core import source
from orchestration.models import Version, Workflow
from tests.api import Api
from tests.factories import asking
from tests.forms import filled
from tests.web.conftest import draft
from tests.web.test_workflow_pages import edit, said

pytestmark = pytest.mark.any_database

INPUT = asking()["input"]


def test_publishing_shows_what_changes_and_freezes_what_was_shown(published: Version, as_designer: Client) -> None:
    changed = draft().draft.replace("Ask somebody", "Ask anybody")
    assert edit(as_designer, changed, 1, "publish")["Location"] == "/workflows/asking/publish/?from=text"
    page = as_designer.get("/workflows/asking/publish/").content.decode()
    assert re.search(r'class="taken".*Ask somebody', page)
    assert re.search(r'class="added".*Ask anybody', page)
    stale = as_designer.post("/workflows/asking/publish/", {"revision": 1, "note": "kept <i>"})
    assert (stale.status_code, b"kept &lt;i&gt;" in stale.content) == (409, True)
    assert as_designer.post("/workflows/asking/publish/", {"revision": 2, "note": "Anybody may"}).status_code == 302
    assert Version.objects.get(number=2).note == "Anybody may"
    as_designer.post("/workflows/asking/publish/", {"revision": 2})
    assert Version.objects.count() == 2
    assert as_designer.get("/workflows/asking/publish/").content.count(b"nothing to publish") == 1


def test_what_was_never_published_is_told_in_a_paragraph_with_all_of_it_folded(samples: None, as_designer: Client) -> None:
    text = Workflow.objects.get(id="support_triage").draft.replace("id: support_triage", "id: desk", 1)
    drafts.push(text=text, by="dora")
    page = said(as_designer, "/workflows/desk/publish/")
    assert (
        "It has 12 steps, and begins with Look up the customer. A run takes customer, text and ticket. It succeeds as Answered or"
        " Handed over, or fails as Nobody attended to it or Broken off. A run comes to 62 executions of steps,"
        " 66 calls (10 to models) and $0.1533 at most." in page
    )
    assert page.index("at most.") < page.index("All that it holds, step by step") < page.index("Added Look up the customer")
    html = as_designer.get("/workflows/desk/publish/").content.decode()
    assert re.search(r'<details class="panel" id="all-of-it">', html)
    published = said(as_designer, "/workflows/support_triage/publish/")
    assert "It has 12 steps" not in published


def test_problems_on_the_page_that_publishes_lead_to_where_one_works(published: Version, as_designer: Client) -> None:
    wrong = draft().draft.replace("next: ask", "next: asc").replace("on_failure: bad", "on_failure: worse")
    edit(as_designer, wrong, 1)
    page = as_designer.get("/workflows/asking/publish/").content.decode()
    assert 'href="/workflows/asking/design/?step=note"' in page
    assert len(re.findall(r'href="/workflows/asking/edit/#line-\d+"', page)) == page.count("unknown_outcome") == 1
    as_text = as_designer.get("/workflows/asking/publish/?from=text").content.decode()
    assert "design/?step=" not in as_text and len(re.findall(r'href="/workflows/asking/edit/#line-\d+"', as_text)) >= 2


def test_a_schedule_whose_input_does_not_fit_is_pointed_out_before_it_is_published_and_by_the_api(
    published: Version, as_designer: Client, ada: Api
) -> None:
    for name in ("Mornings", "Evenings"):
        body = {"name": name, "cron": "0 8 * * *", "input": {"text": name}}
        schedules.create(workflow="asking", body=body, by="dora")
    assert "would start nothing" not in said(as_designer, "/workflows/asking/publish/")
    longer = asking(input={**INPUT, "properties": {"text": {"type": "string", "minLength": 8}, "n": {"type": "integer"}}})
    drafts.push(text=source.write(longer), by="dora")
    assert "would start nothing" not in said(as_designer, "/workflows/asking/publish/")
    drafts.push(text=source.write({**longer, "input": {**longer["input"], "required": ["text", "n"]}}), by="dora")
    page = said(as_designer, "/workflows/asking/publish/")
    assert page.count("schedule_outgrown") == 2
    assert "The schedule Mornings (0 8 * * *) would start nothing by this version: input.n is missing" in page
    assert 'type="submit">Publish</button>' in as_designer.get("/workflows/asking/publish/").content.decode()
    status, made = ada.post("workflows/asking/publish")
    found = [(one["severity"], one["path"]) for one in made["problems"] if one["code"] == "schedule_outgrown"]
    assert (status, found) == (200, [("warning", "input")] * 2)
    assert not [one for one in ada.get("workflows/asking/versions/2")[1]["problems"] if one["code"] == "schedule_outgrown"]


def test_any_two_versions_are_compared_and_the_draft_with_any(published: Version, as_designer: Client) -> None:
    for number, title in ((1, "Ask anybody"), (2, "Ask nobody")):
        edit(as_designer, re.sub("Ask (some|any)body", title, draft().draft), number)
        acts.publish(workflow="asking", by="dora")
    sent = filled(as_designer.get("/workflows/asking/versions/").content.decode(), "/workflows/asking/changes/")
    assert (sent["from"], sent["to"]) == (["3"], ["draft"])
    page = as_designer.get("/workflows/asking/changes/", {"from": "1", "to": "3"}).content.decode()
    assert "From version 1 to version 3" in page and "Ask somebody" in page and "Ask nobody" in page
    again = filled(page, "/workflows/asking/changes/")
    assert (again["from"], again["to"]) == (["1"], ["3"])


def test_nothing_is_published_or_restored_by_a_get(published: Version, as_designer: Client) -> None:
    edit(as_designer, draft().draft + "# x\n", 1)
    as_designer.get("/workflows/asking/publish/?revision=2")
    assert as_designer.get("/workflows/asking/restore/?version=1&revision=2").status_code == 405
    assert (Version.objects.count(), draft().revision) == (1, 2)


def test_an_old_version_is_taken_up_again_as_the_draft(published: Version, as_designer: Client) -> None:
    first = draft().draft
    edit(as_designer, first.replace("Ask somebody", "Ask anybody"), 1)
    acts.publish(workflow="asking", by="dora")
    assert b"Take up again" in as_designer.get("/workflows/asking/versions/").content
    answer = as_designer.post("/workflows/asking/restore/", {"version": 1, "revision": 2})
    assert answer["Location"] == "/workflows/asking/publish/"
    assert draft().draft == first
    overtaken = as_designer.post("/workflows/asking/restore/", {"version": 2, "revision": 1})
    assert overtaken.status_code == 409
