"""Rename, move, copy and paste: what names and reads a step goes along with it."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.cel_engine import read
from orchestration.core.definition import from_data, parse
from orchestration.core.definition import walk as walk_models
from orchestration.core.editing import copy
from orchestration.core.editing.draft import walk
from orchestration.core.editing.mentions import CONDITIONS_OF, ITEMS, NAMES, SOURCES, VALUES, VALUES_OF, mentions
from orchestration.core.editing.places import MODELS, SINGLE, free, routes
from orchestration.core.errors import Refused
from orchestration.core.proof import prove
from orchestration.core.routes import exits
from tests.chaos.generator import definition
from tests.core.drawn import CATALOG, Data, ask, flow, fork, get, loop, person, planned, put, step
from tests.core.test_editing import after, edited, named, refused
from tests.core.test_rehearsals import SAMPLES

drawn = st.builds(lambda number: definition(7, number, "http://127.0.0.1:9"), st.integers(0, 400))


def rename(name: str, to: str, kind: str = "step") -> Data:
    return {"do": "rename", "kind": kind, "id": name, "to": to}


# What stands where

WRITTEN = (
    "id type title note expects system prompt params max_input_tokens max_output_tokens max_rounds timeout repair retry max "
    "max_items concurrency need on_item_error join form queue priority deadline event workflow body branches tools"
)
PLAIN = frozenset(WRITTEN.split())
"""Keys of steps that name and read nothing, and those that are gone through by themselves."""


@pytest.mark.parametrize("kind", MODELS)
def test_each_key_of_a_step_is_known_as_one_that_reads_or_as_one_that_does_not(kind: str) -> None:
    special = VALUES_OF.get(kind, set()) | CONDITIONS_OF.get(kind, set())
    known = {*SINGLE, *NAMES, *SOURCES, *ITEMS, *VALUES, *PLAIN, *special}
    schemas = {"output"} if kind not in ("loop", "map", "arm", "end") else set()
    assert set(MODELS[kind].model_fields) - known - schemas == set()


@settings(max_examples=25)
@given(drawn)
def test_routes_are_those_that_the_plan_knows(data: Data) -> None:
    models = dict(walk_models(from_data(data).workflow.steps))
    for spot in walk(data):
        found = [(f"{spot.place}.{route.written}", route.to) for route in routes(spot.step) if route.kind != "fallback"]
        known = [(each.path, each.to) for each in exits(models[spot.place], spot.place, False)] if spot.type != "arm" else []
        assert found == known
        assert not {route.written for route in routes(spot.step)} & set(free(spot.step, spot.type))


# Rename

EVERYWHERE = flow(
    get("a", "b", catch=[{"errors": ["*"], "to": "e"}]),
    ask("b", "way", input={"tier": "${steps.a.tier}", "more": [{"x": "tier ${steps.a.tier}, $${steps.a}"}]},
        prompt="{{ steps.a }}", fallback=[{"step": "a"}]),
    fork("way", {"any": [{"not": "has(steps.a.tier)"}, "steps['a'].tier == 'steps.a'"]}, "rounds", "a"),
    loop("rounds", [put("inner", None, {"a": "${steps.a}"})], "each", carry={"n": 0, "a": "${steps.a.tier}"},
         until="carry.a == steps.a.tier", progress="size(steps.a.tier)", output={"a": "${steps.a}"}, on_exhausted="e"),
    step("each", "map", over="[steps.a]", max_items=2, body=[put("one", None, {"a": "${item.a}"})], output="${steps.a}",
         next="e"),
    person("e", show={"a": "${steps.a.tier}"}, values={"a": "${steps.a.tier}"}),
    step("done", "end", outcome="ok", output={"a": "${has(steps.a) ? steps.a : null}"}),
    limits={"steps": 9, "on_breach": "e"},
    layout={"at": {"a": [1, 2]}, "folded": {"rounds": True}},
    tests=[{"step": "a", "mocks": {"a": {"output": {"a": "a"}}, "crm.get": {}}}],
    index=["steps.a.tier"],
)  # fmt: skip


def test_all_that_names_or_reads_a_step_is_rewritten_and_all_that_only_looks_so_stays() -> None:
    found = edited(EVERYWHERE, rename("a", "customer"))
    text = json.dumps(found.data)
    assert found.left == ()
    assert found.sentence == "Renamed a to customer"
    assert named(found.data, "b")["prompt"] == "{{ steps.a }}", "a prompt reads its own input"
    assert named(found.data, "b")["input"]["more"][0]["x"] == "tier ${steps.customer.tier}, $${steps.a}"
    assert named(found.data, "b")["fallback"] == [{"step": "customer"}]
    when = {"any": [{"not": "has(steps.customer.tier)"}, "steps['customer'].tier == 'steps.a'"]}
    assert named(found.data, "way")["cases"][0]["when"] == when
    assert named(found.data, "each")["over"] == "[steps.customer]"
    assert found.data["start"] == named(found.data, "way")["default"] == "customer"
    assert found.data["layout"]["at"] == {"customer": [1, 2]}
    assert found.data["tests"] == [{"step": "customer", "mocks": {"customer": {"output": {"a": "a"}}, "crm.get": {}}}]
    assert text.count("steps.a") == 3
    assert edited(found.data, rename("customer", "a")).data == EVERYWHERE


def test_outcomes_models_and_tools_are_renamed_with_what_names_them() -> None:
    data = parse((SAMPLES / "support_triage.yaml").read_bytes()).data
    commands = [rename("main", "large", "model"), rename("unattended", "lost", "outcome"), rename("broken", "failed", "outcome")]
    found = edited(data, *commands).data
    assert list(found["models"]) == ["large", "small"]
    assert named(found, "draft")["model"] == named(found, "classify")["model"] == "large"
    assert (found["on_failure"], found["escalation"]["on_deadline"], named(found, "left")["outcome"]) == (
        "failed",
        "lost",
        "lost",
    )
    again = [rename("large", "main", "model"), rename("lost", "unattended", "outcome"), rename("failed", "broken", "outcome")]
    assert edited(found, *again).data == data
    own = flow(step("a", "tool", tool="send", next="b"), ask("b", tools=["send", "crm.get"], max_rounds=2),
               tools={"send": {"http": {"url": "https://desk.example/${input.steps.a}"}}})  # fmt: skip
    found = edited(own, rename("send", "reply", "tool"))
    assert (found.data["steps"][0]["tool"], found.data["steps"][1]["tools"]) == ("reply", ["reply", "crm.get"])
    assert found.steps == ("a", "b")
    assert edited(found.data, rename("reply", "send", "tool")).data == own


def test_an_arm_is_a_key_of_what_its_parallel_gives() -> None:
    arms = [{"id": "legal", "body": [put("read", None, {"x": 1})]}, {"id": "price", "body": [put("count", None, {"x": 1})]}]
    reads = {"x": "${steps.both.legal.x + steps['both']['legal'].x}", "all": "${steps.both}", "other": "${run.input.legal}"}
    data = flow(step("both", "parallel", branches=arms, next="put"), put("put", "done", reads))
    found = edited(data, rename("legal", "law"))
    values = named(found.data, "put")["values"]
    assert values == reads | {"x": "${steps.both.law.x + steps['both']['law'].x}"}
    assert [(note.path, note.step, note.name) for note in found.left] == [("steps[1].values.all", "put", "legal")]


def test_what_can_not_be_rewritten_stays_and_is_told() -> None:
    values = {
        "broken": "${steps.a +}",
        "open": "${steps.a",
        "computed": "${steps[run.input.text]}",
        "failed": "${error.step == 'a'}",
    }
    data = flow(put("a", "b"), put("b", "done", values))
    found = edited(data, rename("a", "z"))
    assert named(found.data, "b")["values"] == values
    assert [note.path for note in found.left] == [f"steps[1].values.{key}" for key in values]
    long = flow(put("a", "b"), put("b", "done", {"x": f"${{'{'x' * 3970}' + steps.a.x}}"}))
    assert refused(long, rename("a", "a" * 30)) == [("expression_too_long", "commands[0].to")]


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (rename("a", "b"), ("id_taken", "to")),
        (rename("a", "in"), ("reserved_id", "to")),
        (rename("a", "A"), ("bad_id", "to")),
        (rename("a", "a"), ("same_id", "to")),
        (rename("z", "y"), ("unknown_step", "id")),
        (rename("z", "y", "tool"), ("unknown_tool", "id")),
        (rename("ok", "broken", "outcome"), ("id_taken", "to")),
    ],
)
def test_a_rename_that_can_not_be_is_refused(command: Data, problem: tuple[str, str]) -> None:
    data = flow(put("a", "b"), put("b"))
    assert refused(data, command) == [(problem[0], f"commands[0].{problem[1]}")]


def test_an_id_that_stands_twice_is_renamed_where_it_stands_second() -> None:
    data = flow(put("a", "done"), put("a", "done"))
    found = edited(data, rename("a", "z")).data
    assert (found["start"], [each["id"] for each in found["steps"]]) == ("a", ["a", "z", "done"])


@settings(max_examples=20)
@given(drawn, st.data())
def test_a_renamed_definition_reads_and_proves_the_same_and_renamed_back_it_is_what_it_was(
    data: Data, more: st.DataObject
) -> None:
    name = more.draw(st.sampled_from([spot.id for spot in walk(data)]))
    found = edited(data, rename(name, "new_name"))
    assert found.left == () or named(data, name).get("body"), "only an arm may be read as a part of the whole"
    for old, new in zip(mentions(data), mentions(found.data), strict=True):
        assert new.text == old.text or name in old.text
        if old.kind == "cel":
            assert str(read(new.text)) == str(read(old.text)).replace(f"'{name}'", "'new_name'")
    before, now = prove(planned(data, CATALOG)), prove(planned(found.data, CATALOG))
    assert before.worst.bound == now.worst.bound
    told = [[(p.code, p.path, p.severity, p.step) for p in proof.problems] for proof in (before, now)]
    assert told[1] == [(code, path, severity, "new_name" if of == name else of) for code, path, severity, of in told[0]]
    assert edited(found.data, rename("new_name", name)).data == data


# Move

AROUND = flow(
    put("a", "b"),
    put("b", "c"),
    get("c", "again", catch=[{"errors": ["*"], "to": "a"}]),
    loop("again", [put("one", "two"), put("two", None)]),
)


def move(*steps: str, **where: Any) -> Data:
    return {"do": "move", "steps": list(steps), **where}


def test_steps_are_moved_within_their_level_without_a_change_of_any_route() -> None:
    found = edited(AROUND, move("done", "a", before="c"))
    assert [each["id"] for each in found.data["steps"]] == ["b", "a", "done", "c", "again"], "in the order in which they stood"
    assert sorted(map(json.dumps, found.data["steps"])) == sorted(map(json.dumps, AROUND["steps"]))
    assert found.sentence == "Moved A and Done before C"
    assert found.rebind == ()


def test_where_a_step_stood_on_the_canvas_is_forgotten_with_its_level() -> None:
    data = {**AROUND, "layout": {"at": {"a": [1, 2], "b": [3, 4]}, "folded": {"again": True}}}
    assert edited(data, move("b", into="again")).data["layout"] == {"at": {"a": [1, 2]}, "folded": {"again": True}}
    assert edited(data, move("b", before="a")).data["layout"] == data["layout"]


def test_steps_that_go_into_a_container_leave_a_healed_route_behind() -> None:
    found = edited(AROUND, move("b", "c", into="again", before="two"))
    assert [each["id"] for each in named(found.data, "again")["body"]] == ["one", "b", "c", "two"]
    assert named(found.data, "a")["next"] == "again"
    assert named(found.data, "b")["next"] == "c"
    assert "next" not in named(found.data, "c"), "the round goes on, or ends, where it stands"
    assert [(note.kind, note.name, note.path) for note in found.rebind] == [("route", "a", "steps[1].body[2].catch[0].to")]
    found = edited(AROUND, move("two"))
    assert [each["id"] for each in found.data["steps"]] == ["a", "b", "c", "again", "done", "two"]
    assert named(found.data, "one") == put("one", None)


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (move("again", into="again"), ("into_itself", "into")),
        (move("one", "two"), ("level_empty", "steps")),
        (move("a", into="b"), ("no_container", "into")),
        (move("a", before="one"), ("unknown_step", "before")),
        (move("a", "b", before="b"), ("unknown_step", "before")),
        (move("z"), ("unknown_step", "steps[0]")),
    ],
)
def test_a_move_that_can_not_be_is_refused(command: Data, problem: tuple[str, str]) -> None:
    assert refused(AROUND, command) == [(problem[0], f"commands[0].{problem[1]}")]


# Copy and paste


def pasting(data: Data, *names: str, **where: Any) -> Data:
    return {"do": "paste", **copy(data, list(names))["clipboard"], **where}


def test_a_copy_in_the_same_workflow_has_new_ids_and_reads_itself() -> None:
    data = flow(put("a", "b", {"x": 1}), put("b", "c", {"x": "${steps.a.x}"}), put("c", "done", {"x": "${steps.a.x}"}))
    found = edited(data, pasting(data, "a", "b", before="done"))
    assert [each["id"] for each in found.data["steps"]] == ["a", "b", "c", "a_2", "b_2", "done"]
    assert named(found.data, "a_2")["next"] == "b_2"
    assert named(found.data, "b_2") == put("b_2", "c", {"x": "${steps.a_2.x}"})
    assert (found.sentence, found.steps, found.rebind) == ("Pasted A 2 and B 2", ("a_2", "b_2"), ())


def test_a_duplicate_stands_after_its_steps_under_a_name_of_its_own() -> None:
    arms = [{"id": "x", "title": "Left", "body": [put("in_x", None, title="Inner")]}, {"id": "y", "body": [put("in_y", None)]}]
    data = flow(
        put("a", "b", title="Sort"), put("b", "both", title="Sort 2"), step("both", "parallel", branches=arms, next="done")
    )
    once = edited(data, {"do": "duplicate", "steps": ["a"]})
    assert (once.sentence, once.steps) == ("Duplicated Sort", ("a_2",))
    assert [(each["id"], each.get("title")) for each in once.data["steps"]][:3] == [
        ("a", "Sort"), ("a_2", "Sort 3"), ("b", "Sort 2"),
    ]  # fmt: skip
    arm = edited(data, {"do": "duplicate", "steps": ["x"]})
    assert arm.sentence == "Duplicated Left"
    assert [(each["id"], each.get("title")) for each in named(arm.data, "both")["branches"]] == [
        ("x", "Left"), ("x_2", "Left 2"), ("y", None),
    ]  # fmt: skip
    assert named(arm.data, "in_x_2")["title"] == "Inner 2"
    both = edited(data, {"do": "duplicate", "steps": ["b", "a"]})
    assert (both.sentence, both.steps) == ("Duplicated Sort and Sort 2", ("a_2", "b_2"))
    assert [each["id"] for each in both.data["steps"]] == ["a", "b", "a_2", "b_2", "both", "done"]
    assert refused(data, {"do": "duplicate", "steps": ["a", "x"]}) == [("wrong_level", "commands[0].steps")]


def test_what_is_not_there_in_another_workflow_is_told() -> None:
    tool = {"http": {"url": "https://desk.example/"}}
    data = flow(
        put("x", "a"),
        step("a", "tool", tool="send", input={"x": "${steps.x.y}"}, next="b", catch=[{"errors": ["*"], "to": "far"}]),
        ask("b", "far", model="small", fallback=[{"model": "odd"}], tools=["send"], max_rounds=2),
        step("far", "end", outcome="ok"),
        step("end", "end", outcome="lost"),
        tools={"send": tool, "other": tool},
    )
    models = {"small": {"provider": "free"}}
    there = {**flow(put("x", "done"), models=models, tools={"send": tool | {"effect": "none"}}), "id": "another"}
    found = edited(there, pasting(data, "a", "b", "end"))
    assert found.data["models"] == {**models, "odd": {"provider": "free"}}
    assert list(found.data["tools"]) == ["send", "send_2"]
    assert named(found.data, "a")["tool"] == "send_2"
    assert [(note.kind, note.name, note.step) for note in found.rebind] == [
        ("tool", "send_2", "a"), ("expression", "x", "a"), ("route", "far", "a"), ("model", "small", "b"),
        ("tool", "send_2", "b"), ("route", "far", "b"), ("outcome", "lost", "end"),
    ]  # fmt: skip


def test_a_pasted_step_is_read_as_a_step_first() -> None:
    data = flow(put("a"))
    paste = {"do": "paste", "steps": [put("b"), {"id": "c", "type": "set", "values": 3}]}
    assert refused(data, paste) == [("wrong_type", "commands[0].steps[1].values")]
    assert refused(data, {**paste, "steps": [put("b")], "tools": {"t": {"htp": 1}}})[0][1].startswith("commands[0].tools.t")
    assert refused(data, {**paste, "steps": [{"id": "c", "type": "arm", "body": [put("d")]}]}) == [
        ("wrong_container", "commands[0].into")
    ]


@settings(max_examples=20)
@given(drawn, st.data())
def test_a_copy_is_made_of_fresh_ids_and_keeps_what_leads_and_reads_inside(data: Data, more: st.DataObject) -> None:
    steps = [spot for spot in walk(data) if spot.type != "arm"]
    chosen = more.draw(st.lists(st.sampled_from([spot.id for spot in steps if not spot.level]), min_size=1, unique=True))
    found = edited(data, pasting(data, *chosen))
    before, after = [spot.id for spot in walk(data)], [spot.id for spot in walk(found.data)]
    assert len(set(after)) == len(after)
    assert [name for name in after if name in set(before)] == before
    assert not [note for note in found.rebind if note.kind in ("model", "tool", "outcome")]
    old = {spot.id: spot for spot in walk(data)}
    originals = [old[name] for name in before if name in chosen]
    for spot, copied in zip(originals, found.steps, strict=True):
        new = named(found.data, copied)
        names = {one.id: two.id for one, two in zip(walk({"steps": [spot.step]}), walk({"steps": [new]}), strict=True)}
        inside = [(mention.kind, mention.text) for mention in mentions({**data, "start": "", "steps": [spot.step]})]
        moved = [(mention.kind, mention.text) for mention in mentions({**data, "start": "", "steps": [new]})]
        assert [kind for kind, _ in inside] == [kind for kind, _ in moved]
        for (kind, one), (_, two) in zip(inside, moved, strict=True):
            assert kind != "step" or two == names.get(one, two)


def test_nothing_is_copied_that_is_not_there() -> None:
    with pytest.raises(Refused):
        copy(flow(put("a")), ["z"])
    assert after("a") == {"from": {"step": "a", "route": "next"}}
