"""What lists of runs hold, what a version changes, and what an answer would come to."""

from typing import Any

import pytest

from orchestration.acts import drafts
from orchestration.acts.resolve import resolve
from orchestration.core import source
from orchestration.models import Act, Escalation, Run, StepRecord
from orchestration.queries.paging import MOST
from tests import factories
from tests.api import Api
from tests.engine.publishing import publish

pytestmark = pytest.mark.django_db


# Lists of runs


def ended(reply: str) -> Run:
    asked = factories.asked(reply)
    resolve(escalation=asked.id, action="send", values={"reply": reply}, by="otto")
    return factories.move(asked.run)


def test_a_list_of_runs_says_how_they_ended(otto: Api, django_assert_num_queries: Any) -> None:
    short, long = ended("Good day"), ended("x" * 9000)
    failed = factories.asked("No").run
    resolve(escalation=Escalation.objects.get(run=failed).id, action="drop", values={}, by="otto")
    factories.move(failed)
    otto.get("runs")
    with django_assert_num_queries(3):
        items = {item["id"]: item for item in otto.get("runs")[1]["items"]}
    assert items[short.id]["output"] == {"reply": "Good day"}
    assert (items[short.id]["error"], items[short.id]["truncated"]) == (None, [])
    assert (items[long.id]["output"], items[long.id]["truncated"]) == (None, ["output"])
    assert otto.get(f"runs/{long.id}")[1]["output"] == {"reply": "x" * 9000}
    assert items[failed.id]["outcome"] == "bad"


def test_a_run_that_failed_says_so_in_the_list(otto: Api) -> None:
    run = factories.move(factories.start())
    Run.objects.filter(id=run.id).update(error='{"code": "auth", "message": "no key"}')
    [item] = otto.get("runs")[1]["items"]
    assert item["error"] == {"code": "auth", "message": "no key"}


@pytest.mark.parametrize("limit", [-5, 0, MOST + 1])
@pytest.mark.parametrize(
    "path", ["runs", "escalations", "events", "workflows", "workflows/asking/versions", "runs/{run}/records"]
)
def test_a_page_of_a_size_that_none_can_have_is_refused(path: str, limit: int, otto: Api) -> None:
    run = factories.start()
    status, told = otto.get(f"{path.format(run=run.id)}?limit={limit}")
    assert (status, [(p["code"], p["path"]) for p in told["problems"]]) == (422, [("bad_value", "limit")])
    assert f"1 to {MOST}" in told["detail"]
    assert otto.get(f"{path.format(run=run.id)}?limit={MOST}")[0] == 200


# Versions


def test_a_diff_names_the_steps_and_the_lines_that_are_not_the_same(otto: Api) -> None:
    first = factories.asking(title="Asking")
    publish(first)
    extra = {"id": "extra", "type": "set", "values": {"x": 1}, "next": "ask"}
    steps = [{**first["steps"][0], "next": "extra"}, extra, *first["steps"][1:3]]
    ask = {**steps[2], "actions": [steps[2]["actions"][0]], "on_deadline": "done"}
    second = {**first, "title": "Asking more", "steps": [steps[0], steps[1], ask, steps[3]], "layout": {"x": 1}}
    drafts.push(text=source.write(second), by="dora")
    status, told = otto.get("workflows/asking/diff?from=1&to=draft")
    assert (status, told["from"], told["to"]) == (200, "1", "draft")
    assert told["steps"] == {"renamed": {}, "added": ["extra"], "taken": ["dropped"], "changed": ["note", "ask"]}
    assert told["keys"] == ["title"]
    taken = [line["text"] for line in told["lines"] if line["kind"] == "taken"]
    assert "title: Asking" in taken
    back = otto.get("workflows/asking/diff?from=draft&to=1")[1]
    assert (back["steps"]["added"], back["steps"]["taken"]) == (["dropped"], ["extra"])


def test_a_diff_is_of_the_draft_where_nothing_is_said_and_lives_with_one_that_can_not_be_read(otto: Api) -> None:
    publish(factories.asking())
    same = otto.get("workflows/asking/diff")[1]
    assert (same["from"], same["to"], same["lines"], same["keys"]) == ("1", "draft", [], [])
    found = drafts.save_draft(workflow="asking", text="id: [", revision=1, by="dora")
    assert found[0] == 2
    told = otto.get("workflows/asking/diff")[1]
    assert (told["steps"], told["keys"]) == (None, None)
    assert {"kind": "added", "text": "id: [", "before": None, "after": 1} in told["lines"]


def test_a_diff_of_what_was_never_published_is_of_all_of_it(otto: Api) -> None:
    drafts.push(text=source.write(factories.asking()), by="dora")
    told = otto.get("workflows/asking/diff")[1]
    assert (told["from"], told["steps"]["added"]) == (None, ["note", "ask", "done", "dropped"])


@pytest.mark.parametrize(
    ("query", "status", "path"),
    [("from=x", 422, "from"), ("to=-1", 422, "to"), ("from=9", 404, None), ("form=1", 422, "form")],
)
def test_a_diff_of_no_version_is_refused(query: str, status: int, path: str | None, otto: Api) -> None:
    publish(factories.asking())
    got, told = otto.get(f"workflows/asking/diff?{query}")
    assert (got, told.get("problems", [{"path": None}])[0]["path"]) == (status, path)


# Answers


def everything() -> list[Any]:
    return [list(kind.objects.order_by("pk").values()) for kind in (Run, StepRecord, Escalation, Act)]


@pytest.mark.parametrize(
    ("action", "values", "to", "sentence"),
    [
        ("send", {"reply": "Good day"}, "done", "Went to Done because otto chose “Send”."),
        ("drop", {}, "dropped", "Went to Dropped because otto chose “Drop”."),
    ],
)
def test_a_preview_says_where_an_answer_leads_and_the_answer_goes_there(
    otto: Api, action: str, values: Any, to: str, sentence: str
) -> None:
    asked = factories.asked()
    before = everything()
    answer = {"action": action, "values": values}
    status, told = otto.post(f"escalations/{asked.id}/preview", answer)
    assert (status, told) == (200, {"problems": [], "to": to, "outcome": None, "sentence": sentence})
    assert everything() == before
    assert otto.post(f"escalations/{asked.id}/resolve", answer)[0] == 200
    decision = otto.get(f"runs/{asked.run_id}/records")[1]["items"][-1]["decision"]
    assert (decision["to"], decision["sentence"]) == (to, sentence)


@pytest.mark.parametrize(
    ("answer", "code", "path"),
    [
        ({"action": "send", "values": {}}, "missing", "values.reply"),
        ({"action": "send", "values": {"reply": 7}}, "wrong_type", "values.reply"),
        ({"action": "sned"}, "unknown_action", "action"),
    ],
)
def test_a_preview_says_what_is_wrong_with_an_answer(otto: Api, answer: Any, code: str, path: str) -> None:
    asked = factories.asked()
    before = everything()
    status, told = otto.post(f"escalations/{asked.id}/preview", answer)
    assert status == 200
    assert [(problem["code"], problem["path"]) for problem in told["problems"]] == [(code, path)]
    assert (told["to"], told["sentence"]) == (None, None)
    assert everything() == before
    refused = otto.post(f"escalations/{asked.id}/resolve", answer)
    assert (refused[0], refused[1]["problems"]) == (422, told["problems"])


def test_a_preview_of_what_was_answered_says_who_was_first(otto: Api, ada: Api) -> None:
    asked = factories.asked()
    revision = Run.objects.get(id=asked.run_id).revision
    answer = {"action": "drop", "revision": revision}
    assert ada.post(f"escalations/{asked.id}/preview", {**answer, "revision": revision + 1})[0] == 409
    ada.post(f"escalations/{asked.id}/resolve", answer)
    status, told = otto.post(f"escalations/{asked.id}/preview", answer)
    assert (status, told["by"], told["action"]) == (409, "ada", "drop")


@pytest.mark.parametrize("path", ["runs?schedule={}", "runs?parent={}", "escalations?run={}"])
def test_a_filter_by_what_can_be_no_id_is_refused_and_one_that_nothing_has_finds_nothing(path: str, otto: Api) -> None:
    for none in ("zzz", "", "Z" * 26, "z" * 27):
        status, told = otto.get(path.format(none))
        assert (status, told["code"], told["problems"][0]["path"]) == (422, "bad_filter", path[path.index("?") + 1 : -3])
    assert told["problems"][0]["message"].endswith(
        " is no id. Give the whole of it: 26 digits and small letters, as the API gives them."
    )
    assert otto.get(path.format("0" * 26)) == (200, {"items": [], "next": None})
