"""Rename fields of a contract: what reads and gives them goes along."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.cel_engine import read
from orchestration.core.editing.draft import walk
from orchestration.core.editing.mentions import mentions
from orchestration.core.proof import prove
from tests.core.drawn import CATALOG, Data, ask, flow, fork, loop, person, planned, put
from tests.core.test_editing import edited, named, refused
from tests.core.test_editing_names import drawn

TEXT = {"type": "string"}
AMOUNTS = {"type": "array", "items": {"type": "object", "required": ["amount"], "properties": {"amount": {"type": "integer"}}}}
FORM = {"type": "object", "required": ["reply"], "properties": {"reply": TEXT, "lines": AMOUNTS}}


def fields(step: str, key: str, **to: str) -> Data:
    return {"do": "rename_fields", "step": step, "key": key, "to": to}


EVERYWHERE = flow(
    ask("sort", "way", input={"text": "${run.input.ticket}", "more": "from ${run.input.who.name}: ${run.input.label}"},
        prompt="{{ text }} run.input.ticket", checks=[{"that": "output.label != 'bug' || has(output.note)", "else": "label"}]),
    fork("way", {"any": [{"not": "has(steps.sort.note)"}, "steps['sort'].label == 'label'"]}, "ask", "ask"),
    person("ask", "rounds", values={"reply": "${steps.sort.label}"}, show={"label": "${steps.sort.label}"}, form=FORM),
    loop("rounds", [put("inner", None, {"reply": "${steps.ask.values.reply}"})], "done",
         until="steps.inner.reply == steps.ask.values.reply", output={"label": "${steps.sort.label}"}),
    input={"type": "object", "required": ["ticket"], "properties": {
        "ticket": TEXT, "label": TEXT, "who": {"type": "object", "properties": {"name": TEXT}}},
        "anyOf": [{"required": ["label"]}, {"required": ["who"]}], "examples": [{"ticket": "T-1", "who": {"name": "Ada"}}]},
    tests=[{"input": {"ticket": "T-2", "who": {"name": "Eve"}}, "mocks": {"sort": {"output": {"label": "bug"}}}},
           {"step": "way", "input": {"run": {"input": {"ticket": "T-3"}}, "steps": {"sort": {"label": "bug"}}}},
           {"mocks": {"ask": {"output": {"action": "ok", "values": {"reply": "No"}}}}}],
    index=["run.input.ticket"],
)  # fmt: skip


def test_all_that_reads_and_gives_a_field_is_rewritten_and_all_that_only_looks_so_stays() -> None:
    found = edited(EVERYWHERE, fields("", "input.properties", ticket="case"))
    assert found.left == ()
    assert (found.sentence, found.steps) == ("Renamed ticket to case in what a run takes, and in Sort", ("sort",))
    assert (list(found.data["input"]["properties"]), found.data["input"]["required"]) == (["case", "label", "who"], ["case"])
    assert found.data["input"]["examples"] == [{"case": "T-1", "who": {"name": "Ada"}}]
    assert [test["input"] for test in found.data["tests"][:2]] == [
        {"case": "T-2", "who": {"name": "Eve"}},
        {"run": {"input": {"case": "T-3"}}, "steps": {"sort": {"label": "bug"}}},
    ]
    assert found.data["index"] == ["run.input.case"]
    assert json.dumps(found.data).count("ticket") == 1, "a prompt reads its own input"

    found = edited(EVERYWHERE, fields("sort", "output.properties", label="kind"))
    assert found.sentence == "Renamed label to kind in what Sort gives, and in Way and 2 other steps"
    assert found.steps == ("sort", "way", "ask", "rounds")
    assert named(found.data, "sort")["checks"] == [{"that": "output.kind != 'bug' || has(output.note)", "else": "label"}]
    assert named(found.data, "way")["cases"][0]["when"]["any"][1] == "steps['sort'].kind == 'label'"
    assert named(found.data, "ask")["show"] == {"label": "${steps.sort.kind}"}
    assert found.data["tests"][0]["mocks"] == {"sort": {"output": {"kind": "bug"}}}
    assert found.data["tests"][1]["input"]["steps"] == {"sort": {"kind": "bug"}}
    assert found.data["input"] == EVERYWHERE["input"]

    found = edited(EVERYWHERE, fields("ask", "form.properties", reply="answer"))
    assert found.sentence == "Renamed reply to answer in Ask’s form, and in Rounds and Inner"
    assert named(found.data, "ask")["values"] == {"answer": "${steps.sort.label}"}, "what the form opens with"
    assert named(found.data, "inner")["values"] == {"reply": "${steps.ask.values.answer}"}
    assert named(found.data, "rounds")["until"] == "steps.inner.reply == steps.ask.values.answer"
    assert found.data["tests"][2]["mocks"]["ask"]["output"]["values"] == {"answer": "No"}
    assert edited(found.data, fields("ask", "form.properties", answer="reply")).data == EVERYWHERE


def test_fields_are_renamed_within_fields_and_may_change_their_names_with_each_other() -> None:
    found = edited(EVERYWHERE, fields("", "input.properties.who.properties", name="full_name")).data
    assert named(found, "sort")["input"]["more"] == "from ${run.input.who.full_name}: ${run.input.label}"
    assert found["input"]["examples"] == [{"ticket": "T-1", "who": {"full_name": "Ada"}}]
    assert found["tests"][0]["input"]["who"] == {"full_name": "Eve"}
    found = edited(EVERYWHERE, fields("", "input.properties", ticket="label", label="ticket"))
    assert named(found.data, "sort")["input"] == {
        "text": "${run.input.label}",
        "more": "from ${run.input.who.name}: ${run.input.ticket}",
    }
    assert found.data["input"]["anyOf"] == [{"required": ["ticket"]}, {"required": ["who"]}]
    assert found.data["tests"][1]["input"]["run"] == {"input": {"label": "T-3"}}
    assert found.sentence == "Renamed ticket to label and label to ticket in what a run takes, and in Sort"
    assert edited(found.data, fields("", "input.properties", ticket="label", label="ticket")).data == EVERYWHERE


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("in", "has(run.input.`in`) && run.input['in'] != ''"),
        ("a b", "has(run.input.`a b`) && run.input['a b'] != ''"),
        ("x'y", None),
        ("ä", None),
    ],
)
def test_a_name_that_is_no_word_is_written_as_expressions_take_it(name: str, written: str | None) -> None:
    asked = "has(run.input.text) && run.input['text'] != ''"
    data = flow(fork("way", asked, "put", "done"), put("put", values={"x": "${run.input.text}"}))
    found = edited(data, fields("", "input.properties", text=name))
    assert named(found.data, "way")["cases"][0]["when"] == (written or asked), "has() takes no key in brackets"
    assert [note.path for note in found.left] == ([] if written else ["steps[0].cases[0].when"])
    text = named(found.data, "put")["values"]["x"]
    assert text == ("${run.input.`" + name + "`}" if written else f'${{run.input["{name}"]}}')
    assert read(text[2:-1]), "it can be read"


def test_what_can_not_be_told_stays_and_is_said() -> None:
    values = {
        "whole": "${steps.ask.values}",
        "outside": "${steps.ask}",
        "computed": "${steps.ask.values[run.input.text]}",
        "broken": "${steps.ask.values.reply +}",
        "item": "${steps.ask.values.lines[0].amount}",
        "other": "${steps.ask.action}",
    }
    data = flow(person("ask", "put", form=FORM), put("put", values=values))
    found = edited(data, fields("ask", "form.properties", reply="answer"))
    assert named(found.data, "put")["values"] == values
    assert [note.path.rpartition(".")[2] for note in found.left] == ["whole", "outside", "computed", "broken"]
    message = "steps[1].values.whole: this reads all of steps.ask.values, or a part that is computed, so it may read reply"
    assert found.left[0].message == f"{message} further on. Look at it."
    inner = edited(data, fields("ask", "form.properties.lines.items.properties", amount="sum"))
    assert named(inner.data, "put")["values"] == values
    assert [note.path.rpartition(".")[2] for note in inner.left] == ["whole", "outside", "computed", "broken", "item"]
    assert list(named(inner.data, "ask")["form"]["properties"]["lines"]["items"]["properties"]) == ["sum"]
    assert inner.sentence == "Renamed lines[].amount to sum in Ask’s form"


def test_what_a_set_gives_goes_along_with_its_contract() -> None:
    data = flow(
        put("a", "b", {"x": 1, "y": {"z": "${run.input.text}"}},
            output={"type": "object", "properties": {"x": {}, "y": {"type": "object", "properties": {"z": TEXT}}}}),
        put("b", values={"x": "${steps.a.y.z}"}),
    )  # fmt: skip
    found = edited(data, fields("a", "output.properties.y.properties", z="w"), fields("a", "output.properties", y="v")).data
    assert named(found, "a")["values"] == {"x": 1, "v": {"w": "${run.input.text}"}}
    assert named(found, "b")["values"] == {"x": "${steps.a.v.w}"}


def test_what_stands_in_for_a_step_alone_goes_along_with_its_contract() -> None:
    gives = {"type": "object", "required": ["label"], "properties": {"label": TEXT}}
    words = put("words", "done", {"label": "bug"}, output=gives)
    data = flow(ask("a", "b", output=gives, fallback=[{"step": "words"}]),
                put("b", "words", {"x": "${steps.a.label}", "y": "${has(steps.words.label)}"}), words)  # fmt: skip
    found = edited(data, fields("a", "output.properties", label="kind"))
    assert found.sentence == "Renamed label to kind in what A gives, and in B and Words"
    assert named(found.data, "b")["values"] == {"x": "${steps.a.kind}", "y": "${has(steps.words.kind)}"}
    assert named(found.data, "words")["values"] == {"kind": "bug"}
    other = {**data, "steps": [*data["steps"], ask("c", output=gives, fallback=[{"step": "words"}])]}
    assert named(edited(other, fields("a", "output.properties", label="kind")).data, "words") == words


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (fields("", "input.properties", ticket="label"), ("field_taken", "to")),
        (fields("", "input.properties", ticket="x", label="x"), ("field_taken", "to")),
        (fields("", "input.properties", tickt="x"), ("unknown_field", "to")),
        (fields("", "input.properties", ticket="ticket"), ("same_id", "to")),
        (fields("", "input.properties", ticket=""), ("bad_value", "to.ticket")),
        (fields("", "input.properties.ticket.properties", a="b"), ("no_such_place", "key")),
        (fields("", "input.propertys", a="b"), ("no_contract", "key")),
        (fields("", "outcomes.properties", a="b"), ("no_contract", "key")),
        (fields("rounds", "output.properties", label="x"), ("no_contract", "key")),
        (fields("sort", "input.properties", text="x"), ("no_contract", "key")),
        (fields("z", "output.properties", a="b"), ("unknown_step", "step")),
    ],
)
def test_fields_that_can_not_be_renamed_are_refused(command: Data, problem: tuple[str, str]) -> None:
    assert refused(EVERYWHERE, command) == [(problem[0], f"commands[0].{problem[1]}")]


@settings(max_examples=20)
@given(drawn, st.data())
def test_a_definition_with_renamed_fields_proves_the_same_and_renamed_back_it_is_what_it_was(data: Data, more: Any) -> None:
    giving = [spot for spot in walk(data) if spot.type in ("llm", "tool", "set")]
    held = [("", "input", data), *((spot.id, "output", spot.step) for spot in giving)]
    known = [(of, key, name) for of, key, holder in held for name in holder.get(key, {}).get("properties", ())]
    of, key, name = more.draw(st.sampled_from(known))
    found = edited(data, fields(of, f"{key}.properties", **{name: "new_name"}))
    assert [old.kind for old in mentions(data)] == [new.kind for new in mentions(found.data)]
    before, now = prove(planned(data, CATALOG)), prove(planned(found.data, CATALOG))
    assert before.worst.bound == now.worst.bound
    if not found.left and data["steps"] != found.data["steps"]:
        told = [[(p.code, p.severity, p.step) for p in proof.problems if p.severity == "error"] for proof in (before, now)]
        assert told[0] == told[1]
    assert edited(found.data, fields(of, f"{key}.properties", new_name=name)).data == data
