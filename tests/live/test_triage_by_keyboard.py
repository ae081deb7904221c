"""Triage written in the outline by keyboard alone: input and ends, steps and routes; then published, and a run of it asks."""

from collections.abc import Callable

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import reach
from orchestration.models import Run
from tests.engine.conftest import Floor, floor, server  # noqa: F401  (fixtures)
from tests.live.test_outline_editing import at, steps, tab_to
from tests.live.test_triage_by_mouse import CUSTOMER, chosen, customers
from tests.servers import behaviours as b

SignIn = Callable[[User], Page]

NAME = "triage_by_keyboard"


class Hands:
    """Keys alone."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.keys = page.keyboard

    def press(self, selector: str, back: bool = False) -> None:
        tab_to(self.page, selector, back)
        self.keys.press("Enter")

    def type(self, field: str, text: str) -> None:
        """Over what stands there; in a list it chooses."""
        tab_to(self.page, f"[name='{field}']")
        if self.page.locator(":focus").evaluate("field => field.matches('input')"):
            self.keys.press("Control+a")
        self.keys.type(text)

    def write(self, field: str, text: str) -> None:
        tab_to(self.page, f"[id='v/{field}-code']")
        self.keys.press("Control+a")
        self.keys.insert_text(text)

    def add(self, list_: str, row: int, text: str, name: str = "name") -> None:
        self.press(f"button[value='add v/{list_}']")
        at(self.page, f"[name='v/{list_}/{row}/{name}']")
        self.keys.type(text)

    def pick(self, field: str, word: str) -> None:
        tab_to(self.page, f"[name='v/{field}']")
        self.keys.press("Alt+ArrowDown")
        at(self.page, "#picker-search")
        self.keys.type(word)
        self.keys.press("Enter")
        at(self.page, f"[name='v/{field}']")

    def save(self) -> None:
        """From wherever the focus is."""
        expect(self.page.locator("#panel-unsaved")).to_have_text("Not saved yet")
        self.keys.press("Control+Enter")
        expect(self.page.locator("#panel-said")).to_contain_text(".")
        expect(self.page.locator("#panel-unsaved")).to_be_empty()

    def enter(self, step: str) -> None:
        """Goes from the title of a step to its form."""
        at(self.page, f"#open-{step}")
        self.keys.press("Enter")
        chosen(self.page, step)

    def leave(self, step: str) -> None:
        self.keys.press("Escape")
        at(self.page, f"#open-{step}")

    def lead(self, step: str, route: str, to: str) -> None:
        """Chooses in the menu of a step where a new route leads."""
        tab_to(self.page, f"#open-{step}", back=True)
        self.keys.press("m")
        at(self.page, f"#edit-{step}")
        tab_to(self.page, f"[name='route:{route}']")
        self.keys.type(to)
        self.press(f"#menu-{step} button:has-text('Connect')")
        at(self.page, f"#open-{step}")

    def follow(self, step: str, type_: str, title: str, made: str, where: str = "") -> None:
        """Adds a step from the menu of another, where the focus is."""
        at(self.page, f"#open-{step}")
        self.keys.press("m")
        at(self.page, f"#edit-{step}")
        tab_to(self.page, f"#type-{step}")
        self.keys.type(type_)
        tab_to(self.page, f"#title-{step}")
        self.keys.type(title)
        if where:
            tab_to(self.page, f"#where-{step}")
            self.keys.type(where)
        self.press(f"#menu-{step} button:has-text('Add a step')")
        at(self.page, f"#open-{made}")


def test_triage_is_written_from_nothing_by_keyboard_published_and_asks_a_person(
    sign_in: SignIn, admin: User, floor: Floor, no_tools: None, site: str  # noqa: F811
) -> None:  # fmt: skip
    assert reach.put_tool(name="desk.customer", body=customers(floor), by="ada") == ()
    floor.server.script(b.as_json({"plan": "team"}), path=CUSTOMER)
    floor.server.script(b.chat({"label": "unclear"}))
    page = sign_in(admin)
    hands, keys = Hands(page), page.keyboard
    page.goto("/workflows/new/")
    tab_to(page, "#empty-name")
    keys.type("Triage by keyboard")
    keys.press("Enter")
    page.wait_for_url(f"**/workflows/{NAME}/design/")
    hands.press(f"[href^='/workflows/{NAME}/?']")
    page.wait_for_url(f"**/workflows/{NAME}/?*")

    keys.press("s")
    at(page, "#panel")
    hands.add("input/fields", 0, "customer")
    hands.add("input/fields", 1, "text")
    hands.add("outcomes", 2, "handed_over")
    hands.type("v/outcomes/2/kind", "success")
    hands.save()

    keys.press("Escape")
    at(page, "#steps-title")
    hands.press("#menu-start > summary")
    tab_to(page, "#type-start")
    keys.type("Tool")
    tab_to(page, "#title-start")
    keys.type("Look up the customer")
    keys.press("Enter")
    hands.enter("look_up_the_customer")
    hands.pick("input/0/value", "customer")  # the only tool is called, and takes an id
    hands.save()

    hands.leave("look_up_the_customer")
    hands.follow("look_up_the_customer", "Model", "Classify", "classify")
    hands.enter("classify")
    hands.write("prompt", "A customer of plan {{ plan }} wrote: {{ text }}")
    hands.add("input", 0, "text")
    hands.pick("input/0/value", "run.input.text")
    hands.add("input", 1, "plan")
    hands.pick("input/1/value", "plan")
    hands.add("output/fields", 0, "label")
    hands.type("v/output/fields/0/enum", "bug, unclear")
    tab_to(page, "[id='v/prompt-code']", back=True)
    keys.press("Control+End")
    keys.type(".")
    hands.save()
    keys.type(" Answer briefly.")  # where the caret was
    hands.save()

    hands.leave("classify")
    hands.follow("classify", "Branch", "Is it clear?", "is_it_clear")
    hands.enter("is_it_clear")
    hands.pick("cases/0/when/items/0/place", "label")
    expect(page.locator("select[name='v/cases/0/when/items/0/value']")).to_be_attached()  # the server says what is offered
    tab_to(page, "select[name='v/cases/0/when/items/0/value']")
    keys.type("unclear")
    hands.type("v/cases/0/label", "Unclear")
    keys.press("Enter")  # which saves, in a field of one line
    expect(page.locator("#step-is_it_clear .step__routes")).to_contain_text("Unclear")
    expect(page.locator("#panel-unsaved")).to_be_empty()

    hands.leave("is_it_clear")
    hands.follow("is_it_clear", "Loop", "Repeat", "repeat", where="where it goes otherwise")
    keys.press("ArrowUp")
    hands.follow("is_it_clear", "Person", "Answer the ticket", "answer_the_ticket", where="where it goes if")
    hands.follow("answer_the_ticket", "End", "Handed over", "handed_over", where="where it goes on")
    hands.enter("handed_over")
    tab_to(page, "[name='v/outcome']")
    keys.type("handed_over")
    hands.save()

    hands.leave("handed_over")
    keys.press("ArrowUp")
    hands.enter("answer_the_ticket")
    hands.type("v/queue", "desk")
    hands.add("form/fields", 0, "reply")
    hands.type("v/actions/0/label", "Hand it over")
    hands.save()
    hands.leave("answer_the_ticket")
    hands.lead("answer_the_ticket", "actions", "Finish")
    hands.lead("look_up_the_customer", "catch", "Answer the ticket")
    hands.press("button:has-text('Add an end as Failed')")  # for where nobody answers
    expect(page.locator("#open-failed")).to_be_visible()
    written = steps(NAME)
    assert written["answer_the_ticket"]["on_deadline"] == "failed"
    assert written["is_it_clear"]["cases"] == [
        {"when": "steps.classify.label == 'unclear'", "to": "answer_the_ticket", "label": "Unclear"}
    ]
    assert written["classify"]["prompt"] == "A customer of plan {{ plan }} wrote: {{ text }}. Answer briefly."
    assert [action["to"] for action in written["answer_the_ticket"]["actions"]] == ["handed_over", "finish"]
    assert written["look_up_the_customer"]["catch"] == [{"errors": ["*"], "to": "answer_the_ticket"}]

    hands.press("a.button:has-text('Publish')", back=True)
    page.wait_for_url(f"**/{NAME}/publish/")
    hands.press("button:text-is('Publish')")
    hands.press("a:has-text('Start a run')")
    page.wait_for_url(f"**/{NAME}/run/")
    hands.type("input/customer", "C-1")
    hands.type("input/text", "It does not work, or does it?")
    hands.press("button:has-text('Start the run')")
    page.wait_for_url("**/runs/*/")
    expect(page.locator("#run .status--pill")).to_contain_text("Waiting for a person")
    assert floor.paths(Run.objects.get()) == ["look_up_the_customer", "classify", "is_it_clear"]
