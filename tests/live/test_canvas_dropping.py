"""Where steps come to on the canvas: into lines and containers, by mouse and by clipboard, and what is lit meanwhile."""

from collections.abc import Callable

import yaml
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import drafts
from tests.engine.publishing import end, publish, workflow
from tests.factories import asking
from tests.live.drawing import drag, drawn, edge, fit, halfway, has, lights, looping, middle, node, opened, palette, port, said

SignIn = Callable[[User], Page]
expect.set_options(timeout=20_000)


def test_only_where_a_route_may_lead_lights_up_and_steps_go_into_containers_that_fold(
    sign_in: SignIn, designer: User, site: str
) -> None:
    publish(looping())
    page = opened(sign_in(designer), "looping")
    drag(page, middle(port(page, "after", "next")), middle(node(page, "first")), drop=False)
    lit = page.locator("[data-legal=true]").evaluate_all("all => all.map(one => one.closest('.react-flow__node').dataset.id)")
    assert lit == ["done"]
    page.mouse.up()
    expect(page.locator("[data-legal]")).to_have_count(0)
    drag(page, middle(port(page, "enough", "default")), middle(node(page, "again:break")))
    expect(said(page)).to_contain_text("Connected")
    loop = next(step for step in drawn("looping")["steps"].values() if step["id"] == "again")
    assert [step.get("default") for step in loop["body"]] == [None, "break", None]
    page.get_by_role("button", name="Fold Try again").click()
    expect(node(page, "look")).to_have_count(0)
    expect(node(page, "again")).to_contain_text("3 steps inside")
    heights = node(page, "again").locator(".cv-step__icon, .cv-step__text, .cv-fold").evaluate_all(IN_THE_MIDDLE)
    assert len(heights) == 3 and max(heights) <= 1, "all stands in one row, and none of it is cut"
    page.get_by_role("button", name="Unfold Try again").click()
    expect(node(page, "look")).to_be_visible()
    fit(page)
    x, y = middle(node(page, "again"))
    grip = node(page, "first").bounding_box()
    assert grip
    drag(page, (grip["x"] + 60, grip["y"] + 8), (x + 20, y - 100), drop=False)
    lights(page, "again")
    page.mouse.up()
    lights(page, "")
    expect(said(page)).to_contain_text("Moved First")
    moved = drawn("looping")
    assert "first" not in moved["steps"]
    assert [step["id"] for step in moved["steps"]["again"]["body"]].count("first") == 1
    assert (moved["start"], list(moved["layout"]["at"])) == ("again", ["first"])
    fit(page)
    around = node(page, "again").bounding_box()
    assert around
    spots = {"": middle(node(page, "done")), "again": (around["x"] + 12, around["y"] + around["height"] - 12)}
    spots |= {"look>next": halfway(page, "look>next")}
    for at, spot in spots.items():
        drag(page, middle(palette(page, "Values")), spot, drop=False)
        lights(page, at)
        page.mouse.move(*middle(palette(page, "Model")), steps=3)
        lights(page, "")
        page.mouse.up()


IN_THE_MIDDLE = """parts => parts.map(part => {
    const [it, card] = [part, part.closest('.cv-step')].map(one => one.getBoundingClientRect());
    return Math.abs(it.y + it.height / 2 - card.y - card.height / 2);
})"""


def test_what_is_dropped_on_the_line_to_the_first_step_of_any_level_becomes_the_first_without_a_place_of_its_own(
    sign_in: SignIn, designer: User, site: str
) -> None:
    page = sign_in(designer)
    around = {"map": {"over": "input.list", "max_items": 3}, "loop": {"max": 3}, "parallel": {}}
    for kind, keys in around.items():
        one, two = ({"body": [{"id": name, "type": "set", "values": {"n": 1}}]} for name in ("one", "two"))
        held = {"branches": [{"id": "arm", **one}, {"id": "other", **two}]} if kind == "parallel" else one
        container = {"id": "around", "type": kind, **keys, **held, "next": "done"}
        drafts.push(text=yaml.safe_dump(workflow(container, end(), id=kind, models={})), by="dora")
        level = "arm" if kind == "parallel" else "around"
        opened(page, kind)
        drag(page, middle(palette(page, "Values")), halfway(page, f"{level}:entry>start"))
        expect(node(page, "note")).to_have_class(has("selected"))
        page.locator(".react-flow__pane").click(position={"x": 20, "y": 20})
        edge(page, f"{level}:entry>start").locator(".cv-insert").dispatch_event("click")
        expect(page.locator(".cv-palette__where").first).to_have_text(f"First in {level.title()}")
        page.keyboard.press("Enter")
        expect(node(page, "ask_model")).to_have_class(has("selected"))
        found = drawn(kind)
        of = found["steps"]["around"]
        body = (of["branches"][0] if kind == "parallel" else of)["body"]
        assert [(step["id"], step.get("next")) for step in body] == [("ask_model", "note"), ("note", "one"), ("one", None)]
        assert "layout" not in found
    drag(page, middle(palette(page, "Values")), halfway(page, ":start>start"))
    expect(node(page, "note_2")).to_have_class(has("selected"))
    assert (drawn(kind)["start"], drawn(kind)["steps"]["note_2"]["next"]) == ("note_2", "around")
    node(page, "around").locator(".cv-container__head").first.click()
    page.locator('#panel[data-step="around"]').wait_for()
    fit(page)
    drag(page, middle(palette(page, "Arm")), middle(node(page, "other")), drop=False)
    lights(page, "around")
    page.mouse.up()
    expect(node(page, "arm_2")).to_be_attached()


def test_steps_are_copied_into_another_workflow_with_what_has_to_be_bound_anew(
    sign_in: SignIn, designer: User, site: str
) -> None:
    publish(asking())
    publish(looping())
    page = sign_in(designer)
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    opened(page, "asking")
    node(page, "ask").click()
    node(page, "dropped").click(modifiers=["Shift"])
    page.keyboard.press("Control+c")
    expect(said(page)).to_have_text("Copied 2 steps")
    opened(page, "looping")
    page.locator(".react-flow__pane").click(position={"x": 20, "y": 20})
    page.keyboard.press("Control+v")
    expect(page.locator(".cv-notice li").first).to_be_visible()
    expect(page.locator(".cv-notice")).to_contain_text("note")
    pasted = drawn("looping")["steps"]
    assert (pasted["ask"]["actions"][1]["to"], pasted["dropped"]["outcome"]) == ("dropped", "bad")
    chosen = page.locator(".react-flow__node.selected")
    expect(chosen).to_have_count(2)
    assert set(chosen.evaluate_all("all => all.map(one => one.dataset.id)")) == {"ask", "dropped"}
    page.locator(".cv-notice").get_by_role("button", name="Close").click()
    fit(page)
    node(page, "after").click()
    page.locator('#panel[data-step="after"]').wait_for()
    tab, close = page.get_by_role("link", name="Design", exact=True), page.locator("#panel").get_by_role("button").first
    for text, where in (("no steps", node(page, "after")), ("no steps", tab), (" ", close), ("no steps", palette(page, "End"))):
        page.evaluate("text => navigator.clipboard.writeText(text)", text)
        where.focus()
        page.keyboard.press("Control+v")
        expect(page.locator(".cv-notice")).to_contain_text("holds no steps")
        page.locator(".cv-notice").get_by_role("button", name="Close").click()
    title = page.locator("#panel").get_by_label("Title")
    title.fill("")
    title.press("Control+v")
    expect(title).to_have_value("no steps")
    expect(page.locator(".cv-notice")).to_have_count(0)
