"""The pages of schedules: who may what, what they say, what comes back when something is wrong, and what they cost."""

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client

from orchestration.acts import drafts, firing, schedules
from orchestration.core import source
from orchestration.models import Run, Schedule
from orchestration.record.clock import database_now
from orchestration.record.pack import unpack_all
from tests import factories
from tests.corpora import schedules as bad
from tests.engine.publishing import publish

pytestmark = pytest.mark.any_database

BODY = {"name": "Morning report", "cron": "30 2 * * *", "zone": "Europe/Berlin", "input": {"text": "Good morning"}}
SENT = {"name": "Morning report", "cron": "30 2 * * *", "zone": "Europe/Berlin", "catchup": "last", "most": "100"}
SENT |= {"labels": 'team: desk\nn: 3\nquoted: "3"\non: true', "input/text": "Good morning", "once": "k1"}
PLACE = "/workflows/asking/schedules/"


@pytest.fixture
def made(db: None) -> str:
    publish(factories.asking())
    return schedules.create(workflow="asking", body=BODY, by="dora")


def only() -> Schedule:
    return Schedule.objects.get()


def text(answer: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", answer.content.decode())).split())


def test_everybody_looks_operators_pause_and_designers_write(
    made: str, as_viewer: Client, as_operator: Client, as_designer: Client, as_admin: Client
) -> None:
    cast = (as_viewer, as_operator, as_designer, as_admin)

    def may(method: str, path: str) -> str:
        return "".join("n" if getattr(client, method)(PLACE + path).status_code == 403 else "y" for client in cast)

    assert {path: may("get", path) for path in ("", f"{made}/", "occurrences/?cron=1+1+*+*+*&zone=UTC")} == dict.fromkeys(
        ("", f"{made}/", "occurrences/?cron=1+1+*+*+*&zone=UTC"), "yyyy"
    )
    for path in ("new/", f"{made}/edit/", f"{made}/delete/"):
        assert may("get", path) == "nnyy", path
    assert as_operator.post(f"{PLACE}{made}/delete/").status_code == 403
    assert as_operator.post(f"{PLACE}new/", SENT).status_code == 403
    assert may("post", f"{made}/pause/") == may("post", f"{made}/resume/") == "nyyy"
    assert as_admin.get(f"{PLACE}{made}/pause/").status_code == 405
    assert Schedule.objects.count() == 1
    page = as_viewer.get(f"{PLACE}{made}/").content.decode()
    assert "/edit/" not in page.partition('class="tabs"')[2] and "/delete/" not in page and "Pause" not in page


def test_one_is_made_by_the_form_and_comes_back_unchanged(made: str, as_designer: Client) -> None:
    only().delete()
    opened = as_designer.get(f"{PLACE}new/")
    assert "0 8 * * MON-FRI" in opened.content.decode()
    answer = as_designer.post(f"{PLACE}new/", SENT)
    row = only()
    assert answer["Location"] == f"{PLACE}{row.id}/"
    assert (row.name, row.cron, row.zone, row.catchup, row.most) == ("Morning report", "30 2 * * *", "Europe/Berlin", "last", 100)
    assert unpack_all([row.labels])[0] == {"team": "desk", "n": 3, "quoted": "3", "on": True}
    assert unpack_all([row.input])[0] == {"text": "Good morning"}
    assert as_designer.post(f"{PLACE}new/", SENT)["Location"] == f"{PLACE}{row.id}/", "the same form again is the same schedule"
    edit = as_designer.get(f"{PLACE}{row.id}/edit/")
    sent = {name: edit.context["fields"][name].value() for name in edit.context["fields"].fields}
    again = as_designer.post(f"{PLACE}{row.id}/edit/", {**sent, "input/text": "Good morning", "revision": "1"})
    assert (again.status_code, only().revision) == (302, 1)
    as_designer.post(
        f"{PLACE}{row.id}/edit/", {**sent, "input/text": "Good evening", "catchup": "all", "most": "7", "revision": "1"}
    )
    assert (only().catchup, only().most, only().revision) == ("all", 7, 2)


def test_a_second_schedule_of_one_name_is_pointed_out(made: str, as_designer: Client) -> None:
    told = "Another schedule of this workflow is called"
    for name, twice in (("Evening", False), (BODY["name"], True)):
        answer = as_designer.post(f"{PLACE}new/", {**SENT, "name": name, "once": name}, follow=True)
        assert (told in text(answer), Schedule.objects.filter(name=name).count()) == (twice, 1 + twice)


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"name": ""}, "name", "is empty"),
        ({"most": "0"}, "most", "1"),
        ({"catchup": "never"}, "catchup", "valid choice"),
        ({"labels": "no colon"}, "labels", "Line 1 is no label"),
        ({"labels": "schedule: mine"}, "labels", "The label schedule holds the schedule's name, on each of its runs. Call yours"),
        ({"input/text": ""}, None, ""),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(
    made: str, as_designer: Client, change: dict[str, str], field: str | None, words: str
) -> None:
    for path in ("new/", f"{made}/edit/"):
        answer = as_designer.post(PLACE + path, {**SENT, "name": "Evening", **change})
        assert answer.status_code == 422, path
        form = answer.context["fields"]
        if field is None:
            assert answer.context["form"].problem_count == 1
        else:
            assert words in " ".join(form.errors[field]), form.errors
        assert set(form.errors) == ({field} if field else set()), "and one alone"
        page = unescape(answer.content.decode())
        assert all(value in page for name, value in {**SENT, **change}.items() if name in ("cron", "zone", "input/text"))
    assert Schedule.objects.count() == 1
    assert only().revision == 1


def test_a_line_or_a_zone_that_is_none_is_said_at_its_field_as_text_and_comes_back_as_it_was_typed(
    made: str, as_designer: Client
) -> None:
    wrong = [("cron", cron, words) for cron, _, words in bad.LINES.values() if isinstance(cron, str)]
    wrong += [("zone", zone, words) for zone, words in bad.ZONES.values() if isinstance(zone, str)]
    for field, typed, words in wrong:
        answer = as_designer.post(f"{PLACE}{made}/edit/", {**SENT, field: typed})
        assert answer.status_code == 422, typed
        assert set(answer.context["fields"].errors) == {field}, typed
        [told] = answer.context["fields"].errors[field]
        assert words in told and len(told) < 350
        assert answer.context["fields"][field].value() == typed
        assert b"<img" not in answer.content and b"<script>alert" not in answer.content
        coming = as_designer.get(f"{PLACE}occurrences/", {"cron": "0 8 * * *", "zone": "UTC", field: typed})
        assert coming.status_code == 200
        assert words in text(coming) or b"&lt;" in coming.content, typed
        assert b"<img" not in coming.content and b"<script" not in coming.content
    assert Schedule.objects.count() == 1
    assert only().revision == 1


def test_all_that_is_wrong_is_said_at_once(made: str, as_designer: Client) -> None:
    answer = as_designer.post(f"{PLACE}new/", {**SENT, "cron": "x", "zone": "y", "labels": "z", "input/text": ""})
    assert set(answer.context["fields"].errors) == {"cron", "zone", "labels"}
    assert answer.context["form"].problem_count == 1
    sound = as_designer.post(f"{PLACE}new/", {**SENT, "labels": "z"})
    assert set(sound.context["fields"].errors) == {"labels"}


def test_when_it_comes_is_shown_while_it_is_typed_and_without_a_script(made: str, as_designer: Client) -> None:
    part = as_designer.get(f"{PLACE}occurrences/?cron=30+2+*+*+*&zone=Europe/Berlin")
    assert len(re.findall("<time ", part.content.decode())) in (5, 6)
    assert re.search("the clock skips the line's own time|the clock shows this time twice", text(part)), (
        "the next change of clocks"
    )
    assert "02:30 UTC+0" in text(part) and "once, the first time" in text(part)
    assert "comes twice" in text(as_designer.get(f"{PLACE}occurrences/?cron=*/15+*+*+*+*&zone=America/New_York"))
    left_out = text(as_designer.get(f"{PLACE}occurrences/?cron=*/30+2+*+*+*&zone=Europe/Berlin"))
    assert re.search("Mar 20.. 02:00 UTC.01:00 the clock skips this time|the clock shows this time twice", left_out)
    assert "clocks are changed" not in text(as_designer.get(f"{PLACE}occurrences/?cron=*/15+*+*+*+*&zone=UTC"))
    wrong = as_designer.get(f"{PLACE}occurrences/?cron=0+0+30+2+*&zone=Nowhere")
    assert wrong.status_code == 200
    assert "never comes" in text(wrong) and "is no time zone" in text(wrong)
    shown = as_designer.post(f"{PLACE}new/", {**SENT, "cron": "5 5 * * *", "name": "", "do": "times"})
    assert shown.status_code == 200
    assert "05:05" in text(shown) and not shown.context["fields"].is_bound
    as_json = as_designer.post(f"{PLACE}new/", {**SENT, "as": "json"})
    assert '"Good morning"' in unescape(as_json.content.decode())
    assert as_json.context["fields"]["name"].value() == "Morning report"
    assert Schedule.objects.count() == 1


def test_who_is_overtaken_is_told_by_whom_and_keeps_what_was_typed(made: str, as_designer: Client) -> None:
    schedules.change(schedule=made, body={**BODY, "name": "Hers"}, by="ada")
    answer = as_designer.post(f"{PLACE}{made}/edit/", {**SENT, "name": "Mine", "revision": "1"})
    assert answer.status_code == 409
    assert "ada has changed this schedule" in text(answer)
    assert 'value="Mine"' in answer.content.decode() and 'name="revision" value="2"' in answer.content.decode()
    assert as_designer.post(f"{PLACE}{made}/edit/", {**SENT, "name": "Mine", "revision": "2"}).status_code == 302
    assert only().name == "Mine"


def test_a_schedule_says_how_it_stands(made: str, as_viewer: Client) -> None:
    now = database_now().replace(second=0, microsecond=0)
    schedules.change(schedule=made, body={**BODY, "cron": "* * * * *"}, by="dora")
    Schedule.objects.update(next=now - timedelta(minutes=5))
    for start in firing.due(now):
        start()
    run = Run.objects.get()
    for path in ("", f"{made}/"):
        page = as_viewer.get(PLACE + path)
        assert f"/runs/{run.id}/" in page.content.decode()
        assert "On" in text(page)
    assert "5 occurrences" in text(page) and "one late run for all" in text(page)
    assert "dora changed it." in text(page) and "dora made it." in text(page)
    told = as_viewer.get(f"/runs/{run.id}/?seq=0")
    assert f"{PLACE}{made}/" in told.content.decode() and "the schedule Morning report" in text(told)
    assert run.id in text(as_viewer.get(f"/runs/?schedule={made}"))
    assert run.id not in text(as_viewer.get("/runs/?schedule=another"))
    more = {
        "type": "object",
        "required": ["text", "lang"],
        "properties": {"text": {"type": "string"}, "lang": {"type": "string"}},
    }
    publish(factories.asking(input=more))
    for start in firing.due(now + timedelta(minutes=1)):
        start()
    for path in ("", f"{made}/"):
        assert "Could not start" in text(as_viewer.get(PLACE + path))
    page = as_viewer.get(f"{PLACE}{made}/")
    assert "Its last occurrence started nothing" in text(page) and "input.lang" in text(page)
    assert "1 could not start" in text(as_viewer.get("/workflows/asking/"))
    assert "1 schedule could not start" in text(as_viewer.get("/workflows/"))
    schedules.delete(schedule=made, by="dora")
    assert "a schedule that was deleted" in text(as_viewer.get(f"/runs/{run.id}/"))
    gone = as_viewer.get(f"{PLACE}{made}/")
    assert gone.status_code == 404
    assert "dora deleted this schedule" in text(gone)


def test_pause_resume_and_delete_say_what_follows(made: str, as_operator: Client, as_designer: Client) -> None:
    paused = as_operator.post(f"{PLACE}{made}/pause/", follow=True)
    assert "is paused. It starts nothing until somebody resumes it" in text(paused)
    assert "Would come next" in text(paused) and only().paused
    assert "not while it is paused" in text(as_operator.get(PLACE))
    more = {
        "type": "object",
        "required": ["text", "lang"],
        "properties": {"text": {"type": "string"}, "lang": {"type": "string"}},
    }
    publish(factories.asking(input=more))
    assert "Not resumed: input.lang" in text(as_operator.post(f"{PLACE}{made}/resume/", follow=True))
    assert only().paused
    publish(factories.asking())
    assert "What came while it was paused is not made up for" in text(as_operator.post(f"{PLACE}{made}/resume/", follow=True))
    asked = as_designer.get(f"{PLACE}{made}/delete/")
    assert "its next run would be" in text(asked) and "pause it instead" in text(asked)
    assert "The schedule Morning report is deleted" in text(as_designer.post(f"{PLACE}{made}/delete/", follow=True))
    assert not Schedule.objects.exists()


def test_without_any_a_page_says_what_a_schedule_is_for(made: str, as_designer: Client, as_viewer: Client) -> None:
    only().delete()
    assert "each morning at eight" in text(as_designer.get(PLACE)) and f"{PLACE}new/" in as_designer.get(PLACE).content.decode()
    assert "new/" not in as_viewer.get(PLACE).content.decode()
    drafts.push(text=source.write(factories.asking("draft_alone")), by="dora")
    assert "Publish the draft first" in text(as_designer.get("/workflows/draft_alone/schedules/"))
    unpublished = as_designer.get("/workflows/draft_alone/schedules/new/")
    assert unpublished.status_code == 409
    assert "Publish the draft first" in text(unpublished)
    assert as_designer.get("/workflows/nothing/schedules/").status_code == 404
    other = publish(factories.asking("other")).workflow_id
    there = schedules.create(workflow=other, body=BODY, by="dora")
    assert as_designer.get(f"{PLACE}{there}/").status_code == 404, "it is another workflow's"


def test_pages_cost_the_same_however_much_there_is(
    made: str, as_designer: Client, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    for number in range(4):
        schedules.create(workflow="asking", body={**BODY, "name": f"No. {number}", "cron": "* * * * *"}, by="dora")
    now = database_now()
    Schedule.objects.update(next=now.replace(second=0, microsecond=0))
    for start in firing.due(now):
        start()
    most = {
        "": 14,
        f"{made}/": 15,
        "new/": 13,
        f"{made}/edit/": 14,
        f"{made}/delete/": 12,
        "occurrences/?cron=1+1+*+*+*&zone=UTC": 6,
    }
    for path, number in most.items():
        as_designer.get(PLACE + path)
        with django_assert_max_num_queries(number):
            assert as_designer.get(PLACE + path).status_code == 200, path
