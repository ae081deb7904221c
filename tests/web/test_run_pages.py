"""The pages of runs over real runs of a real engine: who may see and do what, what is shown, at what cost in queries."""

import json
import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.test.client import Client as Browser

from orchestration.acts import restored
from orchestration.acts import runs as acts
from orchestration.models import Act, Run
from tests import factories
from tests.api import Api
from tests.engine.conftest import Floor, floor, server  # noqa: F401  (fixtures)
from tests.engine.publishing import end, publish, workflow
from tests.servers import behaviours as b

pytestmark = pytest.mark.any_database

LABEL = {
    "type": "object",
    "required": ["label", "confidence"],
    "properties": {"label": {"enum": ["refund", "bug"]}, "confidence": {"type": "number"}},
}
ASK = {
    "id": "ask", "type": "human", "title": "Ask a person",
    "form": {"type": "object", "properties": {"label": {"type": "string"}}},
    "actions": [{"id": "go", "label": "Go on", "to": "done"}], "deadline": "2h", "on_deadline": "done",
}  # fmt: skip
TRIAGE = workflow(
    {
        "id": "classify", "type": "llm", "title": "Sort the ticket", "model": "main", "input": {"text": "${run.input.text}"},
        "prompt": "Ticket: {{ text }}", "output": LABEL, "repair": {"attempts": 1}, "next": "route",
    },
    {
        "id": "route", "type": "branch", "title": "Is it sure?", "default": "ask",
        "cases": [{"when": "steps.classify.confidence >= 0.8", "to": "done", "label": "Sure"}],
    },
    ASK,
    end({"label": "${steps.classify.label}"}),
    id="triage",
    title="Triage",
)  # fmt: skip
HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def waiting(floor: Floor) -> Run:  # noqa: F811
    """A run that was repaired once, was not sure, and now asks a person."""
    floor.server.script(b.prose(f"{HOSTILE} it is a refund"), b.chat({"label": "refund", "confidence": 0.62}))
    publish(TRIAGE)
    return floor.rested(
        acts.start(workflow="triage", input={"text": HOSTILE, "n": 1}, by="ada", key="T-7", labels={"team": "blue"})
    )


@pytest.fixture
def done(floor: Floor) -> Run:  # noqa: F811
    floor.server.script(b.chat({"label": "bug", "confidence": 0.9}))
    publish(TRIAGE)
    return floor.ended(acts.start(workflow="triage", input={"text": "x", "n": 1}, by="ada"))


def text(response: Any) -> str:
    """What a reader sees, in one line."""
    content = response.content.decode() if not response.streaming else response.getvalue().decode()
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content)))


def fragment(client: Browser, address: str, target: str, etag: str = "") -> Any:
    headers = {"HX-Request": "true", "HX-Target": target, **({"If-None-Match": etag} if etag else {})}
    return client.get(address, headers=headers)


@pytest.fixture
def everybody(as_viewer: Client, as_operator: Client, as_designer: Client, as_admin: Client) -> list[Client]:
    return [as_viewer, as_operator, as_designer, as_admin]


def test_what_was_replaced_because_no_database_keeps_it_is_said_where_it_shows(as_operator: Client, floor: Floor) -> None:  # noqa: F811
    """Typed into a form, as text and as JSON; answered by a model; and answered by a person."""
    floor.server.script(b.chat({"label": "refund", "confidence": 0.6, "why": "\0"}))
    publish(TRIAGE)
    sent = as_operator.post("/workflows/triage/run/", {"input~json": r'{"text": "a\u0000b", "n": 1}', "once": "k"})
    run = floor.rested(sent["location"].split("/")[2])
    said = "Characters that can’t be kept were replaced by � in {} ."
    assert said.format("input.text") in text(as_operator.get(f"/runs/{run.id}/?seq=0"))
    visit = text(as_operator.get(f"/runs/{run.id}/?seq=1"))
    assert visit.count(said.format("output.why")) == 2, "with the value, and with the call that it came from"
    pause = floor.escalation(run)
    form = {"action": "go", "v~on": "1", "v/label~on": "1", "v/label": "\0", "revision": run.revision}
    as_operator.post(f"/inbox/{pause.id}/", form)
    run = floor.ended(run.id)
    assert said.format("output.values.label") in text(as_operator.get(f"/runs/{run.id}/?seq=3"))
    typed = as_operator.post("/workflows/triage/run/", {"input/text": "\0", "input/n": "1", "input~on": "1", "once": "k2"})
    floor.server.default(b.chat({"label": "bug", "confidence": 0.9}))
    assert said.format("input.text") in text(as_operator.get(f"{typed['location']}?seq=0"))
    assert "can’t be kept" not in text(fragment(as_operator, f"/runs/{run.id}/?seq=2", "run"))


def test_all_may_look_and_operators_may_act(everybody: list[Client], waiting: Run) -> None:
    table = {
        "/runs/": [200, 200, 200, 200],
        f"/runs/{waiting.id}/": [200, 200, 200, 200],
        f"/runs/{waiting.id}/?seq=1": [200, 200, 200, 200],
        f"/runs/{waiting.id}/?at=1": [200, 200, 200, 200],
        f"/runs/{waiting.id}/evidence.json": [200, 200, 200, 200],
        f"/runs/{waiting.id}/cancel/": [403, 200, 200, 200],
        "/workflows/triage/run/": [403, 200, 200, 200],
        "/runs/nosuchrun/": [404, 404, 404, 404],
        "/runs/nosuchrun/evidence.json": [404, 404, 404, 404],
        "/runs/nosuchrun/cancel/": [403, 404, 404, 404],
        "/workflows/nosuch/run/": [403, 404, 404, 404],
    }
    assert {path: [client.get(path).status_code for client in everybody] for path in table} == table
    assert everybody[0].post(f"/runs/{waiting.id}/cancel/", {"reason": "x"}).status_code == 403
    assert everybody[0].post("/workflows/triage/run/", {}).status_code == 403
    assert Run.objects.count() == 1


@pytest.mark.parametrize(
    ("address", "most"),
    [
        ("/runs/", 12), ("/runs/?status=person&text=T-7", 12), ("/runs/{run}/", 14), ("/runs/{run}/?seq=2", 16),
        ("/runs/{run}/?at=2", 15), ("/runs/{run}/cancel/", 6), ("/workflows/triage/run/", 8),
    ],
)  # fmt: skip
def test_a_page_costs_so_many_queries_however_much_there_is(
    as_operator: Client, waiting: Run, django_assert_max_num_queries: Any, address: str, most: int
) -> None:
    for _ in range(3):
        acts.start(workflow="triage", input={"text": "x", "n": 1}, by="ada")
    with django_assert_max_num_queries(most):
        assert as_operator.get(address.format(run=waiting.id)).status_code == 200


def test_a_visit_shows_what_was_sent_what_came_and_why_it_went_on(as_viewer: Client, waiting: Run) -> None:
    seen = text(page := as_viewer.get(f"/runs/{waiting.id}/?seq=1"))
    assert "Ticket: <script>alert(1)</script>" in seen
    assert HOSTILE.encode() not in page.content
    assert "Broke its contract" in seen
    assert "Repair" in seen
    assert "Your answer can't be used" in seen
    assert '"confidence": 0.62' in seen
    assert "met its contract" in seen
    decided = text(as_viewer.get(f"/runs/{waiting.id}/?seq=2"))
    assert "Went to Ask a person because" in decided
    assert "steps.classify.confidence" in decided
    assert "Sort the ticket" in decided
    assert "0.18 short of >= 0.8" in decided
    assert "steps[1].default" in decided


def test_without_a_choice_the_page_is_where_the_run_is(as_viewer: Client, waiting: Run, done: Run) -> None:
    seen = as_viewer.get(f"/runs/{waiting.id}/")
    assert "Waiting for a person" in text(seen)
    assert f'data-live-href="/runs/{waiting.id}/"' in seen.content.decode()
    assert "/inbox/" in seen.content.decode()
    ended = as_viewer.get(f"/runs/{done.id}/?seq=open")
    assert "The run ended as good, a success." in text(ended)
    later = as_viewer.get(f"/runs/{done.id}/?seq=99999999999")
    assert later.status_code == 200
    assert as_viewer.get(f"/runs/{done.id}/?seq=-1&at=x").status_code == 200


def test_the_state_can_be_looked_at_after_each_visit_with_who_wrote_it(as_viewer: Client, waiting: Run) -> None:
    before, after = (text(as_viewer.get(f"/runs/{waiting.id}/?at={n}")) for n in (0, 1))
    assert "No step has written anything yet." in before
    assert "written here" in after
    assert "classify" in after
    assert '"label": "refund"' in after


def test_one_fragment_serves_click_and_refresh_and_none_is_sent_twice(as_viewer: Client, waiting: Run) -> None:
    whole = as_viewer.get(f"/runs/{waiting.id}/")
    part = fragment(as_viewer, f"/runs/{waiting.id}/", "run")
    assert part.content.strip().startswith(b"<section")
    assert f'data-live-revision="{waiting.revision}"' in part.content.decode()
    assert part["ETag"] == f'"{waiting.revision}"'
    assert "ETag" not in whole
    assert {"HX-Request", "HX-Target"} <= {name.strip() for name in whole["Vary"].split(",")}
    assert fragment(as_viewer, f"/runs/{waiting.id}/", "run", part["ETag"]).status_code == 304
    assert fragment(as_viewer, f"/runs/{waiting.id}/", "run", '"1"').status_code == 200


def test_the_list_is_filtered_by_its_address(as_viewer: Client, waiting: Run, done: Run) -> None:
    def shown(query: str) -> set[str]:
        return {run.id for run in (waiting, done) if f'id="row-{run.id}"' in as_viewer.get(f"/runs/?{query}").content.decode()}

    assert shown("") == {waiting.id, done.id}
    assert shown("status=person") == shown("key=T-7") == shown("text=t-7") == shown("text=blue") == {waiting.id}
    assert shown(f"text={waiting.id[:26]}") == {waiting.id}
    assert shown("status=succeeded") == shown("outcome=good&status=ended") == {done.id}
    assert shown("workflow=another") == shown("status=failed") == set()
    assert "No run is like that" in text(as_viewer.get("/runs/?status=failed"))
    wrong = as_viewer.get("/runs/?status=suceeded")
    assert (wrong.status_code, "succeeded" in text(wrong)) == (422, True)
    assert as_viewer.get("/runs/?after=nonsense").status_code == 422
    assert as_viewer.get("/runs/?text=%00%ED%A0%80&workflow=%00").status_code == 200


def test_an_open_list_keeps_its_rows_and_counts_what_is_new(as_viewer: Client, floor: Floor, waiting: Run) -> None:  # noqa: F811
    page = as_viewer.get("/runs/?status=person").content.decode()
    again = unescape(re.findall(r'id="runs".*?data-live-href="([^"]+)"', page)[0])
    floor.server.default(b.chat({"label": "bug", "confidence": 0.1}))
    later = floor.rested(acts.start(workflow="triage", input={"text": "x", "n": 1}, by="ada"))
    acts.cancel(run=waiting.id, by="ada", reason="enough")
    part = fragment(as_viewer, again, "runs")
    assert f'id="row-{later.id}"' not in part.content.decode()
    assert "1 new run" in text(part)
    assert "Cancelled" in text(part)
    assert unescape(re.findall(r'data-live-href="([^"]+)"', part.content.decode())[0]) == again
    older = fragment(as_viewer, f"{again}&after=1~x", "runs")
    assert "new run" not in text(older)


def test_cancelling_needs_a_reason_and_says_who_was_first(as_operator: Client, waiting: Run) -> None:
    address = f"/runs/{waiting.id}/cancel/"
    silent = as_operator.post(address, {"reason": "  "})
    assert (silent.status_code, "Say why" in text(silent)) == (422, True)
    assert as_operator.get(address).status_code == 200
    waiting.refresh_from_db()
    assert waiting.status == "waiting"
    assert as_operator.post(address, {"reason": "Wrong customer"})["Location"] == f"/runs/{waiting.id}/"
    waiting.refresh_from_db()
    assert waiting.status == "cancelled"
    assert "otto cancelled the run: Wrong customer." in text(as_operator.get(f"/runs/{waiting.id}/"))
    late = as_operator.post(address, {"reason": "Mine too"})
    assert late.status_code == 409
    assert "has ended already" in text(late)
    assert "Mine too" in text(late)


def test_a_run_says_where_it_was_restored_from_a_backup(as_viewer: Client, operator: User) -> None:
    run, over = factories.move(factories.start()), factories.move(factories.start())
    acts.cancel(run=over.id, by="otto")
    restored.lift(by="ops")
    for ended in (False, True):
        if ended:
            acts.cancel(run=run.id, by="otto")
        page = text(as_viewer.get(f"/runs/{run.id}/"))
        assert "Restored from a backup after step 1" in page
        path = page.partition("2 visits" if ended else "1 visit")[2].partition("Outline")[0]
        before, _, after = path.partition("Here the run was restored from a backup")
        here = "Cancelled" if ended else "A person is asked"
        assert ("Note" in before, here in before, "Note" in after, here in after) == (True, False, False, True)
        assert Api(operator).get(f"runs/{run.id}")[1]["restored"] == 2
    assert Api(operator).get(f"runs/{over.id}")[1]["restored"] is None
    assert "estored" not in text(as_viewer.get(f"/runs/{over.id}/"))


def test_another_run_is_started_from_the_input_of_one_as_far_as_the_contract_of_today_takes_it(as_operator: Client) -> None:
    words, fine = {"type": "string"}, {"type": "boolean"}
    properties = {"text": words, "n": {"type": "number"}, "gone": words, "fine": fine}
    takes = {"type": "object", "required": ["text"], "additionalProperties": False, "properties": properties}
    publish({**factories.asking(), "input": takes})
    given = {"text": "Good <b>day", "n": 7, "gone": "x", "fine": True}
    run = factories.move(Run.objects.get(id=acts.start(workflow="asking", input=given, by="ada")))
    acts.cancel(run=run.id, by="ada")
    address = f"/workflows/asking/run/?from={run.id}"
    assert f'href="{address}"' in as_operator.get(f"/runs/{run.id}/").content.decode()
    page = as_operator.get(address)
    chosen = '(name="input/fine"[^>]*|value="true") (checked|selected)'
    fields = ['name="input/text"[^>]* value="Good &lt;b&gt;day"', 'name="input/n"[^>]* value="7"', chosen]
    assert f"Filled in with the input of run {run.id}" in text(page) and "does not take all" not in text(page)
    assert [field for field in fields if not re.search(field, page.content.decode())] == []
    properties = {"text": words, "n": words, "fine": fine, "why": words}
    publish({**factories.asking(), "input": {**takes, "required": ["text", "why"], "properties": properties}})
    page = as_operator.get(address)
    assert "of version 1. Version 2 does not take all of it" in text(page)
    told = text(page).partition("does not take all of it:")[2].partition("Text")[0]
    assert "input.n must be text; it is 7" in told and "input.gone" in told and "input.why is missing" in told
    fields[1] = 'name="input/n"[^>]* value=""'
    assert [field for field in fields if not re.search(field, page.content.decode())] == []
    assert as_operator.get(f"/workflows/asking/run/?from={factories.awaiting().id}").status_code == 404
    assert as_operator.get("/workflows/asking/run/?from=nosuch").status_code == 404


def test_the_form_starts_one_run_however_often_it_is_sent(as_operator: Client, floor: Floor) -> None:  # noqa: F811
    floor.server.default(b.chat({"label": "bug", "confidence": 0.9}))
    publish(TRIAGE)
    page = as_operator.get("/workflows/triage/run/").content.decode()
    once = re.findall(r'name="once" value="([0-9a-f]{32})"', page)[0]
    sent = {"once": once, "version": "1", "input/text": "hello", "input/n": "2", "key": "T-9"}
    first, second = as_operator.post("/workflows/triage/run/", sent), as_operator.post("/workflows/triage/run/", sent)
    assert first.status_code == 302
    assert first["Location"] == second["Location"]
    run = floor.ended(Run.objects.get().id)
    assert (run.key, json.loads(run.input)) == ("T-9", {"text": "hello", "n": 2.0})
    other = as_operator.post("/workflows/triage/run/", {**sent, "input/text": "something else"})
    assert other.status_code == 422
    assert "has started a run already" in text(other)
    anew = re.findall(r'name="once" value="([0-9a-f]{32})"', other.content.decode())[0]
    assert as_operator.post("/workflows/triage/run/", {**sent, "input/text": "y", "once": anew}).status_code == 302
    assert Act.objects.filter(verb="start").count() == 2
    floor.ended(Run.objects.latest("created").id)


def test_what_is_wrong_is_told_at_its_field_and_what_was_typed_stays(as_operator: Client, floor: Floor) -> None:  # noqa: F811
    publish(TRIAGE)
    wrong = as_operator.post("/workflows/triage/run/", {"once": "1", "input/text": "kept text", "input/n": "three", "key": "T-1"})
    assert wrong.status_code == 422
    assert b"kept text" in wrong.content
    assert b'value="three"' in wrong.content
    assert b'value="T-1"' in wrong.content
    assert b'aria-invalid="true"' in wrong.content
    as_text = as_operator.post("/workflows/triage/run/", {"input/text": "kept text", "input/n": "3", "as": "json"})
    assert "kept text" in text(as_text)
    broken = as_operator.post("/workflows/triage/run/", {"input~json": '{"text": "half'})
    assert broken.status_code == 422
    assert '{"text": "half' in text(broken)
    assert Run.objects.count() == 0


def test_a_workflow_without_a_version_says_what_to_do(as_operator: Client, floor: Floor) -> None:  # noqa: F811
    from orchestration.acts import drafts
    from orchestration.core import source

    drafts.push(text=source.write(TRIAGE), by="dora")
    page = as_operator.get("/workflows/triage/run/")
    assert page.status_code == 409
    assert "Nothing is published yet" in text(page)


def test_evidence_holds_all_of_it(as_viewer: Client, waiting: Run) -> None:
    answer = as_viewer.get(f"/runs/{waiting.id}/evidence.json")
    found = json.loads(answer.getvalue())
    assert answer["Content-Disposition"] == f'attachment; filename="run-{waiting.id}.json"'
    assert found["run"]["id"] == waiting.id
    assert found["definition"]["id"] == "triage"
    assert [record["seq"] for record in found["records"]] == [1, 2]
    assert [call["kind"] for call in found["records"][0]["calls"]] == ["attempt", "repair"]
    assert HOSTILE in found["records"][0]["calls"][0]["response"]["text"]
    assert [act["verb"] for act in found["acts"]] == ["start"]
    assert found["escalations"][0]["step"] == "ask"
