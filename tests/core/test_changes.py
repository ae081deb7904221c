"""What one definition changes in another, told as a person would."""

from copy import deepcopy
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.changes import changes
from orchestration.core.definition import from_data
from orchestration.core.editing import edit
from orchestration.core.errors import Refused
from tests.core.drawn import LABEL, Data, ask, flow, fork, get, loop, put
from tests.core.edits import command
from tests.core.test_editing_anything import POOL

BEFORE = flow(
    get("customer", "sort", catch=[{"errors": ["timeout"], "to": "done"}], retry={"attempts": 2}),
    ask("sort", "way", input={"tier": "${steps.customer.tier}"}, checks=[{"that": "output.label != 'bug'", "else": "No bugs"}]),
    fork("way", "steps.sort.label == 'refund'", "again", "done"),
    loop("again", [put("one", "two"), put("two", None)]),
    limits={"steps": 40, "on_breach": "done"},
)


def told(*commands: Data) -> list[tuple[str, str, str]]:
    found = changes(BEFORE, edit(BEFORE, list(commands)).data)
    return [(change.kind, change.subject, change.sentence) for change in found]


def put_key(step: str, key: str, value: Any) -> Data:
    return {"do": "set", "step": step, "key": key, "value": value}


SCHEMA = {**LABEL, "required": ["label", "note"], "properties": {**LABEL["properties"], "why": {"type": "string"}}}


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ({"do": "arrange", "at": {"sort": [1, 2]}}, []),
        ({"do": "rename", "id": "customer", "to": "buyer"}, [("renamed", "step", "Renamed customer to buyer")]),
        ({"do": "rename", "id": "again", "to": "more"}, [("renamed", "step", "Renamed again to more")]),
        ({"do": "move", "steps": ["two"], "into": "again", "before": "one"}, [("moved", "step", "Let Again begin with Two")]),
        ({"do": "move", "steps": ["done"], "before": "way"}, [("moved", "step", "Changed the order of the steps")]),
        ({"do": "connect", "step": "sort", "route": "next", "to": "again"},
         [("changed", "route", "Let Sort’s next lead to Again instead of Way")]),
        ({"do": "connect", "step": "way", "route": "cases[0].to", "to": "done"},
         [("changed", "route", "Let Way’s case 1 lead to Done instead of Again")]),
        ({"do": "connect", "step": "sort", "route": "catch", "to": "done"},
         [("added", "route", "Connected Sort’s errors to Done")]),
        ({"do": "disconnect", "step": "customer", "route": "catch[0].to"},
         [("removed", "route", "Took away Customer’s timeout errors, which led to Done")]),
        (put_key("way", "cases[0].when", "true"), [("changed", "condition", "Changed the condition of Way’s case 1")]),
        (put_key("sort", "checks[0].that", "true"), [("changed", "condition", "Changed the condition of Sort’s check 1")]),
        (put_key("again", "until", "true"),
         [("changed", "condition", "Changed Again’s until from \"carry.n > 1\" to \"true\"")]),
        (put_key("sort", "prompt", "Anew"), [("changed", "prompt", "Changed Sort’s prompt")]),
        (put_key("sort", "model", "small"), [("changed", "model", "Changed Sort’s model from \"main\" to \"small\"")]),
        (put_key("sort", "output", SCHEMA),
         [("changed", "contract", "Changed what Sort must give: why is new, note is required now, confidence is optional now")]),
        (put_key("customer", "retry.attempts", 3),
         [("changed", "setting", "Changed Customer’s retry.attempts from 2 to 3")]),
        (put_key("sort", "input.urgent", "${}"), [("added", "setting", "Left Sort’s input.urgent empty")]),
        (put_key("", "limits.steps", 50), [("changed", "limit", "Changed the workflow’s limits.steps from 40 to 50")]),
        (put_key("", "outcomes.lost", {"kind": "failure", "title": "Lost"}), [("added", "outcome", "Added the outcome Lost")]),
        ({"do": "add", "step": {"type": "set", "title": "New"}, "into": "again"},
         [("added", "route", "Connected Two’s next to New"), ("added", "step", "Added New to Again")]),
    ],
)  # fmt: skip
def test_each_change_has_a_sentence_of_its_own(command: Data, expected: list[tuple[str, str, str]]) -> None:
    assert told(command) == expected


def test_a_removed_step_is_told_with_the_routes_that_were_healed() -> None:
    assert told({"do": "remove", "steps": ["sort"]}) == [
        ("removed", "step", "Removed Sort"),
        ("changed", "route", "Let Customer’s next lead to Way instead of Sort"),
    ]


def test_what_is_equal_to_python_and_not_to_the_hash_is_a_change() -> None:
    assert told(put_key("", "limits.steps", 40)) == []
    one = edit(BEFORE, [put_key("", "limits.cost_usd", 3)]).data
    two = edit(one, [put_key("", "limits.cost_usd", 3.0)]).data
    assert [change.key for change in changes(one, two)] == ["limits.cost_usd"]


def test_a_step_that_was_renamed_and_changed_at_once_is_told_as_both() -> None:
    rename, prompt = {"do": "rename", "id": "sort", "to": "file"}, put_key("file", "prompt", "Other")
    assert [each[2] for each in told(rename, prompt)] == ["Renamed sort to file", "Changed File’s prompt"]
    more = {"do": "add", "step": {"type": "llm", "id": "more"}, "from": {"step": "file", "route": "next"}}
    kinds = [(kind, words) for kind, subject, words in told(rename, prompt, more) if subject == "step"]
    assert kinds == [("renamed", "Renamed sort to file"), ("added", "Added More")]


def test_of_nothing_all_is_new() -> None:
    found = changes({}, BEFORE)
    assert [change.sentence for change in found if change.subject == "step"] == [
        "Added Customer", "Added Sort", "Added Way", "Added Again", "Added Done",
    ]  # fmt: skip


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_there_is_a_change_where_the_hash_is_another_and_nowhere_else(seed: int) -> None:
    chance = Random(seed)
    before: Data = chance.choice(POOL)
    after = deepcopy(before)
    for _ in range(chance.choice([1, 3, 12])):
        try:
            after = edit(after, [command(chance, after, POOL)]).data
        except Refused:
            continue
    kept = deepcopy((before, after))
    found = changes(before, after)
    assert bool(found) == (from_data(before).hash != from_data(after).hash)
    assert all(change.sentence and "\n" not in change.sentence for change in found)
    assert (before, after) == kept
