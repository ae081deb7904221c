"""The form of a step, as values: what was shown and sent back says nothing, and what was changed is told as edit commands."""

from pathlib import Path
from typing import Any

import pytest
from django.http import QueryDict

from dashboard.format_example import EXAMPLE
from dashboard.panel.around import around
from dashboard.panel.form import StepForm, at_fields
from dashboard.panel.seen import seen
from dashboard.panel.specs import spec_of
from orchestration.core.catalog import Catalog, Tool
from orchestration.core.definition import ToolStep, Workflow, parse
from orchestration.core.errors import Problem, Refused
from orchestration.core.plan import Plan, compile_plan
from orchestration.samples import __file__ as samples

TEXTS = [EXAMPLE, *(path.read_text() for path in sorted(Path(samples).parent.glob("*.yaml")))]


def plan_of(text: str) -> Plan:
    return compile_plan(parse(text), Catalog())


def opened(plan: Plan, step: str) -> StepForm:
    offered = around(plan, step, Catalog())
    if not step:
        return StepForm.opened(Workflow, "", plan.definition.data, offered)
    return StepForm.opened(type(plan.steps[step].model), step, data_of(plan, step), offered)


def data_of(plan: Plan, step: str) -> dict[str, Any]:
    here: Any = plan.definition.data
    for part in plan.steps[step].place.replace("[", ".").replace("]", "").split("."):
        here = here[int(part)] if part.isdecimal() else here[part]
    return dict(here)


def sent(form: StepForm, **typed: Any) -> StepForm:
    """The form as a browser sends it, with other text in some of its controls; None leaves one out."""
    posted = QueryDict(mutable=True)
    for name, each in {**form.answer, **typed}.items():
        posted.setlist(name, [] if each is None else each if isinstance(each, list) else [each])
    posted["shown"], posted["id"] = form.carried, typed.get("id", form.step)
    return StepForm.sent(form.model, form.step, {}, form.around, posted)


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[14:30].split("\n")[0])
def test_what_was_shown_and_sent_back_changes_nothing(text: str) -> None:
    plan = plan_of(text)
    for step in ("", *plan.steps):
        form = opened(plan, step)
        assert sent(form).commands() == [], step
        assert form.fields.children and form.groups, step
        shown = [field.path for group in form.groups for field in (*group.fields, *group.more)]
        assert sorted(shown) == sorted(field.path for field in form.fields.children), step


TRIAGE = plan_of((Path(samples).parent / "support_triage.yaml").read_text())


def test_what_fails_stays_folded_until_something_in_it_is_wrong_or_changed() -> None:
    form = opened(TRIAGE, "classify")
    assert [(group.title, group.open) for group in form.groups if group.folded] == [("When it fails", False)]
    for asked in (
        form.mark([Problem("wrong", "No.", "values.fallback[0].model")]),
        form.turned({"form_turn": "add v/catch"}),
        sent(form, **{"v/retry/attempts": "9"}),
    ):
        assert asked is not None and [group.open for group in asked.groups if group.folded] == [True]
    for still in (sent(form), sent(form, **{"v/title": "Other"}), form.turned({"form_turn": "add v/input"})):
        assert still is not None and [group.open for group in still.groups if group.folded] == [False]


def test_settings_say_nothing_twice_and_hide_no_tools() -> None:
    groups = opened(TRIAGE, "").groups
    assert [(group.title, group.names, group.folded) for group in groups][4:] == [
        ("Tools of its own", True, False), ("Limits", True, False), ("Questions that no step asks", True, False),
        ("What is kept", False, True),
    ]  # fmt: skip
    assert not any(group.more for group in groups)


def test_only_what_was_changed_becomes_commands() -> None:
    form = opened(TRIAGE, "classify")
    typed = {
        "id": "sort",
        "v/retry/attempts": "3",
        "v/retry/backoff": "",
        "v/note": "",
        "v/input/0/value": "${run.input.text} now",
        "v/next": '"ask"',
        "v/output/fields/0/enum": "refund, bug",
        "v/checks~item": ["1"],
        "v/timeout": "30s",
    }
    rename, *others = sent(form, **typed).commands()
    assert rename == {"do": "rename", "kind": "step", "id": "classify", "to": "sort"}
    assert {each["step"] for each in others} == {"sort"}
    found = {".".join(each["key"]): each.get("value", "gone") for each in others}
    label = found.pop("output")["properties"]["label"]
    assert found == {
        "note": "gone",
        "retry.attempts": 3,
        "retry.backoff": "gone",
        "timeout": "30s",
        "input": {"text": "${run.input.text} now", "plan": "${steps.customer.plan}"},
        "next": "ask",
        "checks": [
            {"that": "output.label == 'unclear' || output.quote != ''", "else": "A label needs the words that it rests on."}
        ],
    }
    assert label == {"enum": ["refund", "bug"]}


def test_rows_are_added_taken_away_and_turned_into_text_and_back() -> None:
    form = opened(TRIAGE, "review")
    for pressed in ("add v/cases", "add v/cases/1/when/items", "add v/catch"):
        form = form.turned({"form_turn": pressed}) or form
    form = sent(
        form,
        **{
            "v/cases/1/when/items/0/place": "steps.classify.urgent", "v/cases/1/when/items/0/operator": '"true"',
            "v/cases/1/to": '"ask"', "v/catch/0/errors": '"*"', "v/catch/0/to": '"ask"',
        },
    )  # fmt: skip
    cases, catch = form.commands()
    assert cases["value"][1] == {"when": "steps.classify.urgent", "to": "ask"}
    assert catch["value"] == [{"errors": ["*"], "to": "ask"}]
    text = form.turned({"form_turn": "text v/cases/1/when"})
    assert text is not None and text.answer["v/cases/1/when~text"] == ["steps.classify.urgent"]
    more = sent(text, **{"v/cases/1/when~text": "size(run.input.text) > 3"})
    assert more.commands()[0]["value"][1]["when"] == "size(run.input.text) > 3"
    refused = more.turned({"form_turn": "rows v/cases/1/when"})
    assert refused is not None and (refused.is_wrong, refused.wrong) == (False, ()), "it is right as it stands"
    (kept,) = [field for field in refused.fields.every() if field.unturned]
    assert (kept.path, kept.text) == ("cases[1].when", "size(run.input.text) > 3")
    assert kept.unturned == "This is more than rows can say. It stays as CEL."
    unread = sent(text, **{"v/cases/1/when~text": "size(run.input.text >"}).turned({"form_turn": "rows v/cases/1/when"})
    assert unread is not None and (unread.is_wrong, [field.path for field in unread.wrong]) == (True, ["cases[1].when"])
    rows = text.turned({"form_turn": "rows v/cases/1/when"})
    assert rows is not None and sent(rows).commands() == form.commands()
    assert (form.turned({"form_turn": "take v/cases 1"}) or form).commands() == [catch]
    assert form.turned({"form_turn": "save"}) is None


def test_what_has_to_be_there_is_empty_and_not_gone_where_all_was_taken_away() -> None:
    form = sent(opened(TRIAGE, "keywords"), **{"v/values~item": None, "v/output/fields~item": None})
    assert {tuple(each["key"]): each.get("value", "gone") for each in form.commands()} == {("values",): {}, ("output",): "gone"}


def test_ids_of_the_workflow_are_renamed_and_what_is_new_is_set() -> None:
    form = opened(TRIAGE, "").turned({"form_turn": "add v/models"})
    assert form is not None
    typed = {
        "v/outcomes/3/name": "failed",
        "v/outcomes/0/title": "Done",
        "v/models/2/name": "large",
        "v/models/2/provider": '"default"',
    }
    commands = sent(form, **typed).commands()
    assert commands == [
        {"do": "rename", "kind": "outcome", "id": "broken", "to": "failed"},
        {"do": "set", "step": "", "key": ["outcomes", "answered", "title"], "value": "Done"},
        {"do": "set", "step": "", "key": ["models", "large"], "value": {"provider": "default"}},
    ]


def test_who_was_overtaken_keeps_what_was_typed_on_what_stands_there_now() -> None:
    form = opened(TRIAGE, "draft")
    typed = sent(form, **{"v/retry/attempts": "4", "v/title": "Mine"})
    now = {**data_of(TRIAGE, "draft"), "title": "Theirs", "note": "Theirs", "retry": {"backoff": "2s"}}
    after = typed.rebased(now)
    assert {tuple(each["key"]): each["value"] for each in after.commands()} == {("title",): "Mine", ("retry", "attempts"): 4}
    assert after.answer["v/note"] == ["Theirs"]


def test_problems_of_commands_stand_at_their_fields() -> None:
    form = sent(opened(TRIAGE, "send"), **{"v/timeout": "soon", "v/retry/attempts": "99"})
    commands = form.commands()
    places = {".".join(each["key"]): index for index, each in enumerate(commands)}
    wrong = [
        Problem("bad_value", "no duration.", f"commands[{places['timeout']}].value"),
        Problem("bad_value", "too many.", f"commands[{places['retry.attempts']}].value"),
    ]
    marked = form.mark(at_fields(wrong, commands))
    assert {field.path: field.errors for field in marked.wrong} == {
        "timeout": ("No duration.",),
        "retry.attempts": ("Too many.",),
    }


def test_what_can_not_be_read_is_refused_at_its_field() -> None:
    typed = {"v/input/1/name": "ticket", "v/output~text": '{"type":\n "object",}'}
    form = sent(opened(TRIAGE, "classify"), **typed, **{"v/input/0/name": "ticket"})
    with pytest.raises(Refused) as refused:
        form.commands()
    wrong = form.mark(at_fields(refused.value.problems, [])).wrong
    assert [(field.path, field.label, field.anchor) for field in wrong] == [
        ("input[1].name", "Value 2, Name", "v/input/1/name"),
        ("output", "What it gives", "v/output~text"),
    ]
    assert wrong[1].errors == ("It is not JSON: a key in double quotes is missing at line 2, column 11.",)


def test_routes_are_offered_that_lead_forward_and_places_that_come_before() -> None:
    offered = around(TRIAGE, "draft", Catalog())
    assert [name for name, _ in offered.targets] == ["review", "ask", "send", "assign", "done", "passed_on", "left"]
    places = {place.path: place for place in offered.places}
    assert places["steps.classify.label"].options == ("refund", "bug", "question", "unclear")
    assert places["run.input.text"].words == "text, 1 to 8,000 characters"
    assert "steps.review" not in places and "steps.send.message_id" not in places
    assert {place.path for place in offered.own} >= {"input.text", "output.reply"}


def test_each_place_has_the_type_and_the_values_of_its_contract() -> None:
    texts = {"type": "array", "items": {"type": "string"}}
    person = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}, "age": {"type": "integer"}}}
    contract = {
        "type": "object",
        "$defs": {"person": person},
        "properties": {
            "label": {"enum": ["refund", "bug"]},
            "sure": {"type": "boolean"},
            "score": {"type": "number", "minimum": 0},
            "rounds": {"type": ["integer", "null"]},
            "tags": texts,
            "matrix": {"type": "array", "items": texts},
            "people": {"type": "array", "items": {"$ref": "#/$defs/person"}},
            "owner": {"$ref": "#/$defs/person"},
            "either": {"anyOf": [{"const": "none"}, {"type": "number"}]},
            "free": {},
            "not a name": {"type": "string"},
        },
    }
    found = {place.path: (place.type, place.options) for place in seen(TRIAGE, {"output": contract})}
    assert found == {
        "output": ("object", ()),
        "output.label": ("text", ("refund", "bug")),
        "output.sure": ("yes or no", ()),
        "output.score": ("number", ()),
        "output.rounds": ("whole number or nothing", ()),
        "output.tags": ("list of text", ()),
        "output.matrix": ("list of list of text", ()),
        "output.people": ("list of object", ()),
        "output.owner": ("object", ()),
        "output.owner.name": ("text", ()),
        "output.owner.age": ("whole number", ()),
        "output.either": ("text or number", ()),
        "output.free": ("anything", ()),
    }
    lists = around(TRIAGE, "classify", Catalog()).lists
    assert set(lists) == {"places", "places-own"}
    assert {place.path: place.type for place in lists["places-own"]}["output.urgent"] == "yes or no"


def test_a_field_says_what_the_place_in_it_is_called_and_how_one_is_written_there() -> None:
    def said(plan: Plan, step: str, name: str, **typed: Any) -> tuple[str, str, str, bool]:
        field = next(field for field in sent(opened(plan, step), **typed).fields.every() if field.name == name)
        return field.offers, field.picks, field.said, field.nowhere

    text = ("places", "value", "The run’s text, text, 1 to 8,000 characters", False)
    assert said(TRIAGE, "classify", "v/input/0/value") == text
    place = "v/cases/0/when/items/0/place"
    assert said(TRIAGE, "review", place)[2] == "Sort the ticket’s label: refund, bug, question or unclear"
    nowhere = "There is no place steps.classify.lable that could be read here."
    assert said(TRIAGE, "review", place, **{place: "steps.classify.lable"})[2:] == (nowhere, True)
    anything = said(TRIAGE, "classify", "v/input/1/value", **{"v/input/1/value": "${steps.customer.plan}"})
    assert anything[2:] == ("", False), "of a tool that nobody knows anything may be read"
    assert said(TRIAGE, "review", "v/cases/0/when/items/0/place")[:2] == ("places", "place")
    assert said(TRIAGE, "classify", "v/checks/0/that/items/0/place")[2] == "Its input’s text, text, 1 to 8,000 characters"
    drawn = plan_of(EXAMPLE)
    tool, definition = next(iter(drawn.workflow.tools.items()))
    assert said(drawn, "", "v/tools/0/http/url")[:2] == (f"places-http-{tool}", "value")
    names = {place.path for place in around(drawn, "", Catalog(secrets=frozenset({"desk"}))).in_tools[tool]}
    assert names >= {*(f"input.{name}" for name in definition.input["properties"]), "secrets.desk"}


@pytest.mark.parametrize("text", TEXTS)
def test_no_field_of_a_sound_definition_says_that_its_place_is_not_there(text: str) -> None:
    plan = plan_of(text)
    fields = [(step, field) for step in ["", *plan.steps] for field in opened(plan, step).fields.every()]
    assert [(step, field.path, field.said) for step, field in fields if field.nowhere] == []
    assert [step for step, field in fields if field.said]


BOOK = {
    "type": "object",
    "required": ["room", "at"],
    "properties": {
        "note": {"type": "string", "description": "For the host"},
        "room": {"enum": ["small", "large"]},
        "at": {"type": "string", "description": "When it begins."},
    },
}


def test_a_row_is_offered_for_each_input_that_what_it_calls_takes_and_is_nothing_until_it_is_filled() -> None:
    tools = {"desk.book": Tool("desk.book", "python", input=BOOK), "desk.ping": Tool("desk.ping", "python")}
    plan = compile_plan(TRIAGE.definition, Catalog(tools=tools))

    def rows(form: StepForm) -> list[tuple[str, str, str]]:
        found = {field.name: field for field in form.fields.every()}
        names = [found[f"v/input/{key}/name"].text for key in form.answer["v/input~item"]]
        values = [found[f"v/input/{key}/value"] for key in form.answer["v/input~item"]]
        return [(name, value.text, value.hint) for name, value in zip(names, values, strict=True)]

    offered = around(plan, "customer", Catalog(tools=tools))
    new = StepForm.opened(ToolStep, "customer", {"id": "customer", "type": "tool", "tool": "desk.book"}, offered)
    assert rows(new) == [
        ("room", "", "Needed: small or large."),
        ("at", "", "Needed: text. When it begins."),
        ("note", "", "Optional: text. For the host."),
    ]
    assert sent(new).commands() == []
    (filled,) = sent(new, **{"v/input/0/value": "small"}).commands()
    assert filled["value"] == {"room": "small"}

    data = {"id": "customer", "type": "tool", "tool": "desk.ping", "input": {"at": "${run.input.text}", "x": 1}}
    form = StepForm.opened(ToolStep, "customer", data, offered)
    assert (form.lacks, rows(form)[1][2]) == ((), "")
    chosen = sent(form, **{"v/tool": '"desk.book"'})
    assert chosen.lacks == ("room",)
    form = chosen.turned({"form_turn": "takes"}) or form
    assert [name for name, _, _ in rows(form)] == ["at", "x", "room", "note"]
    again = sent(form, **{"v/tool": '"desk.ping"'}).turned({"form_turn": "takes"}) or form
    assert [name for name, _, _ in rows(again)] == ["at", "x"], "what was offered for another tool goes"
    assert form.commands() == [{"do": "set", "step": "customer", "key": ["tool"], "value": "desk.book"}]


def test_leading_nowhere_says_what_ends_by_it() -> None:
    plan = compile_plan(
        parse(
            """
interlock: 1
id: bodies
outcomes: {badly: {kind: failure}}
on_failure: badly
start: rounds
steps:
  - {id: rounds, type: loop, max: 2, body: [{id: in_loop, type: set, values: {a: 1}}], next: items}
  - {id: items, type: map, over: "${[1]}", max_items: 1, body: [{id: in_map, type: set, values: {a: 1}}], next: arms}
  - {id: arms, type: parallel, branches: [{id: one, body: [{id: in_arm, type: set, values: {a: 1}}]}]}
"""
        ),
        Catalog(),
    )

    def nowhere(step: str) -> str:
        offered = around(plan, step, Catalog())
        return next(spec.blank for spec in spec_of(type(plan.steps[step].model), offered).properties if spec.key == "next")

    assert [nowhere(step) for step in ("in_loop", "in_map", "in_arm", "arms")] == [
        "nowhere: the round ends", "nowhere: the item ends", "nowhere: the arm ends", "nowhere yet",
    ]  # fmt: skip


WAITING = """
interlock: 1
id: waiting
start: hold
on_failure: broken
steps:
  - {id: hold, type: wait, until: 1h, next: done}
  - {id: paid, type: wait, event: order.paid, deadline: 2d, on_deadline: done, next: done}
  - {id: done, type: end, outcome: ok}
outcomes: {ok: {kind: success}, broken: {kind: failure}}
"""


def test_a_wait_for_an_event_asks_for_its_correlation_beside_its_name_and_a_new_one_needs_no_emptying() -> None:
    plan = plan_of(WAITING)
    does, *_ = opened(plan, "paid").groups
    assert [field.path for field in does.fields][-2:] == ["event", "correlation"]
    assert "until" in [field.path for field in does.more]
    does, *_ = opened(plan, "hold").groups
    assert "correlation" in [field.path for field in does.more]
    assert [field.path for field in does.fields][-2:] == ["until", "event"]
    hold = opened(plan, "hold")
    event = {"do": "set", "step": "hold", "key": ["event"], "value": "order.paid"}
    moment = {"do": "unset", "step": "hold", "key": ["until"]}
    typed: dict[str, Any] = {"v/event": "order.paid"}
    assert sorted(sent(hold, **typed).tidied().commands(), key=str) == [event, moment]
    both = sent(hold, **typed, **{"v/until": "2h"}).tidied().commands()
    assert event in both and {**moment, "do": "set", "value": "2h"} in both, "who writes both is told by the proof"
    assert sent(hold).tidied().commands() == []
    assert sent(opened(plan, "paid"), **{"v/event": "order.sent"}).tidied().commands() == [
        {"do": "set", "step": "paid", "key": ["event"], "value": "order.sent"}
    ]
