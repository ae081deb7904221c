"""Those who draw without ill will and those with some: two at once in two browsers, what was typed and not saved, titles that are
markup, pastes that are no steps."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, Page, expect

from orchestration.acts import drafts
from orchestration.core.definition import parse
from orchestration.models import Workflow
from tests.engine.publishing import publish
from tests.factories import asking
from tests.live.axe import assert_sound
from tests.live.drawing import node, opened

SignIn = Callable[[User], Page]

expect.set_options(timeout=20_000)

EVIL = """<img src=x onerror="window.hit=1"><script>window.hit=1</script>${7*7}{{7*7}}'"&lt;b>"""
PASTE = """text => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  document.activeElement.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""
LONG = (EVIL + "Xenotransplantation" * 12)[:200]


def draft() -> Workflow:
    return Workflow.objects.get(id="asking")


def title(step: str) -> str:
    return next(str(each.get("title")) for each in parse(draft().draft).data["steps"] if each["id"] == step)


@pytest.fixture
def beside(page: Page, site: str, admin: User) -> Any:
    """The browser of somebody else."""
    browser = page.context.browser
    assert isinstance(browser, Browser)
    context = browser.new_context(base_url=site)
    client = Client()
    client.force_login(admin)
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": site}])
    yield context.new_page()
    context.close()


def test_of_two_browsers_the_later_is_told_and_keeps_what_was_typed_and_a_rename_is_undone_under_both(
    sign_in: SignIn, designer: User, beside: Page, site: str
) -> None:
    publish(asking(title="Ask somebody"))
    before = draft().draft
    page = sign_in(designer)
    page.goto("/workflows/asking/?version=draft&step=ask")
    page.locator("[name='v/title']").fill("Mine")
    beside.goto("/workflows/asking/?version=draft")
    beside.locator("#open-note").click()
    expect(beside.locator("#step-id")).to_have_value("note")
    beside.locator("#step-id").fill("noted")
    beside.locator("#panel").get_by_role("button", name="Save", exact=True).click()
    expect(beside.locator("#panel-said")).to_contain_text("Renamed")
    assert "${steps.noted.text}" in draft().draft
    page.locator("#panel").get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("ada")
    expect(page.get_by_role("alert")).to_contain_text("noted")
    expect(page.locator("[name='v/title']")).to_have_value("Mine")
    assert title("ask") != "Mine"
    page.locator("#panel").get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#panel-title")).to_have_text("Mine")
    beside.goto("/workflows/asking/?version=draft")
    outline = beside.locator("#outline")
    for _ in range(2):
        revision = int(outline.get_attribute("data-revision") or 0)
        beside.get_by_role("button", name="Undo").click()
        expect(outline).to_have_attribute("data-revision", str(revision + 1))
    assert draft().draft == before


def test_another_step_is_not_chosen_over_what_was_typed_without_a_word(sign_in: SignIn, designer: User, site: str) -> None:
    publish(asking(title="Ask somebody"))
    page = sign_in(designer)
    asked: list[str] = []
    leave = False

    def answer(dialog: Any) -> None:
        asked.append(dialog.message)
        (dialog.accept if leave else dialog.dismiss)()

    page.on("dialog", answer)
    page.goto("/workflows/asking/?version=draft")
    page.locator("#open-ask").click()
    expect(page.locator("#step-id")).to_have_value("ask")
    page.locator("[name='v/title']").fill("Not saved")
    page.locator("#open-note").click()
    expect(page.locator("[name='v/title']")).to_have_value("Not saved")
    assert len(asked) == 1 and "not saved" in asked[0]
    leave = True
    page.locator("#open-note").click()
    expect(page.locator("#panel-title")).to_have_text("Note")
    page.locator("[name='v/title']").fill("Kept")
    page.locator("#panel").get_by_role("button", name="Save", exact=True).click()
    expect(page.locator("#panel-title")).to_have_text("Kept")
    page.locator("#open-ask").click()
    expect(page.locator("#step-id")).to_have_value("ask")
    assert len(asked) == 2


def test_titles_that_are_markup_are_text_wherever_they_are_shown(sign_in: SignIn, designer: User, site: str) -> None:
    publish(asking(title="Ask somebody"))
    commands = [{"do": "set", "step": step, "key": "title", "value": LONG} for step in ("", "note", "ask")]
    drafts.edit(workflow="asking", commands=commands, revision=1, by="dora")
    page = sign_in(designer)
    addresses = (
        "/workflows/asking/?version=draft", "/workflows/asking/steps/note/", "/workflows/asking/publish/",
        "/workflows/asking/proof/?version=draft", "/workflows/asking/design/",
    )  # fmt: skip
    assert_sound(page, addresses[0], addresses[2])
    for address in addresses:
        page.set_viewport_size({"width": 390, "height": 844})
        page.goto(address)
        if "design" in address:
            page.locator(".cv[data-ready]").wait_for()
            expect(node(page, "note")).to_contain_text("<script>")
        expect(page.locator("body")).to_contain_text("onerror=")
        assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, address
        assert page.evaluate("[window.hit, document.querySelectorAll('img[src=x]').length]") == [None, 0], address


def test_what_is_pasted_and_is_no_step_is_refused_in_a_sentence(sign_in: SignIn, designer: User, site: str) -> None:
    publish(asking(title="Ask somebody"))
    page = opened(sign_in(designer), "asking")
    node(page, "note").click()
    step = {"id": "x", "type": "set", "values": {}}
    pastes = {
        "<script>window.hit=1</script>": "holds no steps",
        '{"clipboard": {"steps": "all"}}': "holds no steps",
        json.dumps({"clipboard": {"steps": [{**step, "onclick": "hit()"}]}}): "onclick",
        json.dumps({"clipboard": {"steps": [{**step, "type": EVIL}]}}): "no type of step",
        '{"clipboard": {"steps": [{"__proto__": {"type": "end"}, "id": "x", "type": "set", "values": {}}]}}': "__proto__",
        json.dumps({"clipboard": {"steps": [{**step, "values": {"a": "[" * 6_000_000}}]}}): "holds no steps",
        '{"clipboard": {"steps": ' + "[" * 5_000 + "]" * 5_000 + "}}": "nested",
    }
    for text, words in pastes.items():
        page.evaluate(PASTE, text)
        expect(page.locator(".cv-notice")).to_contain_text(words)
    assert (draft().revision, page.evaluate("window.hit")) == (1, None)
