"""Renames are found again whatever else was done: how each is told, and that what only follows from it is not."""

from copy import deepcopy
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.core.changes import changes
from orchestration.core.definition import parse
from orchestration.core.editing import edit
from orchestration.core.editing.draft import Draft, walk
from orchestration.core.errors import Refused
from orchestration.core.matching import matched
from tests.core.drawn import Data, ask, flow, fork, get, loop, put, step
from tests.core.test_editing_anything import POOL

_FOLDER = Path(__file__).resolve().parent.parent.parent / "orchestration" / "samples"
SAMPLES: dict[str, Data] = {file.stem: parse(file.read_text(encoding="utf-8")).data for file in sorted(_FOLDER.glob("*.yaml"))}
TRIAGE = SAMPLES["support_triage"]
PARTED = flow(
    get("customer", "both"),
    step("both", "parallel", title="Both sides", next="again", branches=[
        {"id": "law", "title": "What the law says", "body": [ask("read", None, prompt="Is it allowed?")]},
        {"id": "money", "title": "What it costs", "body": [ask("count", "kept", prompt="Count it all."), put("kept", None)]},
    ]),
    loop("again", [
        put("note", "look", {"x": "${steps.both.law.label} of ${steps.both.money.label}"}),
        fork("look", "steps.note.x == 'refund'", "break", "continue"),
    ]),
)  # fmt: skip
INTO_LAW = {"do": "move", "steps": ["sum"], "into": "law"}
WHOLE = [*SAMPLES.values(), PARTED]


def done(data: Data, *commands: Data) -> Data:
    return edit(data, list(commands)).data


def rename(one: str, two: str) -> Data:
    return {"do": "rename", "id": one, "to": two}


def put_key(step: str, key: str, value: Any) -> Data:
    return {"do": "set", "step": step, "key": key, "value": value}


def renamed(before: Data, after: Data) -> dict[str, str]:
    """The id now → the id then."""
    return {two: one for one, two in matched(Draft(before), Draft(after)).items() if one != two}


def told(before: Data, after: Data) -> list[str]:
    return [change.sentence for change in changes(before, after)]


def swap(one: str, two: str) -> list[Data]:
    return [rename(one, "between"), rename(two, one), rename("between", two)]


def test_a_rename_is_told_though_the_step_says_and_leads_elsewhere_now() -> None:
    system = "You sort tickets.\nAnswer with JSON: label, urgent and quote."
    more = {"do": "add", "step": {"type": "set", "title": "Keep it"}, "from": {"step": "sorter", "route": "next"}}
    found = changes(TRIAGE, done(TRIAGE, rename("classify", "sorter"), more, put_key("sorter", "system", system)))
    assert [change.sentence for change in found] == [
        "Renamed classify to sorter",
        "Let Sort the ticket’s next lead to Keep it instead of Is it clear what is wanted?",
        "Changed Sort the ticket’s system text",
        "Added Keep it",
    ]
    assert {change.step for change in found} == {"sorter", "keep_it"}
    prompt = next(change for change in found if change.subject == "prompt")
    assert (prompt.before.splitlines()[0], prompt.after) == ("You sort support tickets of a note-taking app.", system)


@pytest.mark.parametrize(
    ("data", "commands", "expected"),
    [
        (TRIAGE, swap("classify", "draft"), ["Renamed classify to draft", "Renamed draft to classify"]),
        (TRIAGE, [*swap("send", "assign"), put_key("assign", "title", "Send it off")],
         ["Renamed send to assign", "Renamed assign to send",
          'Changed Send it off’s title from "Send the reply" to "Send it off"']),
        (PARTED, swap("law", "money"), ["Renamed law to money", "Renamed money to law"]),
        (PARTED, [*swap("read", "count"), put_key("count", "prompt", "Is it allowed by what we signed?")],
         ["Renamed read to count", "Renamed count to read", "Changed Count’s prompt"]),
        (PARTED, [rename("again", "more"), rename("note", "look_2"), rename("both", "sides"), rename("law", "legal")],
         ["Renamed both to sides", "Renamed law to legal", "Renamed again to more", "Renamed note to look_2"]),
        (TRIAGE, [rename("draft", "reply"), rename("classify", "draft")],
         ["Renamed classify to draft", "Renamed draft to reply"]),
        (PARTED, [rename("count", "sum"), INTO_LAW, put_key("sum", "prompt", "Count it up.")],
         ["Renamed count to sum", "Connected Read’s next to Sum", "Moved Sum into What the law says",
          "Took away Sum’s next, which led to Kept", "Changed Sum’s prompt", "Let What it costs begin with Kept"]),
    ],
)  # fmt: skip
def test_several_renames_and_edits_at_once(data: Data, commands: list[Data], expected: list[str]) -> None:
    assert told(data, done(data, *commands)) == expected


def test_what_has_little_in_common_was_removed_and_added() -> None:
    risk = {"type": "object", "properties": {"risk": {"type": "number"}}}
    new = ask("weigh", "known", title="Weigh the risk", prompt="How bad would that be?", output=risk)
    after = deepcopy(TRIAGE)
    at = next(index for index, each in enumerate(after["steps"]) if each["id"] == "classify")
    after["steps"][at] = new
    found = [change for change in changes(TRIAGE, after) if change.subject == "step"]
    assert [(change.kind, change.step) for change in found] == [("removed", "classify"), ("added", "weigh")]


def test_a_copy_is_not_what_became_of_the_step_that_was_changed_since() -> None:
    retitled = [put_key("draft", "title", "Reply"), put_key("draft_2", "title", "Draft a reply")]
    after = done(TRIAGE, {"do": "duplicate", "steps": ["draft"]}, put_key("draft", "prompt", "Say something"), *retitled)
    assert renamed(TRIAGE, after) == {}
    assert [change.step for change in changes(TRIAGE, after) if change.kind == "added"] == ["draft_2"]


def test_of_two_that_say_the_same_the_one_that_stands_there_was_renamed() -> None:
    before = flow(put("a", "mid"), ask("mid", "b"), put("b", "done"))
    assert renamed(before, done(before, {"do": "remove", "steps": ["a"]}, rename("b", "x"))) == {"x": "b"}
    loops = flow(loop("one", [put("x", None)], "two", title="Ask around"), loop("two", [put("y", None)], title="Haggle"))
    names = [rename("one", "all"), rename("two", "each"), rename("x", "in_all"), rename("y", "in_each")]
    longer = [put_key("all", "max", 5), put_key("each", "max", 5)]
    after = done(loops, *names, *longer, {"do": "move", "steps": ["each"], "before": "all"})
    assert renamed(loops, after) == {"each": "two", "in_each": "y", "all": "one", "in_all": "x"}


def test_a_step_that_was_written_anew_is_rather_the_one_of_its_id() -> None:
    before = flow(
        ask("b", "a", title="Sort it by kind", prompt="Which kind?"), ask("a", title="Judge it by size", prompt="How large?")
    )
    anew = [put_key("a", "title", "Sort it by age"), put_key("a", "prompt", "Since when?")]
    assert renamed(before, done(before, {"do": "remove", "steps": ["b"]}, *anew)) == {}


def test_the_old_id_of_one_may_be_that_of_a_new_one() -> None:
    """The step that is gone and the one that has its id now are told apart."""
    gone = done(TRIAGE, {"do": "remove", "steps": ["draft"]}, rename("classify", "draft"))
    found = changes(TRIAGE, gone)
    assert ("removed", "Removed Draft a reply") in [(change.kind, change.sentence) for change in found]
    assert renamed(TRIAGE, gone) == {"draft": "classify"}
    again = done(TRIAGE, rename("classify", "sorter"), {"do": "add", "step": {"type": "llm", "id": "classify", "title": "Other"}})
    assert [change.sentence for change in changes(TRIAGE, again)] == ["Renamed classify to sorter", "Added Other"]


class Drawing:
    """Edits at random, and what a person has to be told of them. `ids`: the id now → the id then."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.before: Data = self.chance.choice(WHOLE)
        self.after = self.before
        self.ids = {spot.id: spot.id for spot in walk(self.before)}
        self.texts: set[tuple[str, str]] = set()

    def rename(self) -> None:
        """To a name of its own, or each to that of the other."""
        one, two = self.chance.sample(list(self.ids), 2)
        if self.chance.random() < 0.7:
            fresh = f"{self.chance.choice(['fresh', 'zulu', 'one_more'])}_{len(self.ids)}{self.chance.randrange(1000)}"
            if fresh not in self.ids:
                self.after = done(self.after, rename(one, fresh))
                self.ids[fresh] = self.ids.pop(one)
        else:
            self.after = done(self.after, *swap(one, two))
            self.ids[one], self.ids[two] = self.ids[two], self.ids[one]

    def text(self) -> None:
        """A sentence more in a prompt, a condition or a value."""
        name = self.chance.choice(list(self.ids))
        step = Draft(self.after).ids()[name].step
        keys = [key for key in ("prompt", "system", "note", "until") if isinstance(step.get(key), str)]
        keys += ["cases[0].when"] if step.get("cases") else []
        if keys:
            key = self.chance.choice(keys)
            text = step["cases"][0]["when"] if key.startswith("cases") else step[key]
            more = (
                f" && {self.chance.randrange(99)} < 100"
                if "when" in key or key == "until"
                else f" Mind rule {self.chance.random()}."
            )
            if step["type"] != "wait" and isinstance(text, str):
                self.after = done(self.after, put_key(name, key, text + more))
                self.texts.add((self.ids[name], key))

    def add(self) -> None:
        self.after = done(self.after, {"do": "add", "step": {"type": "human", "title": "Look at it yourself"}})


@settings(max_examples=150)
@given(st.integers(0, 2**32))
def test_each_rename_and_each_changed_text_is_named_and_nothing_else(seed: int) -> None:
    drawing = Drawing(seed)
    for _ in range(drawing.chance.choice([1, 2, 4, 8])):
        drawing.chance.choice([drawing.rename, drawing.rename, drawing.text, drawing.text, drawing.add])()
    found = changes(drawing.before, drawing.after)
    expected = {now: then for now, then in drawing.ids.items() if now != then}
    assert {change.step: change.before for change in found if change.kind == "renamed"} == expected
    assert renamed(drawing.before, drawing.after) == expected
    rest = [change for change in found if change.kind != "renamed" and change.step in drawing.ids]
    assert {(drawing.ids[change.step], change.key) for change in rest} == drawing.texts, rest
    assert not [change for change in found if change.kind in ("removed", "moved") or change.subject == "route"]
    assert changes(drawing.after, deepcopy(drawing.after)) == ()


@settings(max_examples=40)
@given(st.integers(0, 2**32))
def test_renames_alone_are_told_as_nothing_but_renames(seed: int) -> None:
    chance = Random(seed)
    before: Data = chance.choice(POOL)
    after, ids = before, {spot.id: spot.id for spot in walk(before)}
    for number in range(chance.choice([1, 3, 6])):
        one = chance.choice(list(ids))
        try:
            after = done(after, rename(one, f"anew_{number}"))
        except Refused:
            continue
        ids[f"anew_{number}"] = ids.pop(one)
    found = changes(before, after)
    assert {change.kind for change in found} <= {"renamed"}, [change.sentence for change in found]
    assert {change.step for change in found} == {now for now, then in ids.items() if now != then}
