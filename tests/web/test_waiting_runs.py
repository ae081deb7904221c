"""Runs that wait for events and moments, as people and clients see them; and the door for events."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard import wait_view
from orchestration.acts import events, runs
from orchestration.models import Event, Run
from orchestration.queries import runs as queries
from orchestration.record.clock import database_now
from tests import factories, fans
from tests.api import Api
from tests.corpora import events as bad
from tests.engine.publishing import publish

pytestmark = pytest.mark.django_db

PAID = {"name": "payment.received", "correlation": "T-1", "payload": {"amount": 5}}


class TestOverHttp:
    def test_an_event_says_which_run_goes_on_with_it_or_that_it_is_kept(self, otto: Api) -> None:
        run = factories.awaiting()
        told = otto.get(f"runs/{run.id}")[1]
        assert (told["status"], told["wait"], told["position"]) == ("waiting", "event", "pay")
        assert told["awaits"] == {"event": "payment.received", "correlation": "T-1"}
        assert (told["since"] is None, told["due"] is None) == (False, False)
        status, sent = otto.post("events", PAID)
        assert (status, sent) == (202, {"id": Event.objects.get().id, "run": run.id, "kept_until": None})
        assert otto.get(f"runs/{run.id}")[1]["awaits"] is None
        ended = factories.move(run)
        assert (ended.outcome, ended.awaits, ended.since) == ("good", "", None)
        record = otto.get(f"runs/{run.id}/records")[1]["items"][0]
        assert (record["input"], record["output"]) == ({"event": "payment.received", "correlation": "T-1"}, {"amount": 5.0})
        assert (record["result"]["event"]["id"], record["actor"]) == (sent["id"], "otto")
        status, kept = otto.post("events", PAID)
        assert (status, kept["run"], kept["kept_until"] is None) == (202, None, False)

    def test_the_same_key_is_the_same_event(self, otto: Api) -> None:
        factories.awaiting()
        first, again = (otto.post("events", PAID, headers={"Idempotency-Key": "k1"}) for _ in range(2))
        assert first == again
        assert Event.objects.count() == 1
        status, told = otto.post("events", {**PAID, "payload": {}}, headers={"Idempotency-Key": "k1"})
        assert (status, told["code"]) == (422, "idempotency_key_reused")

    def test_what_is_no_event_is_one_problem_at_its_place(self, otto: Api) -> None:
        wrong = [({"name": name}, code, "name") for name, code in bad.NAMES.values()]
        wrong += [({"correlation": value}, code, "correlation") for value, code in bad.CORRELATIONS.values()]
        for changed, code, path in (*wrong, ({"corelation": "x"}, "unknown_key", "corelation")):
            status, told = otto.post("events", {**PAID, **changed})
            [problem] = told["problems"]
            assert (status, problem["code"], problem["path"]) == (422, code, path), changed
            assert problem["message"].endswith(".") and len(problem["message"]) < 200, problem
        assert not Event.objects.exists()

    def test_a_correlation_of_any_look_is_for_itself_alone(self, otto: Api) -> None:
        waiting = {which: self.expecting(value) for which, value in bad.TAKEN.items()}
        for which, value in bad.TAKEN.items():
            assert otto.get(f"runs/{waiting[which].id}")[1]["awaits"] == {"event": "payment.received", "correlation": value}
            assert otto.post("events", {**PAID, "correlation": value})[1]["run"] == waiting[which].id, which
            assert otto.post("events", {**PAID, "correlation": value})[1]["run"] is None, which

    def test_of_one_that_is_too_long_it_is_said_how_long_it_is(self, otto: Api) -> None:
        for correlation, said in (("x" * 501, "501."), ('"' * 300, "600 with what escapes its quotes and the like.")):
            _, told = otto.post("events", {**PAID, "correlation": correlation})
            assert told["problems"][0]["message"].endswith(f"has at most 500 characters; this one has {said}")

    def expecting(self, correlation: Any) -> Run:
        """A run that waits for that."""
        publish({**factories.paying(), "input": {"type": "object"}})
        return factories.move(Run.objects.get(id=runs.start(workflow="paying", input={"text": correlation}, by="otto")))

    def test_runs_are_found_by_what_they_wait_for(self, otto: Api) -> None:
        run = factories.awaiting()
        factories.asked()
        for status in ("event", "waiting,event"):
            assert run.id in [item["id"] for item in otto.get(f"runs?status={status}")[1]["items"]]
        assert [item["id"] for item in otto.get("runs?status=event")[1]["items"]] == [run.id]
        assert otto.get("runs?status=time")[1]["items"] == []

    @pytest.mark.parametrize("wait", ["person", "event", "time"])
    def test_so_are_those_whose_child_runs_wait_for_it_and_who_asked_to_be_told_is_told(
        self, otto: Api, as_viewer: Client, wait: str
    ) -> None:
        whole = fans.waiting(3, ["succeeded", "held", "person"])
        child = Run.objects.filter(id=Run.objects.get(parent=whole, index=2).id)
        child.update(wait=wait)
        deeper = Run.objects.filter(parent=whole, index=1)
        assert [item["id"] for item in otto.get(f"runs?status={wait}")[1]["items"]] == [whole.id]
        assert f'href="/runs/{whole.id}/"' in as_viewer.get(f"/runs/?status={wait}").content.decode()
        assert queries.rests(whole.id, "person", "event") == (wait != "time")
        child.update(parent=deeper.get(), parent_path="each[1]/deep")
        deeper.update(status="waiting", wait="children", holder=None, step_deadline=None)
        assert [item["id"] for item in otto.get(f"runs?status={wait}")[1]["items"]] == [whole.id]
        assert queries.rests(whole.id, wait) and not queries.rests(whole.id, "limit")
        child.update(status="ready", due=database_now())
        assert otto.get(f"runs?status={wait}")[1]["items"] == []
        assert not queries.rests(whole.id, wait)

    def test_whatever_is_said_of_what_a_run_waits_for_finds_it(self, otto: Api) -> None:
        whole = fans.waiting(1, ["person"])
        for wait in ("children", "backoff", "slot", "limit"):
            Run.objects.filter(id=whole.id).update(wait=wait)
            assert [(item["id"], item["wait"]) for item in otto.get(f"runs?status={wait}")[1]["items"]] == [(whole.id, wait)]


class TestOnPages:
    def test_a_run_that_waits_says_for_what_since_when_and_until_when(self, as_viewer: Client) -> None:
        run = factories.awaiting()
        events.send(name="payment.received", correlation="T-2", payload={}, by="shop")
        events.send(name="payment.refused", correlation="T-1", payload={}, by="shop")
        page = as_viewer.get(f"/runs/{run.id}/").content.decode()
        assert "Waits for payment.received" in page
        assert "then on to Unpaid" in page
        kept = page.partition('id="kept"')[2].partition("</ul>")[0]
        assert ("T-2" in kept, "T-1" in kept) == (True, False), "what came with a slip in it is shown beside it"
        listed = as_viewer.get("/runs/?status=event").content.decode()
        assert "Waiting for an event" in listed and "payment.received" in listed

    def test_what_it_took_stands_with_its_visit(self, as_viewer: Client) -> None:
        run = factories.awaiting()
        sent = events.send(**PAID, by="shop")
        page = as_viewer.get(f"/runs/{run.id}/").content.decode()
        assert "it has, and the run goes on" in page
        factories.move(run)
        page = as_viewer.get(f"/runs/{run.id}/?seq=1").content.decode()
        assert sent["id"] in page and "shop" in page
        assert "Went on to Done because payment.received came" in page

    def test_a_moment_is_due_and_leads_nowhere_else(self) -> None:
        now = database_now()
        found = queries.run(factories.start().id)
        found = replace(found, wait="time", since=now, due=now + timedelta(days=1), place="loop[2]/pause")
        definition = {"steps": [{"id": "loop", "type": "loop", "body": [{"id": "pause", "type": "wait", "until": "1d"}]}]}
        rest = wait_view.rest(found, definition, {})
        assert rest is not None
        assert (rest.event, rest.then, rest.come, rest.since, rest.kept) == ("", "", False, now, ())
        assert wait_view.rest(replace(found, wait="person"), definition, {}) is None

    @pytest.mark.parametrize(
        ("around", "then"),
        [
            ({"type": "loop", "body": []}, "the end of the round"),
            ({"type": "map", "body": []}, "the end of the item"),
            ({"type": "parallel", "branches": [{"id": "arm", "body": []}]}, "the end of the arm"),
        ],
    )
    def test_where_it_goes_on_is_said_in_items_and_arms_too(self, around: dict[str, Any], then: str) -> None:
        now = database_now()
        found = replace(queries.run(factories.start().id), wait="event", since=now, due=now, place="each/pay")
        body = around.get("body", around.get("branches", [{}])[0].get("body"))
        body.append({"id": "pay", "type": "wait", "event": "paid", "on_deadline": "continue"})
        rest = wait_view.rest(found, {"steps": [{"id": "each", **around}]}, {})
        assert rest is not None and (rest.event, rest.then) == ("paid", then)

    def test_its_page_costs_no_more_queries_than_that_of_a_question(self, as_viewer: Client) -> None:
        def queries_of(run: str) -> int:
            with CaptureQueriesContext(connection) as made:
                as_viewer.get(f"/runs/{run}/")
            return len(made)

        assert queries_of(factories.awaiting().id) <= queries_of(factories.asked().run_id) + 1
