"""The inbox page by page: who may what, what it says, what it costs, and that nothing typed is lost."""

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from orchestration.acts import escalations, resolve, runs
from orchestration.models import Act, Escalation, Run
from orchestration.record.pack import unpack_all
from tests.engine.conftest import Floor, floor, server  # noqa: F401 - fixtures
from tests.engine.publishing import end, publish, workflow
from tests.factories import move
from tests.servers import behaviours as b

FORM: dict[str, Any] = {
    "type": "object",
    "required": ["label", "lines"],
    "properties": {
        "label": {"enum": ["refund", "bug"]},
        "amount": {"type": "number", "maximum": 50},
        "lines": {"type": "array", "minItems": 1, "items": {"type": "string", "minLength": 1}},
    },
}
PROPOSAL = {"label": "bug", "amount": 3.5, "lines": ["one"]}
HUMAN: dict[str, Any] = {
    "id": "check", "type": "human", "title": "Check the label", "form": FORM, "values": PROPOSAL, "queue": "support",
    "priority": "high", "deadline": "2d", "on_deadline": "no", "show": {"Text": "${run.input.text}", "Parts": {"n": 1}},
    "actions": [
        {"id": "accept", "label": "Accept it", "to": "done", "form": "required"},
        {"id": "stop", "label": "Stop here", "to": "no", "form": "ignored"},
    ],
}  # fmt: skip
LABEL = {"type": "object", "required": ["label"], "properties": {"label": {"enum": ["a", "b"]}}}
CLASSIFY = {
    "id": "classify", "type": "llm", "title": "Sort it", "model": "main", "prompt": "Sort <b>{{ text }}</b>", "output": LABEL,
    "input": {"text": "${run.input.text}"}, "repair": {"attempts": 1}, "next": "done",
    "catch": [{"errors": ["*"], "to": "check"}],
}  # fmt: skip


@pytest.fixture
def asked(floor: Floor) -> Escalation:  # noqa: F811
    """A question after a model broke its contract twice."""
    floor.server.script(b.prose(), b.chat({"label": "<i>z</i>"}))
    ends = [end({"label": "${has(steps.check.values.label) ? steps.check.values.label : ''}"}), end(id="no", outcome="bad")]
    run = floor.run(workflow(CLASSIFY, HUMAN, *ends), {"text": "<script>alert(1)</script>"})
    return floor.escalation(run)


def form_of(page: str) -> dict[str, list[str]]:
    """What the answer form of a page would send, but for the action."""
    from tests.web.test_schema_form import as_sent

    return as_sent(page[page.index('id="answer"') :])


def href(asked: Escalation, more: str = "") -> str:
    return f"/inbox/{asked.id}/{more}"


def test_who_may_what(
    asked: Escalation, as_admin: Client, as_designer: Client, as_operator: Client, as_viewer: Client, as_nobody: Client
) -> None:
    for path in ("/inbox/", "/inbox/?tab=done&q=x&queue=support", href(asked)):
        assert as_nobody.get(path).status_code == 302
        assert {client.get(path).status_code for client in (as_viewer, as_operator, as_designer, as_admin)} == {200}
    for path in ("claim/", "release/", "draft/", ""):
        assert as_viewer.post(href(asked, path), {"action": "stop"}).status_code == 403
        assert as_nobody.post(href(asked, path), {"action": "stop"}).status_code == 302
    for path in ("claim/", "release/", "draft/"):
        assert as_operator.get(href(asked, path)).status_code == 405
    asked.refresh_from_db()
    assert asked.status == "open", "looking decides nothing"
    assert 'id="answer"' not in as_viewer.get(href(asked)).content.decode()
    assert as_operator.get("/inbox/no_such_one/").status_code == 404


def test_the_dossier_says_why_what_was_tried_and_what_each_action_leads_to(asked: Escalation, as_operator: Client) -> None:
    page = as_operator.get(href(asked)).content.decode()
    assert "<script>alert(1)</script>" not in page and "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "broke its contract" in page.lower()
    assert page.index("Attempt</b>") < page.index("Repair</b>")
    assert "&lt;i&gt;z&lt;/i&gt;" in page, "the raw answer"
    assert "Sort &lt;b&gt;" in page, "the prompt as it was sent"
    assert "Done" in page and "the run ends: Good" in page and "the run ends: Bad" in page
    assert "High priority" in page and "due in 2 d" in page
    assert form_of(page)["v/label"] == ['"bug"']


@pytest.mark.parametrize(("to", "led"), [("check", True), ("mood", False), ("loop", True)])
def test_an_error_is_shown_where_it_led_here_and_not_where_it_was_caught_before(
    floor: Floor, as_operator: Client, to: str, led: bool  # noqa: F811
) -> None:  # fmt: skip
    """`mood`: its catch led on, and a branch asks by another rule. `loop`: what the body does not catch, its loop does."""
    floor.server.script(b.prose(), b.prose())
    catch = [{"errors": ["*"], "to": "mood" if to == "mood" else "check"}]
    failing = {**CLASSIFY, **({"next": "continue", "catch": []} if to == "loop" else {"catch": catch})}
    mood = {"id": "mood", "type": "branch", "cases": [{"when": "run.input.n == 3.0", "to": "check"}], "default": "done"}
    again = {"id": "again", "type": "loop", "max": 2, "carry": {}, "until": "true", "body": [failing], "next": "check"}
    again |= {"on_exhausted": "check", "catch": catch}
    steps = {"check": [failing], "mood": [failing, mood], "loop": [again]}[to]
    run = floor.run(workflow(*steps, HUMAN, end(), end(id="no", outcome="bad")), {"text": "x", "n": 3})
    found = floor.escalation(run)
    page = as_operator.get(href(found)).content.decode()
    why = page[page.index('id="why-title"') : page.index('id="answer-title"')]
    assert (unpack_all([found.reason])[0]["error"] is not None) is led
    assert ("broke" in why or "invalid_output" in why) is led, why
    assert "broke its contract" in page.lower(), "what was tried tells of it in any case"


def test_what_it_costs(asked: Escalation, as_operator: Client, django_assert_max_num_queries: Callable[..., Any]) -> None:
    as_operator.get(href(asked))
    for path, most, more in (
        ("/inbox/", 9, {}),
        (href(asked), 20, {}),
        (href(asked), 8, {"HX-Request": "true", "HX-Target": "inbox-list"}),
        ("/inbox/", 8, {"HX-Request": "true", "HX-Target": "inbox-list"}),
    ):
        with django_assert_max_num_queries(most):
            answer = as_operator.get(path, headers=more)
        assert (b"<html" in answer.content) is not bool(more)
    unchanged = {**more, "If-None-Match": answer["ETag"]}
    with django_assert_max_num_queries(5):
        assert as_operator.get("/inbox/", headers=unchanged).status_code == 304
    for path in ("/inbox/", href(asked)):
        whole = as_operator.get(path, headers={"If-None-Match": answer["ETag"]})
        assert (whole.status_code, "ETag" in whole) == (200, False), "there is more on it than that tag counts"


def test_a_wrong_answer_keeps_the_pause_and_the_text(asked: Escalation, as_operator: Client) -> None:
    sent = {**form_of(as_operator.get(href(asked)).content.decode()), "v/amount": ["a lot <b>"], "v/lines/0": [""]}
    answer = as_operator.post(href(asked), {**sent, "action": "accept"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "Must be a number" in page and "a lot &lt;b&gt;" in page
    assert form_of(page)["v/amount"] == ["a lot <b>"]
    assert Escalation.objects.get(id=asked.id).status == "open"
    assert as_operator.post(href(asked), {**sent, "action": "no_such"}).status_code == 422
    added = as_operator.post(href(asked), {**sent, "form_turn": "add v/lines"})
    assert added.status_code == 200
    assert form_of(added.content.decode())["v/lines~item"] == ["0", "1"]
    assert form_of(added.content.decode())["v/amount"] == ["a lot <b>"]


def test_a_right_answer_moves_the_run_and_a_second_click_changes_nothing(
    asked: Escalation, as_operator: Client, floor: Floor  # noqa: F811
) -> None:  # fmt: skip
    sent = {**form_of(as_operator.get(href(asked)).content.decode()), "v/label": ['"refund"'], "v/amount": ["4"]}
    for _ in range(2):
        answer = as_operator.post(href(asked), {**sent, "action": "accept"}, follow=True)
        assert answer.redirect_chain == [("/inbox/", 302)]
    assert f'href="/runs/{asked.run_id}/"' in answer.content.decode()
    assert Act.objects.filter(verb="resolve").count() == 1
    assert floor.output(floor.ended(asked.run_id)) == {"label": "refund"}
    done = as_operator.get("/inbox/?tab=done").content.decode()
    assert "resolved by otto" in done
    asked.refresh_from_db()
    decided = as_operator.get(href(asked)).content.decode()
    assert "<b>otto</b> decided this" in decided and "4.0" in decided


def test_who_comes_second_is_told_who_decided_and_keeps_the_text(asked: Escalation, as_operator: Client) -> None:
    sent = {**form_of(as_operator.get(href(asked)).content.decode()), "v/lines/0": ["my own words"]}
    resolve.resolve(escalation=asked.id, action="stop", values={}, by="ada")
    answer = as_operator.post(href(asked), {**sent, "action": "accept"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Yours was not taken.</b> ada decided this first: Stop here." in page and "my own words" in page
    assert 'id="answer"' not in page


def test_of_two_tabs_of_one_person_the_second_is_told_that_it_came_too_late(asked: Escalation, as_operator: Client) -> None:
    first, second = (form_of(as_operator.get(href(asked)).content.decode()) for _ in range(2))
    assert as_operator.post(href(asked), {**first, "action": "accept"}).status_code == 302
    answer = as_operator.post(href(asked), {**second, "v/lines/0": ["my own words"], "action": "stop"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Yours was not taken.</b> You yourself, in another tab or window, decided this first: Accept it." in page
    assert "my own words" in page and "You answered" not in page, "the good news is the first tab's"
    for path in ("/inbox/", "/inbox/?tab=done", href(asked)):
        said = as_operator.get(path).content.decode()
        assert "with <b>Accept it</b>: “Check the label”, " in said and f'<a href="/runs/{asked.run_id}/">' in said


def test_where_nothing_is_to_be_filled_in_the_actions_stand_alone(as_operator: Client, db: None) -> None:
    publish(workflow({**HUMAN, "form": {"type": "object"}, "values": {}}, end(), end(id="no", outcome="bad"), models={}))
    run = Run.objects.get(id=runs.start(workflow="sample", input={"text": "x", "n": 1}, by="otto"))
    asked = Escalation.objects.get(run=move(run))
    page = as_operator.get(href(asked)).content.decode()
    assert "Accept it" in page
    assert "<textarea" not in page and "Keep as draft" not in page and "the form is left aside" not in page
    assert as_operator.post(href(asked), {"action": "accept", "revision": run.revision, "token": "t"}).status_code == 302
    asked.refresh_from_db()
    assert unpack_all([asked.answer])[0] == {"action": "accept", "values": {}}


def test_a_claim_is_seen_by_others_and_can_be_taken_over_with_a_note(
    asked: Escalation, as_operator: Client, as_designer: Client
) -> None:
    as_operator.post(href(asked, "claim/"))
    assert "Yours" in as_operator.get(href(asked)).content.decode()
    theirs = as_designer.get(href(asked)).content.decode()
    assert "<b>otto</b> is at it" in theirs
    refused = as_designer.post(href(asked), {**form_of(theirs), "action": "stop"})
    assert refused.status_code == 409 and "otto has claimed" in refused.content.decode()
    as_designer.post(href(asked, "claim/"))
    assert Escalation.objects.get(id=asked.id).claimed_by == "otto", "not without saying so"
    as_designer.post(href(asked, "claim/"), {"take_over": "1", "note": "otto is away"})
    assert Escalation.objects.get(id=asked.id).claimed_by == "dora"
    as_operator.post(href(asked, "release/"))
    assert Escalation.objects.get(id=asked.id).claimed_by == "dora", "only who has it lets go"
    as_designer.post(href(asked, "release/"))
    assert Escalation.objects.get(id=asked.id).status == "open"


def test_a_draft_is_kept_right_or_wrong_and_opened_again(asked: Escalation, as_operator: Client, as_admin: Client) -> None:
    typed = {**form_of(as_operator.get(href(asked)).content.decode()), "v/amount": ["4 or 5?"]}
    assert as_operator.post(href(asked, "draft/"), typed, headers={"X-Draft": "1"}).status_code == 204
    page = as_operator.get(href(asked)).content.decode()
    assert form_of(page)["v/amount"] == ["4 or 5?"] and "draft of otto" in page
    assert form_of(as_operator.get(href(asked, "?fresh=1")).content.decode())["v/amount"] == ["3.5"]
    escalations.claim(escalation=asked.id, by="otto")
    late = as_admin.post(href(asked, "draft/"), typed, headers={"X-Draft": "1"})
    assert late.status_code == 409 and "otto" in late.content.decode()


def about(client: Client) -> list[str]:
    """The line of each question by which the list tells it from others."""
    page = client.get("/inbox/").content.decode()
    return [html.unescape(line) for line in re.findall(r'<span class="ask__about">([^<]*)</span>', page)]


def test_questions_of_one_title_are_told_apart_in_the_list(floor: Floor, as_operator: Client) -> None:  # noqa: F811
    texts = [f"  <b>order</b>\n{number} is late, {'very ' * 80}late" for number in (1, 2)]
    ends = [end({"label": "${has(steps.check.values.label) ? steps.check.values.label : ''}"}), end(id="no", outcome="bad")]
    for text in texts:
        floor.escalation(floor.run(workflow(HUMAN, *ends), {"text": text}))
    lines = about(as_operator)
    assert sorted(line[:26] for line in lines) == ["<b>order</b> 1 is late, ve", "<b>order</b> 2 is late, ve"]
    assert {len(line) for line in lines} == {300}
    bare = {**HUMAN, "show": {}}
    floor.server.script(b.error(404), path="/tools/look")
    look = {"id": "look", "type": "tool", "tool": "look", "next": "done", "catch": [{"errors": ["*"], "to": "check"}]}
    tools = {"look": {"http": {"method": "GET", "url": f"{floor.server.url}/tools/look"}, "effect": "none"}}
    run = floor.run(workflow(look, bare, *ends, id="bare", tools=tools), {"text": "x"})
    assert floor.escalation(run).about.startswith("Went to Check the label because Look failed with not_found"), (
        "else why it stopped"
    )


def test_the_list_is_narrowed_by_tab_queue_and_words(asked: Escalation, as_operator: Client) -> None:
    def shown(query: str) -> bool:
        return f"/inbox/{asked.id}/" in as_operator.get(f"/inbox/{query}").content.decode()

    assert shown("") and shown("?tab=unclaimed") and shown("?queue=support&q=label") and shown(f"?q={asked.run_id}")
    assert not any(map(shown, ("?tab=mine", "?tab=done", "?queue=other", "?q=nothing+like+it")))
    assert shown("?q=alert(1)"), "by what it is about"
    escalations.claim(escalation=asked.id, by="otto")
    assert shown("?tab=mine") and not shown("?tab=unclaimed")


def test_an_unknown_effect_asks_whether_it_happened_with_the_request_in_view(floor: Floor, as_operator: Client) -> None:  # noqa: F811
    schema = {"type": "object", "required": ["message_id"], "properties": {"message_id": {"type": "string"}}}
    given = {"text": "hello", "copy": "", "ticket": "T-7"}
    send = {"id": "send", "type": "tool", "tool": "send_it", "input": given, "next": "done", "timeout": "5s"}
    http = {"method": "POST", "url": f"{floor.server.url}/tools/send"}
    tools = {"send_it": {"http": http, "effect": "irreversible", "output": schema}}
    escalation = {"queue": "support", "deadline": "1d", "on_deadline": "bad"}
    floor.server.script(b.error(502), path="/tools/send")
    run = floor.run(workflow(send, end(), tools=tools, escalation=escalation))
    asked = floor.escalation(run)
    assert about(as_operator) == ["hello · T-7"], "what was sent tells it from others, the title says that it is not known"
    page = as_operator.get(href(asked)).content.decode()
    assert "Did this happen?" in page and "/tools/send" in page and "hello" in page
    sent = form_of(page)
    assert sent["v/message_id"] == [""], "an example is no proposal"
    assert as_operator.post(href(asked), {**sent, "action": "happened"}).status_code == 422
    assert as_operator.post(href(asked), {**sent, "v/message_id": ["m-1"], "action": "happened"}).status_code == 302
    assert floor.ended(run.id).outcome == "good"
