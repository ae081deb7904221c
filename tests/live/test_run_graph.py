"""The graph of a run in a real browser: where it opens, that only whoever looks at it moves it, and what it says of items."""

from collections.abc import Callable, Iterator

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import resolve
from orchestration.acts import runs as acts
from orchestration.models import Escalation, Run, Worker
from orchestration.record.clock import database_now
from tests import fans
from tests.engine.publishing import publish
from tests.factories import asking, move
from tests.live.axe import assert_sound
from tests.live.drawing import edge, has, middle, node
from tests.web.test_lanes import MIXED

SignIn = Callable[[User], Page]
expect.set_options(timeout=20_000)

SEEN = """() => {
    window.views = new Set();
    const look = () => {
        const drawn = document.querySelector('.react-flow__node') && document.querySelector('.react-flow__viewport');
        if (drawn?.checkVisibility({visibilityProperty: true})) window.views.add(drawn.style.transform);
        requestAnimationFrame(look);
    };
    look();
}"""
"""From here on it is kept where each frame shows the graph."""


def opened(page: Page, run: Run) -> None:
    page.goto(f"/runs/{run.id}/")
    expect(page.locator("[data-live-word]")).to_have_text("Live")
    page.evaluate(SEEN)
    page.locator("#graph summary").click()
    page.locator(".cv[data-ready]").wait_for()


DRAWN = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done([...window.views].at(-1)))))"


def stands(page: Page) -> str:
    """Where it is shown, after all that has been done to it."""
    return str(page.evaluate(DRAWN))


def long(steps: int) -> Run:
    """A run that has come through so many steps one below the other, and waits for a person."""
    chain = [{"id": f"s{at}", "type": "set", "values": {"n": at}, "next": f"s{at + 1}"} for at in range(steps)]
    drawn = asking("long")
    publish({**drawn, "start": "s0", "steps": [*chain[:-1], {**chain[-1], "next": "note"}, *drawn["steps"]]})
    return move(Run.objects.get(id=acts.start(workflow="long", input={"text": "Good day"}, by="otto")))


def shown_on(page: Page, run: Run, *sizes: tuple[int, int]) -> Iterator[None]:
    """The graph is opened as for the first time, on one screen after the other."""
    for width, height in sizes:
        page.set_viewport_size({"width": width, "height": height})
        page.goto("/runs/")
        page.evaluate("localStorage.clear()")
        opened(page, run)
        page.locator("#graph").scroll_into_view_if_needed()
        yield


def test_it_opens_with_all_in_sight_and_is_moved_by_no_one_but_its_viewer(sign_in: SignIn, operator: User, site: str) -> None:
    run = long(6)
    page = sign_in(operator)
    for _ in shown_on(page, run, (390, 844), (1440, 900)):
        for step in (":start", "s0", "note", "ask", "done", "dropped"):
            expect(node(page, step)).to_be_in_viewport(ratio=0.99)
        expect(edge(page, "note>next")).to_have_class(has("is-taken"))
        assert page.evaluate("window.views.size") == 1, "it has moved after it was shown"
    page.mouse.move(*middle(page.locator(".cv-pane")))
    page.mouse.down()
    page.mouse.move(500, 300, steps=4)
    page.mouse.up()
    page.get_by_role("button", name="Zoom in").click()
    expect(page.locator(".react-flow__viewport")).not_to_have_attribute("style", page.evaluate("[...window.views][0]"))
    page.locator("#stop-2").click()
    expect(page.locator("#stop-2")).to_have_attribute("aria-current", "true")
    panned = stands(page)
    page.evaluate("window.views.clear()")
    page.locator("#stop-0").click()
    expect(page.locator("#stop-0")).to_have_attribute("aria-current", "true")
    resolve.resolve(escalation=Escalation.objects.get(run=run).id, action="drop", values={}, by="otto")
    expect(node(page, "ask")).to_have_attribute("aria-label", "Ask, Person, Done")
    move(run)
    expect(edge(page, "ask>actions[1].to")).to_have_class(has("is-taken"))
    assert page.evaluate("[...window.views]") == [panned]
    assert page.locator("#graph").evaluate("fold => fold.open")


def test_a_large_one_opens_where_the_run_stands_or_has_failed(sign_in: SignIn, viewer: User, site: str) -> None:
    run = long(30)
    page = sign_in(viewer)
    for _ in shown_on(page, run, (1440, 900), (390, 844)):
        expect(node(page, "ask")).to_be_in_viewport(ratio=0.99)
        expect(node(page, ":start")).to_have_count(0)
        assert page.evaluate("window.views.size") == 1
    page.locator("#graph summary").click()
    resolve.resolve(escalation=Escalation.objects.get(run=run).id, action="drop", values={}, by="otto")
    move(run)
    expect(page.locator(".page-head__line")).to_contain_text("Failed")
    page.locator("#graph summary").click()
    expect(node(page, "ask")).to_have_attribute("aria-label", "Ask, Person, Done")
    page.reload()
    expect(node(page, "dropped")).to_be_in_viewport(ratio=0.99)


def test_steps_of_a_map_say_how_many_items_stand_how_and_lead_to_those(sign_in: SignIn, operator: User, site: str) -> None:
    now = database_now()
    Worker.objects.create(id="w", name="w", pid=1, capacity=10, started=now, beat=now)
    run = fans.waiting(2_000, [MIXED[number % len(MIXED)] for number in range(1_500)])
    fans.recorded(run)
    page = sign_in(operator)
    opened(page, run)
    said = "Seen, Values, 300 failed and 450 done"
    expect(node(page, "seen")).to_have_attribute("aria-label", said)
    expect(node(page, "seen").locator(".cv-item")).to_have_text(["300", "450"])
    expect(node(page, "each").locator(".cv-item").first).to_have_text("300")
    expect(node(page, "done").locator(".is-dim")).to_have_count(1)
    for way in ("way>cases[0].to", "way>default", "seen>next", "each:entry>start"):
        expect(edge(page, way)).to_have_class(has("is-taken"))
    for way in ("each>next", "ask>actions[0].to"):
        expect(edge(page, way)).to_have_class(has("is-dim"))
    assert_sound(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    node(page, "seen").click()
    page.wait_for_url("**/?seq=open&lanes=failed#lanes")
    expect(page.locator("#lanes-failed")).to_have_attribute("aria-current", "true")
    expect(page.locator("#lanes")).to_be_in_viewport()
    view = stands(page)
    moved = Run.objects.filter(parent=run, status="held").order_by("index")[:1].get()
    error = '{"code":"auth","message":"denied"}'
    Run.objects.filter(id=moved.id).update(status="failed", holder=None, ended=database_now(), place="", revision=2, error=error)
    fans.recorded(run)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(node(page, "seen").locator(".cv-item").first).to_have_text("301")
    expect(node(page, "seen")).to_have_class(has("selected"))
    assert stands(page) == view
