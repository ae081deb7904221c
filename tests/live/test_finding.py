"""The search of every page in a real browser: by keyboard, by pointer, on a phone, and beside the keys that there were before."""

import re
from collections.abc import Callable

from django.contrib.auth.models import User
from playwright.sync_api import Page, Route, expect

from orchestration.acts import drafts
from orchestration.core.definition import parse
from orchestration.models import Workflow
from tests.engine.publishing import publish
from tests.factories import asked, asking
from tests.live.axe import assert_sound

SignIn = Callable[[User], Page]

expect.set_options(timeout=20_000)


def sought(page: Page, words: str) -> None:
    """Opens the search and types; waits until what the server finds is there."""
    page.keyboard.press("Control+k")
    expect(page.locator("#find-text")).to_be_focused()
    with page.expect_response(lambda answer: f"q={words.replace(' ', '+')}&" in answer.url.replace("%20", "+") + "&"):
        page.keyboard.type(words)
    expect(page.locator("#find-count")).to_contain_text("found")


def chosen(page: Page) -> str:
    active = "document.getElementById(document.getElementById('find-text').getAttribute('aria-activedescendant'))"
    return str(page.evaluate(f"{active}?.querySelector('.find__name').textContent ?? ''"))


def test_one_goes_anywhere_by_a_few_letters_and_the_focus_comes_back(sign_in: SignIn, operator: User, site: str) -> None:
    escalation = asked("Refund it", key="T-1")
    publish(asking("other", title="Support triage"))
    page = sign_in(operator)
    page.goto("/runs/")
    page.locator("#key").focus()
    sought(page, "triage support")
    assert chosen(page) == "Support triage"
    page.keyboard.press("Escape")
    expect(page.locator("#key")).to_be_focused()
    sought(page, "triage")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workflows/other/")
    sought(page, "t-1")
    first = chosen(page)
    page.keyboard.press("ArrowDown")
    assert {first, chosen(page)} == {"Ask", "T-1"}
    expect(page.locator("#find [aria-selected=true]")).to_have_count(1)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    assert chosen(page) == first, "it goes round"
    page.locator(f"#find a[href='/runs/{escalation.run_id}/']").click()
    page.wait_for_url(f"**/runs/{escalation.run_id}/")
    sought(page, "zzz")
    expect(page.locator("#find-none")).to_be_visible()
    expect(page.locator("#find-count")).to_have_text("0 found")
    page.keyboard.press("Enter")
    page.keyboard.press("Control+k")
    expect(page.locator("#find")).to_be_hidden()


def test_who_is_faster_than_the_answer_goes_to_what_they_typed_or_to_what_they_went_to(
    sign_in: SignIn, operator: User, site: str
) -> None:
    publish(asking())
    publish(asking("other", title="Support triage"))
    page = sign_in(operator)
    held: list[Route] = []
    words = re.compile(r"q=asking")
    page.route(words, lambda route: held.append(route))
    page.goto("/runs/")
    sought(page, "support")
    page.locator("#find-text").fill("asking")
    page.keyboard.press("Enter")
    expect(page.locator("#find-count")).to_have_text("")
    page.wait_for_function("() => document.querySelector('.find__head.htmx-request')")
    expect(page.locator("#find")).to_be_visible()
    held.pop().continue_()
    page.wait_for_url("**/workflows/asking/")
    sought(page, "support")
    page.locator("#find-text").fill("asking")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workflows/other/")
    page.unroute(words)


def test_what_the_page_can_do_is_done_from_there_and_its_keys_still_act(sign_in: SignIn, designer: User, site: str) -> None:
    drafts.push(text=asking(title="Ask somebody"), by="dora")
    page = sign_in(designer)
    page.goto("/workflows/asking/design/")
    expect(page.locator(".cv-step")).not_to_have_count(0)
    page.locator("[data-finds]").click()
    expect(page.locator("#find-here [role=option]").first).to_be_visible()
    said = page.locator("#find-here .find__name").all_inner_texts()
    assert "Undo" not in " ".join(said), "there is nothing to undo"
    page.keyboard.press("Escape")
    sought(page, "add step")
    assert chosen(page) == "Add a step"
    page.keyboard.press("Enter")
    expect(page.locator("#find")).to_be_hidden()
    page.keyboard.press("Escape")
    page.goto("/workflows/asking/design/")
    expect(page.locator(".cv-step")).not_to_have_count(0)
    sought(page, "drop")
    assert chosen(page) == "Dropped"
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_have_text("Dropped")
    page.wait_for_load_state("networkidle")
    page.locator("#content").focus()
    page.keyboard.press("Delete")
    expect(page.locator(".cv-step", has_text="Dropped")).to_have_count(0)
    sought(page, "undo")
    assert re.match(r"Undo: Removed", chosen(page))
    page.keyboard.press("Enter")
    expect(page.locator(".cv-step", has_text="Dropped")).to_have_count(1)
    assert "dropped" in {step["id"] for step in parse(Workflow.objects.get(id="asking").draft).data["steps"]}
    sought(page, "publish")
    page.keyboard.press("Enter")
    page.wait_for_url("**/workflows/asking/publish/")
    page.goto("/workflows/asking/?version=draft")
    sought(page, "note")
    page.keyboard.press("Enter")
    expect(page.locator("#panel-title")).to_have_text("Note")


def test_one_list_tells_the_keys_of_the_page_wherever_one_asks(sign_in: SignIn, designer: User, site: str) -> None:
    asked("Refund it")
    page = sign_in(designer)
    for address, key, does in (
        ("/workflows/", "N", "new workflow"),
        ("/inbox/", "J", "next and previous question"),
        ("/workflows/asking/?version=draft", "M", "its menu"),
        ("/workflows/asking/design/", "A", "add a step"),
        ("/runs/", "/", "search"),
    ):
        page.goto(address)
        if "design" in address:
            expect(page.locator(".cv-step")).not_to_have_count(0)
        sought(page, "x")
        page.keyboard.press("Escape")
        page.keyboard.press("?")
        expect(page.locator("#keys")).to_be_visible()
        row = page.locator("#keys-here dd", has_text=does).locator("xpath=preceding-sibling::dt[1]")
        expect(row.locator("kbd", has_text=key).first).to_be_visible()
        expect(page.locator("#keys")).to_contain_text("Ctrl K")
        page.keyboard.press("Control+k")
        expect(page.locator("#find")).to_be_hidden()
        page.keyboard.press("Escape")
        expect(page.locator("#keys")).to_be_hidden()
    page.goto("/runs/")
    page.keyboard.press("/")
    expect(page.locator("#text")).to_be_focused()
    page.keyboard.type("?")
    expect(page.locator("#text")).to_have_value("?")


def test_it_is_sound_in_both_themes_on_a_phone_and_without_scripts(
    sign_in: SignIn, designer: User, site: str, chromium: object
) -> None:
    asked("Refund it", key="T-1")
    page = sign_in(designer)
    page.goto("/workflows/asking/")
    sought(page, "as")
    assert_sound(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.get_by_role("button", name="Close", exact=True).click()
    page.locator("[data-finds]").click()
    box = page.locator("#find").bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
    assert all(
        (size := one.bounding_box()) and size["height"] >= 24 for one in page.locator("#find [role=option], #find button").all()
    )
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    assert_sound(page)
    assert_sound(page, "/find/", "/find/?q=as", "/find/?q=zzz")
    context = page.context.browser.new_context(base_url=site, java_script_enabled=False)
    context.add_cookies(page.context.cookies())
    plain = context.new_page()
    plain.goto("/workflows/")
    plain.locator("[data-finds]").click()
    plain.locator("#q").fill("t-1")
    plain.locator("#q").press("Enter")
    expect(plain.locator(".find__one")).to_have_count(2)
    context.close()
