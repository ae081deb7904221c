"""What the canvas has of the screen: all that head and tabs leave, on a phone too; and ways to see all of it, and each part."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.contrib.auth.models import User
from playwright.sync_api import CDPSession, Locator, Page, expect

from orchestration.acts import drafts
from orchestration.models import Workflow
from tests.bench import large
from tests.engine.publishing import publish
from tests.factories import asking
from tests.live.axe import assert_sound, violations
from tests.live.drawing import PLACE, drag, drawn, edge, fit, halfway, has, looping, middle, node, port, said

SignIn = Callable[[User], Page]
expect.set_options(timeout=20_000)


def opened(page: Page, name: str, width: int, height: int) -> Page:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(f"/workflows/{name}/design/")
    page.locator(".cv[data-ready]").wait_for()
    return page


def box(of: Locator) -> dict[str, float]:
    found = of.bounding_box()
    assert found
    return {side: found[side] for side in ("x", "y", "width", "height")}  # type: ignore[literal-required]


def zoom(page: Page) -> float:
    return float(page.locator(".react-flow__viewport").evaluate("e => new DOMMatrix(getComputedStyle(e).transform).a"))


def test_canvas_and_panel_fill_the_screen_the_panel_scrolls_by_itself_and_what_is_mended_moves_nothing(
    sign_in: SignIn, designer: User, site: str
) -> None:
    publish(looping())
    text = Workflow.objects.get(id="looping").draft
    drafts.save_draft(workflow="looping", text=re.sub("(next|on_exhausted): after", r"\1: afetr", text), revision=1, by="dora")
    page = opened(sign_in(designer), "looping", 1440, 900)
    scripts = [script.get_attribute("src") or "" for script in page.locator("head script[type=module]").all()]
    assert scripts[-1].endswith("built/canvas.js"), "else it chooses a step before anybody hears of it"
    canvas = box(page.locator("workflow-canvas"))
    assert canvas["y"] - box(page.locator(".page-top"))["y"] <= 95, canvas
    assert canvas["y"] + canvas["height"] >= 880, canvas
    assert page.evaluate("document.documentElement.scrollHeight - innerHeight") <= 0
    node(page, "first").click()
    panel = page.locator("#step-panel")
    panel.get_by_label("Title").wait_for()
    assert box(panel)["y"] + box(panel)["height"] <= 900
    panel.evaluate("panel => { panel.scrollTop = panel.scrollHeight; }")
    expect(node(page, "first")).to_be_in_viewport()
    expect(panel.get_by_role("button", name="Save")).to_be_in_viewport()
    panel.get_by_role("link", name="Where it goes").click()
    panel.get_by_label("Title").fill("The first")
    at = panel.evaluate("panel => panel.scrollTop")
    assert at > 0
    panel.get_by_role("button", name="Save").click()
    expect(panel.locator("#panel-said")).to_contain_text("The first")
    page.wait_for_function("at => document.querySelector('#step-panel').scrollTop === at", arg=at)
    expect(page.locator("#design-head")).to_contain_text("revision 3")
    assert page.evaluate("scrollY") == 0
    problems, mends = page.locator("#design-problems"), page.get_by_role("button", name="Lead it to after")
    view = page.locator(".react-flow__viewport").evaluate(PLACE)
    problems.locator("summary").click()
    expect(mends).to_have_count(2)
    mends.first.click()
    expect(said(page)).to_contain_text("Connected")
    expect(mends).to_have_count(1)
    expect(problems.locator("summary")).to_be_focused()
    again = drawn("looping")["steps"]["again"]
    assert {again["next"], again["on_exhausted"]} == {"after", "afetr"}
    assert page.locator(".react-flow__viewport").evaluate(PLACE) == view
    expect(node(page, "first")).to_have_class(has("selected"))
    problems.get_by_role("link", name="again", exact=True).click()
    expect(node(page, "again")).to_have_class(has("selected"))
    page.locator('#panel[data-step="again"]').wait_for()
    expect(problems).not_to_have_attribute("open", "")
    assert "?" not in page.url
    problems.locator("summary").click()
    mends.click()
    expect(problems).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(problems.locator("summary")).to_contain_text("1 error")
    expect(problems).not_to_have_attribute("open", "")
    page.keyboard.press("Escape")
    lowest = page.locator(".react-flow__node-step").last
    page.get_by_role("button", name="Fit", exact=True).click()
    node(page, "done").click()
    bar = box(page.get_by_role("toolbar", name="Selection"))
    assert box(node(page, "done"))["y"] + box(node(page, "done"))["height"] <= bar["y"], lowest
    for press in page.get_by_role("toolbar", name="Selection").get_by_role("button").all():
        assert press.inner_text().strip() and press.get_attribute("title")
    assert_sound(page)


def test_a_message_lies_over_what_is_drawn_and_covers_nothing_that_is_pressed(sign_in: SignIn, designer: User, site: str) -> None:
    page = sign_in(designer)
    for width, height in ((390, 844), (1280, 900)):
        page.set_viewport_size({"width": width, "height": height})
        page.goto("/workflows/new/")
        page.get_by_label("Title", exact=True).first.fill(f"Wide {width}")
        page.get_by_role("button", name="Start empty").click()
        page.locator(".cv[data-ready]").wait_for()
        at, pane = box(page.locator(".toast")), box(page.locator(".cv-pane"))
        assert pane["y"] <= at["y"] and at["y"] + at["height"] <= pane["y"] + pane["height"], (width, at, pane)
        page.get_by_role("button", name="Dismiss this message").click()
        expect(page.locator(".toast")).to_have_count(0)


def test_a_large_one_has_an_overview_and_keys_to_see_all_of_it_or_at_its_size(sign_in: SignIn, designer: User, site: str) -> None:
    drafts.push(text=large.text(4), by="dora")
    page = opened(sign_in(designer), "large", 1440, 900)
    overview = page.locator(".react-flow__minimap")
    expect(overview).to_be_visible()
    page.keyboard.press("m")
    expect(overview).to_have_count(0)
    page.reload()
    page.locator(".cv[data-ready]").wait_for()
    expect(overview).to_have_count(0)
    page.keyboard.press("m")
    expect(overview).to_be_visible()
    page.keyboard.press("f")
    expect(overview).to_have_count(0)
    assert zoom(page) < 0.7
    page.keyboard.press("0")
    expect(overview).to_be_visible()
    assert zoom(page) == 1
    page.keyboard.press("?")
    for key in ("F", "0", "M"):
        expect(page.get_by_role("dialog", name="Keys").locator("kbd", has_text=key).first).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_the_palette_floats_where_a_step_is_asked_for_within_the_canvas_and_on_a_phone_comes_above_it(
    sign_in: SignIn, designer: User, site: str
) -> None:
    publish(looping())
    page = opened(sign_in(designer), "looping", 1280, 1000)
    fit(page)
    docked, floating = page.get_by_role("region", name="Steps to add"), page.get_by_role("region", name="Step to add here")
    column, pane = box(docked), box(page.locator(".cv-pane"))
    node(page, "after").hover()
    x, y = pane["x"] + 120, pane["y"] + 200
    drag(page, middle(port(page, "after", "next")), (x, y))
    expect(floating.get_by_role("button", name="Model")).to_be_focused()
    expect(floating).to_contain_text("Between After and what follows")
    expect(edge(page, "after>next").locator(".is-taking")).to_have_count(2)
    at = box(floating)
    assert abs(at["x"] - x) < 16 and abs(at["y"] - y) < 16 and box(docked) == column
    assert violations(page) == []
    page.keyboard.press("Escape")
    expect(floating).to_have_count(0)
    expect(node(page, "after")).to_be_focused()
    drag(page, middle(port(page, "after", "next")), (pane["x"] + pane["width"] - 60, pane["y"] + pane["height"] - 200))
    at = box(floating)
    assert at["x"] + at["width"] <= pane["x"] + pane["width"] and at["y"] + at["height"] <= pane["y"] + pane["height"]
    page.mouse.click(pane["x"] + 20, pane["y"] + 20)
    expect(floating).to_have_count(0)
    x, y = halfway(page, "look>next")
    page.mouse.move(x, y)
    page.mouse.click(x, y)
    at = box(floating)
    assert abs(at["x"] - x) < 16 and abs(at["y"] - y) < 16
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(node(page, "note")).to_have_class(has("selected"))
    expect(floating).to_have_count(0)
    assert [step.get("next") for step in drawn("looping")["steps"]["again"]["body"]][:2] == ["note", "enough"]
    page.locator('#panel[data-step="note"]').wait_for()
    page.set_viewport_size({"width": 390, "height": 844})
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_have_count(0)
    fit(page)
    edge(page, "look>next").locator(".cv-insert").dispatch_event("click")
    expect(docked.get_by_role("button", name="Model")).to_be_focused()
    expect(floating).to_have_count(0)
    page.keyboard.press("Escape")
    expect(docked).to_be_hidden()


ASKED_WHAT_THEY_HOLD = r"""node => {
    const all = rules => [...rules].flatMap(rule => rule.selectorText ? [rule] : all(rule.cssRules ?? []));
    const asking = [...document.styleSheets].flatMap(sheet => all(sheet.cssRules)).flatMap(rule =>
        [...rule.selectorText.matchAll(/([^\s>+~,]*?)(:not\()?:has\(/g)].map(found => [rule.selectorText, found[1]]));
    return {asking: asking.length, held: asking.filter(([, whom]) => !whom || node.closest(whom)).map(([selector]) => selector)};
}"""


def test_no_rule_asks_of_a_step_or_what_it_lies_in_what_that_holds(sign_in: SignIn, designer: User, site: str) -> None:
    """A browser looks for the styles of all of it anew with each step that comes into sight, where one does."""
    drafts.push(text=large.text(1), by="dora")
    page = opened(sign_in(designer), "large", 1440, 900)
    found = page.locator(".react-flow__node .cv-step").first.evaluate(ASKED_WHAT_THEY_HOLD)
    assert found["asking"] > 0, "of forms and tables some do"
    assert found["held"] == []


def touch(finger: CDPSession, kind: str, *points: tuple[float, float]) -> None:
    at = [{"x": x, "y": y, "id": 1} for x, y in points]
    finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})


@contextmanager
def in_no_time(page: Page) -> Iterator[None]:
    """However slow the browser is: else a finger that is about to move has rested where it is, and holds that."""
    page.clock.pause_at(page.evaluate("new Date(Date.now() + 5_000).toISOString()"))
    yield
    page.clock.resume()


def swipe(finger: CDPSession, start: tuple[float, float], to: tuple[float, float]) -> None:
    for part in (0.2, 0.5, 0.8, 1.0):
        touch(finger, "touchMove", (start[0] + (to[0] - start[0]) * part, start[1] + (to[1] - start[1]) * part))
    touch(finger, "touchEnd")


def test_on_a_phone_a_finger_draws_routes_and_pans_and_moves_what_was_chosen_or_held_and_the_form_comes_from_below(
    sign_in: SignIn, designer: User, site: str
) -> None:
    publish(asking(steps=[{**step, "note": "Why it is"} if step["id"] == "ask" else step for step in asking()["steps"]]))
    page = sign_in(designer)
    finger = page.context.new_cdp_session(page)
    finger.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    page.clock.install()
    opened(page, "asking", 390, 844)
    start = middle(port(page, "note", "catch"))
    touch(finger, "touchStart", start)
    swipe(finger, start, middle(node(page, "ask")))
    expect(said(page)).to_contain_text("Connected")
    expect(edge(page, "note>catch[0].to")).to_be_attached()
    assert drawn("asking")["steps"]["note"]["catch"] == [{"errors": ["*"], "to": "ask"}]
    start = middle(port(page, "note", "next").first)
    touch(finger, "touchStart", start)
    swipe(finger, start, (box(page.locator(".cv-pane"))["x"] + 12, start[1]))
    expect(page.get_by_role("region", name="Steps to add")).to_contain_text("Between Note and what follows")
    page.keyboard.press("Escape")
    expect(page.get_by_role("region", name="Steps to add")).to_be_hidden()
    (x, y), place = middle(node(page, "note")), node(page, "note").evaluate(PLACE)
    with in_no_time(page):
        touch(finger, "touchStart", (x, y))
        swipe(finger, (x, y), (x + 30, y + 60))
    expect(page.locator(".react-flow__node.selected")).to_have_count(0)
    panned = middle(node(page, "note"))
    assert panned[0] > x and panned[1] > y + 20
    assert node(page, "note").evaluate(PLACE) == place
    touch(finger, "touchStart", panned)
    expect(node(page, "note")).to_have_attribute("data-held", "")
    touch(finger, "touchEnd")
    panel = page.locator("#step-panel")
    expect(panel.get_by_label("Title")).to_be_in_viewport()
    expect(node(page, "note")).to_be_in_viewport()
    expect(node(page, "note")).to_have_class(has("selected"))
    x, y = middle(node(page, "note"))
    touch(finger, "touchStart", (x, y))
    swipe(finger, (x, y), (x + 40, y))
    expect(said(page)).to_contain_text("Moved Note")
    assert list(drawn("asking")["layout"]["at"]) == ["note"]
    expect(page.locator("#design-head")).to_contain_text("revision 3")
    half = box(panel)["height"]
    pressed = page.locator(
        ".design__handle button, .design__head :is(.button, summary, .design__bounds a), .cv-bar button:visible"
    )
    heights = pressed.evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert len(heights) > 5 and min(heights) >= 32, heights
    page.get_by_role("button", name="Larger").click()
    expect(page.get_by_role("button", name="Smaller")).to_have_attribute("aria-expanded", "true")
    assert box(panel)["height"] > half
    page.get_by_role("button", name="Smaller").click()
    page.locator("#design-problems summary").click()
    expect(page.locator("#design-problems .drop__body")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.keyboard.press("Escape")
    page.set_viewport_size({"width": 844, "height": 390})
    expect(node(page, "note")).to_be_in_viewport(ratio=1)
    page.set_viewport_size({"width": 390, "height": 844})
    expect(node(page, "note")).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="Close").click()
    expect(page.locator("#panel")).to_have_count(0)
    sign = node(page, "ask").locator(".cv-note__sign")
    x, y = middle(sign)
    for side in ((0, 13), (0, -13), (11.5, 0), (-11.5, 0)):
        assert sign.evaluate("(sign, at) => document.elementFromPoint(...at) === sign", [x + side[0], y + side[1]]), side
    x, y = middle(node(page, "ask"))
    touch(finger, "touchStart", (x, y))
    expect(node(page, "ask")).to_have_attribute("data-held", "")
    swipe(finger, (x, y), (x - 40, y))
    expect(said(page)).to_contain_text("Moved Ask")
    page.get_by_role("button", name="Close").click()
    touch(finger, "touchStart", middle(node(page, "done")))
    touch(finger, "touchEnd")
    panel.locator('#panel[data-step="done"]').wait_for()
    page.get_by_role("button", name="Close").click()
    expect(page.locator(".react-flow__node.selected")).to_have_count(0)
    page.set_viewport_size({"width": 844, "height": 390})
    expect(node(page, ":start")).to_be_in_viewport(ratio=1)
