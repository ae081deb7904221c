"""Whatever people write is text, on every page that tells of a workflow: titles, notes, outcomes, prompts, what a version was
published with, why one was retired."""

from collections.abc import Callable

from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from orchestration.acts import drafts, retiring, runs, workflows
from orchestration.core import source
from orchestration.models import Provider, Run
from tests.engine.publishing import publish
from tests.factories import asking, move

SignIn = Callable[[User], Page]
EVIL = '<img src=x onerror="window.hit=1"><script>window.hit=1</script>'


def evil(word: str) -> str:
    return f"{EVIL}{word}"


def test_markup_is_text_wherever_a_workflow_is_told_of(sign_in: SignIn, designer: User, site: str) -> None:
    definition = asking(title=evil("whole"), note=evil("why"))
    Provider.objects.create(name="main", protocol="openai", base_url="http://127.0.0.1:9", default_model="m")
    definition["models"] = {"main": {"provider": "main"}}
    definition["outcomes"] = {name: {**each, "title": evil(name)} for name, each in definition["outcomes"].items()}
    prompted = {
        "id": "sort", "type": "llm", "title": evil("sort"), "model": "main", "input": {"text": "${run.input.text}"},
        "next": "dropped", "system": evil("system"), "prompt": evil("{{ text }}"), "max_input_tokens": 900,
        "max_output_tokens": 9,
    }  # fmt: skip
    note = definition["steps"][0] | {"title": evil("note"), "note": evil("a note")}
    note["values"] = {"text": "${run.input.text}", "said": EVIL}
    definition["steps"] = [note, *definition["steps"][1:], prompted]
    definition["steps"][1]["actions"][0]["label"] = evil("send")
    definition["steps"][1]["actions"][1]["to"] = "sort"
    drafts.push(text=source.write(definition), by="dora")
    page = sign_in(designer)

    def looked_at(path: str, word: str) -> None:
        page.goto(f"/workflows/asking/{path}")
        for folded in page.locator("main details:not([open]) > summary").all():
            if folded.is_visible():
                folded.click()
        expect(page.locator("main")).to_contain_text(evil(word))
        drawn = page.evaluate("[window.hit, ...[...document.querySelectorAll('main img, main script')].map(e => e.outerHTML)]")
        assert drawn == [None], path

    looked_at("publish/", "whole")
    publish(definition)
    run = move(Run.objects.get(id=runs.start(workflow="asking", input={"text": evil("text")}, by="otto")))
    changed = [
        {"do": "rename", "kind": "step", "id": "sort", "to": "sorted"},
        {"do": "set", "step": "sorted", "key": "prompt", "value": evil("another {{ text }}")},
        {"do": "set", "step": "note", "key": "title", "value": evil("other")},
        {"do": "set", "step": "", "key": "outcomes.good.title", "value": evil("fine")},
    ]
    drafts.edit(workflow="asking", revision=1, by=evil("ada"), commands=changed)
    for path, word in [
        ("", "note"), ("?version=draft&step=note", "other"), ("proof/", "note"), ("publish/", "another {{ text }}"),
        ("changes/", "other"), ("steps/sorted/", "sort"), ("steps/note/preview/", "other"), ("steps/note/menu/", "other"),
        ("settings/", "fine"), ("retire/", "whole"), ("try/?step=note", "other"), ("edit/", "whole"), ("design/", "whole"),
    ]:  # fmt: skip
        looked_at(path, word)
    workflows.publish(workflow="asking", by=evil("ada"), note=evil("published"))
    retiring.retire(workflow="asking", reason=evil("reason"), by=evil("ada"))
    for path, word in [("versions/", "published"), ("versions/", "reason"), ("changes/?from=1&to=2", "another {{ text }}")]:
        looked_at(path, word)
    page.goto(f"/runs/{run.id}/")
    expect(page.locator("main")).to_contain_text(evil("note"))
    assert page.evaluate("window.hit === undefined && !document.querySelector('main img, main script')")
