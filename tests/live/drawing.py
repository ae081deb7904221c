"""What tests of the canvas share: a workflow with a loop, what stands on the canvas, and a mouse that drags."""

import re
from typing import Any

import yaml
from playwright.sync_api import Locator, Page, expect

from orchestration.acts import drafts
from orchestration.models import Workflow
from tests.engine.publishing import end, workflow

PLACE = "node => node.style.transform"

BODY = [
    {"id": "look", "type": "set", "values": {"n": "${iter.index}"}, "next": "enough"},
    {"id": "enough", "type": "branch", "cases": [{"when": "steps.look.n > 1", "to": "break"}], "default": "keep"},
    {"id": "keep", "type": "set", "values": {"n": "${steps.look.n}"}},
]
LOOP = {"id": "again", "type": "loop", "title": "Try again", "max": 3, "body": BODY, "next": "after", "on_exhausted": "after"}


def looping() -> dict[str, Any]:
    first = {"id": "first", "type": "set", "values": {"n": 1}, "next": "again"}
    after = {"id": "after", "type": "set", "values": {"n": 2}, "next": "done"}
    return workflow(first, LOOP, after, end(), id="looping", models={})


def opened(page: Page, name: str) -> Page:
    page.set_viewport_size({"width": 1280, "height": 1100})
    page.goto(f"/workflows/{name}/design/")
    page.locator(".cv[data-ready]").wait_for()
    fit(page)
    return page


def fit(page: Page) -> None:
    page.keyboard.press("f")
    page.evaluate("new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)))")


def node(page: Page, step: str) -> Locator:
    return page.locator(f'.react-flow__node[data-id="{step}"]')


def edge(page: Page, name: str) -> Locator:
    return page.locator(f'.react-flow__edge[data-id="{name}"]')


def port(page: Page, step: str, route: str) -> Locator:
    return node(page, step).locator(f'.cv-port[data-handleid="{route}"]')


def halfway(page: Page, name: str) -> tuple[float, float]:
    """A point on the screen in the middle of a route."""
    x, y = edge(page, name).locator(".react-flow__edge-path").evaluate(
        """path => { const p = path.getPointAtLength(path.getTotalLength() / 2).matrixTransform(path.getScreenCTM());
           return [p.x, p.y]; }"""
    )  # fmt: skip
    return x, y


def middle(of: Locator) -> tuple[float, float]:
    x, y = of.evaluate("e => { const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; }")
    return x, y


def drag(page: Page, start: tuple[float, float], to: tuple[float, float], drop: bool = True) -> None:
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + 8, start[1] + 8, steps=3)
    page.mouse.move(*to, steps=6)
    page.mouse.move(to[0] + 1, to[1], steps=2)
    if drop:
        page.mouse.up()


def palette(page: Page, word: str) -> Locator:
    return page.get_by_role("region", name="Steps to add").get_by_role("button", name=word, exact=True)


def said(page: Page) -> Locator:
    """What is told to who can't see it."""
    return page.locator(".cv > [role=status]")


def drawn(name: str) -> dict[str, Any]:
    """The draft as it is stored, its steps by id."""
    data = yaml.safe_load(Workflow.objects.get(id=name).draft)
    return {**data, "steps": {step["id"]: step for step in data["steps"]}}


def entitle(step: str, title: str, revision: int) -> None:
    """As somebody else does it."""
    command = {"do": "set", "step": step, "key": "title", "value": title}
    drafts.edit(workflow="asking", commands=[command], revision=revision, by="ann")


LIGHTS = """at => [...document.querySelectorAll('.react-flow__node, .react-flow__edge')].every(one =>
    (one.dataset.id === at) === !!one.querySelector(':scope > .is-taking, :scope > [data-into], :scope > [data-legal=true]'))"""


def lights(page: Page, only: str) -> None:
    """Waits until that is lit alone as the place where what is dragged would land; "" is nothing."""
    page.wait_for_function(LIGHTS, arg=only)


def pan_away(page: Page) -> None:
    pane = page.locator(".cv-pane")
    page.mouse.move(*middle(pane))
    page.mouse.wheel(0, -4_000)
    expect(page.locator(".react-flow__node")).to_have_count(0)


def has(name: str) -> re.Pattern[str]:
    return re.compile(rf"(^|\W){name}($|\W)")
