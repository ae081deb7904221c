"""What a map goes over, by every way in which a list may come to it: hostile items go through as they are, and what is no list,
or too long a one, is one clear failure of the map, which goes where its rules say."""

import json
from typing import Any

import pytest

from orchestration.acts import runs
from orchestration.core.values import dump
from orchestration.models import Provider, Run
from tests.corpora import items
from tests.engine.conftest import Floor
from tests.engine.publishing import publish
from tests.servers import behaviours as b

GIVEN = {"type": "object", "required": ["items"], "properties": {"items": {}}}
WAYS = ("input", "tool", "model")


def start(floor: Floor, way: str, given: Any) -> str:
    """A run whose map goes over that: what it was started with, or what its first step was answered."""
    if way == "input":
        publish(items.over())
        return runs.start(workflow="over", input={"items": given}, by="ada")
    if way == "tool":
        floor.server.default(b.as_json({"items": given}), path="/tools/look")
        http = {"method": "POST", "url": f"{floor.server.url}/tools/look"}
        step = {"id": "get", "type": "tool", "tool": "look", "input": {}, "next": "each"}
        more: dict[str, Any] = {"tools": {"look": {"http": http, "effect": "none", "output": GIVEN}}}
    else:
        floor.server.default(b.chat(json.dumps({"items": given})))
        Provider.objects.get_or_create(
            name="main", defaults={"protocol": "openai", "base_url": floor.server.base_url, "default_model": "m"}
        )
        step = {"id": "get", "type": "llm", "model": "main", "prompt": "List them", "output": GIVEN, "next": "each"}
        more = {"models": {"main": {"provider": "main"}}}
    publish(items.over(step, of="${steps.get.items}", **more))
    return runs.start(workflow="over", input={}, by="ada")


@pytest.mark.any_database
@pytest.mark.parametrize("way", WAYS)
def test_items_of_every_kind_go_through_their_runs_as_they_are(floor: Floor, way: str) -> None:
    wanted = list(items.ITEMS.values())
    run = floor.ended(start(floor, way, wanted))
    assert run.outcome == "good", floor.records(run)[-2]["decision"]["sentence"]
    for which, came, item in zip(items.ITEMS, floor.output(run)["items"], wanted, strict=True):
        assert dump(came) == dump(item), which
    told = [floor.records(child)[0]["decision"]["sentence"] for child in Run.objects.filter(parent=run).order_by("index")]
    assert told == [f"Item {number} of Each item was done." for number in range(1, len(wanted) + 1)]


@pytest.mark.parametrize("way", WAYS)
def test_what_is_no_list_or_too_long_a_one_is_one_clear_failure_and_begins_nothing(floor: Floor, way: str) -> None:
    for which, (given, code, words) in items.NO_LISTS.items():
        run = floor.ended(start(floor, way, given))
        found = floor.output(run)
        assert (which, run.outcome, found["code"]) == (which, "good", code)
        assert found["why"].startswith(words) and len(found["why"]) < 200, found
        [failed] = [record for record in floor.records(run) if record["step"] == "each"]
        assert failed["decision"]["to"] == "sorry"
        assert not Run.objects.filter(parent=run).exists()
