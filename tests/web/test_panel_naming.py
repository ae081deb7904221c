"""Rows of a contract that are called otherwise: told as a renaming of their fields, which all that reads them follows."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from dashboard.panel.form import StepForm, at_fields, replace_answer
from orchestration.core.editing import edit
from orchestration.core.errors import Problem
from orchestration.models import Workflow
from tests.engine.publishing import publish
from tests.factories import asking
from tests.web.conftest import draft
from tests.web.test_design_pages import SETTINGS, definition, send, steps
from tests.web.test_panel_form import TRIAGE, data_of, opened, plan_of, sent

ORDERS = plan_of("""
interlock: 1
id: orders
title: Orders
input:
  type: object
  required: [customer, lines]
  properties:
    customer: {type: object, required: [email], properties: {email: {type: string}, phone: {type: string}}}
    lines: {type: array, items: {type: object, required: [amount], properties: {amount: {type: number}, note: {type: string}}}}
    note: {type: string}
  examples: [{customer: {email: a@b.example}, lines: []}]
outcomes: {ok: {kind: success}, broken: {kind: failure}}
on_failure: broken
start: ask
steps:
  - id: ask
    type: human
    title: Ask
    show: {who: "${run.input.customer.email}"}
    values: {reply: "To ${run.input.customer.email}", why: none}
    form: {type: object, required: [reply], properties: {reply: {type: string}, why: {type: string}}}
    actions: [{id: send, label: Send, to: done}]
    deadline: 1h
    on_deadline: done
  - {id: done, type: end, outcome: ok, output: {reply: "${has(steps.ask.values.why) ? steps.ask.values.reply : run.input.note}"}}
""")
INPUT = "v/input/fields"
TEXT = {"type": "string"}


def made(form: StepForm) -> dict[str, Any]:
    """What its commands make of the definition."""
    return edit(dict(ORDERS.definition.data), form.tidied().commands()).data


def names(form: StepForm, name: str = INPUT) -> list[str]:
    return [form.answer[f"{name}/{key}/name"][0] for key in form.answer[f"{name}~item"]]


def test_a_row_that_is_called_otherwise_renames_its_field_and_what_else_was_typed_goes_along() -> None:
    typed = {"v/form/fields/0/name": "answer", "v/values/0/value": "Dear ${run.input.customer.email}"}
    form = sent(opened(ORDERS, "ask"), **typed)
    values, rename = form.commands()
    assert values["key"] == ["values"]
    assert rename == {"do": "rename_fields", "step": "ask", "key": ["form", "properties"], "to": {"reply": "answer"}}
    ask, done = made(form)["steps"]
    assert ask["values"] == {"answer": "Dear ${run.input.customer.email}", "why": "none"}
    assert ask["form"]["required"] == ["answer"]
    assert done["output"] == {"reply": "${has(steps.ask.values.why) ? steps.ask.values.answer : run.input.note}"}
    form = sent(form, **{"v/form/fields/0/description": "What to say", "id": "desk"})
    assert [command["do"] for command in form.commands()] == ["rename", "set", "rename_fields", "set"]
    ask, done = made(form)["steps"]
    assert ask["form"]["properties"]["answer"] == {"type": "string", "description": "What to say"}
    assert done["output"] == {"reply": "${has(steps.desk.values.why) ? steps.desk.values.answer : run.input.note}"}


def test_what_is_inside_of_a_renamed_field_goes_along_and_may_be_renamed_too() -> None:
    form = opened(ORDERS, "")
    assert names(form) == ["customer", "customer.email", "customer.phone", "lines", "lines[].amount", "lines[].note", "note"]
    typed = {
        f"{INPUT}/0/name": "client",
        f"{INPUT}/1/name": "client.mail",
        f"{INPUT}/3/name": "rows",
        f"{INPUT}/5/name": "rows[].text",
    }
    form = sent(form, **typed).tidied()
    assert names(form) == ["client", "client.mail", "client.phone", "rows", "rows[].amount", "rows[].text", "note"]
    assert [(command["key"], command["to"]) for command in form.commands()] == [
        (["input", "properties"], {"customer": "client", "lines": "rows"}),
        (["input", "properties", "client", "properties"], {"email": "mail"}),
        (["input", "properties", "rows", "items", "properties"], {"note": "text"}),
    ]
    found = made(form)
    assert found["steps"][0]["show"] == {"who": "${run.input.client.mail}"}
    assert found["input"]["examples"] == [{"client": {"mail": "a@b.example"}, "rows": []}]
    assert opened(plan_of(str(found)), "").answer[f"{INPUT}/1/name"] == ["client.mail"]


@pytest.mark.parametrize(
    ("typed", "renamed"),
    [
        ({f"{INPUT}/6/name": "remark"}, {"note": "remark"}),
        ({f"{INPUT}/0/name": "note", f"{INPUT}/6/name": "customer"}, {"customer": "note", "note": "customer"}),
        ({f"{INPUT}~item": ["0", "1", "2", "7"], f"{INPUT}/7/name": "remark"}, None),
        ({f"{INPUT}~item": ["6"], f"{INPUT}/6/name": "customer"}, None),
        ({f"{INPUT}/6/name": "customer.note"}, None),
        ({f"{INPUT}/2/name": "tel"}, None),
    ],
    ids=["renamed", "with each other", "gone and new", "called as one that is gone", "moved in", "moved out"],
)  # fmt: skip
def test_only_a_row_that_was_there_and_stays_where_it_was_is_renamed(typed: dict[str, Any], renamed: Any) -> None:
    form = opened(ORDERS, "").turned({"form_turn": f"add {INPUT}"})
    assert form is not None
    found = [command for command in sent(form, **typed).tidied().commands() if command["do"] == "rename_fields"]
    assert [command["to"] for command in found] == ([renamed] if renamed else [])


def test_a_new_row_with_the_number_of_one_that_is_gone_and_rows_made_from_text_are_others() -> None:
    form = opened(ORDERS, "").turned({"form_turn": f"take {INPUT} 6"})
    assert form is not None
    shown = {name: each for name, each in form.answer.items() if not name.startswith(f"{INPUT}/6")}
    form = replace_answer(form, shown, form.shown, "").turned({"form_turn": f"add {INPUT}"})
    assert form is not None and form.answer[f"{INPUT}~item"][-1] == "6"
    (command,) = sent(form, **{f"{INPUT}/6/name": "remark"}).tidied().commands()
    assert command["do"] == "set"
    text = opened(TRIAGE, "").turned({"form_turn": "text v/outcomes"})
    assert text is not None
    fewer = text.answer["v/outcomes~text"][0].replace('"answered"', '"replied"')
    rows = sent(text, **{"v/outcomes~text": fewer}).turned({"form_turn": "rows v/outcomes"})
    assert rows is not None and not [command for command in sent(rows).commands() if command["do"] == "rename"]


def test_who_was_overtaken_still_renames_what_was_renamed() -> None:
    form = sent(opened(ORDERS, "ask"), **{"v/form/fields/0/name": "answer"})
    now = {**data_of(ORDERS, "ask"), "title": "Theirs"}
    assert not form.crosses(now)
    assert form.rebased(now).commands() == form.commands()
    more = {"type": "object", "properties": {"reply": {"type": "string"}, "when": {"type": "string"}}}
    assert form.crosses({**now, "form": more})
    rebased = form.rebased({**now, "form": more})
    assert (names(rebased, "v/form/fields"), rebased.commands()) == (["answer", "when"], form.commands())
    outcome = sent(opened(TRIAGE, ""), **{"v/outcomes/3/name": "failed"})
    assert outcome.rebased({**TRIAGE.definition.data, "title": "Theirs"}).commands() == outcome.commands()


def test_what_is_wrong_with_a_new_name_is_said_in_its_row() -> None:
    form = sent(opened(ORDERS, "ask"), **{"v/form/fields/0/name": "a" * 300})
    (command,) = form.commands()
    assert command["to"] == {"reply": "a" * 300}
    (wrong,) = form.mark(at_fields([Problem("bad_value", "Too long.", "commands[0].to.reply")], [command])).wrong
    assert wrong.path.startswith("form.fields")


# As a page


@pytest.mark.any_database
def test_a_renamed_field_of_the_input_is_one_edit_which_says_what_it_rewrote_and_what_it_could_not(as_designer: Client) -> None:
    given = asking()
    given["steps"][0]["values"]["all"] = "${run.input}"
    publish(given)
    before = Workflow.objects.get(id="asking").draft
    answer = send(as_designer, SETTINGS, part=True, **{f"{INPUT}/0/name": "message"})
    page = unescape(answer.content.decode())
    assert "Renamed text to message in what a run takes, and in Note." in page
    assert f'name="{INPUT}/0~was" value="message"' in page
    (left,) = re.findall(r'<li><a href="(/workflows/asking/steps/note/)">note</a>: (.*?)</li>', page)
    assert left[1].startswith("steps[0].values.all: this reads all of run.input")
    assert steps()["note"]["values"] == {"text": "${run.input.message}", "all": "${run.input}"}
    assert definition().data["input"]["required"] == ["message"]
    assert as_designer.post("/workflows/asking/undo/", {"revision": draft().revision}).status_code == 302
    assert Workflow.objects.get(id="asking").draft == before
    assert send(as_designer, SETTINGS, **{f"{INPUT}/0/name": "message"})["Location"] == SETTINGS
    told = unescape(as_designer.get(SETTINGS).content.decode())
    assert "Renamed text to message" in told and "this reads all of run.input" in told


@pytest.mark.any_database
def test_a_name_that_stands_there_already_is_refused_in_its_row_and_nothing_is_renamed(as_designer: Client) -> None:
    publish(asking(input={"type": "object", "required": ["text"], "properties": {"text": TEXT, "tone": TEXT}}))
    answer = send(as_designer, SETTINGS, part=True, **{f"{INPUT}/0/name": "tone"})
    page = answer.content.decode()
    assert (answer.status_code, draft().revision) == (422, 1)
    assert "<code>tone</code> stands here twice. Take one of them away." in page
    assert f'name="{INPUT}/0~was" value="text"' in page, "it is known yet which row was which"
    answer = send(as_designer, SETTINGS, page, part=True, **{f"{INPUT}/0/name": "body"})
    assert "Renamed text to body in what a run takes, and in Note." in unescape(answer.content.decode())
