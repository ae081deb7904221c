"""Events that no run has taken yet: the page that lists them, and the API."""

import re
from typing import Any

import pytest
from django.test import Client

from orchestration.acts import events
from orchestration.models import Event
from orchestration.queries import paging
from orchestration.record.events import KEPT
from tests.api import Api
from tests.factories import awaiting, move
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
