"""Lists of flat objects, as an operator reads them: on a wide screen, on a phone and on paper."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import runs
from orchestration.models import Escalation, Run
from tests.engine.publishing import publish
from tests.factories import asking, move
from tests.live.axe import assert_sound

LONG = "A table of oak, " * 20
LINES: list[dict[str, Any]] = [
    {"sku": f"A-{n}", "what": LONG, "pieces": n, "price": n * 1.5, "note": "\u202etfel<b>"} for n in range(24)
]


@pytest.fixture
def asked(site: str, operator: User) -> Escalation:
    definition = asking()
    given = {
        "type": "object",
        "required": ["text", "lines"],
        "properties": {"text": {"type": "string"}, "lines": {"type": "array"}},
    }
    definition["input"] = given
    definition["steps"][1]["show"] = {"Lines": "${run.input.lines}"}
    publish(definition)
    run = runs.start(workflow="asking", input={"text": "Good day", "lines": LINES}, by="otto")
    move(Run.objects.get(id=run))
    return Escalation.objects.get(run=run)


def test_the_rows_of_a_list_unfold_and_each_long_text_can_be_read(
    asked: Escalation, sign_in: Callable[[User], Page], operator: User
) -> None:
    page = sign_in(operator)
    page.goto(f"/inbox/{asked.id}/")
    table = page.get_by_role("table").filter(has=page.get_by_role("columnheader", name="sku"))
    rows = table.get_by_role("row")
    expect(rows).to_have_count(11)
    assert_sound(page)
    page.get_by_text("and 14 more").click()
    expect(rows).to_have_count(25)
    expect(page.get_by_text("the first 10 alone")).to_be_visible()
    expect(table.get_by_role("cell", name="34.5", exact=True)).to_have_css("text-align", "end")
    whole = table.get_by_text(LONG.strip(), exact=True)
    expect(whole.first).to_be_hidden()
    table.get_by_text(f"{len(LONG)} characters").first.click()
    expect(whole.first).to_be_visible()


def test_on_a_phone_it_scrolls_within_itself_and_on_paper_all_of_it_is_there(
    asked: Escalation, sign_in: Callable[[User], Page], operator: User
) -> None:
    page = sign_in(operator)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"/inbox/{asked.id}/")
    box = page.locator(".json__body:has(table)")
    expect(box.get_by_role("row")).to_have_count(11)
    assert box.evaluate("box => box.scrollWidth > box.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 800, "height": 1100})
    expect(box.get_by_role("row")).to_have_count(25)
    expect(box.locator(".rows__long").last).to_contain_text(LONG.strip())
    expect(box.get_by_text("characters").first).to_be_hidden()
    shown = box.locator(".rows__long").evaluate_all("all => all.filter(one => one.clientHeight > 20).length")
    assert shown == len(LINES)
