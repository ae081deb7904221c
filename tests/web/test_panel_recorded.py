"""The panel of a step that asks a model, beside what is recorded of it: outputs, and the prompt that was published."""

from typing import Any

import pytest
from django.test import Client

from orchestration.acts import drafts
from orchestration.core import source
from orchestration.core.definition import parse
from orchestration.models import Run, Workflow
from tests.engine.conftest import Floor, floor, server  # noqa: F401 - fixtures
from tests.engine.publishing import end, workflow
from tests.forms import filled
from tests.servers import behaviours as b

LABEL = {"type": "object", "properties": {"label": {"enum": ["a", "b"]}}}
SORT = {
    "id": "sort", "type": "llm", "title": "Sort it", "model": "main", "system": "Be brief.", "prompt": "Sort {{ text }}\n",
    "input": {"text": "${run.input.text}"}, "output": LABEL, "next": "done",
}  # fmt: skip
PANEL = "/workflows/sample/steps/sort/"


@pytest.fixture
def run(floor: Floor) -> Run:  # noqa: F811
    floor.server.script(b.chat({"label": "a", "lines": [{"price": 1}, {"price": 2.5, "a note.": None}], "sure": 0.5}))
    return floor.run(workflow(SORT, end()))


def sort() -> dict[str, Any]:
    return next(step for step in parse(Workflow.objects.get(id="sample").draft).data["steps"] if step["id"] == "sort")


def send(client: Client, page: str, **typed: Any) -> Any:
    return client.post(PANEL, {**filled(page, PANEL), **{name: [each] for name, each in typed.items()}})


def test_a_contract_is_made_from_a_recorded_output(run: Run, as_designer: Client) -> None:
    page = as_designer.get(PANEL).content.decode()
    assert "From a recorded output" in page and 'name="recorded"' not in page
    typed = {"v/title": "Typed"}
    page = send(as_designer, page, form_turn="recorded", **typed).content.decode()
    assert filled(page, PANEL)["recorded"] == [f"{run.id}.1"]
    stranger = send(as_designer, page, form_turn="recorded", recorded=f"{run.id}.2").content.decode()
    assert filled(stranger, PANEL)["v/output/fields/0/enum"] == ["a, b"], "no output of this step"
    page = send(as_designer, page, form_turn="recorded").content.decode()
    assert "Nothing is saved yet" in page and sort()["output"] == LABEL
    assert [filled(page, PANEL)[f"v/output/fields/{row}/name"] for row in (1, 2, 3)] == [
        ["lines"],
        ["lines[].price"],
        ['lines[]["a note."]'],
    ]
    assert "<code>…[&quot;a note.&quot;]</code>" in page
    assert send(as_designer, page).status_code == 302
    line = {"type": "object", "required": ["price"], "properties": {"price": {"type": "number"}, "a note.": {}}}
    assert sort()["output"] == {
        "type": "object",
        "required": ["label", "lines", "sure"],
        "properties": {
            "label": {"type": "string"},
            "lines": {"type": "array", "items": line},
            "sure": {"type": "number"},
        },
    }
    assert sort()["title"] == "Typed"


def test_without_a_recorded_output_that_is_said(db: None, as_designer: Client) -> None:
    drafts.push(text=source.write(workflow(SORT, end())), by="dora")
    page = send(as_designer, as_designer.get(PANEL).content.decode(), form_turn="recorded").content.decode()
    assert "No run has an output of this step yet" in page


def test_what_the_draft_changes_in_the_texts_that_runs_follow_is_told(run: Run, as_designer: Client) -> None:
    page = as_designer.get(PANEL).content.decode()
    assert "What the draft changes" not in page
    send(as_designer, page, **{"v/prompt": "Sort {{ text }} well\n"})
    page = as_designer.get(PANEL).content.decode()
    assert "What the draft changes in the prompt of version 1" in page
    assert "in the system text of" not in page
    taken, added = (page.partition(f'<tr class="{kind}">')[2].partition("</tr>")[0] for kind in ("taken", "added"))
    assert "<td>Sort {{ text }}</td>" in taken and "<td>Sort {{ text }} well</td>" in added
    send(as_designer, page, id="sorted", **{"v/title": "Sort it anew"})
    page = as_designer.get(PANEL.replace("/sort/", "/sorted/")).content.decode()
    assert "What the draft changes in the prompt of version 1" in page, "though it is called otherwise now"
