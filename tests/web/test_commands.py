"""Changing a draft from pages and over the API: the same commands, the same answers, and nothing is written over another."""

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from orchestration.acts import drafts
from orchestration.core import source
from orchestration.models import DraftEdit, Version
from tests.api import Api
from tests.engine.publishing import publish
from tests.factories import asking
from tests.web.conftest import draft

pytestmark = pytest.mark.any_database

TITLE = {"do": "set", "step": "note", "key": "title", "value": "Write it down"}
RENAME = {"do": "rename", "kind": "step", "id": "note", "to": "noted"}
Send = Callable[..., tuple[int, dict[str, Any]]]


def sent(client: Client, path: str, body: Any, **more: Any) -> tuple[int, dict[str, Any]]:
    text = body if isinstance(body, str) else json.dumps(body)
    headers = {"Accept": "application/json"}
    answer = client.post(f"/workflows/asking/{path}/", text, content_type="application/json", headers=headers, **more)
    return answer.status_code, answer.json()


@pytest.fixture(params=["page", "api"])
def send(request: pytest.FixtureRequest, designer: User, as_designer: Client) -> Send:
    """To the page's address or to the API's: `commands`, `undo`, `redo`."""
    api = Api(designer)

    def over_api(path: str, body: Any) -> tuple[int, dict[str, Any]]:
        return api.post(f"workflows/asking/{path.replace('commands', 'edit')}", body)

    return over_api if request.param == "api" else lambda path, body: sent(as_designer, path, body)


def test_only_designers_write_and_everybody_may_see_what_was_done(
    published: Version, as_viewer: Client, as_operator: Client, as_designer: Client, as_admin: Client
) -> None:
    for client in (as_viewer, as_operator):
        for path in ("commands", "undo", "redo"):
            status, told = sent(client, path, {"revision": 1, "commands": [TITLE]})
            assert (status, told["detail"]) == (403, "This needs the role designer. An admin can give it to you.")
            assert client.post(f"/workflows/asking/{path}/", {"revision": 1}).status_code == 403
    for path in ("commands", "undo", "redo"):
        assert as_designer.get(f"/workflows/asking/{path}/").status_code == 405
    assert draft().revision == 1
    for revision, client in ((1, as_designer), (2, as_admin)):
        assert sent(client, "commands", {"revision": revision, "commands": [{**TITLE, "value": str(revision)}]})[0] == 200
    part = as_viewer.get("/workflows/asking/lately/?since=1").content.decode()
    assert re.findall(r'data-by="(\w+)"', part) == ["ada", "dora"]
    assert 'data-live-topic="workflow.asking" data-live-revision="3"' in part
    assert as_viewer.get("/workflows/asking/lately/", headers={"If-None-Match": '"3"'}).status_code == 304
    careful = Client(enforce_csrf_checks=True)
    careful.force_login(User.objects.get(username="dora"))
    assert sent(careful, "commands", {"revision": 3, "commands": [TITLE]})[1]["code"] == "csrf"


def test_an_edit_is_answered_with_what_was_done_and_the_draft_after_it(published: Version, send: Send, as_viewer: Client) -> None:
    status, made = send("commands", {"revision": 1, "commands": [TITLE]})
    assert (status, made["revision"], made["steps"], made["left"], made["rebind"]) == (200, 2, ["note"], [], [])
    drawn = as_viewer.get("/workflows/asking/graph/?version=draft").json()
    assert drawn == {**made["graph"], "turns": {"undo": None, "redo": None}}, "who may not write has nothing to take back"
    assert (made["graph"]["revision"], made["problems"], made["bounds"]) == (
        2,
        made["graph"]["problems"],
        made["graph"]["bounds"],
    )
    assert (made["undo"]["sentence"], made["undo"]["by"], made["redo"]) == (made["sentence"], "dora", None)
    assert send("commands", {"revision": 1, "commands": [TITLE]}) == (200, made), "its answer was lost"
    status, undone = send("undo", {"revision": 2})
    assert (status, undone["revision"], undone["sentence"]) == (200, 3, f"Undid: {made['sentence']}")
    assert (undone["undo"], undone["redo"]["undone"]) == (None, True)
    assert send("undo", {"revision": 3})[1]["code"] == "nothing_to_undo"
    assert send("redo", {"revision": 3})[1]["graph"]["steps"] == made["graph"]["steps"]


def test_undo_takes_back_a_name_wherever_it_is_read(published: Version, send: Send) -> None:
    before = draft().draft
    status, made = send("commands", {"revision": 1, "commands": [RENAME, TITLE | {"step": "noted"}]})
    assert (status, made["steps"][0]) == (200, "noted")
    assert "steps.note." not in draft().draft
    assert "${steps.noted.text}" in draft().draft
    assert [problem for problem in made["problems"] if problem["severity"] == "error"] == []
    assert send("undo", {"revision": 2})[0] == 200
    assert draft().draft == before
    assert send("redo", {"revision": 3})[1]["graph"]["steps"][0]["id"] == "noted"


def test_a_stale_command_stores_nothing_and_is_told_what_changed_and_how_it_is_now(published: Version, send: Send) -> None:
    drafts.edit(workflow="asking", commands=[RENAME], revision=1, by="ada")
    for path, body in (("commands", {"commands": [TITLE]}), ("undo", {}), ("redo", {})):
        status, told = send(path, {"revision": 1, **body})
        assert (status, told["code"], told["seen"], told["revision"], told["by"]) == (409, "stale_revision", 1, 2, "ada")
        assert [(change["by"], change["revision"]) for change in told["changes"]] == [("ada", 2)]
        assert "noted" in told["changes"][0]["sentence"].lower()
        assert told["graph"]["steps"][0]["id"] == "noted"
        assert told["undo"]["by"] == "ada"
    assert draft().revision == 2


def _set(key: str, value: str) -> str:
    return f'{{"revision": 1, "commands": [{{"do": "set", "step": "note", "key": "{key}", "value": {value}}}]}}'


HOSTILE: list[tuple[str, str | None, str | None]] = [
    ("{", "not_json", ""),
    ("[]", "wrong_type", ""),
    ("{}", "missing_key", "revision"),
    ('{"revision": 1, "commands": []}', None, "commands"),
    ('{"revision": "one", "commands": 7}', "bad_value", "revision"),
    ('{"revision": 1, "commands": [], "comands": 1}', None, "commands"),
    ('{"revision": 99999999999, "commands": [{}]}', "bad_value", "revision"),
    ('{"revision": 1, "commands": [{"do": "shout"}]}', "unknown_command", "commands[0]"),
    ('{"revision": 1, "commands": [{"do": "remove", "steps": ["nobody"]}]}', "unknown_step", "commands[0].steps[0]"),
    ('{"revision": 1, "commands": [' + ",".join(['{"do": "remove", "steps": ["a"]}'] * 5_000) + "]}", None, None),
    (_set("title", '"\\u0000"'), "bad_character", "commands[0].value"),
    (_set("title", "1e999"), None, "commands[0].value"),
    (_set("values.n", "1" + "0" * 30), None, None),
    (_set("values.n", "[" * 90 + "]" * 90), None, None),
    (_set("values.n", '"${' + "1 + " * 2_500 + '1}"'), "expression_too_long", "commands[0].value"),
    ('{"revision": 1, "commands": [{"do": "paste", "steps": ' + "[" * 5_000 + "]" * 5_000 + "}]}", "too_deep", ""),
    ('{"revision": 1, "commands": [{"do": "paste", "steps": [{"__proto__": {}, "id": "x", "type": "set", "values": {}}]}]}',
     "unknown_key", "commands[0].steps[0].__proto__"),
    ('{"revision": 1, "commands": [{"do": "arrange", "at": {"__proto__": [1, 2]}}]}', "unknown_step", "commands[0].at.__proto__"),
    ('{"revision": 1, "commands": [{"do": "rename", "id": "note", "to": "<img onerror=alert(1)>"}]}', "bad_id", "commands[0].to"),
    (_set("title", '"' + "<b>" * 100 + '"'), "bad_value", "commands[0].value"),
    (_set("values.n", '"' + "x" * 2_500_000 + '"'), "too_large", None),
]  # fmt: skip
"""A body, and the code and one of the places that it is refused with."""


def test_what_makes_no_sense_is_refused_at_its_place_and_changes_nothing(
    published: Version, designer: User, as_designer: Client
) -> None:
    before, api = draft().draft, Api(designer)
    for body, code, path in HOSTILE:
        status, told = sent(as_designer, "commands", body)
        answer = api.ask("POST", "workflows/asking/edit", body.encode())
        assert status in (413, 422), (body[:200], told)
        assert (status, told["code"]) == (answer.status_code, answer.json()["code"]), body[:200]
        assert code in (None, told["code"]), (body[:200], told)
        assert path is None or path in [problem["path"] for problem in told["problems"]], (body[:200], told)
    assert (draft().draft, draft().revision, DraftEdit.objects.count()) == (before, 1, 0)


def test_the_history_is_listed_by_page(published: Version, designer: User, as_viewer: Client) -> None:
    for revision in range(1, 4):
        drafts.edit(workflow="asking", commands=[{**TITLE, "value": str(revision)}], revision=revision, by="ada")
    drafts.undo(workflow="asking", revision=4, by="dora")
    api = Api(designer)
    status, first = api.get("workflows/asking/history?limit=2")
    assert (status, [(item["number"], item["undone"]) for item in first["items"]]) == (200, [(3, True), (2, False)])
    rest = api.get(f"workflows/asking/history?limit=2&after={first['next']}")[1]
    assert ([item["number"] for item in rest["items"]], rest["next"]) == ([1], None)
    assert api.get("workflows/asking/history?afer=1")[0] == 422


def test_undo_needs_no_script(published: Version, as_designer: Client) -> None:
    drafts.edit(workflow="asking", commands=[TITLE], revision=1, by="ada")
    back = {"Referer": "http://testserver/workflows/asking/?open=all"}
    answer = as_designer.post("/workflows/asking/undo/", {"revision": 2}, headers=back)
    assert (answer.status_code, answer["Location"], draft().revision) == (302, "/workflows/asking/?open=all", 3)
    page = as_designer.get(answer["Location"]).content.decode()
    assert "Undid: Set Note’s title" in page
    answer = as_designer.post("/workflows/asking/redo/", {"revision": 2})
    assert (answer["Location"], draft().revision) == ("/workflows/asking/design/", 3)
    page = as_designer.get("/workflows/asking/").content.decode()
    assert "dora changed the draft since you looked" in page
    assert "Undid: Set Note’s title" in page
    as_designer.post("/workflows/asking/undo/", {"revision": 3})
    assert "There is nothing that could be undone" in as_designer.get("/workflows/asking/").content.decode()
    assert as_designer.post("/workflows/nothing/undo/", {"revision": 1}).status_code == 404


def test_a_draft_that_can_not_be_read_any_more_opens_as_text_with_the_reason_and_can_be_undone(
    published: Version, send: Send, as_designer: Client, as_viewer: Client
) -> None:
    drafts.save_draft(workflow="asking", text="interlock: 1\nsteps: [", revision=1, by="ada")
    status, told = send("commands", {"revision": 2, "commands": [TITLE]})
    assert (status, told["code"]) == (422, "unreadable_draft")
    assert as_designer.get("/workflows/asking/design/")["Location"] == "/workflows/asking/edit/"
    page = as_designer.get("/workflows/asking/edit/").content.decode()
    assert "can&#x27;t be drawn" in page or "can't be drawn" in page
    assert "Undo: Wrote a text that can&#x27;t be read (by ada)" in page
    assert "steps: [" in page
    for path in ("?version=draft", "design/?version=draft"):
        page = as_viewer.get(f"/workflows/asking/{path}").content.decode()
        assert "nothing to draw" in page
        assert "Undo:" not in page
    status, made = send("undo", {"revision": 2})
    assert (status, made["graph"]["start"]) == (200, "note")
    assert as_designer.get("/workflows/asking/design/").status_code == 200


def test_who_saves_text_over_what_others_did_is_told_what_that_was(published: Version, as_designer: Client) -> None:
    drafts.edit(workflow="asking", commands=[TITLE], revision=1, by="ada")
    answer = as_designer.post("/workflows/asking/edit/", {"text": draft().draft + "# mine\n", "revision": 1, "do": "save"})
    assert answer.status_code == 409
    assert "<b>ada</b>: Set Note’s title to “Write it down”" in answer.content.decode()


def test_a_problem_is_mended_by_what_is_offered_for_it(as_designer: Client, as_viewer: Client, designer: User) -> None:
    publish(asking(title="Ask somebody"))
    drafts.save_draft(workflow="asking", text=draft().draft.replace("to: done", "to: dnoe"), revision=1, by="dora")
    page = as_designer.get("/workflows/asking/proof/?version=draft").content.decode()
    assert "Lead it to Done" in page
    assert "Lead it to Done" not in as_viewer.get("/workflows/asking/proof/?version=draft").content.decode()
    [offered] = re.findall(r'name="commands" value="([^"]*)"><button[^>]*>.*?Lead it to Done', page)
    form = {"revision": 2, "commands": unescape(offered)}
    answer = as_designer.post("/workflows/asking/commands/", form, follow=True)
    assert "Led" in answer.content.decode() or "Connected" in answer.content.decode()
    assert "to: dnoe" not in draft().draft
    again = as_designer.post("/workflows/asking/commands/", {**form, "commands": '[{"do": "unset"'}, follow=True)
    assert draft().revision == 3
    assert again.status_code == 200
    _, told = Api(designer).post("workflows/check", source.read(draft().draft.replace("to: done", "to: dnoe")).data)
    [problem] = [each for each in told["problems"] if each["code"] == "unknown_step"]
    assert problem["fixes"][0] == {"label": "Lead it to Done", "commands": json.loads(form["commands"])}
