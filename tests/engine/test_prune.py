"""Pruning: what ended long ago goes, all else stays and goes on, and what is left says what was there."""

import threading
import time
from datetime import timedelta
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from orchestration import fsck
from orchestration.acts import events, prune, resolve, runs
from orchestration.core.errors import NotFound, Refused
from orchestration.models import Act, Blob, Call, Escalation, Event, Run, StepRecord, Tool
from orchestration.queries import changes, records
from orchestration.record import removal
from orchestration.record.pack import keep, pack
from tests import factories
from tests.engine.conftest import PATIENCE, Floor
from tests.engine.publishing import end, workflow
from tests.engine.test_runs import tool

LONG = "x" * 9000


def aged(*ids: str, days: float = 40) -> None:
    """They ended so long ago."""
    Run.objects.filter(id__in=ids).update(ended=timezone.now() - timedelta(days=days))


def over(text: str = "Good day", **more: Any) -> str:
    """A run that asked a person and has ended."""
    pause = factories.asked(text, **more)
    resolve.resolve(escalation=pause.id, action="send", values={"reply": "Done"}, by="otto")
    return factories.move(pause.run).id


def gone(**options: Any) -> prune.Pruned:
    return prune.prune(**{"days": 30, "by": "ops", **options})


@pytest.mark.django_db
class TestWhatGoes:
    def test_a_run_that_ended_long_ago_leaves_a_tombstone(self, as_viewer: Client) -> None:
        old = over(LONG + "old", idempotency="k1")
        young, waiting = over(LONG), factories.asked(LONG).run_id
        before = Run.objects.get(id=old)
        aged(old)
        aged(young, days=29)
        found = gone()
        assert (found.runs, found.records, found.escalations, found.acts) == (1, 3, 1, 2)
        assert found.blobs >= 2
        assert set(Run.objects.values_list("id", flat=True)) == {young, waiting}
        assert not [model for model in (StepRecord, Call, Escalation) if model.objects.filter(run_id=old).exists()]
        assert [str(finding) for finding in fsck.check()] == []
        [tombstone] = Act.objects.filter(subject=f"run:{old}")
        assert before.state_hash in tombstone.detail
        assert Act.objects.get(subject="prune").by == "ops"
        assert runs.start(workflow="asking", input={"text": LONG + "old"}, by="otto", idempotency="k1") == old
        assert Run.objects.count() == 2, "the start that was repeated has started nothing"

        page = as_viewer.get(f"/runs/{old}/", headers={"HX-Request": "true", "HX-Target": "run"})
        assert (page.status_code, page["HX-Refresh"]) == (404, "true")
        assert changes.revisions([f"run.{old}", "run.nothing"]) == {f"run.{old}": changes.GONE}
        assert "This run of asking was pruned on" in page.content.decode()
        assert "had ended on" in as_viewer.get(f"/api/v1/runs/{old}").json()["detail"]
        with pytest.raises(NotFound, match="3 step records; of what it stored nothing is left"):
            records.state_at(old)
        assert gone() == prune.Pruned(), "there is nothing more to do, and that is no act"
        assert Act.objects.filter(subject="prune").count() == 1

    def test_events_go_with_their_runs_and_once_nobody_takes_them_any_more(self) -> None:
        old = over()
        sent = [events.send(name="paid", correlation=n, payload=LONG + str(n), by="shop", idempotency=f"e{n}") for n in range(4)]
        ages = dict(zip((each["id"] for each in sent), (60, 31, 29, 60), strict=True))
        for event, days in ages.items():
            Event.objects.filter(id=event).update(received=timezone.now() - timedelta(days=days))
        Event.objects.filter(id=sent[3]["id"]).update(run=old)
        aged(old)
        assert gone(days=45, dry_run=True).events == 1
        assert gone(days=7, workflow="asking", dry_run=True).events == 1, "what nobody has taken is of no workflow"
        assert gone(days=7).events == 3
        assert list(Event.objects.values_list("id", flat=True)) == [sent[2]["id"]]
        again = events.send(name="paid", correlation=0, payload=LONG + "0", by="shop", idempotency="e0")
        assert again == sent[0]
        assert not Blob.objects.filter(body__contains=LONG + "1").exists()

    def test_what_is_asked_for_and_nothing_else(self) -> None:
        failed, other, live = over(), over(id="other"), factories.asked().run_id
        aged(failed, other)
        Run.objects.filter(id=live).update(ended=timezone.now() - timedelta(days=40))  # nothing that is not over ends
        Run.objects.filter(id=failed).update(status="failed")
        assert gone(dry_run=True).runs == 2
        assert gone(keep_failed=True, workflow="asking").runs == 0
        assert gone(keep_failed=True, dry_run=True).runs == 1
        assert gone(workflow="asking").runs == 1
        assert set(Run.objects.values_list("id", flat=True)) == {other, live}
        for wrong in ({"days": 0}, {"workflow": "nothing"}):
            with pytest.raises(Refused):
                gone(**wrong)

    def test_many_go_in_short_transactions_with_their_parents_last(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(prune, "BATCH", 2)
        ids = [over() for _ in range(7)]
        aged(*ids)
        Run.objects.filter(id__in=ids[1:3]).update(parent=ids[0], index=None)
        Run.objects.filter(id=ids[4]).update(parent=ids[3])
        Run.objects.filter(id=ids[6]).update(parent=ids[5])
        aged(ids[3], ids[6], days=1)
        steps: list[int] = []
        assert gone(progress=lambda so_far: steps.append(so_far.runs)).runs == 3
        assert steps[:2] == [2, 3], "children first"
        assert set(Run.objects.values_list("id", flat=True)) == set(ids[3:]), "what belongs to a run that stays, stays"

    def test_the_command_says_what_it_does(self) -> None:
        aged(over(LONG))
        told = StringIO()
        call_command("prune", "--days", "30", "--dry-run", stdout=told)
        call_command("prune", "--days", "30", stdout=told, stderr=told)
        first, *_, last = told.getvalue().splitlines()
        rows = "1 run with 3 step records, 0 calls, 1 escalation and 0 events"
        assert first == f"Would remove {rows}, and what nothing else stands on."
        assert last.startswith(f"Removed {rows}, and ")
        with pytest.raises(CommandError, match="At least one day"):
            call_command("prune", "--days", "0")


def test_workers_go_on_meanwhile(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    """They write the very values that are being removed."""
    monkeypatch.setattr(prune, "BATCH", 3)
    step, tools = tool(floor, effect="none", input={"text": "${run.input.text}"})
    definition = workflow(step, end({"text": "${run.input.text}"}), tools=tools, models={})
    first = floor.run(definition, {"text": LONG})
    aged(*(floor.another(first).id for _ in range(8)))
    Blob.objects.get(hash=first.input[1:])

    def another(_: prune.Pruned) -> None:
        started.append(runs.start(workflow=first.workflow_id, input={"text": LONG + str(len(started) % 2), "n": 0}, by="ada"))

    started: list[str] = []
    another(prune.Pruned())
    assert gone(progress=another).runs == 8
    aged(*(floor.ended(run).id for run in started))
    assert len(started) > 3, "it went in several batches"
    assert gone().runs == len(started)
    assert Run.objects.get().id == first.id


@pytest.mark.postgresql
class TestAValueThatIsWantedAgain:
    """Somebody writes a value that nothing stood on any more, in a transaction that begins before it is removed."""

    @pytest.fixture
    def value(self, transactional_db: None) -> dict[str, str]:
        blobs: dict[str, str] = {}
        self.packed = pack(LONG, blobs)
        with transaction.atomic():
            keep(blobs)
        return blobs

    def removing(self, monkeypatch: pytest.MonkeyPatch, meanwhile: Any) -> int:
        """`drop_orphans`; `meanwhile` is called when it waits for others."""
        monkeypatch.setattr(removal, "time", SimpleNamespace(monotonic=time.monotonic, sleep=lambda seconds: meanwhile()))
        return removal.drop_orphans()

    def writer(self, *steps: Any) -> tuple[threading.Thread, threading.Event]:
        """A transaction that has done the first step, and goes on when it is told."""
        begun, told = threading.Event(), threading.Event()

        def write() -> None:
            with transaction.atomic():
                steps[0]()
                begun.set()
                told.wait(PATIENCE)
                for step in steps[1:]:
                    step()
            connection.close()

        thread = threading.Thread(target=write)
        thread.start()
        assert begun.wait(PATIENCE)
        return thread, told

    def refer(self) -> None:
        Tool.objects.create(name="t", definition=self.packed)

    def test_is_kept_for_who_wrote_it_before(self, value: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        thread, told = self.writer(lambda: keep(value), self.refer)
        assert self.removing(monkeypatch, told.set) == 0
        thread.join(PATIENCE)
        assert Blob.objects.count() == 1
        assert [str(finding) for finding in fsck.check()] == []

    def test_is_not_removed_where_the_two_would_wait_for_each_other(
        self, value: dict[str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        thread, told = self.writer(lambda: keep({"0" * 64: "x"}), lambda: keep(value), self.refer)
        with pytest.raises(removal.Busy):
            self.removing(monkeypatch, told.set)
        thread.join(PATIENCE)
        assert Blob.objects.filter(hash=self.packed[1:]).exists()
