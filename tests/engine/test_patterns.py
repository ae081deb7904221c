"""The definitions of docs/patterns.md are published and run as they stand there, and the table beside them is whole."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from orchestration.acts import events, resolve, runs
from orchestration.core import source
from orchestration.models import Escalation, Run
from orchestration.record.pack import unpack_all
from tests.engine.conftest import Floor
from tests.engine.previews import previewed
from tests.engine.publishing import publish
from tests.repo.tree import ROOT

TEXT = (ROOT / "docs" / "patterns.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| (native|composed|refused) \| [^|]+ \|$", re.MULTILINE)
BLOCK = re.compile(r"^### WCP-([\d, ]+):[^\n]*\n\n```yaml\n(.*?)```", re.MULTILINE | re.DOTALL)


def shown() -> dict[str, tuple[set[int], dict[str, Any]]]:
    """Workflow → the patterns that it is of, and its definition."""
    found = {}
    for numbers, text in BLOCK.findall(TEXT):
        data = source.read(text).data
        found[data["id"]] = ({int(number) for number in numbers.split(",")}, data)
    return found


def asked(many: int = 1) -> Callable[[Run], bool]:
    """Whether so many questions are open in its child runs."""
    return lambda run: run.wait == "children" and Escalation.objects.filter(status="open").count() == many


def send(name: str, correlation: str, payload: Any = None) -> Callable[[Floor, str], None]:
    """An event for the run once it, or a part of it, waits."""

    def act(floor: Floor, run: str) -> None:
        floor.until(run, lambda _: Run.objects.filter(wait="event").exists())
        events.send(name=name, correlation=correlation or run, payload=payload or {}, by="ada")

    return act


def answer(floor: Floor, run: str) -> None:
    floor.until(run, asked())
    pause = Escalation.objects.get(status="open")
    resolve.resolve(escalation=pause.id, action=unpack_all([pause.actions])[0][0]["id"], values={}, by="olga")


def cancel(floor: Floor, run: str) -> None:
    floor.until(run, asked(2))
    runs.cancel(run=run, by="olga")


def nothing(floor: Floor, run: str) -> None:
    """It goes by itself."""


Case = tuple[Any, Callable[[Floor, str], None], str, str, Any]
"""What it is started with, what is done meanwhile, and the status, outcome and output that it ends with."""
CASES: dict[str, list[Case]] = {
    "together": [({}, nothing, "succeeded", "done", {"risk": 3})],
    "choice": [({"amount": 5}, nothing, "succeeded", "paid", {}), ({"amount": 500}, nothing, "succeeded", "paid", {})],
    "some": [
        ({"wants": []}, nothing, "succeeded", "done", {"ways": 0}),
        ({"wants": ["phone"]}, nothing, "succeeded", "done", {"ways": 1}),
        ({"wants": ["mail", "phone"]}, nothing, "succeeded", "done", {"ways": 2}),
    ],
    "three_times": [({}, nothing, "succeeded", "done", ["a!", "b!", "c!"])],
    "as_many_as_come": [({"names": ["Ada", "Bo"]}, nothing, "succeeded", "done", {"greeted": 2})],
    "until_nothing_is_left": [({}, nothing, "succeeded", "done", {"found": 3})],
    "one_at_a_time": [({"order": ["xray", "blood"]}, nothing, "succeeded", "done", [{"took": "xray"}, {"took": "blood"}])],
    "halve": [({}, nothing, "succeeded", "done", {"rounds": 5})],
    "whichever_comes": [
        ({}, send("offer.answered", "", {"yes_please": True}), "succeeded", "taken", {"yes_please": True}),
    ],
    "once_it_is_paid": [({"order": "o-1"}, send("order.paid", "o-1"), "succeeded", "sent", {})],
    "unless_withdrawn": [
        ({}, answer, "succeeded", "done", {}),
        ({}, send("order.withdrawn", ""), "succeeded", "withdrawn", {}),
    ],
    "enough_of_them": [({}, send("reviews.closed", ""), "succeeded", "done", {"closed": True})],
    "the_first_that_answers": [({}, nothing, "succeeded", "done", {"quick": True, "slow": False})],
    "two_of_three": [({}, nothing, "succeeded", "done", {"votes": 2})],
    "all_of_it": [({}, cancel, "cancelled", "", None)],
}


def test_all_patterns_are_there_and_what_is_shown_is_native_or_composed() -> None:
    rows = {int(number): how for number, _, how in ROW.findall(TEXT)}
    assert list(rows) == list(range(1, 44))
    told = set().union(*(numbers for numbers, _ in shown().values()))
    assert len(told) >= 15
    assert {rows[number] for number in told} == {"native", "composed"}
    assert shown().keys() == CASES.keys()
    for how in ("native", "composed", "refused"):
        assert len([each for each in rows.values() if each == how]) == int(re.findall(rf"(\d+)[^.\d]*?{_WORDS[how]}", TEXT)[0])


_WORDS = {"native": "as they are", "composed": "can be composed", "refused": "it refuses"}


@pytest.mark.parametrize("name", CASES)
def test_a_definition_runs_as_it_stands_there(floor: Floor, name: str) -> None:
    publish(shown()[name][1])
    for given, meanwhile, status, outcome, output in CASES[name]:
        run = runs.start(workflow=name, input=given, by="ada")
        meanwhile(floor, run)
        ended = floor.ended(run)
        assert (ended.status, ended.outcome, floor.output(ended)) == (status, outcome, output)
        assert not Run.objects.exclude(status__in=Run.ENDED).exists()
    previewed()
