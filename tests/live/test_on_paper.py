"""Pages that people print: on paper they are documents, from a dark screen too."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import drafts, events, runs
from orchestration.models import Run
from tests.engine.publishing import publish
from tests.factories import asking, move, paying

SignIn = Callable[[User], Page]
LOOK = """() => {
  const there = (element) => element.checkVisibility({visibilityProperty: true});
  const seen = (selector) => [...document.querySelectorAll(selector)].filter(there);
  const told = (elements) => elements.map((element) => element.outerHTML.slice(0, 90));
  const paint = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const light = (colour) => {
    paint.fillStyle = colour;
    paint.fillRect(0, 0, 1, 1);
    return paint.getImageData(0, 0, 1, 1).data[0];
  };
  const words = seen("main :is(h1, h2, h3, p, a, code:not(.field__errors *), label, input, textarea, select)");
  const folded = (details) => details.lastElementChild.getBoundingClientRect().height === 0;
  const right = (element) => element.getBoundingClientRect().right;
  const whole = (step) => step.querySelector(".step__body") || getComputedStyle(step).breakInside === "avoid";
  return {
    navigation: told(seen("nav:not(#path nav), .bar, .button, button")),
    underlined: told(seen("main a").filter((link) => getComputedStyle(link).textDecorationLine !== "none")),
    pale: told(words.filter((element) => light(getComputedStyle(element).color) > 90)),
    paper: light(getComputedStyle(document.documentElement).getPropertyValue("--ground")),
    folded: told(seen("main details").filter(folded)),
    parted: told(seen(".step").filter((step) => !whole(step))),
    cut: told(seen("main :is(td, th)").filter((cell) => cell.scrollWidth > cell.clientWidth + 1 || right(cell) > innerWidth)),
    wide: document.documentElement.scrollWidth - innerWidth,
  };
}"""
CLEAN = {"navigation": [], "underlined": [], "pale": [], "paper": 255, "folded": [], "parted": [], "cut": [], "wide": 0}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_outline_a_version_and_a_form_are_documents_on_paper(sign_in: SignIn, designer: User, site: str, scheme: str) -> None:
    definition = asking(title="Ask somebody")
    note = {**definition["steps"][0], "id": "jot", "next": "again"}
    definition["steps"][0] |= {"catch": [{"errors": ["*"], "to": "dropped"}], "next": "again"}
    body = [{key: each for key, each in note.items() if key != "next"}]
    again = {
        "id": "again",
        "type": "loop",
        "max": 2,
        "until": "iter.index == 2",
        "body": body,
        "next": "ask",
        "on_exhausted": "ask",
    }
    definition["steps"].insert(1, again)
    publish(definition)
    drafts.edit(workflow="asking", revision=1, by="ada", commands=[{"do": "set", "step": "note", "key": "title", "value": "New"}])
    page = sign_in(designer)
    page.emulate_media(color_scheme=scheme, media="print")  # type: ignore[arg-type]
    page.set_viewport_size({"width": 700, "height": 1000})
    addresses = ("?version=draft&step=note", "?version=1", "steps/note/", "steps/ask/", "settings/")
    for address in addresses:
        page.goto(f"/workflows/asking/{address}")
        assert page.evaluate(LOOK) == CLEAN, address
    page.goto("/workflows/asking/steps/note/")
    assert page.locator("#group-ladder select").first.is_visible(), "the ladder is unfolded"
    assert not page.locator("label", has_text="Note").first.is_visible(), "nothing stands in it"
    drafts.edit(workflow="asking", revision=2, by="ada", commands=[{"do": "add", "step": {"type": "llm", "id": "long"}}])
    prompt = {"do": "set", "step": "long", "key": "prompt", "value": "A line of a prompt.\n" * 200}
    drafts.edit(workflow="asking", revision=3, by="ada", commands=[prompt])
    page.goto("/workflows/asking/steps/long/")
    assert page.locator("[name='v/prompt']").bounding_box()["height"] > 200 * 10, "all of it, and no scrolling"  # type: ignore[index]
    assert page.evaluate(LOOK) == CLEAN
    page.goto("/workflows/asking/?version=draft")
    assert page.locator("#step-jot .step__parts").is_visible() and page.locator("#step-note .step__parts").is_visible()


MOMENTS = """() => [...document.querySelectorAll("main time[title]")].map((time) =>
  getComputedStyle(time).fontSize === "0px" ? getComputedStyle(time, "::after").content.slice(1, -1) : time.textContent)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_run_is_a_document_with_its_input_and_the_dates_of_all_that_happened(
    sign_in: SignIn, viewer: User, site: str, scheme: str
) -> None:
    publish({**paying(), "input": {"type": "object"}})
    given = {"text": "T-1", "order": {"lines": [{"sku": {"maker": "Deep down"}}]}}
    run = move(Run.objects.get(id=runs.start(workflow="paying", input=given, by="otto")))
    page = sign_in(viewer)
    address = f"/runs/{run.id}/"
    page.goto(address)
    expect(page.locator("#input-on-paper")).not_to_be_visible()
    page.emulate_media(color_scheme=scheme, media="print")  # type: ignore[arg-type]
    page.set_viewport_size({"width": 700, "height": 1000})
    day = f"{run.created:%Y-%m-%d}"
    assert page.evaluate(LOOK) == CLEAN
    told = page.evaluate(MOMENTS)
    assert len(told) > 4 and all(day in moment or moment.startswith("due 20") for moment in told), told
    assert f"since {run.since:%Y-%m-%d %H:%M:%S} UTC" in told and f"due {run.due:%Y-%m-%d %H:%M:%S} UTC" in told
    expect(page.get_by_text('"Deep down"')).to_be_visible()
    expect(page.locator("#graph")).not_to_be_visible()
    page.goto("/runs/")
    assert page.evaluate(LOOK)["cut"] == []
    events.send(name="payment.received", correlation="T-1", payload={"amount": 5}, by="shop")
    ended = move(run).ended
    assert ended is not None
    page.emulate_media(media="screen")
    page.goto(address)
    page.locator("#stop-1").click()
    page.locator("#chosen h2", has_text="Pay").wait_for()
    page.emulate_media(media="print")
    expect(page.get_by_text('"Deep down"')).to_be_visible()
    assert f"{ended:%Y-%m-%d %H:%M:%S} UTC" in page.evaluate(MOMENTS)
    page.goto(f"{address}?seq=0")
    expect(page.locator("#input-on-paper")).not_to_be_visible()
    expect(page.locator("#run-input")).to_be_visible()
    assert page.evaluate(LOOK) == CLEAN
