"""What is typed into an editor is never lost without a word: leaving asks, and what was left is offered again."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Dialog, Page, expect

from orchestration.acts import drafts, reach
from orchestration.models import Version, Workflow
from tests.engine.publishing import publish
from tests.factories import asking

SignIn = Callable[[User], Page]
TOOL = {"http": {"method": "GET", "url": "https://desk.example/find"}, "effect": "none", "timeout": "5s"}
EDIT, OFFER = "/workflows/asking/edit/", "[data-offer]:not([hidden])"
expect.set_options(timeout=20_000)


@pytest.fixture
def text(site: str) -> str:
    return publish(asking()).text


@pytest.fixture
def editing(sign_in: SignIn, designer: User, text: str) -> Page:
    page = sign_in(designer)
    page.goto(EDIT)
    return page


def draft() -> Workflow:
    return Workflow.objects.get(id="asking")


def leave(page: Page, link: str, stay: bool = False) -> list[str]:
    """Follows a link; what was asked on the way, and answered."""
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.dismiss() if stay else dialog.accept()

    page.once("dialog", answer)
    page.get_by_role("link", name=link, exact=True).first.click()
    page.remove_listener("dialog", answer) if not asked else None
    return asked


def test_leaving_asks_and_what_was_left_is_offered_again(editing: Page, text: str) -> None:
    mine = text + "# mine\n"
    editing.locator("#definition").press("Control+End")
    editing.keyboard.type("# mine\n")
    assert leave(editing, "Outline", stay=True) == ["beforeunload"]
    assert editing.locator("#definition").input_value() == mine
    assert leave(editing, "Outline") == ["beforeunload"]
    editing.goto(EDIT)
    offer = editing.locator(OFFER)
    expect(offer).to_contain_text("You left another text here unsaved, just now.")
    expect(offer.get_by_text("saved since then")).to_be_hidden()
    assert editing.locator("#definition").input_value() == text
    offer.get_by_role("button", name="Take it up again").click()
    expect(editing.locator(OFFER)).to_have_count(0)
    assert editing.locator("#definition").input_value() == mine
    editing.get_by_role("button", name="Save draft").click()
    expect(editing.locator(".toast")).to_contain_text("The draft is saved")
    assert draft().draft == mine
    expect(editing.locator(OFFER)).to_have_count(0)
    assert leave(editing, "Outline") == []


def test_what_is_dropped_is_not_offered_again(editing: Page, text: str) -> None:
    editing.locator("#definition").fill(text + "# mine\n")
    assert leave(editing, "Outline") == ["beforeunload"]
    editing.goto(EDIT)
    editing.locator(OFFER).get_by_role("button", name="Drop it").click()
    editing.reload()
    expect(editing.locator(".editor--painted")).to_be_visible()
    expect(editing.locator(OFFER)).to_have_count(0)


def test_taken_up_over_a_newer_draft_it_overtakes_nobody(editing: Page, text: str) -> None:
    editing.locator("#definition").fill(text + "# mine\n")
    leave(editing, "Outline")
    drafts.save_draft(workflow="asking", text=text + "# theirs\n", revision=1, by="ada")
    editing.goto(EDIT)
    expect(editing.locator(OFFER)).to_contain_text("The draft has been saved since then")
    editing.locator(OFFER).get_by_role("button", name="Take it up again").click()
    editing.get_by_role("button", name="Save draft").click()
    expect(editing.get_by_role("alert")).to_contain_text("ada was first")
    assert "# theirs" in draft().draft
    assert leave(editing, "drop yours and take theirs") == []
    expect(editing.locator(".editor--painted")).to_be_visible()
    expect(editing.locator(OFFER)).to_have_count(0)


def test_what_was_published_is_not_offered_again(editing: Page, text: str) -> None:
    editing.locator("#definition").fill(text + "# mine\n")
    editing.get_by_role("button", name="Save and publish").click()
    editing.get_by_role("button", name="Publish", exact=True).click()
    expect(editing.locator(".toast")).to_contain_text("nothing new to publish")
    drafts.save_draft(workflow="asking", text=text, revision=2, by="ada")
    editing.goto(EDIT)
    expect(editing.locator(".editor--painted")).to_be_visible()
    expect(editing.locator(OFFER)).to_have_count(0)
    assert Version.objects.count() == 1


def test_a_first_draft_is_kept_until_it_is_made(editing: Page) -> None:
    editing.goto("/workflows/new/")
    mine = editing.locator("#definition").input_value().replace("my_workflow", "mine")
    editing.locator("#definition").fill(mine)
    leave(editing, "Runs")
    editing.goto("/workflows/new/")
    editing.locator(OFFER).get_by_role("button", name="Take it up again").click()
    editing.get_by_role("button", name="Create the draft").click()
    expect(editing.locator(".toast")).to_contain_text("drafted")
    expect(editing.locator(".editor--painted")).to_be_visible()
    editing.goto("/workflows/new/")
    expect(editing.locator(".editor--painted")).to_be_visible()
    expect(editing.locator(OFFER)).to_have_count(0)


def test_nobody_is_offered_what_somebody_else_left(editing: Page, sign_in: SignIn, admin: User, text: str) -> None:
    editing.locator("#definition").fill(text + "# mine\n")
    leave(editing, "Outline")
    page = sign_in(admin)
    page.goto(EDIT)
    expect(page.locator(".editor--painted")).to_be_visible()
    expect(page.locator(OFFER)).to_have_count(0)


def test_a_tool_is_kept_too(sign_in: SignIn, admin: User, site: str) -> None:
    reach.put_tool(name="desk.look", body=TOOL, by="ada")
    page = sign_in(admin)
    page.goto("/settings/tools/desk.look/")
    first = page.locator("#tool").input_value()
    page.locator("#tool").fill(first + "# mine\n")
    assert leave(page, "Secrets") == ["beforeunload"]
    page.goto("/settings/tools/desk.look/")
    page.locator(OFFER).get_by_role("button", name="Take it up again").click()
    page.locator("#tool").fill(page.locator("#tool").input_value().replace("timeout: 5s", "timeout: 6s"))
    page.get_by_role("button", name="Write it").click()
    expect(page.locator(".toast").first).to_contain_text("is written")
    page.goto("/settings/tools/desk.look/")
    expect(page.locator(".editor--painted")).to_be_visible()
    expect(page.locator(OFFER)).to_have_count(0)
