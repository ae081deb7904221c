"""Child runs as people and clients see them: lanes on the page of their run, a way up and down, lists, the inbox."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard import lanes_view
from dashboard.definition_diff import definition_diff
from orchestration.acts import runs as acts
from orchestration.acts.resolve import resolve
from orchestration.core.errors import Refused
from orchestration.models import Escalation, Run, StepRecord
from orchestration.queries import changes, children
from orchestration.queries.around import Seen, seen
from orchestration.record.pack import keep, pack
from tests import fans
from tests.api import Api
from tests.engine.conftest import Floor, floor, server  # noqa: F401  (fixtures)
from tests.engine.publishing import end, publish, workflow
from tests.orders import orders
from tests.web.test_run_pages import fragment, text

MIXED = ("succeeded", "failed", "person", "succeeded", "held", "failed", "ready", "cancelled", "person", "succeeded")
FEW = orders()


def queries(look: Callable[[], Any]) -> int:
    look()  # what is kept from the first time on is not counted
    with CaptureQueriesContext(connection) as made:
        look()
    return len(made)


@pytest.fixture
def mixed(db: None) -> Run:
    return fans.waiting(12, MIXED)


@pytest.fixture
def odd(floor: Floor) -> Run:  # noqa: F811
    """A run whose second order asks a person, while the others are done."""
    publish(FEW)
    run = acts.start(workflow="orders", input={"orders": ["plain", "odd one", "last", "broken"]}, by="otto", key="O-7")
    floor.until(run, lambda found: Run.objects.filter(parent=run, ended__isnull=False).count() == 3)
    floor.until(run, lambda found: found.wait == "children" and Escalation.objects.filter(run__parent=run).exists())
    return Run.objects.get(id=run)


def indexes(found: children.Lanes) -> list[int]:
    return [lane.index for lane in found.lanes]


class TestQueries:
    def test_what_failed_is_first_then_what_waits_for_a_person_then_what_lives(self, mixed: Run) -> None:
        counted = {"failed": 2, "person": 2, "live": 2, "done": 3, "cancelled": 1}
        assert children.counts(mixed.id, "each", 1) == (counted, frozenset())
        found = children.children(mixed.id, "each", 1)
        assert indexes(found) == [1, 5, 2, 8, 4, 6, 0, 3, 9, 7]
        failed = found.lanes[0]
        assert (failed.item, failed.error) == (
            "order 1", {"code": "unavailable", "message": "the desk did not answer for order 1"},
        )  # fmt: skip
        assert [bool(lane.asked) for lane in found.lanes[:4]] == [False, False, True, True]
        assert indexes(children.children(mixed.id, "each", 1, state="done")) == [0, 3, 9]
        assert indexes(children.children(mixed.id, "each", 2)) == indexes(children.children(mixed.id, "other", 1)) == []
        with pytest.raises(Refused, match="no state fialed; did you mean failed"):
            children.children(mixed.id, "each", 1, state="fialed")

    def test_pages_follow_one_another_and_leave_none_out(self, mixed: Run) -> None:
        seen: list[int] = []
        after: str | None = None
        while after is not None or not seen:
            page = children.children(mixed.id, "each", 1, after=after, limit=3)
            seen += indexes(page)
            after = page.next
        assert seen == [1, 5, 2, 8, 4, 6, 0, 3, 9, 7]

    def test_their_revision_grows_with_each_commit_of_any(self, mixed: Run) -> None:
        topic = f"children.{mixed.id}"
        before = changes.revisions({topic})[topic]
        child = Run.objects.filter(parent=mixed).latest("index")
        Run.objects.filter(id=child.id).update(revision=child.revision + 1)
        assert changes.revisions({topic}) == {topic: before + 1}
        assert changes.is_topic(topic) and not changes.is_topic("children.")


class TestLists:
    def test_lists_show_whole_runs_and_child_runs_only_where_they_are_asked_for(self, ada: Api, mixed: Run) -> None:
        assert [item["id"] for item in ada.get("runs")[1]["items"]] == [mixed.id]
        _, listed = ada.get(f"runs?parent={mixed.id}&limit=4")
        assert {(item["parent"], item["path"]) for item in listed["items"]} == {(mixed.id, "each")}
        _, rest = ada.get(f"runs?parent={mixed.id}&after={listed['next']}")
        assert sorted(item["index"] for item in (*listed["items"], *rest["items"])) == [*range(10)]
        _, failed = ada.get(f"runs?parent={mixed.id}&path=each&status=failed")
        assert sorted(item["index"] for item in failed["items"]) == [1, 5]
        assert ada.get(f"runs?parent={mixed.id}&path=other")[1]["items"] == []
        status, refused = ada.get("runs?path=each")
        assert (status, refused["problems"][0]["code"]) == (422, "bad_filter")

    def test_a_run_says_what_it_is_a_part_of_and_how_its_children_stand(self, ada: Api, mixed: Run) -> None:
        _, found = ada.get(f"runs/{mixed.id}")
        assert found["children"] == {
            "total": 10, "succeeded": 3, "failed": 2, "cancelled": 1, "held": 1, "ready": 1, "waiting": 2, "quarantined": 0,
            "person": 2,
        }  # fmt: skip
        assert (found["parent"], found["path"], found["index"]) == (None, None, None)
        child = Run.objects.get(parent=mixed, index=2)
        _, found = ada.get(f"runs/{child.id}")
        assert (found["parent"], found["path"], found["index"], found["children"]) == (mixed.id, "each", 2, None)
        assert found["input"] == {"item": "order 2", "index": 2}
        assert ada.get(f"runs/{child.id}/state")[1]["run"] == {"input": {"item": "order 2", "index": 2}}

    def test_a_run_whose_child_waits_for_a_person_is_among_those_that_do(self, as_viewer: Client, mixed: Run) -> None:
        page = text(as_viewer.get("/runs/?status=person"))
        assert "Waiting for a person in 2 of 12 items" in page
        assert page.count("O-1") == 1
        Run.objects.filter(parent=mixed, wait="person").update(status="cancelled", wait="", ended=mixed.created)
        assert "No run is like that" in text(as_viewer.get("/runs/?status=person"))
        assert "Waiting for 7 of 12 items" in text(as_viewer.get("/runs/"))

    def test_a_child_run_is_found_by_its_id(self, as_viewer: Client, mixed: Run) -> None:
        child = Run.objects.get(parent=mixed, index=3)
        page = as_viewer.get(f"/runs/?text={child.id}").content.decode()
        assert f"/runs/{child.id}/" in page
        assert f"/runs/{child.id}/" not in as_viewer.get(f"/runs/?text={child.id[:12]}").content.decode()

    def test_workflows_count_whole_runs(self, ada: Api, mixed: Run) -> None:
        assert ada.get("workflows/orders")[1]["live"] == 1


@pytest.mark.any_database
class TestPage:
    def test_the_children_of_a_run_are_lanes_on_its_page(self, as_viewer: Client, mixed: Run) -> None:
        Run.objects.filter(id=mixed.id).update(spent=pack({"steps": 31, "calls": 4}, {}))
        answer = as_viewer.get(f"/runs/{mixed.id}/")
        page = text(answer)
        assert "Waiting for a person in 2 of 12 items" in page
        assert "Waits for 7 of 12 items. A person is asked in 2." in page
        assert "12 items 10 begun" in page
        assert "0 ms in calls, with those of its child runs" in page
        assert "Steps 31 with 4 calls, those of its child runs too" in page
        assert "All 10 Failed 2 Waiting for a person 2 Running 2 Done 3 Cancelled 1" in page
        assert re.findall(r"Item (\d+) order", page) == ["2", "6", "3", "9", "5", "7", "1", "4", "10", "8"]
        assert "unavailable: the desk did not answer for order 1" in page
        bar = "Of 12 items: 2 failed, 2 waiting for a person, 2 running, 3 done, 1 cancelled and 2 not begun"
        assert f'aria-label="{bar}"' in answer.content.decode()

    def test_its_head_counts_what_those_under_way_have_come_to(self, as_viewer: Client, mixed: Run) -> None:
        Run.objects.filter(id=mixed.id).update(spent=pack({"steps": 31, "calls": 4}, {}))
        ended, lives, deeper = (Run.objects.filter(parent=mixed, index=index) for index in (0, 4, 6))
        ended.update(spent=pack({"steps": 500}, {}))
        lives.update(spent=pack({"steps": 5, "calls": 2, "seconds": 1.5, "cost": 9_000_000}, {}))
        deeper.update(spent=pack({"steps": 7, "tokens_in": 12}, {}), parent=lives.get())
        page = text(as_viewer.get(f"/runs/{mixed.id}/"))
        assert "Steps 43 with 6 calls, those of its child runs too" in page
        assert "1.50 s in calls, with those of its child runs" in page
        assert "Cost $0.009 " in page and "Tokens 12 in, 0 out" in page

    def test_a_lane_is_drawn_as_waiting_while_it_waits_and_afterwards(self, as_viewer: Client, mixed: Run) -> None:
        child = Run.objects.filter(parent=mixed, status="held").get()
        assert child.started

        def drawn() -> list[str]:
            page = as_viewer.get(f"/runs/{mixed.id}/").content.decode()
            [said] = re.findall('aria-label="(.*?)"', page.partition(f'id="lane-{child.id}"')[2].partition("</li>")[0])
            return re.findall("queued|running|waiting(?: for a person)?", said)

        def waits(wait: str, since: datetime | None) -> None:
            Run.objects.filter(id=child.id).update(
                status="waiting", wait=wait, awaits='paid "x"' if since else "", since=since,
                due=child.step_deadline if since else None, holder=None, step_deadline=None,
            )  # fmt: skip

        waits("event", child.started)
        assert drawn() == ["queued", "waiting"]
        waits("children", None)
        assert drawn() == ["queued", "waiting"]
        middle = child.started + timedelta(seconds=20)
        times = {"started": child.started + timedelta(seconds=5), "finished": middle}
        StepRecord.objects.create(run=child, seq=1, step="way", path="way", visit=1, type="set", state_hash="0" * 64, **times)
        assert drawn() == ["queued", "running", "waiting"]
        StepRecord.objects.filter(run=child).update(type="wait")
        Run.objects.filter(id=child.id).update(
            **{name: getattr(child, name) for name in ("status", "wait", "holder", "due", "step_deadline")}
        )
        assert drawn() == ["queued", "running", "waiting"]
        Run.objects.filter(id=child.id).update(status="succeeded", holder=None, step_deadline=None, ended=middle)
        StepRecord.objects.filter(run=child).update(started=child.started)
        assert drawn() == ["queued", "waiting"]

    def test_lanes_are_chosen_by_the_address_and_told_alone(self, as_viewer: Client, mixed: Run) -> None:
        failed = fragment(as_viewer, f"/runs/{mixed.id}/?lanes=failed", "run")
        assert re.findall(r"Item (\d+) order", text(failed)) == ["2", "6"]
        assert f'data-live-href="/runs/{mixed.id}/?lanes=failed"' in failed.content.decode()
        alone = fragment(as_viewer, f"/runs/{mixed.id}/?lanes=failed", "lanes")
        assert alone.content.decode().strip().startswith('<section id="lanes"')
        assert fragment(as_viewer, f"/runs/{mixed.id}/?lanes=failed", "lanes", alone["ETag"]).status_code == 304
        Run.objects.filter(parent=mixed, index=4).update(revision=9)
        assert fragment(as_viewer, f"/runs/{mixed.id}/?lanes=failed", "lanes", alone["ETag"]).status_code == 200
        assert as_viewer.get(f"/runs/{mixed.id}/?lanes=nonsense").status_code == 422

    def test_more_follow_and_lead_back(self, as_viewer: Client, db: None) -> None:
        run = fans.waiting(40, ["succeeded"] * 30)
        first = as_viewer.get(f"/runs/{run.id}/?seq=open").content.decode()
        more = re.search(r'id="lanes-next"[^>]* href="([^"#]+)', first)
        assert more is not None
        second = text(as_viewer.get(more[1].replace("&amp;", "&")))
        assert re.findall(r"Item (\d+) order", second) == [str(number) for number in range(13, 25)]
        assert "First" in second

    @pytest.mark.parametrize("many", [20, 2_000])
    def test_they_cost_the_same_queries_however_many(self, as_viewer: Client, db: None, many: int) -> None:
        run = fans.waiting(many + 5, [MIXED[number % len(MIXED)] for number in range(many)])
        assert queries(lambda: as_viewer.get(f"/runs/{run.id}/")) == 26
        assert queries(lambda: fragment(as_viewer, f"/runs/{run.id}/", "lanes")) == 17
        assert queries(lambda: as_viewer.get("/runs/")) == 12


@pytest.mark.any_database
class TestKin:
    def test_a_child_says_where_it_belongs_and_leads_up_and_on(self, as_viewer: Client, mixed: Run) -> None:
        child, before, after = (Run.objects.get(parent=mixed, index=index) for index in (4, 3, 5))
        page = as_viewer.get(f"/runs/{child.id}/").content.decode()
        assert "Item 5 of Each order" in text(as_viewer.get(f"/runs/{child.id}/"))
        assert f'<a href="/runs/{mixed.id}/">O-1</a>' in page
        assert f'href="/runs/{before.id}/"' in page and f'href="/runs/{after.id}/"' in page
        start = text(as_viewer.get(f"/runs/{child.id}/?seq=0"))
        assert "The item" in start and "order 4" in start and "around" not in start

    def test_a_child_is_cancelled_alone_and_a_parent_with_all_of_them(self, as_operator: Client, mixed: Run) -> None:
        child = Run.objects.get(parent=mixed, index=4)
        assert "counts the item as failed" in text(as_operator.get(f"/runs/{child.id}/cancel/"))
        assert "Its 4 child runs that are under way stop too" in text(as_operator.get(f"/runs/{mixed.id}/cancel/"))


@pytest.mark.any_database
class TestOnAnEngine:
    def test_a_question_of_a_child_says_of_which_run_it_is_a_part(self, as_operator: Client, ada: Api, odd: Run) -> None:
        asked = Escalation.objects.get()
        listed = text(as_operator.get("/inbox/"))
        assert "item 2 of Each order" in listed and "O-7" in listed
        page = as_operator.get(f"/inbox/{asked.id}/")
        assert "item 2 of Each order" in text(page)
        assert f"/runs/{odd.id}/" in page.content.decode()
        assert "odd one" in text(page) and "spring" in text(page)
        _, found = ada.get(f"escalations/{asked.id}")
        assert (found["parent"], found["index"]) == (odd.id, 1)

    def test_what_a_child_reads_from_the_run_around_it_has_its_writer(self, as_viewer: Client, odd: Run) -> None:
        child = Run.objects.get(parent=odd, index=1)
        way = text(as_viewer.get(f"/runs/{child.id}/?seq=1"))
        assert "Rules , in the run around it" in way and '"odd one" the item' in way
        assert f'href="/runs/{odd.id}/?seq=1#chosen"' in as_viewer.get(f"/runs/{child.id}/?seq=1").content.decode()
        assert "item 1 of each order" not in way.partition("Path")[2].partition("Outline")[0].lower()
        for shown in ("?seq=0", "?at=1", "?seq=2"):
            assert as_viewer.get(f"/runs/{child.id}/{shown}").status_code == 200
        assert f'"around": [ [ "{odd.id}", 0, 1 ] ]' in text(as_viewer.get(f"/runs/{child.id}/evidence.json"))
        found = seen(child.id, "each[1]/ask", {"rules": "", "way": "each"})
        assert found == Seen(odd.id, {"item": "odd one", "index": 1}, {"rules": {"of": "spring"}})
        assert seen(odd.id, "each", {"rules": ""}) is None

    def test_a_step_that_is_over_keeps_its_lanes_and_says_what_they_were_given(
        self, as_viewer: Client, odd: Run, floor: Floor, monkeypatch: Any  # noqa: F811
    ) -> None:  # fmt: skip
        asked = Escalation.objects.get()
        acts.cancel(run=asked.run_id, by="otto", reason="no longer wanted")
        run = floor.ended(odd.id)
        page = text(as_viewer.get(f"/runs/{run.id}/?seq=2"))
        assert "4 items each in a run of its own" in page
        assert "All 4 Failed 1 Done 2 Cancelled 1" in page
        assert "expression: " in page
        given = page.partition(" Input ")[2].partition(" Output ")[0]
        assert [given.index(f'"{each}"') for each in ("plain", "odd one", "last", "broken")] and "total" not in given
        monkeypatch.setattr(lanes_view, "MOST_GIVEN", 3)
        page = text(as_viewer.get(f"/runs/{run.id}/?seq=2"))
        assert "Input A list of 4 items, each of which stands with its run." in page
        assert 'live-topic="children' not in as_viewer.get(f"/runs/{run.id}/?seq=2").content.decode()

    def test_an_item_s_name_says_where_it_is_cut_however_large_it_is(self, as_viewer: Client, mixed: Run) -> None:
        long, blobs = "An order of many words. " * 10, dict[str, str]()
        given: list[Any] = [long, long * 4_000, {"id": "T-7", "text": long * 4_000}, long[:120], {"id": "T-8", "text": long}]
        for index, item in enumerate(given):
            child = Run.objects.filter(parent=mixed, index=index)
            child.update(input=pack({"item": item, "index": index}, blobs))
        keep(blobs)
        said = {lane.index: lanes_view.about(lane.item) for lane in children.children(mixed.id, "each", 1).lanes}
        assert said[0] == said[1] == f"{long[:119].rstrip()}…"
        assert said[2].startswith('{"id":"T-7","text":"An order') and said[2].endswith("…") and len(said[2]) <= 120
        assert (said[3], said[4]) == (long[:120], f"T-8 · {said[0]}")
        assert f"Item 2 {said[1]}" in text(as_viewer.get(f"/runs/{mixed.id}/"))

    def test_arms_are_called_by_their_titles(self, as_viewer: Client, floor: Floor) -> None:  # noqa: F811
        arms = [
            {"id": "legal", "title": "Legal", "body": [{"id": "law", "type": "set", "values": {"ok": True}}]},
            {"id": "style", "body": [{"id": "tone", "type": "set", "values": {"ok": "${run.input.n > 0.0}"}}]},
        ]
        checks = {"id": "checks", "type": "parallel", "branches": arms, "next": "done"}
        run = floor.run(workflow(checks, end("${steps.checks.legal}"), models={}))
        page = text(as_viewer.get(f"/runs/{run.id}/?seq=1"))
        assert "2 arms" in page and "Legal" in page and "Style" in page
        assert "Input Each of its 2 arms reads what it needs by itself." in page
        child = Run.objects.get(parent=run, index=0)
        page = text(as_viewer.get(f"/runs/{child.id}/"))
        assert "Arm Legal" in page and "As arm Legal." in page
        assert "An arm has no input of its own" in text(as_viewer.get(f"/runs/{child.id}/?seq=0"))

    def test_a_called_workflow_is_one_lane_and_leads_back(
        self,
        as_viewer: Client,
        ada: Api,
        floor: Floor,  # noqa: F811
    ) -> None:
        publish(orders("orders"))
        call = {"id": "send", "title": "Send them", "type": "workflow", "workflow": "orders@1", "next": "done"}
        publish(workflow({**call, "input": {"orders": ["odd one"]}}, end(), id="outer", title="Outer", models={}))
        run = acts.start(workflow="outer", input={"text": "x", "n": 0}, by="otto", key="O-9")
        floor.until(run, lambda found: Escalation.objects.exists() and found.wait == "children")
        page = text(as_viewer.get(f"/runs/{run}/"))
        assert "Waiting for a person in the workflow that it calls" in page
        assert "waiting for the child runs of Send them" in as_viewer.get(f"/runs/{run}/").content.decode()
        assert "The workflow that it calls in a run of its own Orders" in page
        called = Run.objects.get(parent=run)
        given = r'id="given"><h4>Input <span class="quiet">given to <a href="/runs/{}/">.*odd one'
        assert re.search(given.format(called.id), as_viewer.get(f"/runs/{run}/").content.decode(), re.DOTALL)
        page = text(as_viewer.get(f"/runs/{called.id}/"))
        assert "Runs Orders O-9 Orders" in page and "Called by Send them." in page
        assert "odd one" in text(as_viewer.get(f"/runs/{called.id}/?seq=0"))
        item = Run.objects.get(parent=called)
        for path in ("/runs/", "/runs/?status=person"):
            assert "Waiting for a person in the workflow that it calls" in text(as_viewer.get(path)), path
        assert "Waiting for a person in 1 of 1 item" in text(as_viewer.get(f"/runs/{run}/?lanes=person"))
        assert children.counts(run, "send", 1) == ({**dict.fromkeys(children.STATES, 0), "person": 1}, {called.id})
        (asked,) = (one["id"] for one in ada.get("escalations")[1]["items"])
        for one in (run, called.id, item.id):
            assert [found["id"] for found in ada.get(f"escalations?run={one}")[1]["items"]] == [asked]
        assert ada.get(f"escalations?run={run[:-1]}z")[1]["items"] == [], "an id that nothing has"
        assert "Runs Orders O-9 Orders Previous" not in (page := text(as_viewer.get(f"/runs/{item.id}/")))
        assert "Runs Orders O-9 Orders Item 1 of Each order" in page
        assert as_viewer.get(f"/inbox/{Escalation.objects.get().id}/").status_code == 200
        resolve(escalation=asked, action="yes", values={}, by="otto")
        floor.ended(run)
        page = as_viewer.get(f"/runs/{run}/?seq=1").content.decode()
        assert re.search(given.format(called.id), page, re.DOTALL) and "total" not in page.partition('id="given"')[2]
        assert ada.get(f"runs/{run}/records")[1]["items"][0]["input"] == {"orders": ["odd one"]}

    def test_what_broke_the_contract_of_a_called_workflow_is_in_the_record_and_counts_nothing(
        self, as_viewer: Client, ada: Api, floor: Floor  # noqa: F811
    ) -> None:  # fmt: skip
        takes = {"type": "object", "properties": {"total": {"type": "number", "maximum": 2}}}
        publish(workflow(end(), id="inner", input=takes, models={}))
        call = {"id": "send", "type": "workflow", "workflow": "inner@1", "input": {"total": "${run.input.n}"}, "next": "done"}
        publish(workflow(call, end(), id="outer", models={}))
        for n, status in ((2, "succeeded"), (3, "failed")):
            run = acts.start(workflow="outer", input={"text": "x", "n": n}, by="otto")
            assert floor.ended(run).status == status
            assert ada.get(f"runs/{run}/records")[1]["items"][0]["input"] == {"total": n}
            page = text(as_viewer.get(f"/runs/{run}/?seq=1"))
            assert ("The workflow that it calls" in page) == (status == "succeeded")
            assert f'"total": {n}' in page


@pytest.mark.any_database
class TestWorkflowPages:
    def test_the_outline_says_what_runs_for_each_item_and_at_once(self, as_designer: Client, db: None) -> None:
        arms = [{"id": name, "body": [{"id": f"do_{name}", "type": "set", "values": {"x": 1}}]} for name in ("legal", "style")]
        publish(workflow(
            {"id": "each", "type": "map", "over": "${[1, 2]}", "max_items": 20, "concurrency": 4, "on_item_error": "collect",
             "need": "80%", "body": [{"id": "note", "type": "set", "values": {"x": "${item}"}}], "next": "looks"},
            {"id": "looks", "type": "parallel", "join": "any", "branches": arms, "next": "done"},
            end(), models={},
        ))  # fmt: skip
        page = text(as_designer.get("/workflows/sample/?open=all"))
        assert "Runs what is in it for each item of a list, at most 20 items, 4 at once." in page
        assert "An item that fails is kept in its place, with its error; 80% have to be done." in page
        assert "Runs its 2 arms at once. The first that is done is enough, and the others are cancelled then." in page
        assert "One arm of Looks, in a run of its own." in page
        assert "then the end of the item" in page and "then the end of the arm" in page
        assert "the item all of it" in page and "Goes over" in page
        assert "most 20 items of 1 step, 4 at once" in text(as_designer.get("/workflows/sample/proof/"))
        tried = text(as_designer.get("/workflows/sample/try/?step=note"))
        assert '"index": 0' in tried and "can't be tried alone: Each, Looks. Start" in tried

    def test_a_change_in_an_arm_is_told_as_one_of_a_step(self) -> None:
        before = "steps:\n- {id: p, type: parallel, branches: [{id: a, body: [{id: x, type: set}]}]}\n"
        after = before.replace("{id: x, type: set}", "{id: x, type: set, values: {n: 1}}, {id: y, type: set}")
        assert definition_diff(before, after)["steps"] == {"renamed": {}, "added": ["y"], "taken": [], "changed": ["x"]}
