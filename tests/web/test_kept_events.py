"""Events that no run has taken yet: the page that lists them, and the API."""

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client

from orchestration.acts import events, runs
from orchestration.models import Event, Run
from orchestration.queries import paging
from orchestration.record.events import KEPT
from tests.api import Api
from tests.corpora import events as bad
from tests.engine.publishing import publish
from tests.factories import awaiting, move, paying
from tests.web.test_run_pages import text

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]


def send(name: str = "payment.received", correlation: Any = "T-1", payload: Any = None, by: str = "shop") -> str:
    return str(events.send(name=name, correlation=correlation, payload=payload or {"amount": 7}, by=by)["id"])


def test_the_page_lists_what_is_kept_and_nothing_that_a_run_took_or_nobody_may(as_viewer: Client, otto: Api) -> None:
    assert "No event is kept" in text(as_viewer.get("/events/"))
    awaiting("T-2")
    taken, early, other = (
        send(correlation="T-2"),
        send(correlation="T-3", payload={"by": "<b>\0"}),
        send("parcel/left", 42, by="post"),
    )
    old = send(correlation="T-4")
    Event.objects.filter(id=old).update(received=Event.objects.get(id=old).received - KEPT)
    page = text(as_viewer.get("/events/"))
    assert "parcel/left 42" in page and "post just now" in page
    assert '{"by": "<b>�"}' in page and "replaced by � in payload.by" in page
    assert "T-2" not in page and "T-4" not in page, "one has its run, the other was kept for long enough"
    assert page.index("parcel/left") < page.index("payment.received"), "the newest first"
    assert "parcel" not in text(as_viewer.get("/events/?name=payment.received"))
    assert "payment" not in re.sub(r"POST.*", "", text(as_viewer.get("/events/?text=LEFT")).partition("Kept events, the")[2])
    assert "No kept event is like that" in text(as_viewer.get("/events/?text=T-2"))
    assert otto.get("events")[1]["items"] == [otto.get(f"events/{one}")[1] for one in (other, early)]
    assert [each["id"] for each in otto.get("events?name=payment.received")[1]["items"]] == [early]
    assert otto.get("events?name=payment")[1]["items"] == [] and otto.get("events?kind=x")[0] == 422
    for gone in (taken, old, "x"):
        assert (otto.get(f"events/{gone}")[0], as_viewer.get(f"/events/{gone}/").status_code) == (404, 404)


def test_a_large_payload_stands_with_its_event_alone(as_viewer: Client, otto: Api, django_assert_num_queries: Any) -> None:
    large = send(payload={"text": "y" * 5000})
    send()
    otto.get("events")
    with django_assert_num_queries(4):  # two for whose the token is, the clock, the events
        first, second = otto.get("events")[1]["items"]
    assert (second["id"], second["payload"], second["truncated"]) == (large, None, ["payload"])
    assert (first["payload"], first["truncated"]) == ({"amount": 7}, [])
    assert otto.get(f"events/{large}")[1]["payload"] == {"text": "y" * 5000}
    assert f'href="/events/{large}/"' in as_viewer.get("/events/").content.decode()
    assert "y" * 5000 in as_viewer.get(f"/events/{large}/").content.decode()


def test_pages_follow_each_other_without_gap_or_repetition(as_viewer: Client, otto: Api, monkeypatch: Any) -> None:
    ids = [send(correlation=number) for number in range(5)]
    at = Event.objects.get(id=ids[2]).received
    Event.objects.filter(id__in=ids[1:4]).update(received=at)  # of one moment
    seen, after = [], ""
    while after is not None:
        told = otto.get(f"events?limit=2&after={after}")[1]
        seen, after = [*seen, *(each["id"] for each in told["items"])], told["next"]
    assert seen == ids[::-1]
    assert otto.get("events?after=nonsense")[0] == 422
    monkeypatch.setattr(paging, "USUAL", 2)
    page = as_viewer.get("/events/?text=payment").content.decode()
    [older] = re.findall(r'href="(\?text=payment&amp;after=[^"]+)" rel="next"', page)
    assert ">Newest<" in as_viewer.get("/events/" + older.replace("&amp;", "&")).content.decode()


def test_who_waits_in_vain_is_led_to_what_came(as_viewer: Client) -> None:
    run = awaiting("T-1")
    send(correlation="T-l")
    assert 'href="/events/?name=payment.received"' in as_viewer.get(f"/runs/{run.id}/").content.decode()
    assert 'href="/events/"' in as_viewer.get("/runs/").content.decode()
    send(correlation="T-1")
    assert move(run).status == "succeeded"


def test_whoever_asks_for_no_place_in_the_list_learns_that(as_viewer: Client) -> None:
    for address in ("/events/?after=~", "/events/?after=1~2~3"):
        assert as_viewer.get(address).status_code == 422


class TestSendingByHand:
    AT = "/events/send/"

    def opened(self, client: Client, query: str = "") -> tuple[str, dict[str, str]]:
        """The page, and what a browser would send of its form."""
        page = client.get(self.AT + query).content.decode()
        form = page.partition(f'action="{self.AT}"')[2].partition("</form>")[0]
        found = {name: unescape(value) for name, value in re.findall(r'<input[^>]* name="([^"]+)"[^>]* value="([^"]*)"', form)}
        text = re.search(r'<textarea[^>]* name="([^"]+)"[^>]*>([^<]*)<', form)
        return page, {**found, **({text[1]: unescape(text[2])} if text else {})}

    def test_the_run_that_waits_takes_it_once_and_whoever_only_looks_sends_nothing(
        self, as_operator: Client, as_viewer: Client
    ) -> None:
        run = awaiting("T-1")
        door = f'href="{self.AT}?run={run.id}"'
        for page in (f"/runs/{run.id}/", "/events/"):
            for client, there in ((as_viewer, False), (as_operator, True)):
                assert (f'href="{self.AT}' in client.get(page).content.decode()) is there, page
        assert door in as_operator.get(f"/runs/{run.id}/").content.decode()
        assert [as_viewer.get(self.AT).status_code, as_viewer.post(self.AT, {"name": "a"}).status_code] == [403, 403]
        page, fields = self.opened(as_operator, f"?run={run.id}")
        assert (fields["name"], fields["correlation"], "payload/amount" in fields) == ("payment.received", "T-1", True)
        wrong = as_operator.post(self.AT, {**fields, "payload/amount": "five<b>"})
        assert wrong.status_code == 422 and 'value="five&lt;b&gt;"' in wrong.content.decode()
        assert "Must be a number" in text(wrong) and not Event.objects.exists()
        right = {**fields, "payload/amount": "5"}
        sent = as_operator.post(self.AT, right, follow=True)
        assert sent.redirect_chain == [(f"/runs/{run.id}/", 302)] and "payment.received is sent: this run took it." in text(sent)
        assert "was not sent again" in text(again := as_operator.post(self.AT, right, follow=True))
        assert again.redirect_chain == sent.redirect_chain
        other = as_operator.post(self.AT, {**right, "payload/amount": "6"})
        assert other.status_code == 422 and 'value="6"' in other.content.decode()
        late = as_operator.post(self.AT, {**right, "once": "another"})
        assert late.status_code == 409 and "Nothing was sent. Run" in text(late)
        assert "&quot;amount&quot;: 5" in late.content.decode()
        assert as_operator.get(f"{self.AT}?run={run.id}").status_code == 409
        assert Event.objects.get().run_id == run.id
        assert (move(run).outcome, Event.objects.get().by) == ("good", "otto")

    def test_what_nobody_waits_for_is_kept_and_says_until_when(self, as_operator: Client) -> None:
        _, fields = self.opened(as_operator, "?name=parcel.left")
        assert (fields["name"], fields["correlation"], fields["payload~json"]) == ("parcel.left", "", "{}")
        sent = as_operator.post(self.AT, {**fields, "payload~json": '{"sku": "\\u0000"}'}, follow=True)
        event = Event.objects.get()
        until = (event.received + KEPT).date().isoformat()
        assert sent.redirect_chain == [(f"/events/{event.id}/", 302)]
        assert f"No run waits for it, so it is kept until {until}." in text(sent) and "replaced by � in payload.sku" in text(sent)
        for wrong, told in (
            ({"name": "a b", "payload~json": "{"}, "not JSON"),
            ({"name": "a b", "payload~json": "{"}, "An event's name has letters"),
            ({"correlation": "[1]"}, "A correlation is text"),
            ({"correlation": "a\0b"}, "There is a NUL character"),
            ({"payload~json": "{"}, "not JSON"),
        ):
            answer = as_operator.post(self.AT, {**fields, **wrong, "once": "k"})
            assert answer.status_code == 422 and told in text(answer), wrong
        run = awaiting("T-1")
        held = {**fields, "name": "payment.received", "correlation": "T-1", "payload~json": '{"amount": "<b>"}', "once": "k"}
        answer = as_operator.post(self.AT, held)
        assert answer.status_code == 422 and "Amount: must be a number" in text(answer)
        assert "&lt;b&gt;" in answer.content.decode() and Event.objects.count() == 1
        assert as_operator.post(self.AT, {**held, "payload~json": '{"amount": 1}'})["Location"] == f"/runs/{run.id}/"

    def test_each_correlation_comes_back_from_the_form_as_it_is(self, as_operator: Client) -> None:
        publish({**paying(), "input": {"type": "object"}})
        for which, value in {**bad.TAKEN, "lines": "a\nb\t", "a number as text": "42", "blanks": "  a ", "a blank": " "}.items():
            run = move(Run.objects.get(id=runs.start(workflow="paying", input={"text": value}, by="otto")))
            _, fields = self.opened(as_operator, f"?run={run.id}")
            sent = as_operator.post(self.AT, {**fields, "payload/amount": "5"})
            assert sent.status_code == 302 and sent["Location"] == f"/runs/{run.id}/", which
