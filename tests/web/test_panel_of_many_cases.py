"""What the form of a branch costs, counted: the same with fifty cases as with thirty, but for the cases themselves."""

from collections import Counter
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.panel import form
from orchestration.acts import drafts, workflows
from orchestration.core.values import dump
from tests.factories import asking
from tests.forms import filled

PART = {"HX-Request": "true"}


def branching(cases: int) -> str:
    """The address of a panel with so many cases, each with one condition of two rows and three comparisons."""
    definition = asking(id=f"of_{cases}")
    when = [
        {"all": [f"run.input.text != '{n}'", {"any": [f"run.input.text == 'a{n}'", "run.input.text == 'b'"]}]}
        for n in range(cases)
    ]
    route = {"id": "way", "type": "branch", "cases": [{"when": each, "to": definition["start"]} for each in when]}
    definition["steps"].insert(0, {**route, "default": definition["start"]})
    definition["start"] = "way"
    drafts.push(text=dump(definition), by="dora", new=True)
    return f"/workflows/of_{cases}/steps/way/"


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often a form is drawn, how many fields there are with those to come, and how often a definition is proved."""
    count = Counter[str]()
    draw, prove = form.fields_of, workflows.prove

    def drawn(*args: Any) -> Any:
        count["drawn"] += 1
        found = draw(*args)
        every = [found, *found.every()]
        count["fields"] = len(every) + sum(len([*field.blank.every()]) for field in every if field.blank)
        count["blanks"] = sum(field.blank is not None for field in every)
        return found

    def proved(*args: Any, **more: Any) -> Any:
        count["proved"] += 1
        return prove(*args, **more)

    monkeypatch.setattr(form, "fields_of", drawn)
    monkeypatch.setattr(workflows, "prove", proved)
    return count


def test_a_form_is_drawn_once_and_what_is_to_come_once_for_all_cases(as_designer: Client, counted: Counter[str]) -> None:
    cost = {}
    for cases in (30, 50):
        path = branching(cases)
        counted.clear()
        with CaptureQueriesContext(connection) as asked:
            page = as_designer.get(path, headers=PART)
        got = {**counted, "queries": len(asked), "templates": page.content.count(b"<template>")}
        counted.clear()
        with CaptureQueriesContext(connection) as asked:
            sent = {**filled(page.content.decode(), path), "v/title": "Where to"}
            assert "draft:changed" in as_designer.post(path, sent, headers=PART)["HX-Trigger"]
        cost[cases] = (got, {**counted, "queries": len(asked)})
    (few, few_saved), (many, many_saved) = cost[30], cost[50]
    for each in (many, many_saved):
        assert (each["drawn"], each["proved"]) == (1, 1)
    assert (many["queries"], many_saved["queries"]) == (few["queries"], few_saved["queries"])
    assert (many["blanks"], many["templates"]) == (few["blanks"], few["templates"])
    assert (
        many["fields"] - few["fields"] == 20 * 20
    )  # a case, where to, its name, its condition, how it holds, its rows and alternatives
