"""Triage drawn from nothing with the mouse: its input and ends, its steps and routes; then published, and a run of it asks."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, expect

from orchestration.acts import reach
from orchestration.models import Run
from tests.engine.conftest import Floor, floor, server  # noqa: F401  (fixtures)
from tests.live.drawing import drag, drawn, edge, halfway, middle, node, palette, port
from tests.servers import behaviours as b

SignIn = Callable[[User], Page]

NAME = "triage_by_mouse"
CUSTOMER = "/tools/customer"


def customers(floor: Floor) -> dict[str, Any]:  # noqa: F811
    """A tool that looks a customer up."""
    return {
        "http": {"method": "POST", "url": f"{floor.server.url}{CUSTOMER}"},
        "effect": "none",
        "input": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string"}}},
        "output": {"type": "object", "required": ["plan"], "properties": {"plan": {"type": "string"}}},
    }


STILL = """() => new Promise(done => {
  let before = "", same = 0;
  const look = () => {
    const now = [...document.querySelectorAll(".react-flow__node, .react-flow__edge")].map(one => {
      const { x, y, width } = one.getBoundingClientRect();
      return [one.dataset.id, x, y, width].join();
    }).join(";");
    same = now === before ? same + 1 : 0;
    before = now;
    if (same < 4) requestAnimationFrame(look);
    else done();
  };
  look();
})"""
"""Comes back once nothing that is drawn has moved for some frames."""


def fit(page: Page) -> None:
    page.get_by_role("button", name="Fit", exact=True).click()
    page.evaluate(STILL)


def insert(page: Page, word: str, route: str, step: str) -> Locator:
    """Drags a step from the palette onto a route; gives its panel."""
    expect(edge(page, route)).to_be_attached()
    fit(page)
    drag(page, middle(palette(page, word)), halfway(page, route))
    return chosen(page, step)


def lead(page: Page, step: str, route: str, to: str, line: str) -> None:
    """Drags a route from its port to a step; `line` is drawn then."""
    fit(page)
    node(page, step).hover()
    drag(page, middle(port(page, step, route)), middle(node(page, to)))
    expect(edge(page, f"{step}>{line}")).to_be_attached()


def chosen(page: Page, step: str) -> Locator:
    """The panel of a step, once it is there."""
    panel = page.locator(f'#panel[data-step="{step}"]')
    expect(panel).to_be_visible()
    return panel


def fill(panel: Locator, **values: str) -> None:
    for name, value in values.items():
        panel.locator(f'[name="v/{name.replace("__", "/")}"]').fill(value)


def write(panel: Locator, name: str, text: str) -> None:
    """Types over all that stands in the editor of a text."""
    editor = panel.locator(f'[id="v/{name}-code"]')
    editor.click()
    for keys in ("Control+a", "Delete"):
        editor.press(keys)
    editor.page.keyboard.insert_text(text)
    expect(panel.locator(f'[name="v/{name}"]')).to_have_value(text)


def pick(page: Page, field: str, path: str) -> None:
    """Picks a value from the list beside a field."""
    page.locator(f".field:has(> [name='v/{field}']) > [data-pick]").click()
    page.locator(f"#picker [data-path='{path}']").click()


def add(panel: Locator, list_: str, name: str = "name") -> Locator:
    """Presses “Add …” of a list; gives the field that begins its new row."""
    rows = panel.locator(f'[name^="v/{list_}/"][name$="/{name}"]')
    before = rows.count()
    panel.locator(f'button[value="add v/{list_}"]').click()
    expect(rows).to_have_count(before + 1)
    return rows.last


def save(page: Page) -> None:
    revision = drawn_revision(page)
    expect(page.locator("#panel-unsaved")).to_have_text("Not saved yet")
    page.locator("#panel button[value=save]").click()
    expect(page.locator("#panel .said")).not_to_be_empty()
    expect(page.locator("#panel [role=alert]")).to_have_count(0)
    expect(page.locator("#panel-unsaved")).to_be_empty()
    expect(page.locator("#design-head")).not_to_contain_text(revision)


def drawn_revision(page: Page) -> str:
    return page.locator("#design-head .tag").first.inner_text()


def test_triage_is_drawn_from_nothing_by_mouse_published_and_asks_a_person(
    sign_in: SignIn, designer: User, floor: Floor, no_tools: None, site: str  # noqa: F811
) -> None:  # fmt: skip
    assert reach.put_tool(name="desk.customer", body=customers(floor), by="ada") == ()
    floor.server.script(b.as_json({"plan": "team"}), path=CUSTOMER)
    floor.server.script(b.chat({"label": "unclear"}))
    page = sign_in(designer)
    page.set_viewport_size({"width": 1440, "height": 1300})
    page.goto("/workflows/new/")
    page.get_by_label("Title", exact=True).fill("Triage by mouse")
    page.get_by_role("button", name="Start empty").click()
    page.locator(".cv[data-ready]").wait_for()

    page.get_by_role("link", name="Input, ends, models, limits").click()
    panel = chosen(page, "")
    fill(panel, title="Triage, drawn")
    add(panel, "input/fields").fill("customer")
    add(panel, "input/fields").fill("text")
    add(panel, "outcomes").fill("handed_over")
    panel.locator('[name="v/outcomes/2/kind"]').select_option("success")
    save(page)
    expect(page.locator("h1")).to_have_text("Triage, drawn")
    bar = page.get_by_role("toolbar", name="Canvas")
    expect(bar.get_by_role("button", name="Undo")).not_to_have_attribute("aria-disabled", "true")

    insert(page, "Tool", ":start>start", "use_tool")
    fill(page.locator("#panel"), title="Look up the customer")
    pick(page, "input/0/value", "run.input.customer")  # the only tool is called, and takes an id
    save(page)

    insert(page, "Model", "use_tool>next", "ask_model")
    fill(page.locator("#panel"), title="Sort the ticket")
    write(page.locator("#panel"), "prompt", "A customer of plan {{ plan }} wrote: {{ text }}")
    for at, (name, path) in enumerate({"text": "run.input.text", "plan": "steps.use_tool.plan"}.items()):
        add(page.locator("#panel"), "input").fill(name)
        pick(page, f"input/{at}/value", path)
    add(page.locator("#panel"), "output/fields").fill("label")
    fill(page.locator("#panel"), output__fields__0__enum="bug, unclear")
    save(page)

    insert(page, "Branch", "ask_model>next", "branch")
    fill(page.locator("#panel"), cases__0__label="Unclear")
    pick(page, "cases/0/when/items/0/place", "steps.ask_model.label")
    page.locator("select[name='v/cases/0/when/items/0/value']").select_option("unclear")
    save(page)
    insert(page, "Person", "branch>cases[0].to", "ask")
    insert(page, "Loop", "branch>default", "repeat")
    insert(page, "End", "ask>actions[0].to", "done_2")
    fill(page.locator("#panel"), title="Handed over")
    page.locator('[name="v/outcome"]').select_option("handed_over")
    save(page)

    page.locator("#design-head summary").first.click()
    page.locator("#design-head").get_by_role("button", name="Add an end as Failed").click()
    expect(node(page, "failed")).to_be_visible()
    assert drawn(NAME)["steps"]["ask"]["on_deadline"] == "failed"
    node(page, "ask").click()
    fill(chosen(page, "ask"), title="Answer the ticket", queue="desk", actions__0__label="Hand it over")
    add(page.locator("#panel"), "form/fields").fill("reply")
    save(page)
    lead(page, "use_tool", "catch", "ask", "catch[0].to")
    lead(page, "ask", "actions", "finish", "actions[1].to")

    node(page, "ask_model").click()
    page.get_by_role("toolbar", name="Selection").get_by_role("button", name="Id").click()
    page.get_by_role("dialog").get_by_label("Id").fill("classify")
    page.get_by_role("dialog").get_by_role("button", name="Rename it").click()
    expect(node(page, "classify")).to_be_visible()
    chosen(page, "classify")
    asked = {"classify": "steps.classify.label == 'unclear'", "ask_model": "steps.ask_model.label == 'unclear'"}
    for turn, now in (("Undo", "ask_model"), ("Redo", "classify")):
        bar.get_by_role("button", name=turn).click()
        expect(node(page, now)).to_be_visible()
        assert drawn(NAME)["steps"]["branch"]["cases"][0]["when"] == asked[now]

    page.get_by_role("link", name="Publish").click()
    page.get_by_role("button", name="Publish").click()
    page.get_by_role("link", name="Start a run").click()
    page.get_by_label("Customer").fill("C-1")
    page.get_by_label("Text").fill("It does not work, or does it?")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/runs/*/")
    expect(page.locator("#run .status--pill")).to_contain_text("Waiting for a person")
    assert floor.paths(Run.objects.get()) == ["use_tool", "classify", "branch"]

    page.goto(f"/workflows/{NAME}/steps/classify/")
    page.locator("#in-a-run > summary").click()
    expect(page.locator("#previewed")).to_contain_text("It does not work, or does it?")
    prompt = page.locator('[id="v/prompt-code"]')
    prompt.press("Control+End")
    page.keyboard.type(" {{ tex")
    expect(page.locator(".cm-completionInfo")).to_have_text('In the recorded run: "It does not work, or does it?"')
