"""A workflow that should not be used any more: who retires it, what starts no run of it then, and how it is taken back."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from orchestration.acts import firing, retiring, runs, schedules
from orchestration.core.errors import Refused
from orchestration.models import Act, Run, Schedule, Workflow
from orchestration.queries.broken import broken
from orchestration.queries.uses import uses
from orchestration.record.clock import database_now
from orchestration.record.pack import unpack_all
from tests import factories, fans
from tests.api import Api
from tests.engine.publishing import end, publish, workflow

pytestmark = pytest.mark.any_database

RETIRE = "/workflows/asking/retire/"
HOURLY = {"name": "Hourly", "cron": "0 * * * *", "input": {"text": "Good morning"}}


@pytest.fixture(autouse=True)
def asking(db: None) -> None:
    publish(factories.asking(title="Ask somebody"))


@pytest.fixture
def dora(designer: User) -> Api:
    return Api(designer)


def calling(title: str = "Outer") -> dict[str, Any]:
    """A workflow that calls it, in an arm."""
    call = {"id": "call", "type": "workflow", "workflow": "asking@1", "input": {"text": "Good day"}}
    both = {"id": "both", "type": "parallel", "branches": [{"id": "one", "body": [call]}], "next": "done"}
    return workflow(both, end(), id="outer", title=title, input={"type": "object"}, models={})


def text(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def verbs() -> list[tuple[str, str]]:
    return list(Act.objects.filter(subject="workflow:asking").order_by("number").values_list("verb", "by"))[2:]


def test_designers_retire_with_a_reason_and_take_back_over_the_interface(dora: Api, otto: Api) -> None:
    assert otto.post("workflows/asking/retire", {"reason": "Old"})[0] == 403
    assert otto.post("workflows/asking/reinstate")[0] == 403
    assert dora.post("workflows/asking/retire", {"reason": " "})[1]["problems"][0]["code"] == "missing_reason"
    assert dora.post("workflows/nothing/retire", {"reason": "Old"})[0] == 404
    status, told = dora.post("workflows/asking/retire", {"reason": "Use intake"})
    assert (status, told["retired"]["by"], told["retired"]["reason"]) == (200, "dora", "Use intake")
    assert dora.post("workflows/asking/retire", {"reason": "Use intake"}) == (200, told), "the same again is no act"
    assert dora.post("workflows/asking/retire", {"reason": "Other"})[1]["code"] == "already_retired"
    assert dora.get("workflows")[1]["items"][0]["retired"] == told["retired"]
    assert dora.post("workflows/asking/reinstate")[1]["retired"] is None
    assert dora.post("workflows/asking/reinstate")[1]["retired"] is None
    assert verbs() == [("retire", "dora"), ("reinstate", "dora")]


def test_no_run_of_it_begins_and_what_was_begun_is_answered_as_before(dora: Api, otto: Api, as_operator: Client) -> None:
    once = {"headers": {"Idempotency-Key": "k1"}}
    begun = otto.post("workflows/asking/runs", {"input": {"text": "x"}}, **once)
    retiring.retire(workflow="asking", reason="Use intake", by="dora")
    status, told = otto.post("workflows/asking/runs", {"input": {"text": "x"}, "version": 1})
    assert (status, told["code"]) == (409, "retired_workflow")
    assert re.fullmatch(
        r"dora retired asking on .* 20\d\d: Use intake\. Nobody can start a run of it any more\. A designer can take it back\.",
        told["detail"],
    )
    assert otto.post("workflows/asking/runs", {"input": {"text": "x"}}, **once) == begun
    run = factories.move(Run.objects.get())
    assert (run.status, run.wait) == ("waiting", "person"), "it goes on"
    form = as_operator.get("/workflows/asking/run/")
    assert form.status_code == as_operator.post("/workflows/asking/run/", {"input/text": "x"}).status_code == 409
    assert "Ask somebody is retired" in text(form)
    assert "by dora: Use intake Nothing starts a run of it any more. A designer can take it back." in text(form)
    assert Run.objects.count() == 1
    retiring.reinstate(workflow="asking", by="dora")
    assert otto.post("workflows/asking/runs", {"input": {"text": "x"}})[0] == 202


def test_its_schedules_start_nothing_meanwhile_say_so_and_go_on_with_what_is_yet_to_come(dora: Api, as_designer: Client) -> None:
    made = schedules.create(workflow="asking", body=HOURLY, by="dora")
    paused = schedules.create(workflow="asking", body={**HOURLY, "name": "Not now"}, by="dora")
    schedules.pause(schedule=paused, by="dora")
    due = database_now() - timedelta(hours=3)
    Schedule.objects.filter(id=made).update(next=due)
    (seen,) = firing.due(database_now())
    retiring.retire(workflow="asking", reason="Use intake", by="dora")
    assert firing.due(database_now()) == []
    assert firing.pass_over(database_now()) == []
    assert seen(), "a worker had found it due before"
    assert Run.objects.count() == 0
    Schedule.objects.filter(id=made).update(next=due)
    told = dora.get(f"schedules/{made}")[1]
    assert (told["retired"], told["next"], told["trouble"]["code"], len(told["occurrences"])) == (
        True,
        None,
        "retired_workflow",
        5,
    )
    for act in (
        lambda: schedules.create(workflow="asking", body=HOURLY, by="dora"),
        lambda: schedules.resume(schedule=paused, by="dora"),
    ):
        with pytest.raises(Refused, match="a schedule would start nothing"):
            act()
    page = text(as_designer.get(f"/workflows/asking/schedules/{made}/"))
    assert "It starts nothing while the workflow is retired. Once that is taken back, it goes on with its next time" in page
    assert text(as_designer.get("/workflows/asking/schedules/")).count("not while the workflow is retired") == 2
    assert as_designer.get("/workflows/asking/schedules/new/").status_code == 409
    retiring.reinstate(workflow="asking", by="dora")
    assert Schedule.objects.get(id=made).next > database_now(), "what came meanwhile is not made up for"
    assert Schedule.objects.get(id=paused).paused
    assert firing.due(database_now()) == []


def test_who_calls_it_is_said_before_and_what_it_names_holds_nothing_back(as_designer: Client) -> None:
    publish(calling())
    page = text(as_designer.get(RETIRE))
    assert "Version 1 of outer calls it." in page
    assert "The draft of outer calls it." in page
    retiring.retire(workflow="asking", reason="Use intake", by="dora")
    with pytest.raises(Refused) as refused:
        publish(calling("Outer, anew"))
    assert [(p.code, p.path) for p in refused.value.problems if p.severity == "error"] == [
        ("retired_workflow", "steps[0].branches[0].body[0].workflow")
    ]
    (found,) = broken()
    assert "dora retired asking" in found.sentence
    assert "dora retired asking" in text(as_designer.get("/workflows/outer/"))
    retiring.retire(workflow="outer", reason="Nobody wants it", by="dora")
    assert broken() == ()
    assert uses("workflow", "asking") == ()


def test_its_pages_say_so_and_the_list_shows_it_apart(
    as_viewer: Client, as_operator: Client, as_designer: Client, django_assert_max_num_queries: Any
) -> None:
    publish(factories.asking("other"))
    factories.move(Run.objects.get(id=runs.start(workflow="asking", input={"text": "x"}, by="otto")))
    for client in (as_viewer, as_operator):
        assert {client.get(RETIRE).status_code, client.post(RETIRE, {"reason": "x"}).status_code} == {403}
        assert client.post("/workflows/asking/reinstate/").status_code == 403
    assert "retired=yes" not in as_viewer.get("/workflows/").content.decode()
    assert "Retire this workflow" in text(as_designer.get("/workflows/asking/versions/"))
    asked = text(as_designer.get(RETIRE))
    assert "The run that is under way goes on to its end." in asked
    missing = as_designer.post(RETIRE, {"reason": ""})
    assert missing.status_code == 422
    assert "Say why it should not be used any more" in text(missing)
    assert "Ask somebody is retired." in text(as_designer.post(RETIRE, {"reason": "Use <intake>"}, follow=True))
    assert Workflow.objects.get(id="asking").retired_reason == "Use <intake>"
    late = as_designer.post(RETIRE, {"reason": "Mine"})
    assert late.status_code == 409
    assert "has retired asking already" in text(late)
    assert "You wrote: Mine" in text(late)
    page = as_operator.get("/workflows/asking/")
    assert "by dora: Use <intake> Nothing starts a run of it any more; 1 is under way still." in text(page)
    assert b"/run/" not in page.content
    assert b"reinstate" not in page.content
    in_use, apart = as_viewer.get("/workflows/"), as_viewer.get("/workflows/?retired=yes")
    assert (b"/workflows/asking/" in in_use.content, b"/workflows/asking/" in apart.content) == (False, True)
    assert b"/workflows/other/" in in_use.content
    assert "by dora Use <intake>" in text(apart)
    with django_assert_max_num_queries(10):
        as_designer.get("/workflows/?retired=yes")
    assert "is taken back" in text(as_designer.post("/workflows/asking/reinstate/", follow=True))
    assert unpack_all([Act.objects.get(verb="reinstate").detail])[0]["before"]["reason"] == "Use <intake>"
    assert b"/workflows/asking/" in as_viewer.get("/workflows/").content


def test_runs_that_others_called_are_under_way_too_and_items_are_none(ada: Api, as_designer: Client) -> None:
    called = fans.waiting(4, ["held", "held", "ready", "succeeded"])
    assert ada.get("workflows/orders")[1]["live"] == 1
    whole = Run.objects.get(id=runs.start(workflow="asking", input={"text": "x"}, by="otto"))
    Run.objects.filter(id=called.id).update(parent=whole, parent_path="send", index=0)
    assert [ada.get(f"workflows/{each}")[1]["live"] for each in ("orders", "asking")] == [1, 1]
    retire = "/workflows/orders/retire/"
    assert "The run that is under way, called by another workflow, goes on to its end." in text(as_designer.get(retire))
    runs.start(workflow="orders", input={"orders": []}, by="otto")
    assert "The 2 runs that are under way go on to their end, 1 of them called by other workflows." in text(
        as_designer.get(retire)
    )
    Run.objects.filter(id=called.id).update(status="cancelled", wait="", ended=called.created)
    assert "The run that is under way goes on to its end." in text(as_designer.get(retire))
