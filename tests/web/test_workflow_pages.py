"""The pages of workflows: who may what, what they say, what they cost, and that nothing typed is lost."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from dashboard.pages.drafting import START
from orchestration.acts import drafts
from orchestration.acts import workflows as acts
from orchestration.core.errors import Refused
from orchestration.models import Provider, Run, Version, Workflow
from orchestration.queries.broken import broken
from orchestration.record.pack import pack, unpack_all
from tests.engine.publishing import end, publish, workflow
from tests.factories import asked, asking, move, start
from tests.web.conftest import draft

pytestmark = pytest.mark.any_database

PAGES = ("", "asking/", "asking/?version=1", "asking/?version=draft", "asking/proof/", "asking/versions/", "asking/changes/")
WRITING = ("new/", "asking/edit/", "asking/publish/", "asking/try/", "asking/restore/")


def edit(client: Client, text: str, revision: int, do: str = "save", **more: Any) -> Any:
    return client.post("/workflows/asking/edit/", {"text": text, "revision": revision, "do": do}, **more)


def test_everybody_reads_and_designers_write(
    published: Version, as_viewer: Client, as_operator: Client, as_designer: Client, as_admin: Client
) -> None:
    for path in PAGES:
        answers = [client.get(f"/workflows/{path}").status_code for client in (as_viewer, as_operator, as_designer, as_admin)]
        assert answers == [200] * 4, path
    for path in WRITING:
        for client in (as_viewer, as_operator):
            assert {client.get(f"/workflows/{path}").status_code, client.post(f"/workflows/{path}").status_code} <= {403, 405}, (
                path
            )
        assert as_designer.get(f"/workflows/{path}").status_code == (405 if "restore" in path else 200), path
    assert (draft().revision, Version.objects.count()) == (1, 1)
    page = as_viewer.get("/workflows/asking/").content.decode()
    assert "/edit/" not in page
    assert "/run/" not in page


@pytest.mark.parametrize(
    "path", ["nothing/", "asking/?version=9", "asking/?version=x", "asking/?version=" + "9" * 30, "asking/try/?step=no"]
)
def test_what_there_is_not_is_said_in_words(published: Version, as_designer: Client, path: str) -> None:
    answer = as_designer.get(f"/workflows/{path}")
    assert answer.status_code == 404
    assert b"There is no" in answer.content


def test_pages_cost_the_same_however_much_there_is(
    as_designer: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(4):
        start(id=f"w{number}")
    asked(id="w0")
    most = {"": 10, "w0/": 15, "w0/?version=draft": 13, "w0/proof/": 15, "w0/versions/": 10, "w0/changes/": 11, "w0/edit/": 13}
    for path, number in {**most, "w0/publish/": 15, "w0/try/": 13}.items():
        as_designer.get(f"/workflows/{path}")  # plans are compiled once
        with django_assert_max_num_queries(number):
            assert as_designer.get(f"/workflows/{path}").status_code == 200


def test_the_list_says_how_things_stand_and_without_any_what_to_do_next(as_designer: Client, as_viewer: Client) -> None:
    assert b"New workflow" in as_designer.get("/workflows/").content
    assert b"A designer draws the first one" in as_viewer.get("/workflows/").content
    asked()
    drafts.push(text=START, by="dora")
    page = as_viewer.get("/workflows/").content.decode()
    assert "status=person" in page
    assert "not published" in page
    assert page.count("changed</span>") == 1


def said(client: Client, path: str) -> str:
    return shown(client.get(path))


def shown(answer: Any) -> str:
    """The page as it reads: no tags, one space between words."""
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def test_an_outline_tells_samples_in_words(samples: None, as_viewer: Client) -> None:
    reading = said(as_viewer, "/workflows/invoice_reading/?open=all")
    for words in (
        "Repeats what is in it, at most 3 rounds.",
        "done when steps.check.ok Is it small enough to post?",
        "when this does not grow:",
        "when the rounds are used up Correct the invoice",
        "1 repair: asked again and told what was wrong",
        "currency EUR, GBP or USD",
        "no problems",
    ):
        assert words in reading, words
    triage = said(as_viewer, "/workflows/support_triage/")
    for words in (
        "on any error Answer the ticket",
        "can't be undone",
        "where nobody knows whether it happened a person is asked",
        "answers in place of Sort the ticket",
        "Ends the run as Nobody attended to it, a failure.",
        "text, 1 to 8,000 characters",
        "4 rounds at most over main and small together",
        "instead, with the rounds that are left",
        "instead, everything anew",
        "Sort the ticket label if there is one",
        "the error that led here message if there is one",
        "What the person sees Ticket ${run.input.text}",
        "What the form opens with reply ${has(steps.draft.reply) ? steps.draft.reply",
        "What the person fills in reply text, 20 to 4,000 characters",
        "Its input ticket ${run.input.ticket} text ${",
    ):
        assert words in triage, words


def test_each_figure_of_a_proof_leads_to_what_adds_up_to_it(samples: None, as_designer: Client) -> None:
    page = as_designer.get("/workflows/support_triage/proof/").content.decode()
    columns = re.findall(r'class="figure" href="#(worst-\w+)"', page)
    assert columns == [f"worst-{name}" for name in ("executions", "calls", "tokens", "cost", "seconds", "waiting", "human")]
    assert all(f'id="{column}"' in page for column in columns)
    assert "<code>rate_limited</code>" in page
    outline = as_designer.get("/workflows/support_triage/").content.decode()
    assert re.findall(r'href="/workflows/support_triage/proof/#(worst-\w+)"', outline) == columns
    for path in ("support_triage/edit/", "new/?do=check"):
        answer = as_designer.post("/workflows/new/", {"text": START, "do": "check"}) if "new" in path else None
        written = (answer or as_designer.get(f"/workflows/{path}")).content.decode()
        assert set(re.findall(r'class="figure" href="([^"]*)"', written)) == {"#adds-up"}
        assert 'id="adds-up"' in written


def test_a_proof_says_what_it_does_not_bound(samples: None, as_viewer: Client) -> None:
    page = said(as_viewer, "/workflows/support_triage/proof/")
    assert "by construction and not by a timeout, unless a person has something done again" in page
    assert "Send the reply: where nobody knows whether it happened, a person may have it done again" in page
    assert "2 days 8 h of people's time" in page
    assert "7 h between tries" in page
    sources = said(as_viewer, "/workflows/answer_with_sources/proof/")
    assert "Every run ends within these, by construction and not by a timeout. " in sources
    older = Version.objects.get(workflow="support_triage")
    kept = unpack_all([older.proof])[0]
    worst = {key: value for key, value in kept["worst"].items() if key not in ("tokens", "waiting_seconds")}
    worst["open_ended"] = ["send"]
    worst["derivation"] = [
        {k: v for k, v in line.items() if k not in ("tokens", "waiting", "human")} for line in worst["derivation"]
    ]
    Version.objects.filter(id=older.id).update(proof=pack({**kept, "worst": worst}, {}))
    assert "proved by an older Interlock" in said(as_viewer, "/workflows/support_triage/proof/")


def test_a_proof_that_counted_on_room_that_a_limit_need_not_leave_says_so(as_viewer: Client) -> None:
    arms = [{"id": name, "body": [{"id": f"{name}_too", "type": "set", "values": {}}]} for name in ("left", "right")]
    both = {"id": "both", "type": "parallel", "branches": arms, "next": "done"}
    version = publish(workflow(both, end(), id="pair", models={}, limits={"steps": 3, "on_breach": "done"}))
    page = said(as_viewer, "/workflows/pair/proof/")
    assert "2 arms, one after another, since the limit on steps may leave no room for more at once." in page
    assert "Under this limit, what Both would run at once may run one after another" in page
    assert "older Interlock" not in page
    kept = unpack_all([version.proof])[0]
    before = [problem for problem in kept["problems"] if problem["code"] != "one_after_another"]
    Version.objects.filter(id=version.id).update(proof=pack({**kept, "problems": before}, {}))
    assert "did not count that a limit may leave no room for child runs at once" in said(as_viewer, "/workflows/pair/proof/")


def test_beside_the_worst_case_stands_what_recorded_runs_came_to(as_viewer: Client) -> None:
    for number in range(1, 21):
        run = move(start(str(number)))
        spent = pack({"steps": number, "seconds": number / 2.1, "cost": number * 10_000_000, "tokens_in": 40}, {})
        Run.objects.filter(id=run.id).update(status="failed" if number % 2 else "succeeded", ended=run.created, spent=spent)
    asked_for = Run.objects.get(input=pack({"text": "20"}, {}))
    since = asked_for.escalations.get().created
    asked_for.escalations.update(status="resolved", resolved=since + timedelta(hours=3))
    page = said(as_viewer, "/workflows/asking/proof/")
    assert "what 20 recorded runs came to" in page
    for words in ("3 steps p50 10 · p95 19", "machine time p50 4.8 s · p95 9 s", "for models p50 $0.10 · p95 $0.19"):
        assert words in page, words
    assert "people's time p50 0 s · p95 0 s" in page, "one of twenty is beyond p95"
    publish(asking(title="Another"))
    assert "recorded runs" not in said(as_viewer, "/workflows/asking/proof/"), "no run of this version has ended"
    assert "p50 10" in said(as_viewer, "/workflows/asking/proof/?version=1")


def test_a_total_that_limits_hold_stands_beside_the_figure(as_viewer: Client) -> None:
    publish(asking(limits={"steps": 1, "on_breach": "dropped"}))
    page = said(as_viewer, "/workflows/asking/proof/")
    found = re.search(r"In all (\d+) .*With its limits (\d+) ", page)
    assert found and found[1] != found[2], page
    assert f"{found[2]} steps" in page


def test_titles_and_notes_are_shown_as_text(as_viewer: Client) -> None:
    evil = "<script>alert(1)</script>"
    definition = asking(title=evil, note=evil)
    definition["steps"][0] |= {"title": evil, "note": evil}
    publish(definition)
    for path in ("", "asking/", "asking/proof/", "asking/versions/", "asking/changes/"):
        assert evil.encode() not in as_viewer.get(f"/workflows/{path}").content, path


def test_a_version_whose_provider_went_says_so_wherever_it_said_that_all_is_well(samples: None, as_viewer: Client) -> None:
    health = said(as_viewer, "/settings/")
    assert "support_triage" not in health
    Provider.objects.filter(name="small").delete()
    gone = [found.workflow for found in broken()]
    assert "support_triage" in gone
    for tab in ("", "proof/"):
        page = said(as_viewer, f"/workflows/support_triage/{tab}")
        assert "has changed since it was published" in page
        assert re.search(r"\b[1-9] errors? by now\b", page), page
        assert "no problems" not in page
    health = said(as_viewer, "/settings/")

    assert all(f"{workflow} version 1: " in health for workflow in gone), health


def test_a_first_draft_is_made_from_the_start_that_is_offered(samples: None, as_designer: Client) -> None:
    assert acts.check(START).ok
    answer = as_designer.post("/workflows/new/", {"text": START.replace("\n", "\r\n")})
    assert answer["Location"] == "/workflows/my_workflow/edit/"
    assert Workflow.objects.get(id="my_workflow").draft == START
    again = as_designer.post("/workflows/new/", {"text": START + "# mine"})
    assert again.status_code == 422
    assert b"There is a workflow my_workflow already" in again.content
    assert b"# mine" in again.content
    assert Workflow.objects.get(id="my_workflow").draft == START


UNFILED = {
    "nothing": ("", "The definition is empty."),
    "a tab": ("interlock: 1\nid: x\nsteps:\n\t- id: a", "A tab stands here"),
    "no YAML": ("a: [", "is not closed"),
    "no id": ("interlock: 1\ntitle: X", "A definition says its id"),
    "an id that is none": ("interlock: 1\nid: BAD", "A definition says its id"),
    "a list": ("[]", "A definition is a mapping that begins with"),
    "an anchor": ("x: &a 1\ny: *a", "anchor"),
    "NUL": ("\x00", "no store can keep"),
    "too deep": ("{" * 3000, "levels deep"),
    "an id that is taken": (START.replace("my_workflow", "asking"), "There is a workflow asking already"),
}


@pytest.mark.parametrize(("text", "words"), UNFILED.values(), ids=UNFILED)
def test_what_no_workflow_can_be_made_of_comes_back_with_the_reason(
    published: Version, as_designer: Client, text: str, words: str
) -> None:
    checked = shown(as_designer.post("/workflows/new/", {"text": text, "do": "check"}))
    answer = as_designer.post("/workflows/new/", {"text": text})
    page = shown(answer)
    assert answer.status_code == 422
    assert "No workflow was made." in page
    assert page.count(words) >= 2, page  # above the editor, and in its place
    assert words in checked
    for reading in (checked, page):
        assert "can be saved all the same" not in reading
        assert "can be made of it yet" in reading or "Nor can a workflow be made of it." in reading
    assert list(Workflow.objects.values_list("id", "revision")) == [("asking", 1)]


def test_a_workflow_is_never_made_over_one_that_came_in_between(published: Version) -> None:
    with pytest.raises(Refused, match="There is a workflow asking already"):
        drafts.push(text=START.replace("my_workflow", "asking"), by="dora", new=True)
    assert "Ask somebody" in draft().draft


def test_a_draft_keeps_its_id_and_every_page_says_so(published: Version, as_designer: Client) -> None:
    renamed = draft().draft.replace("id: asking", "id: another", 1)
    live = shown(edit(as_designer, renamed, 1, "check"))
    saved = edit(as_designer, renamed, 1, follow=True)
    pages = [
        live,
        shown(saved),
        said(as_designer, "/workflows/asking/publish/"),
        said(as_designer, "/workflows/asking/?version=draft"),
    ]
    for page in pages:
        assert "This is the draft of asking, and its id has to stay that." in page
        assert "1 error" in page
        assert "no problems" not in page
        assert "It may be published" not in page
    assert as_designer.post("/workflows/asking/publish/", {"revision": 2}).status_code == 422
    assert Version.objects.count() == 1


def test_checking_stores_nothing_and_answers_htmx_with_the_part_alone(published: Version, as_designer: Client) -> None:
    wrong = draft().draft.replace("next: ask", "next: asc")
    whole = edit(as_designer, wrong, 1, "check")
    assert (whole.status_code, b"<html" in whole.content, b"next: asc" in whole.content) == (200, True, True)
    part = edit(as_designer, wrong, 1, "check", headers={"HX-Request": "true"})
    assert b"<html" not in part.content
    assert re.search(rb'data-line="\d+"', part.content)
    assert b"did you mean ask" in part.content
    assert draft().revision == 1


def test_a_wrong_draft_is_saved_but_not_published(published: Version, as_designer: Client) -> None:
    wrong = draft().draft.replace("next: ask", "next: asc")
    assert edit(as_designer, wrong, 1).status_code == 302
    assert (draft().draft, draft().revision) == (wrong, 2)
    page = as_designer.get("/workflows/asking/publish/").content
    assert b"This can&#x27;t be published" in page or b"This can't be published" in page
    answer = as_designer.post("/workflows/asking/publish/", {"revision": 2, "note": "my note"})
    assert answer.status_code == 422
    assert Version.objects.count() == 1
    assert as_designer.get("/workflows/asking/?version=draft").status_code == 200


def test_who_was_overtaken_sees_both_texts_and_can_save_over_theirs(published: Version, as_designer: Client) -> None:
    theirs, mine = draft().draft + "# theirs\n", draft().draft + "# mine <b>\n"
    drafts.save_draft(workflow="asking", text=theirs, revision=1, by="ada")
    answer = edit(as_designer, mine, 1)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "ada was first" in page
    assert "# mine &lt;b&gt;" in page
    assert "# theirs" in page
    assert draft().draft == theirs
    seen = re.search(r'name="revision" value="(\d+)"', page)
    assert seen is not None
    assert edit(as_designer, mine, int(seen[1])).status_code == 302
    assert draft().draft == mine


def test_text_that_no_store_can_keep_is_refused_and_kept_on_the_page(published: Version, as_designer: Client) -> None:
    answer = edit(as_designer, "interlock: 1\n# half \x00 of it", 1)
    assert answer.status_code == 422
    assert b"no store can keep" in answer.content
    assert b"of it" in answer.content
    assert draft().revision == 1
