"""A run in a real browser: started by its form, watched while it moves, walked through by keyboard, found in the list."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from orchestration.acts import resolve
from orchestration.acts import runs as acts
from orchestration.models import Run
from tests.engine.conftest import Floor, floor, server  # noqa: F401  (fixtures)
from tests.engine.publishing import publish
from tests.live.axe import assert_sound
from tests.servers import behaviours as b
from tests.web.test_run_pages import HOSTILE, TRIAGE

SignIn = Callable[[User], Page]


@pytest.fixture
def waiting(site: str, floor: Floor) -> Run:  # noqa: F811
    """A run that was repaired once and now asks a person, on the running site."""
    floor.server.script(b.prose(f"{HOSTILE} it is a refund"), b.chat({"label": "refund", "confidence": 0.62}))
    floor.server.default(b.chat({"label": "bug", "confidence": 0.1}))
    publish(TRIAGE)
    return floor.rested(acts.start(workflow="triage", input={"text": HOSTILE, "n": 1}, by="ada", key="T-7"))


def stop(page: Page, name: str) -> Any:
    return page.locator("#path .track__stop", has_text=name).first


def test_a_run_is_started_watched_and_finished_without_reloading(
    sign_in: SignIn, operator: User, floor: Floor, site: str  # noqa: F811
) -> None:  # fmt: skip
    floor.server.script(b.prose(), b.chat({"label": "refund", "confidence": 0.62}))
    publish(TRIAGE)
    page = sign_in(operator)
    page.goto("/workflows/triage/run/")
    page.get_by_label("Text").fill("Please refund me")
    page.get_by_label("N", exact=True).fill("3")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/runs/*/")
    page.evaluate("window.same = true")
    expect(page.locator("#run .status--pill")).to_contain_text("Waiting for a person")
    expect(page.locator("[data-live-word]")).to_have_text("Live")
    expect(stop(page, "Sort the ticket")).to_contain_text("2 calls")
    expect(page.locator("#chosen")).to_contain_text("Open it in the inbox")

    run = Run.objects.get()
    resolve.resolve(escalation=floor.escalation(run).id, action="go", values={"label": "bug"}, by="otto")
    expect(page.locator("#run .status--pill")).to_contain_text("Succeeded")
    expect(page.locator("#chosen .decision__sentence")).to_contain_text("The run ended as good")
    assert page.evaluate("window.same")


def test_the_path_is_walked_by_click_and_key_and_the_address_goes_along(
    sign_in: SignIn, viewer: User, waiting: Run, site: str
) -> None:
    page = sign_in(viewer)
    page.goto(f"/runs/{waiting.id}/")
    expect(page.get_by_role("link", name="Cancel")).to_have_count(0)
    page.evaluate("window.same = true")
    stop(page, "Sort the ticket").click()
    page.wait_for_url("**/?seq=1")
    expect(page.locator("#chosen")).to_contain_text("Ticket: <script>alert(1)</script>")
    expect(stop(page, "Sort the ticket")).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    page.wait_for_url("**/?seq=2")
    expect(page.locator(".decision__sentence")).to_contain_text("Went to Ask a person because")
    page.locator("#chosen .operands a").first.click()
    page.wait_for_url("**/?seq=1")
    page.locator("#tab-state").click()
    page.wait_for_url("**/?at=1")
    expect(page.locator("#chosen")).to_contain_text("written here")
    page.keyboard.press("k")
    expect(page.locator("#chosen")).to_contain_text("No step has written anything yet.")
    assert page.evaluate("window.same")
    page.go_back()
    page.wait_for_url("**/?at=1")
    expect(page.locator("#chosen")).to_contain_text("written here")


def test_what_is_looked_at_stays_while_the_run_goes_on(sign_in: SignIn, viewer: User, waiting: Run, floor: Floor) -> None:  # noqa: F811
    page = sign_in(viewer)
    page.goto(f"/runs/{waiting.id}/?seq=1")
    page.locator("#call-1 > summary").click()
    expect(page.locator("#call-1")).to_have_attribute("open", "")
    resolve.resolve(escalation=floor.escalation(waiting).id, action="go", values={"label": "bug"}, by="otto")
    expect(page.locator("#run .status--pill")).to_contain_text("Succeeded")
    expect(stop(page, "Sort the ticket")).to_have_attribute("aria-current", "true")
    expect(page.locator("#call-1")).to_have_attribute("open", "")
    assert page.url.endswith("?seq=1")


def test_the_list_changes_in_place_and_new_runs_wait_behind_their_count(
    sign_in: SignIn, viewer: User, waiting: Run, floor: Floor  # noqa: F811
) -> None:  # fmt: skip
    page = sign_in(viewer)
    page.goto("/runs/")
    row = page.locator(f"#row-{waiting.id}")
    expect(row).to_contain_text("Waiting for a person")
    expect(page.locator("[data-live-word]")).to_have_text("Live")
    before = row.bounding_box()
    later = floor.rested(acts.start(workflow="triage", input={"text": "x", "n": 1}, by="ada"))
    acts.cancel(run=waiting.id, by="ada", reason="enough")
    expect(row).to_contain_text("Cancelled")
    expect(page.get_by_role("status").filter(has_text="1 new run")).to_be_visible()
    assert row.bounding_box() == before
    page.get_by_text("1 new run").click()
    expect(page.locator(f"#row-{later.id}")).to_be_visible()


def test_all_of_it_works_without_a_script(chromium: Browser, sign_in: SignIn, operator: User, waiting: Run, site: str) -> None:
    cookies: Any = sign_in(operator).context.cookies()
    context = chromium.new_context(base_url=site, java_script_enabled=False)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto("/runs/?status=person")
    page.get_by_role("link", name=waiting.id).click()
    stop(page, "Sort the ticket").click()
    assert page.url.endswith("?seq=1#chosen")
    expect(page.locator("#chosen")).to_contain_text("Repair")
    page.get_by_role("link", name="Cancel").click()
    page.get_by_label("Reason").fill("Wrong customer")
    page.get_by_role("button", name="Cancel the run").click()
    expect(page.locator("#run .status--pill")).to_contain_text("Cancelled")
    context.close()


def test_no_page_of_runs_violates_axe_or_overflows(sign_in: SignIn, operator: User, waiting: Run) -> None:
    own = f"/runs/{waiting.id}/"
    assert_sound(
        sign_in(operator),
        "/runs/", "/runs/?status=failed", own, f"{own}?seq=0", f"{own}?seq=1", f"{own}?seq=2", f"{own}?at=1", f"{own}cancel/",
        "/workflows/triage/run/",
    )  # fmt: skip


def test_the_evidence_is_downloaded_part_by_part_from_the_running_server(
    waiting: Run, sign_in: SignIn, operator: User, recwarn: pytest.WarningsRecorder
) -> None:
    page = sign_in(operator)
    answer = page.request.get(f"/runs/{waiting.id}/evidence.json")
    assert answer.headers["content-disposition"].endswith('.json"')
    assert [record["seq"] for record in answer.json()["records"]] == list(range(1, waiting.seq + 1))
    assert [str(warning.message) for warning in recwarn if "iterator" in str(warning.message)] == []
