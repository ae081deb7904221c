"""Several people at one draft: who is there is told to those alone who may change it, and what one does reaches the others."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from dashboard import presence
from orchestration import nudges
from orchestration.accounts import give_role
from orchestration.acts import drafts
from orchestration.core.definition import parse
from orchestration.models import Workflow
from orchestration.roles import Role
from tests.factories import asking
from tests.live.axe import assert_sound
from tests.live.test_live_socket import PATIENCE, heard, socket, watch

SignIn = Callable[[User], Page]

expect.set_options(timeout=20_000)


@pytest.fixture
def draft(site: str) -> Workflow:
    cache.clear()
    return drafts.push(text=asking(title="Ask somebody"), by="dora").workflow


def names() -> set[str]:
    return {other.name for other in presence.others("asking", "me") if other.here}


def until(holds: Callable[[], bool]) -> None:
    """Waits for what the server does on its own loop."""
    for _ in range(1000):
        if holds():
            return
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0.01), nudges._loop).result(PATIENCE)  # type: ignore[arg-type]
    raise AssertionError(names())


def entitle(step: str, title: str, revision: int) -> None:
    drafts.edit(
        workflow="asking", commands=[{"do": "set", "step": step, "key": "title", "value": title}], revision=revision, by="ada"
    )


def test_only_who_may_change_a_draft_is_at_it_and_told_who_else_is(
    draft: Workflow, site: str, designer: User, admin: User, operator: User
) -> None:
    with socket(site, operator) as looking, socket(site, designer) as first:
        watch(looking, "present.asking", "workflow.asking")
        assert heard(looking) == {"topic": "workflow.asking", "revision": 1}
        watch(first, "present.asking", "present.nothing", "present.No")
        before = heard(first)
        assert before["topic"] == "present.asking" and names() == {"dora"}
        with socket(site, admin) as second:
            watch(second, "present.asking")
            assert heard(second)["topic"] == "present.asking" and names() == {"ada", "dora"}
            while (told := heard(first))["revision"] <= before["revision"]:
                pass
            entitle("note", "Theirs", 1)
            while heard(first)["revision"] <= told["revision"]:
                pass
            assert heard(looking) == {"topic": "workflow.asking", "revision": 2}, "and nothing of who is there"
            give_role(designer, Role.OPERATOR)
            watch(first, "present.asking", "workflow.asking")
            while heard(first)["topic"] != "workflow.asking":
                pass
            assert names() == {"ada"}
        until(lambda: not names())
    assert [(other.name, other.here) for other in presence.others("asking", "me")] == [("ada", False), ("dora", False)]
    assert [other.name for other in presence.others("asking", "ada")] == ["dora"]


def test_whoever_does_not_say_any_more_that_they_are_there_is_gone(
    draft: Workflow, admin: User, designer: User, monkeypatch: Any
) -> None:
    one, other = presence.Visitor("one"), presence.Visitor("other")
    one.visit(designer, ["asking"])
    other.visit(admin, ["asking", "nothing"])
    assert (names(), other.here) == ({"ada", "dora"}, {"asking"})
    monkeypatch.setattr(presence, "LAPSE", 0.0)
    before = presence.revisions({"present.asking"})["present.asking"]
    one.visit(designer, ["asking"])
    assert names() == {"dora"} and presence.revisions({"present.asking"})["present.asking"] >= before
    one.visit(designer, [])
    assert names() == set()


@contextmanager
def browser_of(user: User, chromium: Browser, site: str) -> Iterator[Page]:
    client = Client()
    client.force_login(user)
    context = chromium.new_context(base_url=site, viewport={"width": 1280, "height": 1100}, reduced_motion="reduce")
    cookie: Any = {"name": settings.SESSION_COOKIE_NAME, "value": client.cookies[settings.SESSION_COOKIE_NAME].value, "url": site}
    context.add_cookies([cookie])
    yield context.new_page()
    context.close()


def test_two_who_draw_see_each_other_and_nobody_loses_what_they_type(
    draft: Workflow, sign_in: SignIn, designer: User, admin: User, viewer: User, chromium: Browser, site: str
) -> None:
    page = sign_in(designer)
    page.set_viewport_size({"width": 1280, "height": 1100})
    page.goto("/workflows/asking/design/?step=ask")
    expect(page.locator("#panel-title")).to_have_text("Ask")
    with browser_of(admin, chromium, site) as theirs:
        theirs.goto("/workflows/asking/?version=draft&step=note")
        expect(page.locator("#draft-present")).to_contain_text("ada is here")
        expect(theirs.locator("#draft-present")).to_contain_text("dora is here")
        assert_sound(page)

        page.set_viewport_size({"width": 1280, "height": 1100})
        page.locator("#content").focus()
        page.keyboard.press("f")
        page.locator("#step-panel [name='v/title']").fill("Mine")
        theirs.locator("#panel [name='v/title']").fill("Theirs")
        theirs.locator("#panel").get_by_role("button", name="Save", exact=True).click()
        expect(theirs.locator("#panel-title")).to_have_text("Theirs")
        expect(page.locator(".react-flow__node[data-id=note]")).to_contain_text("Theirs")
        expect(page.locator("#draft-present")).to_contain_text("ada is here; ")
        expect(page.locator("#draft-lately")).to_contain_text("ada")
        expect(page.locator("#step-panel [name='v/title']")).to_have_value("Mine")
        expect(page.locator("#step-panel [name='v/title']")).to_be_focused()
        page.locator("#step-panel").get_by_role("button", name="Save", exact=True).click()
        expect(page.get_by_role("alert")).to_contain_text("ada")
        expect(page.locator("#step-panel [name='v/title']")).to_have_value("Mine")
        page.locator("#step-panel").get_by_role("button", name="Save", exact=True).click()
        expect(page.locator("#panel-title")).to_have_text("Mine")
        expect(theirs.locator("#open-ask")).to_have_text("Mine")
        expect(theirs.locator("#draft-present")).to_contain_text("dora is here; ")
        titles = {step["id"]: step.get("title") for step in parse(Workflow.objects.get(id="asking").draft).data["steps"]}
        assert (titles["ask"], titles["note"]) == ("Mine", "Theirs")

        theirs.locator("#open-note").focus()
        page.locator("#content").focus()
        entitle("ask", "Quietly", 3)
        expect(page.locator("#step-panel [name='v/title']")).to_have_value("Quietly")
        expect(page.locator("#content")).to_be_focused()
        entitle("note", "Anew", 4)
        expect(theirs.locator("#open-note")).to_have_text("Anew")
        expect(theirs.locator("#panel [name='v/title']")).to_have_value("Anew")
        expect(theirs.locator("#open-note")).to_be_focused()
    expect(page.locator("#draft-present")).not_to_contain_text("is here")
    expect(page.locator("#draft-present")).to_contain_text("ada")
    with browser_of(viewer, chromium, site) as third:
        third.goto("/workflows/asking/?version=draft")
        expect(third.locator("#draft-present")).to_have_count(0)
        assert third.goto("/workflows/asking/present/").status == 403  # type: ignore[union-attr]
        expect(page.locator("#draft-present")).not_to_contain_text("vera")
