"""The main job over HTTP alone: set up, publish, start, follow, take over, finish. With a real engine and a scripted model."""

import json
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import User
from django.test import Client

from orchestration.acts import tokens
from orchestration.models import Call, Provider
from tests.api import Api
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow
from tests.servers import behaviours as b

CANARY = "canary-9a41f7"
TRIAGE: dict[str, Any] = {
    "id": "triage",
    "type": "llm",
    "model": "main",
    "system": "You sort tickets.",
    "prompt": "Ticket: {{ text }}",
    "input": {"text": "${run.input.text}"},
    "output": {
        "type": "object",
        "required": ["label", "sure"],
        "properties": {"label": {"enum": ["refund", "bug"]}, "sure": {"type": "number"}},
    },
    "repair": {"attempts": 1},
    "catch": [{"errors": ["*"], "to": "ask"}],
    "next": "route",
}
ROUTE = {
    "id": "route",
    "type": "branch",
    "cases": [{"when": "steps.triage.sure >= 0.8", "to": "reply", "label": "Sure"}],
    "default": "ask",
}
ASK = {
    "id": "ask",
    "type": "human",
    "form": {"type": "object", "required": ["label"], "properties": {"label": {"enum": ["refund", "bug"]}}},
    "show": {"Text": "${run.input.text}"},
    "actions": [{"id": "accept", "label": "Accept", "to": "done"}],
    "deadline": "2d",
    "on_deadline": "done",
}
REPLY = {"id": "reply", "type": "tool", "tool": "desk.reply", "input": {"text": "${run.input.text}"}, "next": "done"}
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
DEFINITION = workflow(TRIAGE, ROUTE, ASK, REPLY, end(), input=TEXT)


@pytest.fixture
def ada(floor: Floor, admin: User) -> Api:
    Provider.objects.all().delete()
    api = Api(admin)
    assert api.put("secrets/llm", {"value": CANARY})[0] == 200
    provider = {"protocol": "openai", "base_url": floor.server.base_url, "secret": "llm", "default_model": "m"}
    provider["prices"] = {"*": {"usd_per_mtok_in": 1000, "usd_per_mtok_out": 2000}}
    assert api.put("providers/main", provider)[0] == 200
    tool = {
        "http": {
            "method": "POST",
            "url": f"{floor.server.url}/tools/reply",
            "headers": {"Authorization": "Bearer ${secrets.llm}"},
        },
        "effect": "irreversible",
        "input": TEXT,
    }
    assert api.put("tools/desk.reply", tool)[0] == 200
    assert api.post("workflows", DEFINITION)[1]["problems"] == []
    assert api.post("workflows/sample/publish")[0] == 200
    return api


def test_a_sure_answer_goes_out_and_every_request_is_on_record(ada: Api, floor: Floor) -> None:
    floor.server.script(b.chat({"label": "bug", "sure": 0.93}))
    status, run = ada.post("workflows/sample/runs?wait=20", {"input": {"text": "It crashes"}})
    assert (status, run.get("status"), run.get("outcome")) == (200, "succeeded", "good"), run
    assert run["cost"] == pytest.approx((12 * 1000 + 7 * 2000) / 1e6)
    triage, route, reply, _ = ada.get(f"runs/{run['id']}/records")[1]["items"]
    (call,) = triage["calls"]
    body = json.loads(call["request"]["body"])
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert "Ticket: It crashes" in body["messages"][1]["content"]
    assert (call["n"], call["kind"], call["error"], call["tokens"]) == (1, "attempt", None, {"in": 12, "out": 7})
    assert json.loads(call["response"]["raw"]) == b.completion({"label": "bug", "sure": 0.93})
    assert route["decision"]["to"] == "reply"
    operand = route["decision"]["because"][0]
    assert (operand["path"], operand["value"], operand["by"]) == ("steps.triage.sure", 0.93, "triage")
    assert reply["calls"][0]["effect"] == "irreversible"
    sent = floor.server.seen_at("/tools/reply")[0]
    assert sent.headers["authorization"] == f"Bearer {CANARY}"
    assert sent.headers["idempotency-key"] == reply["calls"][0]["key"]
    everything = [ada.get(f"runs/{run['id']}{part}") for part in ("", "/records", "/state")]
    assert CANARY not in str([everything, list(Call.objects.values())])


def test_what_held_is_told_with_its_margin_as_what_did_not(ada: Api, floor: Floor, as_operator: Client) -> None:
    checked = {**TRIAGE, "checks": [{"that": "output.sure >= 0.4 && input.text != ''", "else": "Be surer."}]}
    assert ada.post("workflows", {**DEFINITION, "steps": [checked, *DEFINITION["steps"][1:]]})[1]["problems"] == []
    assert ada.post("workflows/sample/publish")[0] == 200
    floor.server.script(b.chat({"label": "bug", "sure": 0.25}), b.chat({"label": "bug", "sure": 0.875}))
    run = ada.post("workflows/sample/runs?wait=20", {"input": {"text": "It crashes"}})[1]
    triage, route, *_ = ada.get(f"runs/{run['id']}/records")[1]["items"]
    assert triage["decision"]["sentence"] == "Went on to Route; its check held."
    (check,) = triage["decision"]["checks"]
    assert (check["rule"], check["held"], check["comparisons"][0]["margin"]) == ("steps[0].checks[0]", True, 0.475)
    assert check["operands"] == [
        {"path": "output.sure", "value": 0.875, "present": True, "by": "output"},
        {"path": "input.text", "value": "It crashes", "present": True, "by": "input"},
    ]
    (missed,) = triage["calls"][0]["error"]["checks"]
    assert (missed["held"], missed["comparisons"][0]["margin"]) == (False, -0.15)
    (compared,) = route["decision"]["comparisons"]
    assert (compared["left"], compared["op"], compared["right"], compared["held"]) == (0.875, ">=", 0.8, True)
    told = as_operator.get(f"/runs/{run['id']}/?seq={triage['seq']}").content.decode()
    assert "Checks of its output" in told
    assert "held: output.sure was 0.875" in told
    assert "0.475 inside &gt;= 0.4" in told
    assert "0.075 inside &gt;= 0.8" in as_operator.get(f"/runs/{run['id']}/?seq={route['seq']}").content.decode()


def test_an_answer_that_can_not_be_used_brings_a_person_with_all_that_was_tried(ada: Api, floor: Floor, operator: User) -> None:
    floor.server.script(b.prose("Certainly, a refund!"), b.truncated({"label": "refund", "sure": 0.9}))
    status, run = ada.post("workflows/sample/runs?wait=20", {"input": {"text": "Money back"}})
    assert (status, run["status"], run["position"]) == (200, "waiting", "ask")
    told = ada.get(f"escalations/{run['escalation']}")[1]
    assert [(call["kind"], call["error"]["code"]) for call in told["tried"]] == [
        ("attempt", "invalid_output"),
        ("repair", "invalid_output"),
    ]
    assert told["reason"]["error"]["code"] == "invalid_output"
    assert told["messages"][-1]["role"] == "user"
    assert "can't be used" in told["messages"][-1]["content"]
    assert told["raw_answer"].startswith('{"label"')
    assert told["last_good"] is None

    otto = Api(operator)
    assert otto.post(f"escalations/{told['id']}/claim")[0] == 200
    assert otto.post(f"escalations/{told['id']}/resolve", {"action": "accept", "values": {"label": "rant"}})[0] == 422
    status, done = otto.post(f"escalations/{told['id']}/resolve", {"action": "accept", "values": {"label": "refund"}})
    assert (status, done["run"]) == (200, run["id"])
    floor.ended(run["id"])
    assert ada.get(f"runs/{run['id']}")[1]["status"] == "succeeded"
    assert ada.get(f"escalations/{told['id']}")[1]["answer"]["values"] == {"label": "refund"}


def test_a_run_that_is_not_sure_names_the_call_behind_the_branch(ada: Api, floor: Floor) -> None:
    floor.server.script(b.chat({"label": "bug", "sure": 0.5}))
    run = ada.post("workflows/sample/runs?wait=20", {"input": {"text": "Hm"}})[1]
    told = ada.get(f"escalations/{run['escalation']}")[1]
    assert [call["kind"] for call in told["tried"]] == ["attempt"]
    assert told["last_good"]["value"] == {"label": "bug", "sure": 0.5}
    assert told["last_good"]["path"] == "triage"


def test_the_same_over_a_real_connection(ada: Api, floor: Floor, operator: User, site: str) -> None:
    floor.server.script(b.chat({"label": "bug", "sure": 0.93}))
    token = tokens.create(user=operator, by="ada")
    with httpx.Client(base_url=f"{site}/api/v1/", headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        run = client.post("workflows/sample/runs?wait=20", json={"input": {"text": "It crashes"}}).json()
        assert run["status"] == "succeeded"
        assert client.put("providers/main", json={"protocol": "rehearsal"}).status_code == 403
        large = client.post("workflows/sample/runs", content=b" " * 6_000_000)
        assert (large.status_code, large.headers["content-type"]) == (413, "application/problem+json")
        assert client.get("nothing").json()["status"] == 404
    with httpx.Client(base_url=f"{site}/api/v1/") as stranger:
        refused = stranger.get("runs")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
