"""Bad input to the REST interface: one clear answer that says where and what to do, and nothing is lost or stored."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from orchestration.acts import drafts, workflows
from orchestration.core import source
from orchestration.core.event import parts_of
from orchestration.models import Act, Escalation, Event, Provider, Run, Schedule, Secret, StepRecord, Tool, Version, Workflow
from orchestration.record.pack import unpack_all
from tests import factories
from tests.api import Api
from tests.corpora import definitions, values
from tests.corpora.values import Case
from tests.engine.publishing import publish
from tests.orders import orders

pytestmark = pytest.mark.django_db


def stored() -> list[Any]:
    """All that may not change where input is refused."""
    kept = (Act, Escalation, Event, Provider, Run, Schedule, Secret, StepRecord, Tool, Version, Workflow)
    return [list(model.objects.order_by("pk").values()) for model in kept]


def refused(response: Any, status: int = 422) -> dict[str, Any]:
    """The first problem of an answer that is a whole problem document."""
    told = response.json()
    assert (response.status_code, response["Content-Type"]) == (status, "application/problem+json"), told
    assert (told["status"], told["type"], bool(told["title"])) == (status, "about:blank", True)
    first: dict[str, Any] = told["problems"][0]
    assert told["code"] == first["code"]
    assert len(first["message"]) > 10 and first["message"].rstrip(".") in told["detail"], told
    return first


# Values


@dataclass(frozen=True)
class Door:
    """`frame` has a hole where text is due, which stands at `place`. `back` reads what was kept of it. `any_type`: it need not
    be text. `letter`: what would have to be mended is refused."""

    method: str
    path: str
    frame: str
    place: str
    back: Callable[[Api, dict[str, Any], Escalation], Any] = lambda api, told, asked: None
    any_type: bool = False
    letter: bool = False


STEP = json.dumps(factories.asking())
TITLED = STEP.replace('"id": "note",', '"id": "note", "title": %s,')
DOORS: dict[str, Door] = {
    "start": Door(
        "POST", "workflows/asking/runs", '{"input": {"text": %s}}', "input.text",
        lambda api, told, asked: api.get(f"runs/{told['id']}")[1]["input"]["text"],
    ),
    "item": Door(
        "POST", "workflows/orders/runs", '{"input": {"orders": ["a", %s]}}', "input.orders[1]",
        lambda api, told, asked: api.get(f"runs/{told['id']}")[1]["input"]["orders"][1],
    ),
    "schedule": Door(
        "POST", "workflows/asking/schedules", '{"name": "Daily", "cron": "0 8 * * *", "input": {"text": %s}}', "input.text",
        lambda api, told, asked: api.get(f"schedules/{told['id']}")[1]["input"]["text"], letter=True,
    ),
    "schedule's label": Door(
        "POST", "workflows/asking/schedules",
        '{"name": "Daily", "cron": "0 8 * * *", "input": {"text": "x"}, "labels": {"team": %s}}', "labels.team",
        lambda api, told, asked: api.get(f"schedules/{told['id']}")[1]["labels"]["team"], letter=True,
    ),
    "business key": Door(
        "POST", "workflows/asking/runs", '{"input": {"text": "x"}, "key": %s}', "key",
        lambda api, told, asked: api.get(f"runs/{told['id']}")[1]["key"],
    ),
    "label": Door(
        "POST", "workflows/asking/runs", '{"input": {"text": "x"}, "labels": {"team": %s}}', "labels.team",
        lambda api, told, asked: api.get(f"runs/{told['id']}")[1]["labels"]["team"],
    ),
    "draft of an answer": Door(
        "PUT", "escalations/{escalation}/draft", '{"values": {"reply": %s}}', "values.reply",
        lambda api, told, asked: api.get(f"escalations/{asked.id}")[1]["draft"]["values"]["reply"], any_type=True,
    ),
    "claim": Door("POST", "escalations/{escalation}/claim", '{"note": %s}', "note"),
    "resolve": Door(
        "POST", "escalations/{escalation}/resolve", '{"action": "send", "values": {"reply": %s}}', "values.reply",
        lambda api, told, asked: api.get(f"runs/{asked.run_id}/records")[1]["items"][-1]["output"]["values"]["reply"],
    ),
    "cancel": Door(
        "POST", "runs/{run}/cancel", '{"reason": %s}', "reason",
        lambda api, told, asked: unpack_all([Act.objects.get(verb="cancel", subject=f"run:{asked.run_id}").detail])[0]["reason"],
    ),
    "event": Door(
        "POST", "events", '{"name": "paid", "payload": {"text": %s}}', "payload.text",
        lambda api, told, asked: unpack_all([Event.objects.get(id=told["id"]).payload])[0]["text"], any_type=True,
    ),
    "correlation": Door(
        "POST", "events", '{"name": "paid", "correlation": %s}', "correlation",
        lambda api, told, asked: parts_of(Event.objects.get(id=told["id"]).address)[1], any_type=True, letter=True,
    ),
    "publish": Door("POST", "workflows/asking/publish", '{"note": %s}', "note"),
    "steps/try": Door(
        "POST", "steps/try", f'{{"definition": {STEP}, "step": "note", "input": {{"run": {{"input": {{"text": %s}}}}}}}}',
        "input.run.input.text", lambda api, told, asked: told["output"]["text"], any_type=True,
    ),
    "definition to try": Door(
        "POST", "steps/try", f'{{"definition": {TITLED}, "step": "note", "input": {{"run": {{"input": {{"text": "x"}}}}}}}}',
        "steps[0].title", letter=True,
    ),
    "provider": Door(
        "PUT", "providers/main", '{"protocol": "rehearsal", "options": {"team": %s}}', "options.team",
        lambda api, told, asked: api.get("providers/main")[1]["options"]["team"], any_type=True, letter=True,
    ),
    "tool": Door(
        "PUT", "tools/crm.get", '{"http": {"url": "https://x.example"}, "description": %s}', "description",
        lambda api, told, asked: api.get("tools/crm.get")[1]["description"], letter=True,
    ),
    "secret": Door("PUT", "secrets/llm", '{"value": %s}', "value", letter=True),
}  # fmt: skip


def knock(api: Api, door: Door, case: Case, asked: Escalation) -> Any:
    path = door.path.format(escalation=asked.id, run=asked.run_id)
    return api.ask(door.method, path, case.within(door.frame))


@pytest.mark.parametrize("name", DOORS)
def test_a_value_that_can_t_be_read_or_is_no_text_is_refused_at_its_place(name: str, ada: Api) -> None:
    door, asked = DOORS[name], factories.asked()
    publish(orders())
    before = stored()
    bad = {**values.UNREAD, **({} if door.any_type else values.WRONG), **(values.MENDED if door.letter else {})}
    if name.endswith("label"):
        del bad["a number"]
    for which, case in bad.items():
        told = refused(knock(ada, door, case, asked), 413 if case.code == "too_large" else 422)
        assert told["code"] == (case.code or "bad_character"), which
        if case.code in ("not_json", "too_deep"):
            assert "line 1" in told["message"] or "byte" in told["message"], which
        elif case.code != "too_large":
            assert told["path"].removeprefix("definition.") == door.place, which
    assert stored() == before


@pytest.mark.parametrize("name", DOORS)
def test_a_value_that_can_be_kept_is_the_same_whichever_door_it_came_by(name: str, ada: Api) -> None:
    door = DOORS[name]
    publish(orders())
    for which, case in {**values.GOOD, **({} if door.letter else values.MENDED)}.items():
        asked = factories.asked()
        response = knock(ada, door, case, asked)
        assert response.status_code in (200, 201, 202), (which, response.content)
        assert door.back(ada, response.json(), asked) in (None, case.becomes), which


def test_looking_where_an_answer_would_lead_says_what_is_wrong_with_it(ada: Api) -> None:
    asked = factories.asked()
    for case in values.WRONG.values():
        frame = '{"action": "send", "values": {"reply": %s}}'
        status, told = ada.post(f"escalations/{asked.id}/preview", case.within(frame))
        assert (status, told["to"], told["problems"][0]["path"], told["problems"][0]["code"]) == (
            200, None, "values.reply", case.code,
        )  # fmt: skip


# Definitions


@pytest.mark.parametrize("door", ["workflows", "workflows/check", "steps/try"])
def test_a_definition_that_can_not_be_read_is_one_problem(door: str, ada: Api) -> None:
    factories.publish(factories.asking())
    before = stored()
    for which, bad in definitions.UNREADABLE.items():
        if door == "workflows/check" and which in ("no id", "an id that is none"):
            continue  # it can be read, and is stored by nobody
        if door == "steps/try":
            if bad.code == "not_text" or len(bad.text) > 3_000_000 or which in ("no id", "an id that is none"):
                continue
            body = json.dumps({"definition": bad.text.decode(), "step": "a"})
            told = refused(ada.ask("POST", door, body), bad.status)
        else:
            for kind in bad.kinds:
                told = refused(ada.ask("POST", door, bad.text, type=kind), bad.status)
        assert told["code"] == bad.code, which
    assert stored() == before


@pytest.mark.parametrize("which", definitions.WRONG)
def test_a_definition_that_is_wrong_is_kept_and_told_at_its_place_and_not_published(which: str, ada: Api) -> None:
    definition, code, path = definitions.WRONG[which]
    for kind, text in definitions.texts(definition).items():
        for door in ("workflows/check", "workflows"):
            status, told = ada.post(door, text, type=kind)
            assert (code, path) in {(problem["code"], problem["path"]) for problem in told["problems"]}, told
            assert status in (200, 201)
            assert not (told["proof"] or {}).get("ok")
    told = refused(ada.ask("POST", "workflows/asking/publish"), 409)
    assert (told["code"], told["path"]) == (code, path)
    assert not Version.objects.exists()
    assert source.read(ada.get("workflows/asking")[1]["draft"]).data == definition


# Bodies


@pytest.mark.parametrize(
    ("body", "status", "code", "path"),
    [
        ("{", 422, "not_json", ""),
        ("[]", 422, "wrong_type", ""),
        ("<html>", 422, "not_json", ""),
        ('{"input": {"text": "a"}, "input": 1}', 422, "duplicate_key", ""),
        ('{"input": {"text": "a"}, "inputs": 1}', 422, "unknown_key", "inputs"),
        ('{"input": {"text": "a"}, "version": "1"}', 404, None, None),
        ('{"input": {"text": "a"}, "version": "x"}', 422, "bad_value", "version"),
        ('{"input": {"text": "a"}, "labels": {"a": ["b"]}}', 422, "wrong_type", "labels.a"),
        ('{"input": {}}', 422, "missing", "input.text"),
        ('{"input": 7}', 422, "wrong_type", "input"),
        ("", 422, "missing", "input.text"),
    ],
)
def test_a_wrong_body_says_where_and_what_to_do(body: str, status: int, code: str | None, path: str | None, otto: Api) -> None:
    drafts.push(text=source.write(factories.asking()), by="dora")
    if status != 404:
        workflows.publish(workflow="asking", by="dora")
    response = otto.ask("POST", "workflows/asking/runs", body)
    if code is not None:
        first = refused(response, status)
        assert (first["code"], first["path"]) == (code, path)
    assert response.status_code == status
    assert not Run.objects.exists()


def test_fifty_megabytes_are_refused_before_they_are_read(otto: Api) -> None:
    told = refused(otto.ask("POST", "workflows/asking/runs", b"x" * 50_000_000), 413)
    assert told["code"] == "too_large"
    assert "at most 5 MB" in told["message"]


@pytest.mark.parametrize(
    ("path", "where"),
    [
        ("runs?statsu=ready", "statsu"),
        ("runs?status=redy", "status"),
        ("runs?after=zzz", "after"),
        ("runs?after=~~", "after"),
        ("runs?after=99999999999999999999~x", "after"),
        ("runs?created_from=2026-01-01T00:00:00", "created_from"),
        ("runs?created_from=soon", "created_from"),
        ("runs?limit=many", "limit"),
        ("runs?version=many", "version"),
        ("escalations?status=done", "status"),
        ("escalations?after=1~2", "after"),
        ("escalations?after=x~2~3", "after"),
        ("workflows?page=2", "page"),
        ("providers?x=1", "x"),
    ],
)
def test_a_wrong_filter_is_refused_and_not_ignored(path: str, where: str, ada: Api) -> None:
    assert refused(ada.ask("GET", path))["path"] == where


@pytest.mark.parametrize("path", ["runs?version=99999999999999999999", "runs?limit=99999999999999999999"])
def test_a_number_beyond_all_bounds_finds_nothing_and_breaks_nothing(path: str, ada: Api) -> None:
    assert ada.get(path)[0] in (200, 422)
