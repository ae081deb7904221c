"""The REST interface: what is done, what comes back, and what it costs."""

from typing import Any

import pytest

from orchestration.core import source, values
from orchestration.models import Act, Escalation, Run, Tool, Version, Workflow
from tests import factories
from tests.api import Api
from tests.engine.publishing import end

pytestmark = pytest.mark.django_db

# Definitions


def test_a_definition_is_checked_kept_and_published(ada: Api) -> None:
    text = source.write(factories.asking())
    status, told = ada.post("workflows/check", text, type="application/yaml")
    assert (status, told["id"], told["problems"], told["proof"]["ok"]) == (200, "asking", [], True)
    assert not Workflow.objects.exists()
    status, told = ada.post("workflows", text, type="application/yaml")
    assert (status, told["id"], told["revision"]) == (201, "asking", 1)
    assert told["proof"]["worst"]["executions"] == 3
    status, told = ada.post("workflows", factories.asking(title="Asking"))
    assert (status, told["revision"]) == (200, 2)
    status, told = ada.post("workflows/asking/publish")
    assert (status, told["version"], len(told["hash"]), told["proof"]["ok"]) == (200, 1, 64, True)
    assert ada.post("workflows/asking/publish", {})[1]["version"] == 1
    status, told = ada.get("workflows/asking")
    assert (status, told["title"], told["version"], told["revision"]) == (200, "Asking", 1, 2)
    assert [item["version"] for item in ada.get("workflows/asking/versions")[1]["items"]] == [1]
    assert ada.get("workflows/asking/versions/1")[1]["definition"]["title"] == "Asking"
    assert ada.get("workflows/asking/versions/99999999999999999999")[0] == 404
    assert [item["id"] for item in ada.get("workflows")[1]["items"]] == ["asking"]


def test_what_can_t_be_read_yet_says_that_more_may_follow(ada: Api) -> None:
    wrong = factories.asking(start="nowhere") | {"titel": "x"}
    found = ada.post("workflows/check", wrong)[1]["problems"]
    assert [(item["code"], item["severity"]) for item in found] == [("unknown_key", "error"), ("more_may_follow", "info")]
    del wrong["titel"]
    assert "more_may_follow" not in {item["code"] for item in ada.post("workflows/check", wrong)[1]["problems"]}


def test_a_wrong_definition_is_kept_told_and_not_published(ada: Api) -> None:
    wrong = source.write(factories.asking(start="nowhere"))
    status, told = ada.post("workflows", wrong, type="application/yaml")
    assert status == 201
    assert ("unknown_step", "error", "start") in {(item["code"], item["severity"], item["path"]) for item in told["problems"]}
    status, told = ada.post("workflows/asking/publish")
    assert (status, told["title"], told["detail"].partition(":")[0]) == (409, "Conflict", "start")
    assert "unknown_step" in {item["code"] for item in told["problems"]}
    status, told = ada.post("workflows?revision=9", wrong, type="application/yaml")
    assert (status, told["by"], told["revision"], told["seen"]) == (409, "ada", 1, 9)
    assert told["code"] == "stale_revision"
    assert not Version.objects.exists()


# Runs


def test_a_run_is_started_once_for_each_key_and_shown(otto: Api) -> None:
    factories.publish(factories.asking())
    body = {"input": {"text": "Hello"}, "key": "T-7", "labels": {"team": "a"}}
    first = otto.ask("POST", "workflows/asking/runs", body, headers={"Idempotency-Key": "k-1"})
    assert (first.status_code, first["Location"]) == (202, f"/api/v1/runs/{first.json()['id']}")
    again = otto.ask("POST", "workflows/asking/runs", body, headers={"Idempotency-Key": "k-1"})
    assert again.json() == first.json()
    other = otto.ask("POST", "workflows/asking/runs", {**body, "key": "T-8"}, headers={"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json()["problems"][0]["code"]) == (422, "idempotency_key_reused")
    assert otto.ask("POST", "workflows/asking/runs", body, headers={"Idempotency-Key": "k" * 256}).status_code == 422
    assert Run.objects.count() == 1
    status, run = otto.get(f"runs/{first.json()['id']}")
    assert status == 200
    expected = {"workflow": "asking", "version": 1, "status": "ready", "outcome": None, "output": None, "error": None, "seq": 0}
    expected |= {"escalation": None, "cost": 0.0, "key": "T-7", "labels": {"team": "a"}, "ended": None, "created_by": "otto"}
    assert {name: run[name] for name in expected} == expected
    assert run["created"].endswith("Z")


def test_what_no_database_keeps_is_replaced_and_marked(otto: Api) -> None:
    factories.publish(factories.asking())
    started = otto.post("workflows/asking/runs", r'{"input": {"text": "a\u0000b"}, "key": "\ud800"}')[1]["id"]
    factories.move(Run.objects.get(id=started))
    run = otto.get(f"runs/{started}")[1]
    assert (run["input"], run["mended"]) == ({"text": "a\ufffdb"}, ["input.text"])
    answer = r'{"action": "send", "values": {"reply": "\ud800\u0000"}}'
    assert otto.post(f"escalations/{run['escalation']}/resolve", answer)[0] == 200
    results = [record["result"] for record in otto.get(f"runs/{started}/records")[1]["items"]]
    assert results == [{"kind": "done"}, {"kind": "done", "mended": ["output.values.reply"]}]
    details = [act.detail for act in Act.objects.filter(subject=f"run:{started}").order_by("number")]
    assert [values.load(detail)["mended"] for detail in details] == [["input.text"], ["values.reply"]]


def test_waiting_ends_with_the_time_or_where_a_person_is_asked(otto: Api) -> None:
    factories.publish(factories.asking())
    status, told = otto.post("workflows/asking/runs?wait=0.01", {"input": {"text": "Hello"}})
    assert (status, told["status"]) == (200, "ready")
    for wrong in ("-1", "60.1"):
        assert otto.post(f"workflows/asking/runs?wait={wrong}", {"input": {"text": "Hello"}})[0] == 422


def test_a_run_is_followed_to_a_person_answered_and_finished(otto: Api) -> None:
    run = factories.move(factories.start("Hello"))
    told = otto.get(f"runs/{run.id}")[1]
    assert (told["status"], told["wait"], told["position"], told["seq"]) == ("waiting", "person", "ask", 1)
    (listed,) = otto.get(f"escalations?run={run.id}&status=open")[1]["items"]
    assert listed["id"] == told["escalation"]
    found = otto.get(f"escalations/{listed['id']}")[1]
    assert (found["values"], found["show"], found["revision"]) == ({"reply": "Hello"}, {"Text": "Hello"}, told["revision"])
    assert [action["id"] for action in found["actions"]] == ["send", "drop"]
    assert found["form"] == factories.FORM
    assert found["last_good"]["value"] == {"text": "Hello"}
    assert otto.post(f"escalations/{listed['id']}/claim")[1]["claimed_by"] == "otto"
    assert otto.put(f"escalations/{listed['id']}/draft", {"values": {"reply": ""}})[0] == 200
    assert otto.get(f"escalations/{listed['id']}")[1]["draft"]["values"] == {"reply": ""}

    answer = f"escalations/{listed['id']}/resolve"
    refused = otto.post(answer, {"action": "send", "values": {"reply": "x", "refund": "much"}})
    assert (refused[0], {item["path"] for item in refused[1]["problems"]}) == (422, {"values.reply", "values.refund"})
    assert otto.post(answer, {"action": "sned", "values": {}})[1]["problems"][0]["path"] == "action"
    stale = otto.post(answer, {"action": "drop", "revision": found["revision"] - 1})
    assert (stale[0], stale[1]["revision"], stale[1]["code"]) == (409, found["revision"], "stale_revision")
    assert Escalation.objects.get().status == "claimed", "what was refused did not consume the pause"

    status, told = otto.post(answer, {"action": "send", "values": {"reply": "Hello you"}, "revision": found["revision"]})
    assert (status, told["action"]) == (200, "send")
    late = otto.post(answer, {"action": "drop"})
    assert (late[0], late[1]["by"], late[1]["state"], late[1]["action"]) == (409, "otto", "resolved", "send")
    assert late[1]["code"] == "already_resolved"

    factories.move(run)
    told = otto.get(f"runs/{run.id}")[1]
    assert (told["status"], told["outcome"], told["output"]) == ("succeeded", "good", {"reply": "Hello you"})
    assert told["ended"] is not None
    records = otto.get(f"runs/{run.id}/records")[1]
    assert [(item["seq"], item["path"], item["type"], item["decision"]["to"]) for item in records["items"]] == [
        (1, "note", "set", "ask"),
        (2, "ask", "human", "done"),
        (3, "done", "end", "good"),
    ]
    assert records["items"][1]["actor"] == "otto"
    assert all(item["decision"]["sentence"] and item["decision"]["rule"] for item in records["items"])
    assert (records["next"], records["open"]) == (None, [])


def test_the_state_is_shown_as_of_any_record(otto: Api) -> None:
    run = factories.move(factories.start("Hello"))
    before = otto.get(f"runs/{run.id}/state?at=0")[1]
    assert (before["seq"], before["run"], before["steps"]) == (0, {"input": {"text": "Hello"}}, {})
    after = otto.get(f"runs/{run.id}/state")[1]
    assert (after["seq"], after["steps"], after["position"]) == (1, {"note": {"text": "Hello"}}, "ask")
    assert after["hash"] == run.state_hash
    assert after["scopes"][""]["note"] == {"value": {"text": "Hello"}, "seq": 1, "path": "note", "by": ""}
    for wrong in ("2", "-1", "99999999999999999999"):
        assert otto.get(f"runs/{run.id}/state?at={wrong}")[0] == 422


def test_a_cancelled_run_ends_and_says_who_and_why(otto: Api) -> None:
    run = factories.move(factories.start())
    status, told = otto.post(f"runs/{run.id}/cancel", {"reason": "A duplicate"})
    assert (status, told["cancel"], told["status"], told["escalation"]) == (200, "cancelled", "cancelled", None)
    record = otto.get(f"runs/{run.id}/records")[1]["items"][-1]
    assert (record["actor"], record["decision"]["sentence"]) == ("otto", "otto cancelled the run: A duplicate.")
    status, told = otto.post(f"runs/{run.id}/cancel")
    assert (status, told["state"], told["code"]) == (409, "cancelled", "already_ended")
    assert otto.get("escalations?status=cancelled")[1]["items"][0]["run"] == run.id


def test_lists_go_on_by_key_without_repeating_or_skipping(otto: Api) -> None:
    made = [factories.start(f"{number}").id for number in range(5)]
    seen: list[str] = []
    after = ""
    while True:
        told = otto.get(f"runs?limit=2&after={after}")[1]
        seen += [item["id"] for item in told["items"]]
        if len(seen) == 2:
            factories.start("a new one comes in")
        if told["next"] is None:
            break
        after = told["next"]
    assert seen == made[::-1]


def test_lists_are_filtered(otto: Api) -> None:
    one = factories.move(factories.start("a", key="K"))
    two = factories.start("b", id="another")
    rows = {
        "status=ready": [two.id],
        "status=person": [one.id],
        "status=ended": [],
        "status=live": [two.id, one.id],
        "status=waiting,ready": [two.id, one.id],
        "workflow=asking": [one.id],
        "workflow=asking&version=2": [],
        "key=K": [one.id],
        "outcome=good": [],
        "created_from=2020-01-01T00:00:00Z": [two.id, one.id],
        "created_to=2020-01-01T00:00:00%2B02:00": [],
    }
    assert {query: [item["id"] for item in otto.get(f"runs?{query}")[1]["items"]] for query in rows} == rows


def test_the_inbox_shows_what_is_most_urgent_first_page_by_page(otto: Api) -> None:
    made = [factories.asked(str(number)) for number in range(5)]
    Escalation.objects.filter(id=made[3].id).update(priority=2)
    Escalation.objects.filter(id=made[0].id).update(due=None)
    Escalation.objects.filter(id=made[4].id).update(due=made[1].due)
    seen: list[str] = []
    after = ""
    while after is not None:
        told = otto.get(f"escalations?status=pending&limit=2&after={after}")[1]
        seen += [item["id"] for item in told["items"]]
        after = told["next"]
    assert seen == [made[number].id for number in (3, 1, 4, 2, 0)]
    otto.post(f"escalations/{made[2].id}/claim")
    assert [item["id"] for item in otto.get("escalations?mine=true")[1]["items"]] == [made[2].id]
    assert len(otto.get("escalations?status=open&queue=desk")[1]["items"]) == 4


# What runs may reach, and one step alone


def test_secrets_are_written_and_never_read(ada: Api) -> None:
    canary = "canary-5b1c"
    assert ada.put("secrets/desk", {"value": canary})[0] == 200
    assert ada.put("secrets/des k", {"value": canary})[0] == 422
    everything = [
        ada.get(path) for path in ("secrets", "secrets/desk", "providers", "tools", "workflows", "runs", "openapi.json")
    ]
    assert canary not in str(everything)
    assert ada.get("secrets/desk")[1].keys() == {"name", "updated"}
    status, told = ada.put("secrets/desk", {"value": 7, "x": canary})
    assert (status, canary in str(told)) == (422, False)


def test_providers_and_tools_are_written_whole_and_read_back(ada: Api) -> None:
    provider = {"protocol": "openai", "base_url": "http://127.0.0.1:9/v1", "secret": "llm", "cap": 2}
    status, told = ada.put("providers/main", provider)
    assert (status, told["problems"][0]["severity"]) == (200, "warning"), told
    assert {name: ada.get("providers/main")[1][name] for name in provider} == provider
    tool = {
        "http": {"method": "GET", "url": "http://127.0.0.1:9/${input.id}"},
        "input": factories.ID,
    }
    status, told = ada.put("tools/crm.get", {**tool, "effect": "none"})
    assert (status, told.get("effect"), told.get("kind")) == (200, "none", "http"), told
    assert ada.get("tools/crm.get")[1]["http"] == tool["http"]
    status, told = ada.put("tools/crm.get", {"http": {"url": "${nothing.x}"}})
    assert (status, told["problems"][0]["path"]) == (422, "http.url")
    assert Tool.objects.count() == 1


def test_one_step_is_tried_alone_and_nothing_is_stored_but_who_did_it(ada: Api) -> None:
    branch = {
        "id": "route",
        "type": "branch",
        "cases": [{"when": "run.input.n > 3.0", "to": "done", "label": "Many"}],
        "default": "few",
    }
    schema = {"type": "object", "required": ["n"], "properties": {"n": {"type": "number"}}}
    definition = factories.workflow(branch, end(), end(id="few"), models={}, input=schema)
    before = Act.objects.count()
    for form in (definition, source.write(definition)):
        status, told = ada.post("steps/try", {"definition": form, "step": "route", "input": {"run": {"input": {"n": 5}}}})
        assert (status, told["decision"]["to"], told["result"]["kind"]) == (200, "done", "done")
        assert told["decision"]["because"][0]["value"] == 5
    status, told = ada.post("steps/try", {"definition": "a: &x 1", "step": "route"})
    assert (status, told["problems"][0]["code"]) == (422, "anchor")
    assert (Workflow.objects.count(), Run.objects.count(), Act.objects.count()) == (0, 0, before + 2)
    assert set(Act.objects.filter(verb="try").values_list("by", "subject")) == {("ada", f"workflow:{definition['id']}")}


# Costs


@pytest.mark.parametrize(
    ("path", "queries"),
    [
        ("runs", 3),
        ("runs/{run}", 5),
        ("runs/{run}/records", 7),
        ("runs/{run}/state", 5),
        ("escalations?status=pending", 3),
        ("escalations/{escalation}", 8),
        ("workflows", 3),
        ("workflows/asking", 4),
    ],
)
def test_a_read_costs_the_same_number_of_queries_however_much_there_is(
    path: str, queries: int, otto: Api, django_assert_num_queries: Any
) -> None:
    """Two of each are for the token: who it is, and their role."""
    paused = factories.asked("x" * 9000)
    otto.get("runs")  # notes down that the token was used
    for _ in range(2):
        with django_assert_num_queries(queries):
            assert otto.get(path.format(run=paused.run_id, escalation=paused.id))[0] == 200
        for number in range(3):
            factories.asked(f"{number}" * 9000)
