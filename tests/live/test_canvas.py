"""The canvas in a real browser: a workflow is drawn by mouse and by keys, two people draw at once, and it passes in both themes
and on a phone."""

import re
from collections.abc import Callable
from typing import Any

import yaml
from django.contrib.auth.models import User
from playwright.sync_api import Dialog, Page, Route, expect

from orchestration.acts import drafts, resolve
from orchestration.models import DraftEdit, Escalation
from tests.engine.publishing import end, publish, workflow
from tests.factories import asking, move, start
from tests.live.axe import assert_sound
from tests.live.drawing import (
    PLACE,
    drag,
    drawn,
    edge,
    entitle,
    fit,
    halfway,
    has,
    lights,
    looping,
    middle,
    node,
    opened,
    palette,
    pan_away,
    port,
    said,
)

SignIn = Callable[[User], Page]

expect.set_options(timeout=20_000)  # how long what does not come about is waited for


def test_a_workflow_is_drawn_by_mouse_and_taken_back_by_keys(sign_in: SignIn, designer: User, site: str) -> None:
    publish(asking())
    page = opened(sign_in(designer), "asking")
    drag(page, middle(palette(page, "Values")), halfway(page, "note>next"), drop=False)
    lights(page, "note>next")
    page.mouse.up()
    expect(node(page, "note_2")).to_be_visible()
    lights(page, "")
    expect(node(page, "note_2")).to_have_class(has("selected"))
    assert (drawn("asking")["steps"]["note"]["next"], drawn("asking")["steps"]["note_2"]["next"]) == ("note_2", "ask")
    node(page, "note_2").dblclick()
    expect(page.get_by_label("Title of note_2")).to_be_focused()
    page.keyboard.type("Second thought")
    page.keyboard.press("Enter")
    expect(node(page, "note_2")).to_contain_text("Second thought")
    panel = page.locator("#step-panel")
    expect(panel.get_by_label("Title")).to_have_value("Second thought")
    panel.get_by_label("Title").fill("Third thought")
    panel.get_by_role("button", name="Save").click()
    expect(node(page, "note_2")).to_contain_text("Third thought")
    page.locator(".react-flow__pane").click(position={"x": 20, "y": 20})
    page.keyboard.press("Control+z")
    expect(node(page, "note_2")).to_contain_text("Second thought")
    expect(page.locator(".design--panel")).to_have_count(0)
    node(page, "note").hover()
    drag(page, middle(port(page, "note", "catch")), middle(node(page, "dropped")))
    expect(edge(page, "note>catch[0].to")).to_be_attached()
    assert drawn("asking")["steps"]["note"]["catch"] == [{"errors": ["*"], "to": "dropped"}]
    page.keyboard.press("Control+z")
    expect(edge(page, "note>catch[0].to")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(node(page, "note_2")).not_to_contain_text("Second thought")
    page.keyboard.press("Control+Shift+z")
    expect(node(page, "note_2")).to_contain_text("Second thought")
    node(page, "note_2").click()
    expect(panel.get_by_label("Title")).to_have_value("Second thought")
    page.keyboard.press("Delete")
    expect(node(page, "note_2")).to_have_count(0)
    assert drawn("asking")["steps"]["note"]["next"] == "ask"
    page.get_by_role("button", name="Errors", exact=True).click()
    expect(edge(page, "ask>on_deadline")).to_have_count(0)


def test_who_draws_on_what_somebody_else_has_changed_is_told_and_may_do_it_again(
    sign_in: SignIn, designer: User, site: str
) -> None:
    publish(asking())
    page = sign_in(designer)
    page.route("**/lately/**", lambda route: route.abort())  # so that the other's edit is not seen as it comes
    opened(page, "asking")
    drafts.edit(
        workflow="asking", commands=[{"do": "set", "step": "note", "key": "title", "value": "Theirs"}], revision=1, by="ann"
    )
    node(page, "ask").click()
    page.keyboard.press("F2")
    page.keyboard.type("Mine")
    page.keyboard.press("Enter")
    expect(page.locator(".cv-notice")).to_contain_text("Theirs")
    expect(node(page, "note")).to_contain_text("Theirs")
    expect(node(page, "ask")).not_to_contain_text("Mine")
    page.get_by_role("button", name="Do it again on top").click()
    expect(node(page, "ask")).to_contain_text("Mine")
    page.unroute("**/lately/**")
    drafts.edit(
        workflow="asking", commands=[{"do": "set", "step": "done", "key": "title", "value": "Live"}], revision=3, by="ann"
    )
    expect(node(page, "done")).to_contain_text("Live")
    page.keyboard.press("Control+z")
    expect(node(page, "done")).not_to_contain_text("Live")


def test_who_draws_right_after_saving_the_panel_draws_on_what_they_saved(sign_in: SignIn, designer: User, site: str) -> None:
    publish(asking())
    page = opened(sign_in(designer), "asking")
    held: list[Route] = []
    page.route("**/asking/graph/**", lambda route: held.append(route))
    node(page, "note").click()
    panel = page.locator("#step-panel")
    panel.get_by_label("Title").fill("Mine")
    panel.get_by_role("button", name="Save").click()
    expect(panel.locator("#panel-said")).to_contain_text("Mine")
    expect(page.locator("#design-head")).to_contain_text("revision 2")
    node(page, "done").click()
    page.keyboard.press("F2")
    page.keyboard.type("Mine too")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert held and "title" not in drawn("asking")["steps"]["done"]
    while held:
        held.pop().continue_()
    page.unroute("**/asking/graph/**")
    expect(node(page, "done")).to_contain_text("Mine too")
    expect(node(page, "note")).to_contain_text("Mine")
    expect(page.locator(".cv-notice")).to_have_count(0)


def test_what_is_pressed_over_the_canvas_is_not_taken_away_by_what_somebody_else_changes(
    sign_in: SignIn, designer: User, site: str
) -> None:
    publish(asking())
    page = opened(sign_in(designer), "asking")
    head = page.locator("#design-head")
    head.get_by_role("link", name="Publish").hover()
    page.mouse.down()
    with page.expect_event("requestfinished", lambda asked: asked.headers.get("hx-target") == "design-head"):
        drafts.edit(
            workflow="asking", commands=[{"do": "set", "step": "note", "key": "title", "value": "Theirs"}], revision=1, by="ann"
        )
        expect(node(page, "note")).to_contain_text("Theirs")
    page.evaluate("new Promise(requestAnimationFrame)")
    expect(head).to_contain_text("revision 1")
    page.mouse.move(5, 5)
    page.mouse.up()
    expect(head).to_contain_text("revision 2")
    head.get_by_role("link", name="Publish").click()
    page.wait_for_url("**/publish/")


def test_it_is_drawn_by_keys_alone_and_is_sound_in_both_themes_and_on_a_phone(
    sign_in: SignIn, designer: User, no_tools: None, site: str
) -> None:
    publish(looping())
    page = opened(sign_in(designer), "looping")
    page.keyboard.press("/")
    page.keyboard.type("first")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    expect(node(page, "first")).to_have_class(has("selected"))
    page.keyboard.press("a")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(node(page, "use_tool")).to_be_focused()
    page.keyboard.press("ArrowUp")
    expect(node(page, "first")).to_be_focused()
    place, edits = node(page, "first").evaluate(PLACE), DraftEdit.objects.count()
    for _ in range(3):
        page.keyboard.press("Alt+ArrowRight")
    assert node(page, "first").evaluate(PLACE) != place, "it is seen at once"
    expect(said(page)).to_contain_text("Moved")
    x = page.evaluate("place => new DOMMatrix(place).e", place)
    assert abs(drawn("looping")["layout"]["at"]["first"][0] - (x + 3 * 16)) <= 2  # a place is a multiple of four
    assert DraftEdit.objects.count() == edits + 1
    page.keyboard.press("Alt+ArrowDown")
    page.keyboard.press("Control+z")
    expect(said(page)).to_contain_text("Undid")
    page.keyboard.press("Control+z")
    page.wait_for_function("([node, place]) => node.style.transform === place", arg=[node(page, "first").element_handle(), place])
    page.keyboard.press("c")
    page.locator("#cv-to").select_option(label="Done")
    page.get_by_role("button", name="Connect", exact=True).last.click()
    expect(said(page)).to_contain_text("Connected")
    assert drawn("looping")["steps"]["first"]["next"] == "done"
    assert_sound(page)


def test_a_run_has_its_graph_which_chooses_a_visit_and_follows_it(sign_in: SignIn, designer: User, site: str) -> None:
    run = move(start())
    page = sign_in(designer)
    page.goto(f"/runs/{run.id}/")
    page.locator("#graph summary").click()
    expect(node(page, "note")).to_have_attribute("aria-label", "Note, Values, Done")
    expect(edge(page, "note>next")).to_have_class(has("is-taken"))
    assert_sound(page)
    page.set_viewport_size({"width": 1280, "height": 1100})
    node(page, "note").click()
    expect(page).to_have_url(has("seq=1"))
    resolve.resolve(escalation=Escalation.objects.get(run=run).id, action="drop", values={}, by="otto")
    page.get_by_role("button", name="Fit", exact=True).click()
    expect(node(page, "ask")).to_have_attribute("aria-label", "Ask, Person, Done")


def lit(page: Page, kind: str) -> set[str]:
    return set(page.locator(f".react-flow__{kind}.is-lit").evaluate_all("all => all.map(one => one.dataset.id)"))


def test_what_is_typed_in_a_panel_is_asked_about_where_somebody_clicks_beside_it_and_only_there(
    sign_in: SignIn, designer: User, site: str
) -> None:
    publish(asking())
    page = opened(sign_in(designer), "asking")
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.message)
        if len(asked) < 3:
            dialog.dismiss()
        else:
            dialog.accept()

    page.on("dialog", answer)
    node(page, "note").click()
    title = page.locator("#panel").get_by_label("Title")
    title.fill("Not saved yet")
    entitle("done", "Theirs", revision=1)
    expect(node(page, "done")).to_contain_text("Theirs")
    assert asked == []
    page.locator(".react-flow__pane").click(position={"x": 20, "y": 20})
    expect(node(page, "note")).to_have_class(has("selected"))
    node(page, "ask").click()
    expect(node(page, "note")).to_have_class(has("selected"))
    expect(title).to_have_value("Not saved yet")
    assert len(asked) == 2 and "not saved" in asked[0]
    page.locator(".react-flow__pane").click(position={"x": 20, "y": 20})
    expect(page.locator("#panel")).to_have_count(0)
    assert len(asked) == 3
    node(page, "ask").click()
    page.locator('#panel[data-step="ask"]').wait_for()
    assert len(asked) == 3
    page.locator("#panel input").evaluate_all(OF_ITS_OWN)
    node(page, "note").click()
    page.locator('#panel[data-step="note"]').wait_for()


OF_ITS_OWN = "all => all.forEach(one => { one.style.color = 'red'; one.style.color = ''; })"
"""What extensions of browsers do to fields: a panel that comes after it must not be refused for it by the content policy."""


def test_what_is_chosen_stays_so_when_undone_and_what_is_added_or_undone_out_of_sight_is_shown(
    sign_in: SignIn, designer: User, site: str
) -> None:
    publish(looping())
    page = opened(sign_in(designer), "looping")
    node(page, "first").click()
    page.locator('#panel[data-step="first"]').wait_for()
    page.keyboard.press("i")
    page.get_by_role("dialog").get_by_label("Id").fill("begin")
    page.keyboard.press("Enter")
    for turn, name in ((None, "begin"), ("Undo", "first"), ("Redo", "begin")):
        if turn:
            page.get_by_role("button", name=turn, exact=True).click()
        expect(node(page, name)).to_have_class(has("selected"))
        page.locator(f'#panel[data-step="{name}"]').wait_for()
    page.get_by_role("button", name="Zoom to 100 %").click()
    page.keyboard.press("Delete")
    expect(said(page)).to_contain_text("Removed")
    pan_away(page)
    page.keyboard.press("Control+z")
    expect(said(page)).to_contain_text("Undid")
    expect(node(page, "begin")).to_be_in_viewport()
    pan_away(page)
    palette(page, "Values").click()
    expect(node(page, "note")).to_be_in_viewport()
    expect(node(page, "note")).to_have_class(has("selected"))


def failing() -> dict[str, Any]:
    """A loop of which one error is caught outside of it, one in it, and the rest by nothing."""
    call = {"type": "llm", "model": "main", "prompt": "Hello", "max_input_tokens": 100, "max_output_tokens": 10}
    guess = {**call, "id": "guess", "catch": [{"errors": ["timeout"], "to": "break"}]}
    loop = {"id": "again", "type": "loop", "title": "Try again", "max": 3, "body": [guess], "next": "done"}
    caught = {**loop, "catch": [{"errors": ["auth"], "to": "dropped"}]}
    outcomes = {"good": {"kind": "success"}, "bad": {"kind": "failure", "title": "Broken off"}}
    return workflow(caught, end(), end(id="dropped", outcome="bad"), id="failing", outcomes=outcomes)


def test_where_errors_go_is_lit_and_said_through_containers_to_the_end_where_somebody_asks_for_it(
    sign_in: SignIn, designer: User, site: str
) -> None:
    drafts.push(text=yaml.safe_dump(failing()), by="dora")
    page = opened(sign_in(designer), "failing")
    written = {"guess>catch[0].to", "again>catch[0].to"}
    apart = page.locator(".react-flow__edge.is-apart")
    expect(apart).to_have_count(len(written))
    before = node(page, "done").evaluate(PLACE)
    page.keyboard.press("w")
    fit(page)
    words = page.get_by_role("region", name="Where errors go")
    expect(words).to_contain_text("Choose a step")
    expect(apart).to_have_count(len(written) + 2)
    node(page, "guess").locator(".cv-step__icon").hover()
    expect(words).to_contain_text(re.compile(r"timeout.*leave the loop"))
    expect(words).to_contain_text(re.compile(r"auth.*Dropped"))
    expect(words).to_contain_text(re.compile(r"any other error.*the run ends as Broken off"))
    assert lit(page, "edge") == {*written, "guess>:fails", "again>:fails"}
    assert lit(page, "node") == {"guess", "again", "again:break", "dropped", ":failed"}
    page.mouse.move(2, 2)
    expect(words).to_contain_text("Choose a step")
    edge(page, "again>:fails").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Tab")
    expect(words).to_contain_text(re.compile(r"Try again: any other error.*Guess: any other error.*Broken off", re.DOTALL))
    assert lit(page, "edge") == {"guess>:fails", "again>:fails"}
    expect(node(page, "again")).to_have_attribute("aria-label", re.compile(r"auth: Dropped.*the run ends as Broken off"))
    node(page, "guess").locator(".cv-step__icon").click()
    page.mouse.move(2, 2)
    assert_sound(page)
    words.get_by_role("button", name="Dropped").click()
    expect(node(page, "dropped")).to_have_class(has("selected"))
    expect(words).to_contain_text("Dropped can’t fail.")
    page.keyboard.press("w")
    expect(words).to_have_count(0)
    expect(apart).to_have_count(len(written))
    assert node(page, "done").evaluate(PLACE) == before
    publish(asking())
    opened(page, "asking")
    page.keyboard.press("w")
    node(page, "ask").locator(".cv-step__icon").hover()
    expect(words).to_contain_text(re.compile(r"after .*Dropped"))
    assert "ask>on_deadline" in lit(page, "edge")


def test_notes_are_told_where_one_points_or_goes_and_the_workflows_above_it(
    sign_in: SignIn, designer: User, viewer: User, site: str
) -> None:
    steps = [{**step, "note": "Why <b>this</b> is"} if step["id"] in ("note", "ask") else step for step in asking()["steps"]]
    publish(asking(steps=steps, note="What it is for. " * 20))
    for user in (viewer, designer):
        page = opened(sign_in(user), "asking")
        page.locator("#workflow-note summary").click()
        expect(page.locator("#workflow-note .panel")).to_contain_text("What it is for.")
        page.locator("#workflow-note summary").press("Escape")
        expect(page.locator(".cv-note__sign")).to_have_count(2)
        told = node(page, "note").get_by_role("tooltip", include_hidden=True)
        expect(told).to_be_hidden()
        node(page, "note").locator(".cv-note__sign").hover()
        expect(told).to_be_visible()
        expect(told).to_have_text("Why <b>this</b> is")
        page.mouse.move(2, 2)
        expect(told).to_be_hidden()
        node(page, "note").focus()
        page.keyboard.press("Tab")
        expect(node(page, "note").get_by_role("button", name="Note of Note", exact=True)).to_be_focused()
        expect(told).to_be_visible()
        assert_sound(page)
        node(page, "note").locator(".cv-note__sign").focus()
        page.keyboard.press("Escape")
        expect(told).to_be_hidden()
        expect(node(page, "note")).to_be_focused()
    page.goto("/workflows/asking/run/")
    expect(page.locator(".page-head__note")).to_contain_text("What it is for.")
