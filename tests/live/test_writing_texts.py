"""Prompts and conditions as text: written by keyboard with what is suggested, and plainly where there is no editor."""

import re
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from playwright.sync_api import Locator, Page, Route, expect

from orchestration.acts import drafts
from orchestration.core.definition import parse
from orchestration.models import Workflow
from tests.live.axe import assert_sound, violations
from tests.live.test_outline_editing import tab_to

SignIn = Callable[[User], Page]

expect.set_options(timeout=20_000)

LETTER: dict[str, Any] = {
    "interlock": 1,
    "id": "letters",
    "input": {
        "type": "object",
        "required": ["text", "people"],
        "properties": {
            "text": {"type": "string", "maxLength": 900, "description": "What was written."},
            "people": {
                "type": "array",
                "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}},
            },
        },
    },
    "outcomes": {"done": {"kind": "success"}, "broken": {"kind": "failure"}},
    "on_failure": "broken",
    "models": {"main": {"provider": "default"}},
    "start": "sort",
    "steps": [
        {
            "id": "sort",
            "type": "llm",
            "model": "main",
            "input": {"text": "${run.input.text}", "people": "${run.input.people}"},
            "prompt": "Sort this.",
            "output": {
                "type": "object",
                "required": ["label", "urgent"],
                "properties": {"label": {"enum": ["praise", "it's late"]}, "urgent": {"type": "boolean"}},
            },
            "next": "fork",
        },
        {
            "id": "fork",
            "type": "branch",
            "cases": [{"when": "steps.sort.urgent", "to": "finish"}],
            "default": "finish",
        },
        {"id": "finish", "type": "end", "outcome": "done"},
    ],
}


LISTENING = """
  window.listening = 0;
  for (const [name, more] of [["addEventListener", 1], ["removeEventListener", -1]]) {
    const plain = Document.prototype[name];
    Document.prototype[name] = document[name] = function (event, ...rest) {
      if (event === "selectionchange") window.listening += more;
      return plain.call(this, event, ...rest);
    };
  }
"""
"""Counts the editors that listen to the page: one that was thrown away must not."""
HEARD = """
  window.heard = 0;
  document.addEventListener("input", (event) => { if (event.target.name === "v/prompt") window.heard += 1; });
"""


def make() -> None:
    drafts.push(text=LETTER, by="dora")


def step(name: str) -> dict[str, Any]:
    found = parse(Workflow.objects.get(id="letters").draft).data
    return next(each for each in found["steps"] if each["id"] == name)


def editor(page: Page, name: str) -> Locator:
    found = page.get_by_role("textbox", name=name, exact=True)
    expect(found).to_have_class(re.compile("cm-content"))
    return found


def offered(page: Page) -> list[str]:
    options = page.locator(".cm-tooltip-autocomplete li")
    expect(options.first).to_be_visible()
    return options.all_inner_texts()


def take(page: Page, text: str, label: str, keys: str = "") -> None:
    """Types, waits for what is suggested, and takes what is called so by arrows and Enter."""
    page.keyboard.type(text)
    if keys:
        page.keyboard.press(keys)
    options = page.locator(".cm-tooltip-autocomplete:not(.cm-tooltip-autocomplete-disabled) li")
    wanted = options.filter(has=page.get_by_text(label, exact=True))
    expect(wanted.first).to_be_visible()
    for _ in range(options.count()):
        if wanted.first.get_attribute("aria-selected"):
            break
        page.keyboard.press("ArrowDown")
    expect(wanted.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(options).to_have_count(0)


def save(page: Page) -> None:
    tab_to(page, "#panel button[value=save]")
    page.keyboard.press("Enter")
    expect(page.locator("#panel .said")).not_to_be_empty()


def test_a_prompt_is_written_by_keyboard_with_what_its_input_has_and_hears_of_what_it_has_not(
    sign_in: SignIn, designer: User, site: str
) -> None:
    make()
    page = sign_in(designer)
    page.goto("/workflows/letters/?version=draft&step=sort")
    prompt = editor(page, "Prompt")
    expect(prompt).to_have_attribute("spellcheck", "true")
    page.evaluate(HEARD)
    whole = page.locator("code-field", has=prompt).locator(".cm-editor")
    whole.evaluate("whole => whole.scrollIntoView({ block: 'center' })")
    box = whole.bounding_box()
    assert box and box["height"] > 60
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] - 6)  # below what is written, as into any field
    expect(prompt).to_be_focused()
    page.locator("#panel-title").click()
    tab_to(page, "[id='v/prompt-code']")
    keys = page.keyboard
    keys.press("Control+End")
    keys.press("Enter")
    keys.type("{{")
    assert offered(page) == ["people\na list of an object of name", "text\ntext, at most 900 characters"]
    assert violations(page) == []
    take(page, " te", "text")
    expect(prompt).to_contain_text("{{ text }}")
    expect(page.locator("[name='v/prompt']")).to_have_value("Sort this.\n{{ text }}")
    assert page.evaluate("heard") == 7  # each sign that was typed, and what was taken

    keys.press("Enter")
    take(page, "{% for one in ", "people")
    keys.type(" %}")
    take(page, "{{ one.", "one.name")
    keys.type(" }}{% endfor %} {{ txt }}.")  # over the braces that were put there
    expect(page.locator(".code-unknown")).to_have_text("txt")
    told = page.locator("[id='v/prompt-unknown']")
    expect(told).to_have_text('The step\'s input has no "txt".')
    expect(prompt).to_have_attribute("aria-invalid", "true")
    described = prompt.get_attribute("aria-describedby") or ""
    assert {"v/prompt-unknown", "v/prompt-keys", "v/prompt-hint"} <= set(described.split())
    assert_sound(page)
    page.set_viewport_size({"width": 1440, "height": 900})

    name = page.locator("[name='v/input/1/name']")
    name.fill("txt")  # not saved yet, and there all the same
    expect(told).to_be_empty()
    name.fill("people")
    expect(told).to_have_text('The step\'s input has no "txt".')
    prompt.focus()
    keys.press("Control+End")
    for _ in "{{ txt }}.":
        keys.press("Backspace")
    expect(told).to_be_empty()
    expect(prompt).not_to_have_attribute("aria-invalid", "true")

    page.set_viewport_size({"width": 1440, "height": 500})
    keys.type("\n" * 30 + "!")
    page.wait_for_function("""() => {
        const caret = getSelection().getRangeAt(0).getBoundingClientRect().bottom;
        return caret > 0 && caret < document.querySelector(".step-form__actions").getBoundingClientRect().top;
    }""")
    for _ in range(31):
        keys.press("Backspace")

    prompt.focus()
    save(page)
    assert step("sort")["prompt"] == "Sort this.\n{{ text }}\n{% for one in people %}{{ one.name }}{% endfor %} "
    expect(page.locator(".cm-editor")).to_have_count(page.locator("#panel code-field").count())  # anew with the panel


def test_a_condition_is_written_by_keyboard_with_typed_places_their_values_and_functions(
    sign_in: SignIn, designer: User, site: str
) -> None:
    make()
    page = sign_in(designer)
    page.add_init_script(LISTENING)
    page.goto("/workflows/letters/?version=draft&step=fork")
    keys = page.keyboard
    tab_to(page, "button[value='text v/cases/0/when']")
    keys.press("Enter")
    condition = editor(page, "If")
    assert page.evaluate("listening") == 1
    tab_to(page, "[id='v/cases/0/when~text-code']")
    keys.press("Control+a")
    keys.press("Delete")
    keys.type("sort")
    assert offered(page) == ["steps.sort\nobject", "steps.sort.label\ntext", "steps.sort.urgent\nyes or no"]
    take(page, ".la", "steps.sort.label")
    keys.type(" == ")
    assert [words.split("\n")[0] for words in offered(page)] == ["'praise'", "'it\\'s late'"]
    take(page, "'it", "'it\\'s late'")
    expect(condition).to_have_text("steps.sort.label == 'it\\'s late'")
    take(page, " && run.input.text.con", "contains")
    keys.type("'late'")
    keys.press("End")
    take(page, " && !", "steps.sort.urgent", keys="Control+Space")
    expect(page.locator("[name='v/cases/0/when~text']")).to_have_value(
        "steps.sort.label == 'it\\'s late' && run.input.text.contains('late') && !steps.sort.urgent"
    )
    options = page.locator(".cm-tooltip-autocomplete")
    keys.type(" && st")
    expect(options).to_be_visible()
    keys.press("Escape")  # the list first
    expect(options).to_have_count(0)
    expect(condition).to_be_focused()
    for _ in " && st":
        keys.press("Backspace")
    keys.press("Tab")
    expect(condition).not_to_be_focused()
    keys.press("Shift+Tab")
    expect(condition).to_be_focused()
    save(page)
    expect(page.locator("#panel .cm-editor")).to_have_count(0)  # as rows: a step that is saved is shown so where it can
    assert page.evaluate("listening") == 0, "the editor of the panel before this one still listens"
    when = step("fork")["cases"][0]["when"]
    assert when == "steps.sort.label == 'it\\'s late' && run.input.text.contains('late') && !steps.sort.urgent"

    rows = page.locator(".group--condition").first
    between = "rows => getComputedStyle(rows.querySelector('.group__item + .group__item'), '::before').content"
    assert rows.evaluate(between) == '"and"'
    expect(rows.get_by_role("button", name="Or …")).to_have_count(3)
    rows.get_by_label("Holds where").select_option(label="any holds")
    assert rows.evaluate(between) == '"or"'
    expect(rows.get_by_role("button", name="And …")).to_have_count(3)
    expect(rows.get_by_role("button", name="Or …")).to_have_count(0)
    values = rows.locator("[name$='/value']")
    expect(values.nth(1)).to_be_visible()
    expect(values.nth(2)).to_be_hidden()  # of what is not true, there is nothing to compare with


def test_without_the_editor_they_are_text_areas_and_say_the_same(sign_in: SignIn, designer: User, site: str) -> None:
    make()
    page = sign_in(designer)

    def refuse(route: Route) -> None:
        route.abort()

    page.route("**/built/code.js", refuse)
    with page.expect_event("requestfailed"):
        page.goto("/workflows/letters/?version=draft&step=sort")
    prompt = page.get_by_label("Prompt", exact=True)
    prompt.fill("Sort {{ text }} and {{ txt }}")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#panel .said")).not_to_be_empty()
    assert step("sort")["prompt"] == "Sort {{ text }} and {{ txt }}"
    expect(page.locator("[id='v/prompt-error']")).to_contain_text('The step\'s input has no "txt"')


def test_what_is_typed_while_a_form_is_being_saved_is_there_afterwards_and_saved_by_the_next(
    sign_in: SignIn, designer: User, site: str
) -> None:
    make()
    page = sign_in(designer)
    held: list[Route] = []
    page.route("**/steps/sort/", lambda route: held.append(route) if route.request.method == "POST" else route.fallback())
    page.goto("/workflows/letters/?version=draft&step=sort")
    prompt, title, keys = editor(page, "Prompt"), page.get_by_label("Title"), page.keyboard
    prompt.click()
    keys.press("Control+End")
    keys.type(" Be kind.")
    with page.expect_request("**/steps/sort/"):
        keys.press("Control+Enter")
    keys.type(" Be br")
    held.pop().continue_()
    expect(page.locator("#panel-unsaved")).to_have_text("Not saved yet")
    expect(page.locator("#outline")).to_have_attribute("data-revision", "2")
    keys.type("ief.")
    title.fill("Sort")
    with page.expect_request("**/steps/sort/"):
        title.press("Enter")
    title.press("End")
    keys.type(" it")
    keys.press("ArrowLeft")
    held.pop().continue_()
    expect(page.locator("#outline")).to_have_attribute("data-revision", "3")
    keys.type("o")
    expect(title).to_have_value("Sort iot")
    page.unroute("**/steps/sort/")
    keys.press("Control+Enter")
    expect(page.locator("#panel-said")).to_contain_text("Sort iot")
    expect(page.locator("#panel-unsaved")).to_be_empty()
    sort = parse(Workflow.objects.get(id="letters").draft).data["steps"][0]
    assert (sort["prompt"], sort["title"]) == ("Sort this. Be kind. Be brief.", "Sort iot")


def test_a_list_of_lines_is_described_by_keyboard_and_what_is_wrong_in_a_row_is_said_there(
    sign_in: SignIn, designer: User, site: str
) -> None:
    make()
    page = sign_in(designer)
    page.goto("/workflows/letters/?version=draft&step=sort")
    keys = page.keyboard

    def row(number: int, name: str, kind: str) -> None:
        tab_to(page, "[data-list='v/output/fields'] > [data-list-end] > button")
        keys.press("Enter")
        expect(page.locator(f"[id='v/output/fields/{number}/name']")).to_be_focused()
        keys.type(name)
        keys.press("Tab")
        keys.type(kind)

    row(2, "lines", "a list of o")
    expect(page.locator("[id='v/output/fields/2/more']")).to_have_attribute("placeholder", '{"maxItems": 20}')
    row(3, "lines[].text", "text")
    row(4, "lines.amount", "a num")
    tab_to(page, "[id='v/output/fields/4/more']")
    keys.type('{"minimum": }')
    tab_to(page, "#panel-save")
    keys.press("Enter")

    told = page.locator("#panel [data-wrong]")
    expect(told.get_by_role("link")).to_have_text(["Field 5, Name", "Field 5, More"])
    name, more = (page.locator(f"[id='v/output/fields/4/{key}']") for key in ("name", "more"))
    expect(more).to_have_accessible_description(re.compile(r"a value is missing at line 1, column 13"))
    expect(more).to_have_attribute("aria-invalid", "true")
    assert_sound(page)
    page.set_viewport_size({"width": 1440, "height": 900})
    labels = page.locator("#panel [id^='v/output/fields/'] label:not(.field--check label)")
    shown = labels.evaluate_all("labels => labels.filter((label) => label.offsetWidth > 1).length")
    assert shown == 5 * 5, "rows that wrap have their labels"
    tab_to(page, "#panel [data-wrong] a")
    keys.press("Enter")
    expect(name).to_be_focused()
    expect(name).to_have_accessible_description("In other rows lines is a list. Write lines[].… here too, or there.")
    keys.press("Control+a")
    keys.type("lines[].amount")
    tab_to(page, "[id='v/output/fields/4/more']")
    keys.press("Control+a")
    keys.type('{"minimum": 0}')
    save(page)
    line = {
        "type": "object",
        "required": ["text", "amount"],
        "properties": {"text": {"type": "string"}, "amount": {"type": "number", "minimum": 0}},
    }
    expected = next(each for each in LETTER["steps"] if each["id"] == "sort")["output"]
    lines = {"type": "array", "items": line}
    assert step("sort")["output"] == {
        "type": "object",
        "required": ["label", "urgent", "lines"],
        "properties": {**expected["properties"], "lines": lines},
    }
    expect(name).to_have_value("lines[].amount")
    assert Workflow.objects.get(id="letters").versions.count() == 0
