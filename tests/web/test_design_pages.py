"""A draft changed by forms, without any script: the panel of a step, the settings, and a workflow from nothing."""

import re
from collections.abc import Callable
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.pages import forms
from orchestration.acts import drafts
from orchestration.core.definition import Definition, parse
from orchestration.models import DraftEdit, Version, Workflow
from tests.api import Api
from tests.engine.publishing import publish
from tests.factories import asking
from tests.forms import filled
from tests.web.conftest import draft

pytestmark = pytest.mark.any_database


def definition(workflow: str = "asking") -> Definition:
    return parse(Workflow.objects.get(id=workflow).draft)


def steps(workflow: str = "asking") -> dict[str, dict[str, Any]]:
    return {step["id"]: step for step in definition(workflow).data["steps"]}


def send(client: Client, address: str, page: str | None = None, *, part: bool = False, **typed: Any) -> Any:
    """Sends a form as it was shown, with other text in some of its controls."""
    page = page or client.get(address).content.decode()
    changed = {name: each if isinstance(each, list) else [each] for name, each in typed.items()}
    headers = {"HX-Request": "true"} if part else {}
    return client.post(address, {**filled(page, address), **changed}, headers=headers)


NOTE, SETTINGS, OUTLINE = "/workflows/asking/steps/note/", "/workflows/asking/settings/", "/workflows/asking/outline/"


def act(client: Client, step: str, do: str, *, part: bool = False, **more: Any) -> Any:
    sent = {"revision": draft().revision, "step": step, "do": do, **more}
    return client.post(OUTLINE, sent, headers={"HX-Request": "true"} if part else {})


def test_designers_change_drafts_and_nobody_else_does(
    published: Version, as_viewer: Client, as_operator: Client, as_designer: Client
) -> None:
    for path in (NOTE, f"{NOTE}menu/", SETTINGS):
        assert [client.get(path).status_code for client in (as_viewer, as_operator, as_designer)] == [403, 403, 200], path
        assert as_operator.post(path, {"revision": 1}).status_code == 403
    for client in (as_viewer, as_operator):
        assert client.post(OUTLINE, {"revision": 1, "step": "note", "do": "remove"}).status_code == 403
        assert client.post("/workflows/new/empty/", {"title": "X"}).status_code == 403
        page = client.get("/workflows/asking/?version=draft").content.decode()
        assert (
            "step__open" not in page and "csrfmiddlewaretoken" not in page.partition('id="outline"')[2].partition("</section>")[0]
        )
    assert "step__open" in as_designer.get("/workflows/asking/?version=draft").content.decode()
    assert "step__open" not in as_designer.get("/workflows/asking/").content.decode()
    assert as_designer.get("/workflows/asking/steps/nothing/").status_code == 404
    assert (draft().revision, Workflow.objects.count()) == (1, 1)


def test_a_form_says_only_what_was_changed_and_is_one_entry_of_the_history(published: Version, as_designer: Client) -> None:
    before = draft().draft
    same = send(as_designer, NOTE)
    assert (same.status_code, b"Nothing was changed." in same.content, draft().draft) == (200, True, before)
    part = send(as_designer, NOTE, part=True)
    assert b"back to the outline" in part.content, "it stays on the page of its own"
    answer = send(as_designer, NOTE, **{"v/title": "Write it down", "v/values/0/value": "${run.input.text} !"})
    assert answer["Location"] == NOTE
    assert steps()["note"] == {
        "id": "note", "type": "set", "title": "Write it down", "values": {"text": "${run.input.text} !"}, "next": "ask",
    }  # fmt: skip
    assert DraftEdit.objects.count() == 1
    back = send(as_designer, NOTE, id="jot", do="back")
    assert back["Location"] == "/workflows/asking/?version=draft#step-jot"
    assert steps()["ask"]["values"] == {"reply": "${steps.jot.text}"}, "expressions follow"


def test_rows_are_added_and_turned_by_posting_and_nothing_typed_is_lost(published: Version, as_designer: Client) -> None:
    page = send(as_designer, NOTE, **{"form_turn": "add v/values", "v/title": "Typed"}).content.decode()
    assert 'value="Typed"' in page and draft().revision == 1
    typed = {"v/values/1/name": "n", "v/values/1/value": "3"}
    page = send(as_designer, NOTE, page, form_turn="text v/values", **typed).content.decode()
    sent = filled(page, NOTE)
    assert '"n": 3' in sent["v/values~text"][0] and sent["v/title"] == ["Typed"]
    refused = send(as_designer, NOTE, page, **{"v/values~text": "{"})
    assert refused.status_code == 422 and "/values" in refused.content.decode()
    assert send(as_designer, NOTE, page, **{"v/values~text": '{"text": "x", "n": 4}'}).status_code == 302
    assert steps()["note"]["values"] == {"text": "x", "n": 4}


def test_an_item_that_was_added_and_left_empty_keeps_nothing_from_being_saved(published: Version, as_designer: Client) -> None:
    page = send(as_designer, NOTE, form_turn="add v/catch").content.decode()
    answer = send(as_designer, NOTE, page, **{"v/title": "Write it down"})
    assert (answer["Location"], steps()["note"]["title"], "catch" in steps()["note"]) == (NOTE, "Write it down", False)
    page = as_designer.get(NOTE).content.decode()
    for _ in range(2):
        page = send(as_designer, NOTE, page, form_turn="add v/catch", revision="2").content.decode()
    answer = send(as_designer, NOTE, page, **{"v/catch/1/errors": '"*"'})
    assert answer.status_code == 422
    found = re.findall(r'class="field__errors" id="([^"]*)"><li>([^<]*)<', answer.content.decode())
    assert found == [("v/catch/1/to-error", "This is needed: fill it in, or take the whole entry away.")]


def test_what_the_format_refuses_stands_at_its_field_and_is_not_stored(published: Version, as_designer: Client) -> None:
    address = "/workflows/asking/steps/ask/"
    answer = send(as_designer, address, **{"v/deadline": "soon", "v/queue": "help"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert re.search(r'id="v/deadline-error"><li>[^<]*&quot;soon&quot; is not a duration', page), page
    assert 'value="help"' in page and draft().revision == 1
    taken = send(as_designer, address, id="note")
    assert taken.status_code == 422 and 'id="step-id-error"' in taken.content.decode()
    wrong = send(as_designer, address, **{"v/values/0/value": "${steps.nothing.text}"})
    assert wrong.status_code == 302, "what the proof finds is kept"
    assert re.search(r"v/values/0-error|v/values-error", as_designer.get(address).content.decode())


def test_what_is_beyond_all_bounds_comes_into_a_draft_by_no_door_and_stays_where_it_was_typed(
    published: Version, designer: User, as_designer: Client
) -> None:
    endless = "${" + "1 + " * 2_500 + "1}"
    answer = send(as_designer, NOTE, **{"v/values/0/value": endless})
    assert answer.status_code == 422 and draft().revision == 1
    page = unescape(answer.content.decode())
    assert "The expression has 10,001 characters; at most 4,000 are taken." in page and endless in page
    text = draft().draft.replace("${run.input.text}", endless)
    saved = as_designer.post("/workflows/asking/edit/", {"text": text, "revision": 1, "do": "save"})
    page = unescape(saved.content.decode())
    assert (
        saved.status_code == 422 and "Not saved." in page and "The expression has 10,001 characters" in page and endless in page
    )
    assert re.search(r'data-goto="\d+">line \d+</a>', page)
    for sent in (text, text.replace("id: asking", "id: another")):
        pushed = Api(designer).ask("POST", "workflows", sent.encode(), type="application/yaml")
        assert (pushed.status_code, pushed.json()["problems"][0]["code"]) == (422, "expression_too_long")
    assert draft().revision == 1 and not Workflow.objects.filter(id="another").exists()
    Workflow.objects.filter(id="asking").update(draft=text)  # as it came in with an older release
    mended = as_designer.post("/workflows/asking/edit/", {"text": f"{text}# more\n", "revision": 1, "do": "save"})
    assert mended.status_code == 302 and draft().draft.endswith("# more\n")


def test_code_in_a_refusal_stands_as_code(published: Version, as_designer: Client) -> None:
    said = "</b> The definition is empty. Begin it with <code>interlock: 1</code>."
    assert said in as_designer.post("/workflows/new/", {"text": "# nothing"}).content.decode()
    drafts.save_draft(workflow="asking", text="# nothing", revision=1, by="ada")
    assert said in as_designer.get("/workflows/asking/?version=draft").content.decode()


def test_each_rule_is_shown_with_its_own_condition_though_one_is_wrong(as_designer: Client) -> None:
    cases = [{"when": "steps.nobody.x >", "to": "done"}, {"when": {"all": ["1 < 2", "run.input.text == 'a'"]}, "to": "dropped"}]
    changed = asking()
    changed["steps"][0] |= {"type": "branch", "cases": cases, "default": "ask"}
    del changed["steps"][0]["values"], changed["steps"][0]["next"]
    drafts.push(text=changed, by="dora")
    page = unescape(as_designer.get("/workflows/asking/?version=draft").content.decode())
    graph = as_designer.get("/workflows/asking/graph/?version=draft").json()
    labels = [route["label"] for route in graph["steps"][0]["routes"] if route["kind"] == "case"]
    assert re.findall(r"<span>if</span><code>(.*?)</code>", page) == labels
    assert labels == ["steps.nobody.x >", "1 < 2 && run.input.text == 'a'"]


def test_who_is_overtaken_sees_by_whom_and_keeps_what_was_typed(
    published: Version, as_designer: Client, as_admin: Client
) -> None:
    mine = as_designer.get(NOTE).content.decode()
    send(as_admin, NOTE, **{"v/note": "Theirs", "v/title": "Theirs"})
    answer = send(as_designer, NOTE, mine, **{"v/title": "Mine"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Not saved" in page and "<b>ada</b>" in page
    assert steps()["note"]["title"] == "Theirs"
    kept = filled(page, NOTE)
    assert (kept["v/title"], kept["v/note"], kept["revision"]) == (["Mine"], ["Theirs"], ["2"])
    assert send(as_designer, NOTE, page).status_code == 302
    assert (steps()["note"]["title"], steps()["note"]["note"]) == ("Mine", "Theirs")
    gone = as_designer.get(NOTE).content.decode()
    act(as_admin, "note", "rename", title="", id="jot")
    answer = send(as_designer, NOTE, gone, **{"v/title": "Late"})
    assert answer.status_code in (404, 409)


def test_ones_own_change_of_the_same_in_another_window_is_a_conflict(published: Version, as_designer: Client) -> None:
    page = as_designer.get(NOTE).content.decode()
    assert send(as_designer, NOTE, page, **{"v/title": "In one window"}).status_code == 302
    answer = send(as_designer, NOTE, page, **{"v/title": "In another"})
    assert answer.status_code == 409
    assert "Not saved" in answer.content.decode()
    assert steps()["note"]["title"] == "In one window"


def test_ones_own_change_elsewhere_on_the_page_is_no_conflict(published: Version, as_designer: Client) -> None:
    page = as_designer.get(NOTE).content.decode()
    assert act(as_designer, "ask", "rename", title="Ask them", id="ask").status_code == 302
    answer = send(as_designer, NOTE, page, part=True, **{"v/title": "Mine"})
    assert answer.status_code == 200 and b"<html" not in answer.content
    assert answer["HX-Trigger"] == '{"draft:changed": {"revision": 3, "step": "note"}}'
    assert (steps()["note"]["title"], steps()["ask"]["title"]) == ("Mine", "Ask them")


def test_a_step_without_an_id_is_refused_and_changes_nothing_around_it(published: Version, as_designer: Client) -> None:
    before = draft().draft
    answer = send(as_designer, NOTE, id=" ", **{"v/title": "Write it down"})
    assert (answer.status_code, draft().draft) == (422, before)
    assert "A step needs an id. It was note." in answer.content.decode()
    assert 'value="Write it down"' in answer.content.decode()


def test_what_a_menu_was_not_asked_to_change_stays_as_another_tab_left_it(published: Version, as_designer: Client) -> None:
    page = as_designer.get("/workflows/asking/steps/ask/menu/").content.decode()
    act(as_designer, "ask", "connect", **{"route:on_deadline": "done"})
    act(as_designer, "ask", "rename", title="Ask them", id="ask")
    (connect,), (rename,) = (
        re.findall(rf'<form class="menu-form"(?:(?!</form>).)*value="{do}".*?</form>', page, re.S) for do in ("connect", "rename")
    )
    assert send(as_designer, OUTLINE, connect, do="connect", **{"route:catch": "dropped"}).status_code == 302
    assert (steps()["ask"]["on_deadline"], steps()["ask"]["catch"][0]["to"]) == ("done", "dropped")
    assert send(as_designer, OUTLINE, rename, do="rename", id="ask_them").status_code == 302
    assert steps()["ask_them"]["title"] == "Ask them"


def test_who_was_first_is_not_forgotten_over_many_changes_of_ones_own(published: Version, as_designer: Client) -> None:
    page = as_designer.get("/workflows/asking/steps/ask/menu/").content.decode()
    (rename,) = re.findall(r'<form class="menu-form"(?:(?!</form>).)*value="rename".*?</form>', page, re.S)
    theirs = [{"do": "set", "step": "ask", "key": "title", "value": "Theirs"}]
    drafts.edit(workflow="asking", revision=1, by="ada", commands=theirs)
    for number in range(50):
        mine = [{"do": "set", "step": "note", "key": "title", "value": f"Mine {number}"}]
        drafts.edit(workflow="asking", revision=2 + number, by="dora", commands=mine)
    assert send(as_designer, OUTLINE, rename, do="rename", title="Over it").status_code == 409
    assert steps()["ask"]["title"] == "Theirs"


@pytest.mark.parametrize(
    "odd", [{"required": [[]]}, {"properties": 5}, {"required": [{}]}, {"required": 5, "properties": {"a": 5}}]
)
def test_a_contract_that_is_none_breaks_no_page_that_could_mend_it(as_designer: Client, published: Version, odd: Any) -> None:
    data = asking()
    data["input"] = data["steps"][1]["form"] = {"type": "object", **odd}
    drafts.push(text=data, by="dora")
    for path in (
        "changes/",
        "publish/",
        "settings/",
        "?version=draft",
        "steps/ask/",
        "proof/?version=draft",
        "graph/?version=draft",
    ):
        assert as_designer.get(f"/workflows/asking/{path}").status_code < 500, path
    assert as_designer.get("/api/v1/workflows/asking/diff?from=1&to=draft").status_code < 500


def test_named_parts_that_are_none_are_refused_at_their_field(published: Version, as_designer: Client) -> None:
    turned = send(as_designer, SETTINGS, form_turn="text v/outcomes").content.decode()
    answer = send(as_designer, SETTINGS, turned, **{"v/outcomes~text": '{"good": "success"}'})
    assert answer.status_code == 422 and "{&quot;good&quot;: &quot;success&quot;}" in answer.content.decode()


def test_a_number_is_written_as_it_was_typed_though_another_stands_there_as_a_fraction(as_designer: Client) -> None:
    publish(asking(limits={"cost_usd": 5.0, "steps": 90, "on_breach": "dropped"}))
    assert send(as_designer, SETTINGS, **{"v/limits/steps": "5"}).status_code == 302
    assert repr(definition().data["limits"]) == "{'cost_usd': 5.0, 'steps': 5, 'on_breach': 'dropped'}"


def test_contract_outcomes_models_and_limits_are_settings(published: Version, as_designer: Client) -> None:
    page = as_designer.get(SETTINGS).content.decode()
    names = filled(page, SETTINGS)
    row = next(name.removesuffix("/name") for name, each in names.items() if each == ["bad"] and name.endswith("/name"))
    answer = send(
        as_designer, SETTINGS, page, **{f"{row}/name": "given_up", "v/limits/steps": "40", "v/input/fields/0/enum": "a, b"}
    )
    assert answer["Location"] == SETTINGS
    data = definition().data
    assert "given_up" in data["outcomes"] and steps()["dropped"]["outcome"] == "given_up"
    assert data["limits"]["steps"] == 40
    assert data["input"]["properties"]["text"] == {"type": "string", "enum": ["a", "b"]}


def test_a_draft_that_can_not_be_read_opens_as_text(published: Version, as_designer: Client) -> None:
    drafts.save_draft(workflow="asking", text="interlock: 1\nid: asking\nsteps: 7\n", revision=1, by="ada")
    for path in (NOTE, SETTINGS, f"{NOTE}menu/"):
        assert as_designer.get(path)["Location"] == "/workflows/asking/edit/", path
        part = as_designer.get(path, headers={"HX-Request": "true"})
        assert part.status_code == 422 and b"/workflows/asking/edit/" in part.content
    assert as_designer.post(OUTLINE, {"revision": 2, "do": "remove", "step": "note"})["Location"] == "/workflows/asking/edit/"
    assert as_designer.get("/workflows/asking/?version=draft").status_code == 200
    assert as_designer.get(OUTLINE, headers={"HX-Request": "true"})["HX-Refresh"] == "true"


def test_what_people_write_is_shown_as_text(as_designer: Client) -> None:
    evil = '"><script>alert(1)</script>'
    changed = asking(title=evil, note=evil)
    changed["steps"][0] |= {"title": evil, "note": evil, "values": {"text": evil}}
    publish(changed)
    for path in (NOTE, f"{NOTE}menu/", SETTINGS, "/workflows/asking/?version=draft&step=note"):
        assert evil.encode() not in as_designer.get(path).content, path


def test_pages_cost_the_same_however_much_there_is(
    published: Version, as_designer: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for path, most in ((NOTE, 14), (f"{NOTE}menu/", 14), (SETTINGS, 14), ("/workflows/asking/?version=draft", 17)):
        as_designer.get(path)
        with django_assert_max_num_queries(most):
            assert as_designer.get(path).status_code == 200, path


def test_a_prompt_says_what_it_reads_and_how_long_it_is(samples: None, as_designer: Client) -> None:
    page = as_designer.get("/workflows/support_triage/steps/classify/").content.decode()
    assert "<code>{{ text }}</code>" in page and "<code>{{ plan }}</code>" in page
    assert re.search(r"about \d+ of 4,000 tokens", page)
    assert "/steps/classify/preview/" in page
    assert "note prompting" not in as_designer.get("/workflows/support_triage/steps/send/").content.decode()


FAILING = {
    "customer": "Waits at most 5 s, tries again up to 2 times, first after 0.5 s; then any error leads to Answer the ticket.",
    "classify": "Asks once more where the answer is wrong, asks again once after 1 s, then asks small instead, then takes"
    " Sort by keywords instead; then invalid output or expression leads to Answer the ticket.",
    "review": "If it can't be computed, it ends as Broken off.",
    "send": "Waits at most 10 s; then any error leads to Hand the ticket over;"
    " where nobody knows whether it happened, it asks a person.",
    "done": "Invalid output or expression ends as Broken off.",
    "passed_on": "Nothing in it can fail.",
}


@pytest.mark.parametrize("step", FAILING)
def test_what_becomes_of_a_step_that_fails_is_folded_into_one_sentence(samples: None, as_designer: Client, step: str) -> None:
    page = unescape(as_designer.get(f"/workflows/support_triage/steps/{step}/").content.decode())
    assert re.findall(r'<details[^>]* id="group-ladder"[^>]*>\s*<summary>.*?<span[^>]*>(.*?)</span></summary>', page) == [
        FAILING[step]
    ]
    assert not re.search(r'id="group-ladder"[^>]* open', page)


# From nothing


def test_a_workflow_begins_with_a_title_and_can_be_published_at_once(
    as_designer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "is_built", lambda: True)
    first = as_designer.post("/workflows/new/empty/", {"title": "Réclamations 2"})
    assert first["Location"] == "/workflows/reclamations_2/design/"
    assert "Nothing is drawn yet." in as_designer.get(first["Location"]).content.decode()
    monkeypatch.setattr(forms, "is_built", lambda: False)
    again = as_designer.post("/workflows/new/empty/", {"title": "Réclamations 2"})
    assert again["Location"] == "/workflows/reclamations_3/?version=draft"
    taken = as_designer.post("/workflows/new/empty/", {"title": "Mine", "id": "reclamations_2"})
    assert taken.status_code == 422
    assert b"There is a workflow reclamations_2 already" in taken.content and b'value="Mine"' in taken.content
    assert as_designer.post("/workflows/new/empty/", {"title": "Mine", "id": "NO"}).status_code == 422
    page = as_designer.get("/workflows/reclamations_2/publish/").content.decode()
    assert ">Publish</button>" in page
    assert as_designer.post("/workflows/reclamations_2/publish/", {"revision": 1}).status_code == 302
