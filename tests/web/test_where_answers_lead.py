"""What stands beside each action of a question: where it leads, and the most that may come of it."""

from types import SimpleNamespace
from typing import Any

import pytest

from dashboard import dossier_view
from dashboard.presentation import money
from tests.core.drawn import Data, ask, flow, fork, loop, person, planned, put, step

Q = "ask_them"


def most(calls: int, cost: str = "") -> str:
    return (
        f"at most {calls} model call{'s' if calls > 1 else ''}, {cost or money(calls * 2_000_000)}, until it ends or asks again"
    )


ONCE, TWICE = most(1), most(2)
LATER = "may come to Send, which can't be undone"


def asks(*actions: str, id: str = Q, **more: Any) -> Data:
    return person(id, actions=[{"id": to, "label": to, "to": to} for to in actions], late=actions[0], **more)


def leads(definition: Data, path: str = Q, kind: str = "human") -> dict[str, tuple[str, str]]:
    """Action → (where it leads, the rest of the sentence)."""
    plan = planned(definition)
    assert plan.ok, [problem.message for problem in plan.problems]
    stopped = plan.steps[path.rpartition("/")[2]]
    if kind == "human":
        actions = [{"id": action.id, "label": action.label, "to": action.to} for action in stopped.model.actions]
    else:
        actions = [{"id": name, "label": name} for name in ("happened", "did_not_happen", "continue", "abort")]
    found: Any = SimpleNamespace(path=path, step=stopped.id, actions=actions)
    return {view.id: (view.to, view.consequence) for view in dossier_view.actions(found, plan)}


def pay(id: str, next: str) -> Data:
    return step(id, "tool", tool="crm.pay", next=next, on_unknown="done")


AFTER = [put("note", "sort"), ask("sort"), pay("send", "sort")]
"""`note` and `send` ask no model by themselves; what follows does."""
AGAIN = loop(
    "refine",
    [ask("draft", "way"), fork("way", "true", "look", "more"), asks("continue", "break", "more", id="look"), ask("more", None)],
    "sort",
    max=3,
)
"""A round asks a model twice, or once and then a person."""


@pytest.mark.parametrize(
    ("definition", "action", "told"),
    [
        (flow(asks("note"), *AFTER[:2]), "note", ("Note", ONCE)),
        (flow(asks("send"), *AFTER[1:]), "send", ("Send", f"can't be undone; {ONCE}")),
        (flow(asks("note"), put("note", "send"), pay("send", "done")), "note", ("Note", LATER)),
        (
            flow(asks("sort"), ask("sort", "send", tools=["crm.pay"], max_rounds=1), pay("send", "done")),
            "sort",
            ("Sort", f"may come to Sort and Send, which can't be undone; {ONCE}"),
        ),
        (flow(asks("other"), asks("send", id="other"), pay("send", "done")), "other", ("Other", "which asks a person")),
        (flow(asks("note"), put("note", "other"), asks("send", id="other"), pay("send", "done")), "note", ("Note", "")),
        (flow(asks("done")), "done", ("Done", "the run ends: Ok")),
        (flow(asks("note"), put("note")), "note", ("Note", "")),
        (flow(asks("other"), asks("sort", id="other"), ask("sort")), "other", ("Other", "which asks a person")),
        (flow(asks("sort"), ask("sort", "other"), asks("late", id="other"), ask("late")), "sort", ("Sort", ONCE)),
        (flow(asks("way"), fork("way", "true", "sort", "twice"), ask("twice", "sort"), ask("sort")), "way", ("Way", TWICE)),
        (flow(asks("sort"), ask("sort", repair={"attempts": 1})), "sort", ("Sort", TWICE)),
        (
            flow(asks("sort"), ask("sort", "odd_one"), ask("odd_one", model="odd")),
            "sort",
            ("Sort", most(2, "at an unknown price")),
        ),
        (flow(asks("sort"), ask("sort", catch=[{"errors": ["*"], "to": "mend"}]), ask("mend")), "sort", ("Sort", TWICE)),
        (flow(asks("refine"), loop("refine", [ask("draft", None)], max=7)), "refine", ("Refine", most(7))),
        (flow(asks("refine"), AGAIN, ask("sort")), "refine", ("Refine", most(7))),
    ],
    ids=[
        "what follows the next step counts", "its effect is named first", "a later one is named too", "one by a model's tool",
        "not past a person", "not past a later one", "an end", "no model is asked", "a person is next",
        "it stops before the next person", "the dearer of two ways", "its whole ladder", "a price nobody knows",
        "the way of an error", "all rounds of a loop", "those rounds of a loop that don't ask",
    ],
)  # fmt: skip
def test_an_action_says_where_it_leads_and_what_may_come_of_it(definition: Data, action: str, told: tuple[str, str]) -> None:
    assert leads(definition)[action] == told


@pytest.mark.parametrize(
    ("number", "action", "told"),
    [
        (1, "continue", ("Refine", f"ends this round; {most(5)}")),
        (3, "continue", ("Refine", f"ends this round; {ONCE}")),
        (1, "break", ("Refine", f"is left; {ONCE}")),
        (2, "more", ("More", most(4))),
        (3, "more", ("More", TWICE)),
    ],
)
def test_inside_a_loop_it_counts_the_rounds_that_are_left(number: int, action: str, told: tuple[str, str]) -> None:
    definition = flow(AGAIN, ask("sort"))
    assert leads(definition, f"refine[{number}]/look")[action] == told


def test_what_may_be_done_after_the_loop_or_in_its_next_round_is_named() -> None:
    body = [asks("continue", "break", "more", id="look"), put("more", "send"), pay("send", "continue")]
    definition = flow(
        loop("refine", [{**each, "on_unknown": "break"} if each["id"] == "send" else each for each in body], "last"),
        pay("last", "done"),
    )
    told = leads(definition, "refine[1]/look")
    assert told["more"] == ("More", "may come to Send and Last, which can't be undone")
    assert told["break"] == ("Refine", "is left; may come to Last, which can't be undone")
    assert told["continue"] == ("Refine", "ends this round; may come to Last, which can't be undone"), "the next one asks first"


def test_the_engines_own_questions_say_it_too() -> None:
    definition = flow(pay("send", "sort"), ask("sort"))
    assert leads(definition, "send", "unknown") == {
        "happened": ("Send", f"counts as done, with what you give; nothing is sent again; {ONCE}"),
        "did_not_happen": ("Send", f"is sent once more, as a new call; {ONCE}"),
        "continue": ("Send", f"goes on; the limit no longer holds for this run; {ONCE}"),
        "abort": ("Broken", "the run ends there"),
    }
    arms = step("both", "parallel", branches=[{"id": "legal", "title": "Legal", "body": [pay("send", "continue")]}], next="done")
    each = step("each", "map", over="${[1, 2]}", max_items=2, body=[pay("post", "continue"), arms | {"next": None}], next="done")
    del each["body"][1]["next"]
    lost = "counts as failed, and the run that it is a part of goes on from there"
    assert leads(flow(each), "each[1]/post", "unknown")["abort"] == ("This item of Each", lost)
    assert leads(flow(each), "each[1]/legal/send", "unknown")["abort"] == ("Legal", lost), "and not the item that it is in"
    definition = flow(ask("sort", "last"), ask("last"))
    assert leads(definition, "sort", "limit")["continue"][1].endswith(TWICE)
    assert leads(definition, "sort", "limit")["happened"][1].endswith(ONCE)
