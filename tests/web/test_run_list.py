"""The list of runs in words, and what many versions in it cost."""

from typing import Any

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from orchestration.acts import runs as acts
from orchestration.acts.drafts import push
from orchestration.core import source
from orchestration.models import Run
from tests.engine.conftest import Floor, floor, server  # noqa: F401  (fixtures)
from tests.engine.publishing import publish
from tests.servers import behaviours as b
from tests.web.test_run_pages import TRIAGE, done, text, waiting  # noqa: F401  (fixtures)


def test_a_row_says_where_its_run_stands_in_titles_and_which_one_it_is(as_viewer: Client, waiting: Run) -> None:  # noqa: F811
    page = text(as_viewer.get("/runs/"))
    assert f"T-7 {waiting.id} team blue" in page
    assert "Triage v1 Ask a person none yet" in page


def test_steps_are_called_as_the_version_of_their_run_calls_them(
    as_viewer: Client, as_operator: Client, waiting: Run, floor: Floor  # noqa: F811
) -> None:  # fmt: skip
    steps = [{**step, "title": "Ask Paula"} if step["id"] == "ask" else step for step in TRIAGE["steps"]]
    publish({**TRIAGE, "steps": steps})
    floor.server.script(b.chat({"label": "refund", "confidence": 0.5}))
    later = floor.rested(acts.start(workflow="triage", input={"text": "x", "n": 1}, by="ada"))
    page = text(as_viewer.get("/runs/"))
    assert "Triage v1 Ask a person none yet" in page and "Triage v2 Ask Paula none yet" in page
    assert "at “Ask Paula”, and" in text(as_operator.get(f"/runs/{later.id}/cancel/"))


def test_titles_cost_no_query_a_row_or_a_version(as_viewer: Client, done: Run, django_assert_num_queries: Any) -> None:  # noqa: F811
    as_viewer.get("/runs/")
    with CaptureQueriesContext(connection) as alone:
        as_viewer.get("/runs/")
    cost = len(alone)
    assert 4 < cost <= 12
    for number in range(2, 6):
        publish({**TRIAGE, "note": f"version {number}"})
        acts.start(workflow="triage", input={"text": "x", "n": 1}, by="ada")
    as_viewer.get("/runs/")
    with django_assert_num_queries(cost):
        assert "v5" in text(as_viewer.get("/runs/"))


def test_outcomes_are_called_by_their_titles_and_chosen_by_their_ids(as_viewer: Client, done: Run) -> None:  # noqa: F811
    outcomes = {**TRIAGE["outcomes"], done.outcome: {"kind": "success", "title": "Welcomed"}}
    publish({**TRIAGE, "outcomes": outcomes})
    acts.start(workflow="triage", input={"text": "x", "n": 1}, by="ada")
    page = as_viewer.get("/runs/?outcome=" + done.outcome)
    assert f'<option value="{done.outcome}" selected>Welcomed</option>' in page.content.decode()
    assert [line.outcome for line in page.context["lines"]] == [done.outcome.capitalize()], "as its own version calls it"
    assert (
        '<option value="gone_by_now" selected>Gone by now</option>'
        in as_viewer.get("/runs/?outcome=gone_by_now").content.decode()
    )


def test_workflows_of_one_title_are_told_apart_by_their_ids(as_viewer: Client, waiting: Run) -> None:  # noqa: F811
    assert '<option value="triage">Triage</option>' in as_viewer.get("/runs/").content.decode()
    publish({**TRIAGE, "id": "twin", "title": "triage"})
    page = as_viewer.get("/runs/?workflow=twin").content.decode()
    assert '<option value="triage">Triage (triage)</option>' in page
    assert '<option value="twin" selected>triage (twin)</option>' in page


def test_any_part_of_an_id_and_of_a_business_key_is_found(as_viewer: Client, waiting: Run) -> None:  # noqa: F811
    asked = waiting.escalations.get()
    for query in (f"text={waiting.id[-6:].upper()}", f"text={waiting.id[4:12]}", "text=-7", "key=-7", "key=t-"):
        assert waiting.id in as_viewer.get(f"/runs/?{query}").content.decode(), query
    for part in (waiting.id[-6:], asked.id[-6:].upper(), "-7"):
        assert asked.id in as_viewer.get(f"/inbox/?q={part}").content.decode(), part
    assert waiting.id not in as_viewer.get("/runs/?key=-8").content.decode()


def test_the_title_of_a_draft_is_not_shown_before_it_is_published(
    as_viewer: Client, as_designer: Client, waiting: Run  # noqa: F811
) -> None:  # fmt: skip
    asked = waiting.escalations.get()
    pages = ("/workflows/", "/workflows/triage/", "/runs/", "/inbox/", f"/inbox/{asked.id}/", f"/runs/{waiting.id}/")
    push(text=source.write({**TRIAGE, "title": "Not yet"}), by="dora")
    as_designer.post(
        "/workflows/triage/edit/", {"text": source.write({**TRIAGE, "title": "Not yet"}), "revision": "2", "do": "save"}
    )
    for path in pages:
        assert "Not yet" not in as_viewer.get(path).content.decode(), path
    assert "title: Not yet" in as_designer.get("/workflows/triage/edit/").content.decode()
    publish({**TRIAGE, "title": "Not yet"})
    for path in pages:
        assert "Not yet" in as_viewer.get(path).content.decode(), path
    push(text=source.write({**TRIAGE, "id": "fresh", "title": "Only drafted"}), by="dora")
    assert "Only drafted" in as_viewer.get("/workflows/").content.decode()
