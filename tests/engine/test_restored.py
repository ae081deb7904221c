"""A backup is restored: what the runs did after it may have happened, is asked about, and is not done again."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from orchestration import fsck, tasks
from orchestration.acts import resolve, restored, runs
from orchestration.core.errors import Conflict
from orchestration.models import Act, Escalation, Run
from orchestration.record.pack import unpack_all
from tests.engine.backups import Backup
from tests.engine.conftest import Floor
from tests.engine.crew import Crew
from tests.engine.publishing import end, publish, workflow
from tests.engine.sample import EFFECTS, PERSON
from tests.engine.test_runs import tool
from tests.servers import ScriptedServer
from tests.servers.ledger import Ledger


def lost(crew: Crew, effect: str) -> str:
    """A run that called its tool after the backup. The backup is restored, and another worker has it."""
    run = crew.start(EFFECTS.index(effect))
    crew.back_up()
    crew.engine(0).claim()
    while crew.gate().kind != "call":
        crew.pass_gate(crew.gate())
    crew.reach(crew.gate())
    old = crew.engine(0)
    crew.restore()
    crew.gone(old)
    crew.engine(1).claim()
    return run


def go_on(crew: Crew) -> None:
    while gate := crew.gate():
        crew.pass_gate(gate)


def sent(crew: Crew) -> list[int]:
    """How often each key has reached the other side."""
    return [len(found.bodies) for found in crew.witness.sent.values()]


def answer(crew: Crew, action: str) -> None:
    pause = Escalation.objects.get(status="open")
    known = [each["id"] for each in unpack_all([pause.actions])[0]]
    crew.answer(pause.id, known.index(action))
    crew.engine(1).claim()
    go_on(crew)


@pytest.mark.parametrize("action", ["happened", "did_not_happen", "nothing_happened"])
def test_before_an_irreversible_call_a_person_is_asked_once(crew: Crew, action: str, as_operator: Client) -> None:
    run = lost(crew, "irreversible")
    go_on(crew)
    pause = Escalation.objects.get(run=run)
    assert pause.kind == "unknown"
    page = as_operator.get(f"/inbox/{pause.id}/").content.decode()
    assert "restored from a backup" in page
    assert "Nothing happened since the backup" in page
    assert sent(crew) == [1]
    answer(crew, action)
    assert Escalation.objects.get(run=run, status="open").kind == "human", "the run has gone on"
    assert sent(crew) == ([1] if action == "happened" else [1, 1])
    assert bool(Run.objects.get(id=run).restored) == (action != "nothing_happened")


def test_a_reconcilable_call_is_asked_about_before_it_is_first_sent(crew: Crew) -> None:
    lost(crew, "reconcilable")
    go_on(crew)
    assert (sent(crew), Escalation.objects.get().kind) == ([1], "human")


def test_an_idempotent_call_is_sent_under_the_key_that_it_had(crew: Crew) -> None:
    lost(crew, "idempotent")
    go_on(crew)
    assert (sent(crew), Escalation.objects.get().kind) == ([2], "human")


def test_what_was_held_is_free_and_what_people_saw_is_stale(crew: Crew) -> None:
    waiting, held = crew.start(PERSON, "k1"), crew.start(0, "k2")
    crew.engine(0).claim({waiting})
    go_on(crew)
    over = crew.start(PERSON, "k3")
    crew.cancel(over)
    crew.engine(0).claim({held})
    before = {run.id: run for run in Run.objects.all()}
    lifted = restored.lift(by="ops")
    assert (lifted.runs, lifted.held, lifted.alive) == (2, 1, 1)
    after = {run.id: run for run in Run.objects.all()}
    for run in (waiting, held):
        assert after[run].fence == before[run].fence + restored.LIFT
        assert after[run].restored == before[run].seq + 1
    assert (after[held].status, after[held].holder) == ("ready", None)
    assert (after[over].fence, after[over].restored) == (before[over].fence, 0)
    pause = Escalation.objects.get(run=waiting).id
    with pytest.raises(Conflict, match="you saw revision"):
        resolve.resolve(escalation=pause, action="accept", values={}, by="otto", revision=before[waiting].revision)
    assert Act.objects.get(subject="database").verb == "restored"
    crew.witness.forget(crew.witness.remember(), restored.LIFT, crew.clock.at)
    for run, told in crew.witness.runs.items():
        told.revision = after[run].revision


class TestABackup:
    """A real one, of a run that waits for a person; then what the person lets it do is lost."""

    def definition(self, floor: Floor) -> dict[str, Any]:
        check = {"id": "check", "type": "human", "actions": [{"id": "go", "label": "Go", "to": "note"}], "deadline": "1d"}
        steps, tools = [], {}
        for name, effect, to in (
            ("note", "idempotent", "book"),
            ("book", "reconcilable", "send"),
            ("send", "irreversible", "done"),
        ):
            step, its = tool(floor, name, effect)
            steps.append({**step, "next": to})
            tools |= its
        tools["book_it"]["reconcile"] = {"method": "GET", "url": f"{floor.server.url}/effects/${{key}}"}
        return workflow({**check, "on_deadline": "note"}, *steps, end(), tools=tools, models={})

    def go(self, floor: Floor, run: str) -> Run:
        resolve.resolve(escalation=floor.escalation(Run(id=run)).id, action="go", values={}, by="otto")
        return floor.rested(run)

    def test_is_restored_and_nothing_is_done_twice(
        self, transactional_db: None, server: ScriptedServer, settings: Any, tmp_path: Path
    ) -> None:
        settings.REACH = (server.place,)
        server.ledger = Ledger(tmp_path / "ledger")
        floor = started(server)
        version = publish(self.definition(floor))
        run = runs.start(workflow=version.workflow_id, input={"text": "x", "n": 0}, by="ada")
        floor.rested(run)
        stopped(floor)
        with Backup(tmp_path) as backup:
            floor = started(server)
            assert self.go(floor, run).outcome == "good"
            stopped(floor)
            assert [effect.url.rpartition("/")[2] for effect in server.ledger.effects] == ["note", "book", "send"]
            backup.restore()

        assert restored.lift(by="ops").runs == 1
        floor = started(server)
        try:
            pause = floor.escalation(self.go(floor, run))
            assert (pause.kind, pause.path) == ("unknown", "send")
            assert len(server.ledger.effects) == 3
            output = server.ledger.effects[-1].output
            resolve.resolve(escalation=pause.id, action="happened", values={"message_id": output["message_id"]}, by="otto")
            assert floor.rested(run).outcome == "good"
        finally:
            stopped(floor)
        assert len(server.ledger.effects) == 3
        assert [str(found) for found in fsck.check(tmp_path / "ledger")] == []


def started(server: ScriptedServer) -> Floor:
    floor = Floor(server)
    floor.engine.start()
    tasks.use_engine(floor.engine)
    return floor


def stopped(floor: Floor) -> None:
    tasks.use_engine(None)
    floor.engine.stop(grace=1.0)
