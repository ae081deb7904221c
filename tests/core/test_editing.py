"""Edit commands: what each does to a definition, what it says, and what is refused, and where."""

import copy
from typing import Any

import pytest

from orchestration.core.definition import from_data
from orchestration.core.editing import Edited, edit
from orchestration.core.errors import Refused
from orchestration.core.fixes import fixes
from orchestration.core.proof import prove
from tests.core.drawn import Data, ask, flow, fork, loop, person, planned, put, step
from tests.core.proving import found_codes, proof


def edited(data: Data, *commands: Data) -> Edited:
    """The edit, which must not touch what it was given."""
    kept = copy.deepcopy(data)
    try:
        return edit(data, list(commands))
    finally:
        assert data == kept


def refused(data: Data, *commands: Any) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        edited(data, *commands)
    return [(problem.code, problem.path) for problem in caught.value.problems]


def named(data: Data, name: str, key: str = "steps") -> Data:
    """The step of that id, wherever it stands."""
    for each in data.get(key, ()):
        if each["id"] == name:
            return dict(each)
        for within in ("body", "branches"):
            if found := named(each, name, within):
                return found
    return {}


CHAIN = flow(put("a", "b"), put("b", "c"), ask("c", "done"))


def put_key(step: str, key: str, value: Any) -> Data:
    return {"do": "set", "step": step, "key": key, "value": value}


def after(name: str, route: str = "next") -> Data:
    return {"from": {"step": name, "route": route}}


@pytest.mark.parametrize(
    ("kind", "codes"),
    [
        ("llm", ["unfinished"]),
        ("tool", ["unfinished"]),
        ("branch", ["unfinished"]),
        ("set", []),
        ("loop", ["loop_without_end"]),
        ("map", ["unfinished"]),
        ("parallel", []),
        ("human", ["unfinished"] * 2),
        ("wait", []),
        ("workflow", ["unfinished"]),
    ],
)
def test_a_step_of_each_type_is_put_into_the_middle_of_a_route_and_lacks_only_what_people_have_to_choose(
    kind: str, codes: list[str]
) -> None:
    found = edited(CHAIN, {"do": "add", "step": {"type": kind}, **after("a")})
    name = found.steps[0]
    assert named(found.data, "a")["next"] == name
    assert [each["id"] for each in found.data["steps"]][:3] == ["a", name, "b"]
    assert found_codes(found.data) == codes


@pytest.mark.parametrize(
    ("commands", "sentence"),
    [
        ([{"do": "add", "step": {"type": "llm", "title": "Sort it"}, **after("a")}], "Added Sort it after A"),
        ([{"do": "add", "step": {"type": "llm", "title": "Sort it"}, **after("", "start")}], "Added Sort it as the first step"),
        ([{"do": "remove", "steps": ["b"]}], "Removed B"),
        ([{"do": "connect", "step": "a", "route": "next", "to": "c"}], "Connected A’s next to C"),
        ([{"do": "connect", "step": "", "route": "start", "to": "b"}], "Let runs start with B"),
        ([{"do": "disconnect", "step": "c", "route": "next"}], "Took away C’s next"),
        ([{"do": "set", "step": "c", "key": "retry.attempts", "value": 3}], "Set C’s retry.attempts to 3"),
        ([{"do": "set", "step": "c", "key": "prompt", "value": "a\nb"}], "Changed C’s prompt"),
        ([{"do": "unset", "step": "c", "key": "output"}], "Took output from C"),
        ([{"do": "insert", "step": "c", "key": "checks", "value": {"that": "true", "else": "x"}}], "Added a check to C"),
        ([{"do": "arrange", "at": {"a": [1, 2.25]}}], "Moved A on the canvas"),
        ([{"do": "remove", "steps": ["b"]}, *[{"do": "arrange", "at": {"a": [1, 2]}}] * 3], "Removed B"),
        ([put_key("a", "values.urgent", "${}")], "Left A’s values.urgent empty"),
        ([put_key("a", "title", "")], "Left A’s title empty"),
        ([put_key("a", "values.urgent", "${steps.b.x}")], "Set A’s values.urgent to “steps.b.x”"),
        ([put_key("a", "values.urgent", "${steps.b.x} of ${steps.b.y}")],
         "Set A’s values.urgent to “${steps.b.x} of ${steps.b.y}”"),
        ([put_key("c", "fallback", [{"model": "odd"}]), put_key("c", "fallback[0].model", "small")],
         "Changed C’s fallback"),
        ([put_key("c", "prompt", "New"), put_key("c", "output", {"type": "object"})], "Changed C’s prompt and output"),
        ([put_key("c", "output.type", "object"), put_key("c", "output.properties", {}), put_key("c", "title", "Read"),
          put_key("c", "note", "x")],
         "Changed C’s output, title and note"),
        ([{"do": "rename", "id": "c", "to": "read"}, put_key("read", "title", "Read it")],
         "Renamed c to read, and set Read’s title to “Read it”"),
        ([put_key("a", "note", "x"), put_key("b", "note", "x"), put_key("c", "note", "x")],
         "Set A’s note to “x”, and made 2 other changes"),
    ],
)  # fmt: skip
def test_an_edit_says_what_it_did(commands: list[Data], sentence: str) -> None:
    assert edited(CHAIN, *commands).sentence == sentence


@pytest.mark.parametrize(("step", "route"), [("b", "catch[0].to"), ("c", "fallback[0].step")])
def test_the_last_of_a_list_of_routes_takes_the_list_along(step: str, route: str) -> None:
    drawn = edited(CHAIN, {"do": "connect", "step": step, "route": route.partition("[")[0], "to": "done" if step == "b" else "a"})
    assert drawn.data != CHAIN
    assert edited(drawn.data, {"do": "disconnect", "step": step, "route": route}).data == CHAIN


NESTED = flow(
    fork("way", "true", "again", "who"),
    loop("again", [put("one", "two"), put("two", None)], "who"),
    person("who", "done", "done"),
    step("done", "end", outcome="ok"),
)


@pytest.mark.parametrize(
    ("data", "command", "problem"),
    [
        (CHAIN, {"do": "connect", "step": "c", "route": "next", "to": "a"}, ("cycle", "to")),
        (CHAIN, {"do": "connect", "step": "a", "route": "next", "to": "a"}, ("cycle", "to")),
        (CHAIN, {"do": "connect", "step": "c", "route": "fallback", "to": "c"}, ("cycle", "to")),
        (CHAIN, {"do": "connect", "step": "a", "route": "next", "to": "z"}, ("unknown_step", "to")),
        (CHAIN, {"do": "connect", "step": "z", "route": "next", "to": "a"}, ("unknown_step", "step")),
        (CHAIN, {"do": "connect", "step": "a", "route": "cases[0].to", "to": "c"}, ("no_such_route", "route")),
        (CHAIN, {"do": "connect", "step": "a", "route": "catch[0].to", "to": "c"}, ("no_such_route", "route")),
        (CHAIN, {"do": "connect", "step": "a", "route": "next", "to": "continue"}, ("outside_loop", "to")),
        (CHAIN, {"do": "connect", "step": "a", "route": "next", "to": "b", "errors": ["*"]}, ("not_a_catch", "errors")),
        (CHAIN, {"do": "disconnect", "step": "", "route": "start"}, ("route_needed", "route")),
        (CHAIN, {"do": "remove", "steps": ["a", "b", "c", "done"]}, ("level_empty", "steps")),
        (CHAIN, {"do": "add", "step": {"type": "set", "id": "b"}}, ("id_taken", "step.id")),
        (CHAIN, {"do": "add", "step": {"type": "sett"}}, ("unknown_step_type", "step.type")),
        (CHAIN, {"do": "add", "step": {"type": []}}, ("unknown_step_type", "step.type")),
        (CHAIN, {"do": "add", "step": {"type": "set", "values": 3}}, ("wrong_type", "step.values")),
        (CHAIN, {"do": "add", "step": {"type": "set"}, "into": "a"}, ("no_container", "into")),
        (CHAIN, {"do": "add", "step": {"type": "arm"}}, ("wrong_container", "into")),
        (CHAIN, {"do": "add", "step": {"type": "set"}, "before": "z"}, ("unknown_step", "before")),
        (CHAIN, {"do": "add", "step": {"type": "set"}, **after("a", "default")}, ("no_such_route", "from.route")),
        (CHAIN, {"do": "set", "step": "c", "key": "retry.attempts", "value": 30}, ("bad_value", "value")),
        (CHAIN, {"do": "set", "step": "c", "key": "rety.attempts", "value": 3}, ("unknown_key", "key")),
        (CHAIN, {"do": "set", "step": "c", "key": "id", "value": "d"}, ("rename_instead", "key")),
        (CHAIN, {"do": "set", "step": "", "key": "steps[0].id", "value": "d"}, ("structure", "key")),
        (CHAIN, {"do": "set", "step": "", "key": "id", "value": "d"}, ("fixed", "key")),
        (CHAIN, {"do": "set", "step": "c", "key": "checks[2].that", "value": "true"}, ("no_such_place", "key")),
        (CHAIN, {"do": "set", "step": "c", "key": "prompt.text", "value": "true"}, ("no_such_place", "key")),
        (CHAIN, {"do": "unset", "step": "c", "key": "prompt"}, ("missing_key", "key")),
        (CHAIN, {"do": "unset", "step": "c", "key": "chekcs"}, ("no_such_place", "key")),
        (CHAIN, {"do": "insert", "step": "c", "key": "checks", "index": 1, "value": {}}, ("no_such_place", "index")),
        (CHAIN, {"do": "insert", "step": "c", "key": "prompt", "value": {}}, ("no_such_place", "key")),
        (CHAIN, {"do": "arrange", "at": {"z": [1, 2]}}, ("unknown_step", "at.z")),
        (NESTED, {"do": "connect", "step": "way", "route": "default", "to": "one"}, ("wrong_level", "to")),
        (NESTED, {"do": "connect", "step": "two", "route": "next", "to": "who"}, ("wrong_level", "to")),
        (NESTED, {"do": "disconnect", "step": "way", "route": "default"}, ("route_needed", "route")),
        (NESTED, {"do": "disconnect", "step": "way", "route": "cases[0].to"}, ("route_needed", "route")),
        (NESTED, {"do": "disconnect", "step": "who", "route": "on_deadline"}, ("route_needed", "route")),
        (NESTED, {"do": "remove", "steps": ["one", "two"]}, ("level_empty", "steps")),
        (NESTED, {"do": "add", "step": {"type": "set"}, "into": "again", **after("who", "catch")}, ("wrong_level", "from")),
        (NESTED, {"do": "add", "step": {"type": "set"}, **after("again", "start")}, ("no_such_route", "from.route")),
    ],
)  # fmt: skip
def test_what_can_not_be_done_is_refused_at_its_place(data: Data, command: Data, problem: tuple[str, str]) -> None:
    assert refused(data, command) == [(problem[0], f"commands[0].{problem[1]}")]


def test_a_new_tool_step_calls_the_only_tool_and_of_several_none() -> None:
    tool = {"http": {"url": "https://crm.example/"}, "effect": "none"}
    for tools, called in (({"one": tool}, "one"), ({"one": tool, "two": tool}, ""), ({}, "")):
        found = edited({**CHAIN, "tools": tools}, {"do": "add", "step": {"type": "tool"}, **after("a")})
        assert named(found.data, found.steps[0])["tool"] == called


LATE = step("late", "end", outcome="broken")
LEFT = step("left", "end", outcome="left")
OUTCOMES = {"ok": {"kind": "success"}, "left": {"kind": "failure"}, "broken": {"kind": "failure"}}


@pytest.mark.parametrize(
    ("ends", "escalation", "late"),
    [
        ([], {}, ""),
        ([LATE], {}, "late"),
        ([LEFT], {}, "left"),
        ([LEFT, LATE], {}, "late"),
        ([LEFT, LATE], {"on_deadline": "left", "deadline": "1d"}, "left"),
        ([LATE], {"on_deadline": "left", "deadline": "1d"}, "late"),
        ([LATE], {"on_deadline": "ok", "deadline": "1d"}, "done"),
    ],
)
def test_where_nobody_answers_a_new_person_step_leads_to_a_failure_or_is_left_open(
    ends: list[Data], escalation: Data, late: str
) -> None:
    data = flow(put("a", "again"), loop("again", [put("b", None)]), *ends, outcomes=OUTCOMES, escalation=escalation)
    for command, lead in (
        (after("a"), "again"),
        (after("again"), "done"),
        (after("again", "catch"), "done"),
        ({"into": ""}, "done"),
        ({"into": "again"}, "continue"),
    ):
        found = edited(data, {"do": "add", "step": {"type": "human", "id": "ask"}, **command}).data
        new = named(found, "ask")
        assert (new["actions"][0]["to"], new["on_deadline"]) == (lead, "" if lead == "continue" else late), command
        assert not [each for each in proof(found).problems if each.severity == "error" and each.code != "unfinished"]
    both = {"do": "add", "step": {"type": "loop", "body": [{"type": "human", "id": "ask"}]}, **after("a")}
    assert named(edited(data, both).data, "ask")["on_deadline"] == ""


def test_of_a_new_loop_one_thing_is_said_which_is_the_next_to_be_done() -> None:
    ways = [fork("way", "carry.n > 1", "left", "right"), put("left", None), put("right", None)]
    data = flow(put("a", "again"), loop("again", ways))
    new: Data = {"do": "add", "step": {"type": "loop", "id": "new"}}
    for connected in (
        {**new, **after("a")},
        {**new, "into": "again", **after("left")},
        {**new, "into": "again", "before": "way"},
    ):
        assert found_codes(edited(data, connected).data) == ["loop_without_end"]
    alone = edited(data, new).data
    assert found_codes(alone) == ["no_exit"]
    led = edited(alone, {"do": "connect", "step": "new", "route": "next", "to": "done"}).data
    assert found_codes(led) == ["unreachable"]
    assert found_codes(edited(data, {**new, "into": "again"}).data) == ["unreachable"]


def test_what_leads_nowhere_where_nobody_answers_can_be_drawn_and_then_led_elsewhere() -> None:
    data = edited(CHAIN, {"do": "add", "step": {"type": "human", "id": "ask"}, **after("a")}).data
    ((first, *_),) = (
        fixes(plan, prove(plan).worst, p) for plan in [planned(data)] for p in plan.problems if p.severity == "error"
    )
    assert first.label == "Add an end as Broken"
    mended = edited(data, *first.commands).data
    assert named(mended, "broken")["outcome"] == "broken"
    assert named(mended, "ask")["on_deadline"] == "broken"
    assert found_codes(mended) == ["unfinished"]
    drawn = edited(data, {"do": "connect", "step": "ask", "route": "on_deadline", "to": "c"}).data
    assert named(drawn, "ask")["on_deadline"] == "c"


NEW: Data = {"do": "add", "step": {"type": "set", "id": "new"}}
FORKED = flow(
    loop("again", [fork("way", "true", "left", "right"), put("left", None), put("right", None), put("alone", None)]),
    put("x", "y"),
    put("y", "done"),
)


@pytest.mark.parametrize(
    ("data", "command", "ways"),
    [
        (NESTED, {**NEW, "into": "again"}, {"two": "new", "new": None}),
        (NESTED, {**NEW, "into": "again", "before": "one"}, {"new": "one", "two": None}),
        (NESTED, {**NEW, "into": "again", **after("again", "start")}, {"new": "one", "one": "two", "two": None}),
        (NESTED, {**NEW, **after("", "start")}, {"new": "way", "again": "who"}),
        (NESTED, {**NEW, "into": "again", "before": "two"}, {"one": "two", "new": None}),
        (NESTED, {"do": "move", "steps": ["who"], "into": "again"}, {"one": "two", "two": "who"}),
        (FORKED, {**NEW, "into": "again"}, {"left": None, "right": None, "alone": None}),
        (FORKED, {"do": "move", "steps": ["x", "y"], "into": "again"}, {"left": None, "right": None, "x": "y", "y": None}),
        (FORKED, {"do": "move", "steps": ["x", "y"], "into": "again", "before": "way"}, {"x": "y", "y": "way"}),
        (FORKED, {"do": "move", "steps": ["left", "alone"], "into": ""}, {"x": "y", "alone": None}),
    ],
)  # fmt: skip
def test_what_comes_into_a_body_is_connected_where_only_one_way_is_plain(
    data: Data, command: Data, ways: dict[str, str | None]
) -> None:
    found = edited(data, command).data
    assert {name: named(found, name).get("next") for name in ways} == ways


def test_what_led_to_a_removed_step_leads_where_that_led() -> None:
    found = edited(NESTED, {"do": "remove", "steps": ["again", "who"]}).data
    assert named(found, "way")["cases"][0]["to"] == "again", "where a person sends it on is open"
    found = edited(NESTED, {"do": "remove", "steps": ["again"]}).data
    assert named(found, "way")["cases"][0]["to"] == "who"
    found = edited(CHAIN, {"do": "remove", "steps": ["a", "b"]}).data
    assert found["start"] == "c"
    found = edited(NESTED, {"do": "remove", "steps": ["two"]}).data
    assert "next" not in named(found, "one"), "the round ends there"


def test_commands_are_done_all_or_none_and_may_pass_through_what_can_not_be_read() -> None:
    unset = {"do": "unset", "step": "c", "key": "prompt"}
    anew = {"do": "set", "step": "c", "key": "prompt", "value": "Anew"}
    assert named(edited(CHAIN, unset, anew).data, "c")["prompt"] == "Anew"
    assert refused(CHAIN, {"do": "remove", "steps": ["a"]}, unset) == [("missing_key", "commands[1].key")]
    assert refused(CHAIN, unset, {"do": "remove", "steps": ["a"]}, anew) == [("missing_key", "commands[0].key")]


def test_arranging_never_changes_the_hash() -> None:
    found = edited(NESTED, {"do": "arrange", "at": {"way": [10, -2.5]}, "folded": {"again": True}})
    assert found.data["layout"] == {"at": {"way": [10.0, -2.5]}, "folded": {"again": True}}
    assert found.definition.hash == from_data(NESTED).hash
    assert edited(found.data, {"do": "remove", "steps": ["way"]}).data["layout"] == {"at": {}, "folded": {"again": True}}
    assert edited(found.data, {"do": "arrange", "forget": True, "folded": {"again": False}}).data == NESTED
