"""Any commands on any definition that can be read: what comes out can be read, or nothing is changed and it is said where."""

import json
from copy import deepcopy
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.definition import from_data
from orchestration.core.editing import Edited, edit
from orchestration.core.editing.commands import VERBS
from orchestration.core.editing.draft import walk
from orchestration.core.editing.places import routes
from orchestration.core.errors import Problem, Refused
from orchestration.core.proof.graph import build
from tests.chaos.generator import definition
from tests.core.drawn import Data, planned
from tests.core.edits import command
from tests.core.test_editing import CHAIN, refused
from tests.core.test_editing_names import EVERYWHERE
from tests.core.test_plan import WHOLE

POOL = [WHOLE, EVERYWHERE, *(definition(5, number, "http://127.0.0.1:9") for number in range(30))]


def tried(data: Data, commands: list[Data]) -> Edited | None:
    kept = deepcopy((data, commands))
    found, problems = outcome(data, commands)
    assert all(problem.path.startswith("commands") and problem.message for problem in problems), problems
    assert (data, commands) == kept
    return found


def outcome(data: Data, commands: Any) -> tuple[Edited | None, tuple[Problem, ...]]:
    try:
        return edit(data, commands), ()
    except Refused as error:
        return None, error.problems


def misled(data: Data) -> int:
    """How many routes lead in a circle, or onto another level."""
    return [problem.code for problem in build(planned(data)).problems].count("cycle") + len(crossing(data))


def crossing(data: Data) -> list[str]:
    levels = {spot.id: spot.level for spot in walk(data)}
    return [
        f"{spot.id}.{route.written}"
        for spot in walk(data)
        for route in routes(spot.step)
        if levels.get(route.to, spot.level) != spot.level
    ]


def left_dangling(before: Data, found: Edited) -> list[str]:
    """Routes that lead to what was removed, where they might have been taken away."""
    gone = {spot.id for spot in walk(before)} - {spot.id for spot in walk(found.data)}
    kept = ("case", "action", "default", "deadline")
    return [
        f"{spot.id}.{route.written}"
        for spot in walk(found.data)
        for route in routes(spot.step)
        if route.to in gone and (route.kind not in kept or (route.kind == "deadline" and spot.type != "human"))
    ]


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_any_commands_give_what_can_be_read_or_change_nothing(seed: int) -> None:
    chance = Random(seed)
    data: Data = deepcopy(chance.choice(POOL))
    for _ in range(8):
        commands = [command(chance, data, POOL) for _ in range(chance.choice([1, 1, 1, 2]))]
        found = tried(data, commands)
        if found is None:
            continue
        assert from_data(found.data).hash == found.definition.hash
        assert set(found.steps) <= {spot.id for spot in walk(found.data)}
        assert json.dumps([note.as_dict() for note in (*found.left, *found.rebind)])
        assert found.sentence and "\n" not in found.sentence
        match commands:
            case [{"do": "arrange"}]:
                assert found.definition.hash == from_data(data).hash
            case [{"do": "connect" | "disconnect"}]:
                assert misled(found.data) <= misled(data)
            case [{"do": "add", "from": _}]:
                assert misled(found.data) <= misled(data)
            case [{"do": "remove"}]:
                assert left_dangling(data, found) == []
                assert misled(found.data) <= misled(data)
        data = found.data


ATOMS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from(["do", "step", "key", "to", "x"])
ANYTHING = st.recursive(
    ATOMS | st.sampled_from(["a", "do", "add", "\ud800", "\x00"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)
NEAR = st.fixed_dictionaries(
    {"do": st.sampled_from(VERBS)},
    optional=dict.fromkeys(("step", "steps", "route", "to", "into", "before", "from", "key", "value", "at", "models"), ANYTHING),
)


@settings(max_examples=60)
@given(ANYTHING | st.lists(NEAR, max_size=3))
def test_whatever_is_sent_as_commands_is_done_or_refused(commands: Any) -> None:
    assert all(problem.path.startswith("commands") for problem in outcome(CHAIN, commands)[1])


LONG = "${" + "1 == 1 && " * 1_000 + "true}"
MACRO = "{% macro a() %}{{ a() }}{% endmacro %}"
ASKING: Data = {"id": "x", "type": "llm", "model": "main", "prompt": "Go"}


def paste(*steps: Data) -> Data:
    return {"do": "paste", "steps": list(steps)}


def nested(depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = {"a": value}
    return value


@pytest.mark.parametrize(
    ("command", "code", "path"),
    [
        ({"do": "set", "step": "a", "key": "values", "value": nested(1000)}, "too_deep", "commands"),
        ({"do": "set", "step": "a", "key": "values", "value": {"x": [0] * 200_001}}, "too_large", "commands"),
        ({"do": "set", "step": "a", "key": "values", "value": {"x": "y" * 1_999_990}}, "too_large", "commands"),
        ({"do": "set", "step": "a", "key": "a" + "[0]" * 500, "value": 1}, "bad_value", "commands[0].key"),
        ({"do": "set", "step": "a", "key": "values", "value": "\ud800"}, "bad_character", "commands[0].value"),
        ({"do": "set", "step": "a", "key": "values", "value": float("nan")}, "not_a_number", "commands[0].value"),
        ({"do": "set", "step": "a" * 5000, "key": "values", "value": 1}, "bad_value", "commands[0].step"),
        ({"do": "remove", "steps": ["a"] * 501}, "bad_value", "commands[0].steps"),
        ({"do": "rename", "id": "a", "to": "b", "also": 1}, "unknown_key", "commands[0].also"),
        ({"do": "renane", "id": "a", "to": "b"}, "unknown_command", "commands[0]"),
        (
            {"do": "paste", "steps": [{"id": "x", "type": "loop", "max": 1, "body": nested(50)}]},
            "wrong_type",
            "commands[0].steps[0].body",
        ),
        ({"do": "set", "step": "a", "key": "values", "value": {"x": LONG}}, "expression_too_long", "commands[0].value.x"),
        (paste({"id": "x", "type": "branch", "cases": [{"when": LONG[2:-1], "to": "a"}], "default": "a"}),
         "expression_too_long", "commands[0].steps[0].cases[0].when"),
        (paste({**ASKING, "prompt": "{% for a in f(9) %}x{% endfor %}"}), "template_forbidden", "commands[0].steps[0].prompt"),
        (paste({**ASKING, "system": "{{ f() }}"}), "template_forbidden", "commands[0].steps[0].system"),
        (paste({**ASKING, "prompt": "x" * 100_001}), "template_too_long", "commands[0].steps[0].prompt"),
    ],
)  # fmt: skip
def test_what_is_hostile_is_refused_in_one_sentence_at_its_place(command: Data, code: str, path: str) -> None:
    (problem,) = refused(CHAIN, command)
    assert problem[0] == code and problem[1].startswith(path)


def test_a_draft_that_can_not_be_read_is_not_edited() -> None:
    with pytest.raises(Refused) as caught:
        edit({**CHAIN, "steps": []}, [{"do": "remove", "steps": ["a"]}])
    assert [problem.code for problem in caught.value.problems] == ["unreadable_draft"]


def test_what_stood_in_the_draft_before_is_no_reason_to_refuse() -> None:
    text = deepcopy(CHAIN)
    text["steps"][0]["values"] = {"x": LONG}
    text["steps"].append({**ASKING, "prompt": MACRO})
    titled = edit(text, [{"do": "set", "step": "x", "key": "title", "value": "Untouched"}])
    assert edit(titled.data, [{"do": "rename", "kind": "step", "id": "a", "to": "first"}]).data["steps"][0]["values"] == {
        "x": LONG
    }
