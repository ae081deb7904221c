"""Pages that people print: on paper they are documents, from a dark screen too."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page

from orchestration.acts import drafts
from tests.engine.publishing import publish
from tests.factories import asking

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
  const whole = (step) => step.querySelector(".step__body") || getComputedStyle(step).breakInside === "avoid";
  return {
    navigation: told(seen("nav, .bar, .button, button")),
    underlined: told(seen("main a").filter((link) => getComputedStyle(link).textDecorationLine !== "none")),
    pale: told(words.filter((element) => light(getComputedStyle(element).color) > 90)),
    paper: light(getComputedStyle(document.documentElement).getPropertyValue("--ground")),
    folded: told(seen("main details").filter(folded)),
    parted: told(seen(".step").filter((step) => !whole(step))),
    wide: document.documentElement.scrollWidth - innerWidth,
  };
}"""
CLEAN = {"navigation": [], "underlined": [], "pale": [], "paper": 255, "folded": [], "parted": [], "wide": 0}


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
