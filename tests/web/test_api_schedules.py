"""Schedules over the REST interface: made, read, changed, paused, resumed, deleted; and what is refused."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User

from orchestration.acts import drafts, firing
from orchestration.core import source, values
from orchestration.models import Act, Run, Schedule
from orchestration.record.clock import database_now
from orchestration.roles import Role
from tests import factories
from tests.api import Api
from tests.corpora import schedules as bad
from tests.engine.publishing import publish

pytestmark = pytest.mark.django_db

DAILY = {"name": "Morning report", "cron": "30 2 * * *", "zone": "Europe/Berlin", "input": {"text": "Good morning"}}


@pytest.fixture(autouse=True)
def asking() -> None:
    publish(factories.asking())


@pytest.fixture
def dora(designer: User) -> Api:
    return Api(designer)


def make(api: Api, **more: Any) -> Any:
    status, told = api.post("workflows/asking/schedules", {**DAILY, **more})
    assert status == 201, told
    return told


def test_a_schedule_goes_its_way(dora: Api, otto: Api) -> None:
    made = make(dora, labels={"team": "desk", "n": 3})
    assert (made["workflow"], made["catchup"], made["most"], made["paused"], made["created_by"]) == (
        "asking",
        "last",
        100,
        False,
        "dora",
    )
    assert made["labels"] == {"team": "desk", "n": 3}
    assert made["occurrences"][0]["at"] == made["next"]
    assert len(made["occurrences"]) == 5
    path = f"schedules/{made['id']}"
    assert otto.get(path) == (200, made)
    listed = {key: value for key, value in made.items() if key != "occurrences"}
    assert otto.get("workflows/asking/schedules") == (200, {"items": [listed], "next": None})
    assert dora.put(path, made) == (200, made), "what was got may be put back"
    changed = dora.put(f"{path}?revision=1", {**made, "cron": "0 8 * * MON-FRI", "catchup": "all"})[1]
    assert (changed["cron"], changed["catchup"], changed["revision"]) == ("0 8 * * MON-FRI", "all", 2)
    paused = otto.post(f"{path}/pause")[1]
    assert (paused["paused"], paused["next"], len(paused["occurrences"])) == (True, None, 5)
    assert otto.post(f"{path}/pause")[1] == paused
    resumed = otto.post(f"{path}/resume")[1]
    assert (resumed["paused"], resumed["next"], resumed["updated_by"]) == (False, changed["next"], "otto")
    assert dora.delete(path) == (204, None)
    status, told = otto.get(path)
    assert (status, told["code"]) == (404, "not_found")
    assert "dora deleted this schedule" in told["detail"]


def test_its_runs_say_so_and_are_listed_by_it(dora: Api) -> None:
    made = make(dora, cron="* * * * *")
    older = values.dump({"team": "desk", "schedule": "mine"})  # such a label was taken once
    Schedule.objects.update(next=database_now().replace(second=0, microsecond=0), labels=older)
    assert [start() for start in firing.due(database_now())] == [True]
    told = dora.get(f"schedules/{made['id']}")[1]
    assert told["run"] == Run.objects.get().id
    assert told["fired"] is not None
    factories.start()
    [run] = dora.get(f"runs?schedule={made['id']}")[1]["items"]
    assert (run["id"], run["schedule"], run["created_by"]) == (told["run"], made["id"], f"schedule:{made['id']}")
    assert run["labels"] == {"team": "desk", "schedule": "Morning report"}
    assert dora.get(f"runs/{run['id']}")[1]["schedule"] == made["id"]
    dora.delete(f"schedules/{made['id']}")
    assert dora.get(f"runs/{run['id']}")[1]["schedule"] == made["id"]


def test_what_could_not_start_and_what_was_passed_over_is_told(dora: Api) -> None:
    made = make(dora, cron="* * * * *")
    now = database_now().replace(second=0, microsecond=0)
    Schedule.objects.update(next=now - timedelta(minutes=9))
    more = {
        "type": "object",
        "required": ["text", "lang"],
        "properties": {"text": {"type": "string"}, "lang": {"type": "string"}},
    }
    publish(factories.asking(input=more))
    for start in firing.due(now):
        start()
    told = dora.get(f"schedules/{made['id']}")[1]
    assert (told["trouble"]["path"], told["trouble"]["count"]) == ("input.lang", 1)
    assert told["trouble"]["occurrence"] == told["trouble"]["since"]
    assert (told["passed"]["count"], told["passed"]["rule"]) == (9, "last")
    assert datetime.fromisoformat(told["passed"]["since"]) == now - timedelta(minutes=9)


def test_a_check_says_what_is_wrong_and_when_it_comes_and_stores_nothing(dora: Api) -> None:
    status, told = dora.post("workflows/asking/schedules/check", {**DAILY, "input": {}})
    assert (status, [problem["path"] for problem in told["problems"]]) == (200, ["input.text"])
    assert len(told["occurrences"]) == 5, "the line holds"
    for occurrence in told["occurrences"]:
        assert datetime.fromisoformat(occurrence["at"]) == datetime.fromisoformat(occurrence["local"])
        assert occurrence["local"][-6:] in ("+01:00", "+02:00")
    told = dora.post("workflows/asking/schedules/check", {**DAILY, "cron": "0 0 30 2 *"})[1]
    assert ([problem["code"] for problem in told["problems"]], told["occurrences"]) == (["never"], [])
    assert dora.post("workflows/asking/schedules/check", DAILY)[1]["problems"] == []
    assert not Schedule.objects.exists()


@pytest.mark.parametrize(
    ("body", "code", "path"),
    [
        ({**DAILY, "cron": "0 8 * * *\0"}, "bad_character", "cron"),
        ({**DAILY, "zone": "UTC\0"}, "bad_character", "zone"),
        ({**DAILY, "input": {"text": 5}}, None, "input.text"),
        ({**DAILY, "catchup": "some"}, "not_in_list", "catchup"),
        ({**DAILY, "name": "a\0b"}, "bad_character", "name"),
        ({**DAILY, "input": {"text": "a\0b"}}, "bad_character", "input.text"),
        ({**DAILY, "every": "day"}, "unknown_key", "every"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_clear_problem(dora: Api, body: dict[str, Any], code: str | None, path: str) -> None:
    made = make(dora)
    for method, address in (("post", "workflows/asking/schedules"), ("put", f"schedules/{made['id']}")):
        status, told = getattr(dora, method)(address, body)
        assert status == 422
        [problem] = told["problems"]
        assert problem["path"] == path
        assert code in (None, problem["code"])
        assert told["code"] == problem["code"]
    assert Schedule.objects.count() == 1


def test_a_line_or_a_zone_that_is_none_is_one_clear_problem_at_each_door(dora: Api) -> None:
    made = make(dora)
    lines = [({"cron": cron}, code, "cron", words) for cron, code, words in bad.LINES.values()]
    zones = [({"zone": zone}, "unknown_zone", "zone", words) for zone, words in bad.ZONES.values()]
    for change, code, path, words in lines + zones:
        body = {**DAILY, **change}
        status, checked = dora.post("workflows/asking/schedules/check", body)
        assert (status, checked["occurrences"]) == (200, []), change
        for method, address in (("post", "workflows/asking/schedules"), ("put", f"schedules/{made['id']}")):
            status, told = getattr(dora, method)(address, body)
            [problem] = told["problems"]
            assert (status, problem["code"], problem["path"]) == (422, code, path), change
            assert words in problem["message"] and problem["message"].rstrip(".") in told["detail"]
            assert checked["problems"] == [problem]
    assert dora.get(f"schedules/{made['id']}")[1] == made
    assert Schedule.objects.count() == 1


def test_a_workflow_without_a_version_says_what_to_do(dora: Api) -> None:
    drafts.push(text=source.write(factories.asking("draft_alone")), by="dora")
    status, told = dora.post("workflows/draft_alone/schedules", DAILY)
    assert (status, told["code"]) == (422, "not_published")
    assert "Publish the draft first" in told["detail"]
    assert dora.post("workflows/nothing/schedules", DAILY)[0] == 404


def test_who_is_overtaken_learns_by_whom_and_a_key_makes_one(dora: Api, ada: Api) -> None:
    first = dora.post("workflows/asking/schedules", DAILY, HTTP_IDEMPOTENCY_KEY="k")[1]
    again = dora.post("workflows/asking/schedules", DAILY, HTTP_IDEMPOTENCY_KEY="k")
    assert again == (201, first)
    other = dora.post("workflows/asking/schedules", {**DAILY, "name": "Other"}, HTTP_IDEMPOTENCY_KEY="k")
    assert (other[0], other[1]["code"]) == (422, "idempotency_key_reused")
    path = f"schedules/{first['id']}"
    ada.put(path, {**DAILY, "name": "Hers"})
    status, told = dora.put(f"{path}?revision=1", {**DAILY, "name": "Mine"})
    assert (status, told["code"], told["by"], told["revision"]) == (409, "stale_revision", "ada", 2)
    assert Act.objects.filter(subject=f"schedule:{first['id']}").count() == 2


def test_lists_go_on_where_they_ended(dora: Api) -> None:
    made = [make(dora, name=f"No. {number}")["id"] for number in range(3)]
    first = dora.get("workflows/asking/schedules?limit=2")[1]
    rest = dora.get(f"workflows/asking/schedules?limit=2&after={first['next']}")[1]
    assert [item["id"] for item in first["items"] + rest["items"]] == made
    assert rest["next"] is None
    assert dora.get("workflows/asking/schedules?limit=0")[0] == 422
    assert dora.get("workflows/nothing/schedules")[0] == 404


def test_reading_costs_the_same_however_many_there_are(dora: Api, django_assert_max_num_queries: Any) -> None:
    for number in range(5):
        made = make(dora, name=f"No. {number}")
    for path, most in {"workflows/asking/schedules": 8, f"schedules/{made['id']}": 6}.items():
        with django_assert_max_num_queries(most):
            assert dora.get(path)[0] == 200


def test_a_token_for_operators_pauses_and_writes_nothing(designer: User, dora: Api) -> None:
    made = make(dora)
    less = Api(designer, role=Role.OPERATOR)
    assert less.post(f"schedules/{made['id']}/pause")[0] == 200
    assert less.put(f"schedules/{made['id']}", DAILY)[0] == 403
    assert less.delete(f"schedules/{made['id']}")[0] == 403
