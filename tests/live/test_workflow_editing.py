"""The designer's job in a real browser: draft, see what is wrong where, publish, try a step; and the settings."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import drafts
from orchestration.core import source
from orchestration.models import Version, Workflow
from orchestration.samples import installation
from tests.engine.publishing import publish
from tests.factories import asked, asking
from tests.live.axe import assert_sound

SignIn = Callable[[User], Page]

expect.set_options(timeout=20_000)  # how long what does not come about is waited for


@pytest.fixture
def samples(transactional_db: None, settings: Any) -> None:
    settings.REACH = ()
    installation.install(port=8000)


def test_a_draft_is_mended_where_the_marks_are_and_published(sign_in: SignIn, designer: User, site: str) -> None:
    publish(asking(title="Ask somebody"))
    page = sign_in(designer)
    page.goto("/workflows/asking/edit/")
    area = page.locator("#definition")
    right = area.input_value().replace("Ask somebody", "Ask anybody")
    area.fill(right.replace("next: ask", "next: asc"))
    marked = page.locator("#problems .problem--error [data-goto]")
    line = marked.inner_text().removeprefix("line ")
    expect(page.locator(".editor__gutter .error")).to_have_text([line])
    marked.click()
    assert area.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)").strip() == "next: asc"
    area.fill(right)
    expect(page.locator("#checked")).to_contain_text("no problems")
    expect(page.locator(".editor__gutter .error")).to_have_count(0)
    assert Workflow.objects.get(id="asking").revision == 1
    page.get_by_role("button", name="Save and publish").click()
    expect(page.locator(".lines .added")).to_contain_text("Ask anybody")
    page.get_by_role("textbox", name="What changes").fill("For anybody")
    page.get_by_role("button", name="Publish", exact=True).click()
    expect(page.locator("h1")).to_have_text("Ask anybody")
    expect(page.locator(".toast")).to_contain_text("Version 2 is published")
    assert Version.objects.get(workflow="asking", number=2).note == "For anybody"


def test_a_figure_opens_what_adds_up_to_it_and_that_stays_open_while_one_types(
    sign_in: SignIn, designer: User, site: str, samples: None
) -> None:
    page = sign_in(designer)
    page.goto("/workflows/support_triage/edit/")
    added = page.locator("#adds-up")
    expect(added).to_be_hidden()
    page.locator("a.figure", has_text="people's time").click()
    expect(added).to_be_visible()
    expect(added).to_contain_text("a person is asked, who has 2 days")
    at = page.locator("#definition").input_value().index("2d, on_deadline")
    page.locator("#definition").evaluate("(area, at) => area.setRangeText('3', at, at + 1)", at)
    page.locator("#definition").dispatch_event("input")
    expect(added).to_contain_text("a person is asked, who has 3 days")
    expect(added).to_be_visible()
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto("/workflows/support_triage/proof/")
    page.locator("a.figure", has_text="people's time").click()
    expect(page.locator("#worst-human")).to_be_in_viewport()


def test_who_is_overtaken_keeps_the_text_and_sees_theirs(sign_in: SignIn, designer: User, site: str) -> None:
    first = publish(asking()).text
    page = sign_in(designer)
    page.goto("/workflows/asking/edit/")
    page.locator("#definition").fill(first + "# mine\n")
    drafts.save_draft(workflow="asking", text=first + "# theirs\n", revision=1, by="ada")
    expect(page.locator("#draft-lately")).to_contain_text("ada: Changed the text, and nothing that it says")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_role("alert")).to_contain_text("ada was first")
    expect(page.locator(".lines .taken")).to_contain_text("# theirs")
    assert page.locator("#definition").input_value() == first + "# mine\n"
    page.get_by_role("button", name="Save mine over it").click()
    expect(page.locator(".toast")).to_contain_text("The draft is saved")
    assert Workflow.objects.get(id="asking").draft == first + "# mine\n"


def test_the_editor_works_without_a_script(chromium: Any, designer: User, site: str, sign_in: SignIn) -> None:
    first = publish(asking()).text
    cookies = sign_in(designer).context.cookies()
    context = chromium.new_context(base_url=site, java_script_enabled=False)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto("/workflows/asking/edit/")
    page.locator("#definition").fill(first.replace("next: ask", "next: asc"))
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#problems")).to_contain_text("did you mean ask")
    assert "next: asc" in page.locator("#definition").input_value()
    page.goto("/workflows/asking/")
    page.locator("#more-note summary").click()
    expect(page.locator("#step-note .contract").first).to_contain_text("the run's input")
    context.close()


def test_a_problem_leads_from_the_page_that_publishes_to_its_step_or_its_line(sign_in: SignIn, designer: User, site: str) -> None:
    wrong = source.write(asking()).replace("next: ask", "next: asc").replace("on_failure: bad", "on_failure: worse")
    drafts.push(text=wrong, by="dora")
    page = sign_in(designer)
    page.goto("/workflows/asking/publish/")
    page.locator(".problem", has_text="worse").get_by_role("link").click()
    area = page.locator("#definition")
    expect(area).to_be_focused()
    assert area.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)") == "on_failure: worse"
    page.goto("/workflows/asking/publish/")
    page.locator(".problem", has_text="asc").get_by_role("link").first.click()
    expect(page.locator("#step-panel [data-wrong]")).to_contain_text("Then")


def test_a_step_is_tried_alone(sign_in: SignIn, designer: User, site: str, samples: None) -> None:
    page = sign_in(designer)
    page.goto("/workflows/support_triage/try/?step=send")
    page.locator("#mocks").fill('{"desk.reply": {"error": "timeout"}}')
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#tried")).to_contain_text("In a run, a person would be asked now")
    page.locator("#mocks").fill('{"desk.reply": {"output": {"message_id": "m-1"}}}')
    page.locator("#input").fill("{")
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#tried")).to_contain_text("Not tried")
    page.locator("#input").fill('{"ticket": "T-1", "text": "Hello"}')
    page.get_by_role("button", name="Try it").click()
    expect(page.locator("#tried .decision")).to_contain_text("Answered")
    expect(page.locator("#tried-output")).to_contain_text("m-1")


def test_a_secret_typed_into_the_browser_is_never_seen_again(sign_in: SignIn, admin: User, site: str) -> None:
    page = sign_in(admin)
    page.goto("/settings/secrets/")
    page.get_by_label("Name").fill("desk")
    page.get_by_label("Value").fill("sk-canary")
    page.get_by_role("button", name="Write it").click()
    expect(page.get_by_role("row", name="desk")).to_contain_text("never shown")
    assert "sk-canary" not in page.content()


def test_no_page_violates_axe_or_overflows(sign_in: SignIn, admin: User, site: str, samples: None) -> None:
    asked()
    drafts.push(text="interlock: 1\nid: broken\nsteps:\n  - {id: a, type: llm, next: nowhere}\n", by="ada")
    paths = [f"/workflows/support_triage/{part}" for part in ("?open=all", "proof/", "edit/", "try/", "versions/", "publish/")]
    paths += [f"/workflows/support_triage/{part}" for part in ("steps/classify/", "steps/classify/menu/", "settings/")]
    paths += ["/workflows/", "/workflows/new/", "/workflows/broken/", "/workflows/broken/edit/", "/workflows/broken/try/"]
    paths += ["/workflows/invoice_reading/", "/workflows/asking/try/?step=note", "/workflows/asking/steps/note/preview/"]
    drafts.push(text=source.write(asking("unheard")), by="ada")
    paths += ["/workflows/unheard/publish/", "/workflows/unheard/versions/", "/workflows/support_triage/changes/?from=1&to=1"]
    parts = (
        "",
        "providers/",
        "providers/default/",
        "tools/",
        "tools/desk.reply/",
        "tools/new/",
        "secrets/",
        "tokens/",
        "people/",
    )
    assert_sound(sign_in(admin), *paths, *(f"/settings/{part}" for part in parts))
