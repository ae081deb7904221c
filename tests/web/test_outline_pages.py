"""The outline of a draft: everything is done in it without any script, and what can't be done is said there."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from orchestration.acts import reach
from orchestration.models import Version
from tests.web.conftest import draft
from tests.web.test_design_pages import NOTE, OUTLINE, act, definition, steps

pytestmark = pytest.mark.any_database


def test_everything_is_done_in_the_outline_and_taken_back(published: Version, as_designer: Client) -> None:
    start = definition().data
    asked = act(as_designer, "note", "add", type="llm", title="Sort it", where="after:next")
    assert asked["Location"] == "/workflows/asking/?version=draft#step-sort_it"
    assert (steps()["note"]["next"], steps()["sort_it"]["next"]) == ("sort_it", "ask")
    act(as_designer, "", "add", type="loop", title="Again")
    assert definition().data["start"] == "again"
    act(as_designer, "again", "add", type="branch", title="Enough?", where="inside")
    act(as_designer, "again", "add", type="human", title="Look at it", where="inside")
    page = as_designer.get("/workflows/asking/?version=draft").content.decode()
    assert page.count("What follows if nobody answers is still open.") == 1, "of the new one, and not of `ask`"
    act(as_designer, "note", "into", holder="again")
    assert [step["id"] for step in steps()["again"]["body"]][-1] == "note"
    act(as_designer, "note", "up")
    assert [step["id"] for step in steps()["again"]["body"]][-2] == "note"
    act(as_designer, "note", "out")
    act(as_designer, "ask", "connect", **{"route:on_deadline": "done", "route:catch": "dropped"})
    assert (steps()["ask"]["on_deadline"], steps()["ask"]["catch"]) == ("done", [{"errors": ["*"], "to": "dropped"}])
    act(as_designer, "ask", "connect", **{"route:catch[0].to": ""})
    assert not steps()["ask"].get("catch")
    act(as_designer, "ask", "duplicate")
    assert [name for name in steps() if name.startswith("ask")] == ["ask", "ask_2"]
    act(as_designer, "ask_2", "remove")
    said = act(as_designer, "sort_it", "rename", title="Sort", id="sort", part=True)
    assert b"<html" not in said.content and b'data-focus="sort"' in said.content
    assert re.search(rb'id="said" role="status">[^<]+\.</p>', said.content)
    assert b'hx-swap-oob="true"' in said.content, "the proof beside it is shown anew"
    for _ in range(20):
        if act(as_designer, "", "undo").status_code != 302:
            break
    assert definition().data == start


REFUSED = [
    ("ask", "connect", {"route:on_deadline": "note"}, "leads", 'id="ask-route:on_deadline-error"'),
    ("note", "rename", {"title": "Mine", "id": "ask"}, 'value="Mine"', 'value="ask"', 'id="note-id-error"'),
    ("note", "up", {}, "first already"),
    ("note", "out", {}, "no container"),
    ("note", "nonsense", {}, "Nothing was asked for"),
    ("note", "add", {"type": "nonsense", "title": "Mine"}, "no type of step", 'value="Mine"', 'id="note-new_type-error"'),
    ("gone", "remove", {}, "There is no step gone"),
]


@pytest.mark.parametrize(
    ("step", "do", "more", "words"), [(*one[:3], one[3:]) for one in REFUSED], ids=[one[1] for one in REFUSED]
)
def test_what_can_not_be_done_is_said_where_it_was_tried(
    published: Version, as_designer: Client, step: str, do: str, more: dict[str, str], words: tuple[str, ...]
) -> None:
    for part in (False, True):
        answer = act(as_designer, step, do, part=part, **more)
        assert answer.status_code == 422
        page = unescape(answer.content.decode())
        assert [each for each in words if each not in page] == []
        assert page.count("data-wrong") == (step != "gone"), "it is at one place, which gets the focus"
        assert answer.headers.get("HX-Retarget") == (f"#menu-{step}" if part and step != "gone" else None)
    assert draft().revision == 1


def test_a_quick_fix_is_done_in_the_outline_as_any_edit_and_what_is_no_edit_is_refused(
    published: Version, as_designer: Client
) -> None:
    for nonsense in ("[{", "7", '[{"do": "nonsense"}]'):
        assert act(as_designer, "", "fix", part=True, commands=nonsense).status_code == 422
    command = {"do": "set", "step": "note", "key": "title", "value": "Mended"}
    answer = act(as_designer, "", "fix", part=True, commands=json.dumps([command])).content.decode()
    assert 'data-focus="note"' in answer and steps()["note"]["title"] == "Mended"


def test_a_new_tool_step_calls_the_tool_that_was_chosen_and_without_one_says_what_to_do(
    published: Version, as_designer: Client, no_tools: None
) -> None:
    def added(**typed: str) -> Any:
        menu = as_designer.get(f"{NOTE}menu/").content.decode()
        before = steps()
        sent = {"revision": draft().revision, "step": "note", "do": "add", "type": "tool", "where": "beside", **typed}
        assert as_designer.post(OUTLINE, sent).status_code == 302
        (new,) = (step for name, step in steps().items() if name not in before)
        return re.findall(r'<option value="(desk[^"]*)"', menu), new["tool"]

    tool = {"http": {"url": "https://desk.example/"}, "effect": "none"}
    offered, called = added()
    assert (offered, called) == ([], "")
    page = as_designer.get("/workflows/asking/?version=draft").content.decode()
    assert "calls no tool yet. There is none to choose." in unescape(page)
    assert reach.put_tool(name="desk.find", body=tool, by="ada") == ()
    assert added() == ([], "desk.find"), "there is no choice"
    assert reach.put_tool(name="desk.tell", body=tool, by="ada") == ()
    assert added(tool="desk.tell") == (["desk.find", "desk.tell"], "desk.tell")
    assert added() == (["desk.find", "desk.tell"], "")


def test_the_menu_of_a_step_leads_to_its_form_first_and_says_which_step_is_added(published: Version, as_designer: Client) -> None:
    for part in (True, False):
        page = as_designer.get(f"{NOTE}menu/", headers={"HX-Request": "true"} if part else {}).content.decode()
        menu = page[page.index('class="menu-of') :]
        assert menu.count("Edit what it does") == page.count("Edit what it does") == 1
        assert menu.index(f'href="{NOTE}"') < menu.index("<b>Add a step after it</b>") < menu.index("What the new step does")
        assert ('hx-target="#panel"' in menu, 'hx-target="#outline"' in menu) == (part, part), "a page of its own has neither"


def test_the_outline_of_a_draft_publishes_and_that_of_a_version_says_that_it_has_changes(
    published: Version, as_designer: Client, as_operator: Client
) -> None:
    def head(client: Client, query: str) -> str:
        page = client.get(f"/workflows/asking/{query}").content.decode()
        return page.partition('class="page-head__actions"')[2].partition("</header>")[0].partition("<nav")[0]

    act(as_designer, "note", "rename", title="Mine", id="note")
    assert "Publish …" in head(as_designer, "?version=draft") and "Draft has changes" not in head(as_designer, "?version=draft")
    assert "Publish" not in head(as_designer, "?version=1") and "Draft has changes" in head(as_designer, "?version=1")
    assert "Publish" not in head(as_operator, "?version=draft")


def test_an_outline_that_was_overtaken_is_shown_as_it_is_now(published: Version, as_designer: Client, as_admin: Client) -> None:
    act(as_admin, "note", "rename", title="Theirs", id="note")
    answer = as_designer.post(OUTLINE, {"revision": 1, "step": "note", "do": "remove"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Nothing was done" in page and "<b>ada</b>" in page and "Theirs" in page
    assert "note" in steps()
