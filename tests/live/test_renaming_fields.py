"""Fields of contracts that are called otherwise in their rows, in a browser: what reads them follows, in one change."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import drafts
from tests.factories import asking
from tests.live.axe import assert_sound
from tests.live.drawing import drawn, opened

SignIn = Callable[[User], Page]

expect.set_options(timeout=20_000)


def saved(page: Page, says: str) -> None:
    page.locator("#panel-save").click()
    expect(page.locator("#panel-said")).to_contain_text(says)
    expect(page.locator("#panel-unsaved")).to_be_empty()


def test_what_reads_a_field_follows_its_row_and_one_undo_takes_all_of_it_back(sign_in: SignIn, designer: User, site: str) -> None:
    whole: dict[str, Any] = asking()
    whole["steps"][0]["values"]["all"] = "${run.input}"
    drafts.push(text=whole, by="dora")
    before = drawn("asking")
    page = opened(sign_in(designer), "asking")
    page.keyboard.press("s")
    page.locator("[name='v/input/fields/0/name']").fill("message")
    saved(page, "Renamed text to message in what a run takes, and in Note.")
    page.get_by_role("link", name="1 place could not be rewritten").click()
    left = page.locator("#panel-left")
    expect(left).to_be_in_viewport()
    expect(left).to_contain_text("this reads all of run.input")
    assert_sound(page)
    assert drawn("asking")["steps"]["note"]["values"] == {"text": "${run.input.message}", "all": "${run.input}"}
    undo = page.get_by_role("toolbar", name="Canvas").get_by_role("button", name="Undo")
    expect(undo).to_have_attribute("title", "Undo: Renamed text to message in what a run takes, and in Note (by dora)")
    undo.click()
    expect(page.locator("[name='v/input/fields/0/name']")).to_have_value("text")
    assert drawn("asking") == before

    expect(left).to_have_count(0)
    page.locator("button[value='take v/input/fields 0']").click()
    page.locator("button[value='add v/input/fields']").click()
    page.locator("[name^='v/input/fields/'][name$='/name']").last.fill("message")
    saved(page, "Changed the workflow’s input.")
    assert drawn("asking")["steps"]["note"]["values"] == before["steps"]["note"]["values"], "another field is no new name"
    expect(page.locator("#design-head")).to_contain_text('run.input has no "text"')


def test_the_form_of_a_person_and_what_is_typed_beside_it_go_along(sign_in: SignIn, designer: User, site: str) -> None:
    drafts.push(text=asking(), by="dora")
    page = sign_in(designer)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/workflows/asking/?version=draft&step=ask")
    page.locator("[name='v/form/fields/0/name']").fill("answer")
    page.locator("[name='v/values/0/value']").fill("Dear ${steps.note.text}")
    saved(page, "Changed Ask’s values, and renamed reply to answer in Ask’s form, and in Done.")
    ask = drawn("asking")["steps"]["ask"]
    assert (ask["values"], ask["form"]["required"]) == ({"answer": "Dear ${steps.note.text}"}, ["answer"])
    expect(page.locator("[name='v/values/0/name']")).to_have_value("answer")
    expect(page.locator("#step-done")).to_contain_text("ask.values.answer")
