"""The search of every page: what it finds for which words, and that nobody is offered what they may not open."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dashboard.finding import PAGES
from orchestration.acts import drafts, retiring
from orchestration.models import Run
from orchestration.queries import finding
from tests.engine.publishing import publish
from tests.factories import asked, asking, move, start

pytestmark = pytest.mark.any_database

CAST = ("viewer", "operator", "designer", "admin")


def found(client: Client, text: str = "", at: str = "", part: bool = True) -> list[tuple[str, str]]:
    """(title, address) of each that is found."""
    page = client.get("/find/", {"q": text, "at": at}, headers={"HX-Request": "true"} if part else {})
    assert page.status_code == 200
    pairs = re.findall(r'<a class="find__one" href="([^"]+)".*?<span class="find__name">(.*?)</span>', page.content.decode())
    return [(unescape(title), unescape(href)) for href, title in pairs]


@pytest.mark.parametrize("role", CAST)
def test_everything_that_is_offered_opens_for_whoever_it_is_offered_to(role: str, request: Any, db: None) -> None:
    escalation = asked("Refund it", key="T-1")
    drafts.push(text=asking("other", title="Other one"), by="ada")
    client: Client = request.getfixturevalue(f"as_{role}")
    at = "/workflows/asking/design/"
    offered = {pair for text in ("", "ask", "refund", "t-1", *(title for title, *_ in PAGES)) for pair in found(client, text, at)}
    assert {f"/inbox/{escalation.id}/", f"/runs/{escalation.run_id}/", "/workflows/asking/", "/workflows/"} <= {
        a for _, a in offered
    }
    refused = {(title, href): code for title, href in offered if (code := client.get(href).status_code) != 200}
    assert set(refused.values()) <= {302}, refused  # what asks for the password again first
    admins, designers = {"People"}, {"Secrets", "New workflow"}
    pages = {title for title, *_ in PAGES if any(offer == title for offer, _ in offered)}
    missing = {
        "viewer": admins | designers | {"Send an event"},
        "operator": admins | designers,
        "designer": admins,
        "admin": set(),
    }[role]
    assert pages == {title for title, *_ in PAGES} - missing
    assert any("step=note" in href for _, href in offered)


def test_words_are_found_in_any_order_and_the_nearest_comes_first(as_viewer: Client) -> None:
    for name, title in (("support_triage", "Support triage"), ("triage", "Triage"), ("billing_triage", "Triage of bills")):
        drafts.push(text=asking(name, title=title), by="ada")
    publish(asking("old", title="Triage of old"))
    retiring.retire(workflow="old", by="ada", reason="gone")
    here = [title for title, href in found(as_viewer, "triage") if href.startswith("/workflows/")]
    assert here == ["Triage", "Triage of bills", "Triage of old", "Support triage"]
    assert [title for title, _ in found(as_viewer, "tri SUPPORT")] == ["Support triage"]
    assert [title for title, _ in found(as_viewer, "triage_support")] == ["Support triage"]
    assert found(as_viewer, "triage %") == []
    assert found(as_viewer, "2fa second") == [("Second factor", "/account/2fa/")]
    assert ("Support triage", "/workflows/support_triage/") in found(as_viewer, "support", part=False)


def test_a_run_is_found_by_its_id_its_key_its_labels_and_how_it_stands(as_viewer: Client, monkeypatch: Any) -> None:
    run = move(start("x", key="Order 77", labels={"team": "blue"}))
    other = start("y", key="Order 78")

    def runs(text: str) -> list[str]:
        return [href.split("/")[2] for _, href in found(as_viewer, text) if href.startswith("/runs/") and href != "/runs/"]

    assert runs(run.id) == runs(run.id.upper()) == [run.id]
    assert runs("77 order") == runs("blue") == runs("person asking") == [run.id]
    assert runs("order") == [other.id, run.id]
    monkeypatch.setattr(finding, "LOOKED_AT", 0)
    assert (runs(run.id), runs("Order 77"), runs("order")) == ([run.id], [run.id], []), "by its name however old it is"
    assert run.id in runs(run.id[:20])


def test_steps_are_those_of_the_page_at_hand(as_designer: Client, as_viewer: Client) -> None:
    run = start()
    steps = [{**step, "title": "Write it down"} if step["id"] == "note" else step for step in asking()["steps"]]
    drafts.push(text=asking(steps=steps), by="dora")
    named = ("Write it down", "/workflows/asking/design/?version=draft&step=note")
    assert named in found(as_designer, "write", "/workflows/asking/design/?version=draft")
    outlined = ("Write it down", "/workflows/asking/?version=draft#step-note")
    assert outlined in found(as_designer, "write", "/workflows/asking/edit/")
    assert found(as_viewer, "write", "/workflows/asking/design/") == []
    assert ("Note", "/workflows/asking/?version=1#step-note") in found(as_viewer, "note", f"/runs/{run.id}/")
    asking_at = "/workflows/asking/?version="
    for nowhere in ("/workflows/none/", "/runs/none/", f"{asking_at}9", f"{asking_at}x", "//[", "x" * 600):
        assert found(as_viewer, "write", nowhere) == []


def test_each_key_pressed_costs_few_queries(as_designer: Client, django_assert_max_num_queries: Any) -> None:
    for number in range(8):
        asked(f"T {number}", key=f"K-{number}")
    as_designer.get("/find/", {"q": "ask", "at": "/workflows/asking/"})
    with django_assert_max_num_queries(10):
        assert len(found(as_designer, "ask", "/workflows/asking/")) <= 6 * 5
    assert Run.objects.count() == 8


def test_who_may_do_nothing_yet_is_given_no_search(as_nobody: Client, db: None) -> None:
    from orchestration import accounts

    accounts.open_account("otis")
    as_nobody.force_login(User.objects.get(username="otis"))
    assert 'id="find"' not in as_nobody.get("/account/password/").content.decode()
