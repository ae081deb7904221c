"""Looking at a step of the draft with what a recorded run had."""

from typing import Any

import pytest
from django.test import Client

from orchestration.acts import runs
from orchestration.acts.drafts import push
from orchestration.core import source
from orchestration.models import Run
from tests.engine.publishing import end, publish, workflow
from tests.factories import move
from tests.web.test_workflow_pages import said

pytestmark = pytest.mark.any_database


def sorting(most: float, **ask: Any) -> dict[str, Any]:
    return workflow(
        {
            "id": "sort", "type": "branch", "title": "Sort it", "default": "person",
            "cases": [{"when": f"run.input.sure >= {most}", "to": "done", "label": "Sure"}],
        },
        {"id": "person", "type": "set", "title": "Ask a person", "values": {"sure": "${run.input.sure}", **ask}, "next": "done"},
        end(),
        id="sorting",
        models={},
        input={"type": "object", "required": ["sure"], "properties": {"sure": {"type": "number"}}},
    )  # fmt: skip


@pytest.fixture
def run(db: None) -> Run:
    publish(sorting(0.5))
    return move(Run.objects.get(id=runs.start(workflow="sorting", input={"sure": 0.62}, by="otto")))


def test_a_draft_says_where_a_recorded_run_would_go(run: Run, as_designer: Client, as_operator: Client) -> None:
    page = said(as_designer, "/workflows/sorting/steps/sort/preview/")
    assert f"Run {run.id[-8:]} would go to Done (Sure) because sure was 0.62" in page
    push(text=source.write(sorting(0.7)), by="dora")
    page = said(as_designer, "/workflows/sorting/steps/sort/preview/")
    assert f"Run {run.id[-8:]} would go to Ask a person because sure was 0.62" in page
    assert "0.08 short of >= 0.7" in page
    assert "No run came here yet" in said(as_designer, "/workflows/sorting/steps/person/preview/")
    assert as_operator.get("/workflows/sorting/steps/sort/preview/").status_code == 403


def test_what_is_not_there_is_said(run: Run, as_designer: Client) -> None:
    publish(sorting(0.9))
    later = move(Run.objects.get(id=runs.start(workflow="sorting", input={"sure": 0.8}, by="otto")))
    address = "/workflows/sorting/steps/person/preview/"
    assert "0.8" in said(as_designer, address)
    push(text=source.write(sorting(0.9, more="${run.input.sure / 0.0 > 1.0 ? [1][2] : 0}")), by="dora")
    assert "It would fail here: " in said(as_designer, f"{address}?at={later.id}.2")
    assert as_designer.get(f"{address}?at={run.id}.2").status_code == 404
    assert as_designer.get("/workflows/sorting/steps/nobody/preview/").status_code == 404
