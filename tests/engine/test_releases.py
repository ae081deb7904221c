"""Two releases at work on one database: what the newer one has written, the older one leaves alone. And a migration only adds."""

import importlib
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, migrations, models
from django.test import Client

from orchestration import migrations as folder
from orchestration.acts import resolve, runs
from orchestration.core.errors import Conflict
from orchestration.executor import sweep
from orchestration.models import Escalation, Run, Version
from orchestration.record import rows
from orchestration.record.clock import database_now
from orchestration.record.pack import unpack_all
from tests.api import Api
from tests.engine.conftest import Floor
from tests.engine.crew import Crew
from tests.engine.publishing import end, workflow
from tests.engine.sample import PERSON, publish_sample


def go_on(crew: Crew) -> None:
    while gate := crew.gate():
        crew.pass_gate(gate)


def test_what_a_newer_release_has_started_or_moved_an_older_one_leaves_alone(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sweep frees the run all the same: that writes nothing but who holds it."""
    moved, ours = crew.start(0, "k1"), crew.start(PERSON, "k2")
    with monkeypatch.context() as newer:
        newer.setattr(rows, "FORMAT", rows.FORMAT + 1)
        started = crew.start(PERSON, "k3")
        crew.engine(0).claim({moved})
        crew.pass_gate(crew.gate())
        crew.gone(crew.engine(0))
    crew.take_over(crew.engine(1))
    go_on(crew)
    found = dict(Run.objects.values_list("id", "status"))
    assert (found[moved], found[started], found[ours]) == ("ready", "ready", "waiting")
    assert Run.objects.get(id=moved).suspicion
    assert sweep.suspects(crew.clock.at) == set()
    for run in (moved, started):
        with pytest.raises(Conflict, match="newer release"):
            runs.cancel(run=run, by="otto")
    monkeypatch.setattr(rows, "FORMAT", rows.FORMAT + 1)
    assert sweep.suspects(crew.clock.at)
    crew.everybody_claims()
    go_on(crew)
    assert set(Run.objects.values_list("status", flat=True)) == {"waiting"}
    crew.answer(Escalation.objects.get(run=ours).id)
    assert Run.objects.get(id=ours).format == rows.FORMAT


def asking(to: str, **more: Any) -> dict[str, Any]:
    """A person is asked, and the run goes on there."""
    check = {"id": "check", "type": "human", "actions": [{"id": "ok", "label": "Fine", "to": to}], "deadline": "1d"}
    return workflow({**check, "on_deadline": to, **more}, end(), end(id="other", outcome="bad"), models={})


def test_runs_finish_on_their_version_whatever_is_published_meanwhile(floor: Floor) -> None:
    first = floor.run(asking("done"))
    second = floor.run(asking("other"))
    for run, outcome in ((first, "good"), (second, "bad")):
        resolve.resolve(escalation=floor.escalation(run).id, action="ok", values={}, by="otto")
        assert floor.ended(run.id).outcome == outcome
    assert (first.version.number, second.version.number) == (1, 2)


def test_a_step_type_that_this_release_has_no_more_goes_to_a_person_and_waits_for_its_return(
    timed: Floor, as_viewer: Client, as_operator: Client
) -> None:
    run = timed.run(asking("done"))
    version = run.version
    kept = version.definition
    assert kept.count('"human"') == 1
    Version.objects.update(definition=kept.replace('"human"', '"oracle"'), hash="of a release that knew it")
    timed.advance(90_000)
    for deaths in (1, 2):
        timed.until(run.id, lambda found, deaths=deaths: found.deaths == deaths)
        timed.advance(60)
    pause = timed.escalation(timed.until(run.id, lambda found: found.status == "quarantined"))
    assert pause.title == "This run can't be read"
    assert "oracle" in unpack_all([pause.reason])[0]["because"]
    for page in (f"/runs/{run.id}/", f"/inbox/{pause.id}/", "/runs/", "/inbox/"):
        assert as_viewer.get(page).status_code == 200, page
    with pytest.raises(Conflict, match="can't be read"):
        resolve.resolve(escalation=pause.id, action="retry", values={}, by="otto")
    cancelled = Api(User.objects.get(username="otto")).post(f"runs/{run.id}/cancel")
    assert (cancelled[0], cancelled[1]["code"]) == (409, "unreadable_run")
    assert "oracle" in cancelled[1]["detail"]
    page = as_operator.post(f"/runs/{run.id}/cancel/", {"reason": "A duplicate"})
    assert page.status_code == 409
    assert cancelled[1]["detail"] in unescape(page.content.decode())
    assert "A duplicate" in page.content.decode()
    Version.objects.update(definition=kept, hash=version.hash)
    resolve.resolve(escalation=pause.id, action="retry", values={}, by="otto")
    assert timed.rested(run.id).status == "waiting"


ADDING = (
    migrations.AddField,
    migrations.AddIndex,
    migrations.CreateModel,
    migrations.RemoveIndex,  # which no process names
    migrations.RunPython,
    migrations.SeparateDatabaseAndState,
)
CONTRACTING: dict[str, str] = {"0006_child_runs": "no release before it made child runs, which `child_once` is about"}
"""Migrations that take something away, and since which release no process uses it: `{"0007_x": "0.3 stopped reading it"}`."""
MIGRATIONS = sorted(path.stem for path in Path(folder.__path__[0]).glob("0*.py"))[1:]


@pytest.mark.parametrize("name", MIGRATIONS)
def test_a_migration_only_adds_what_an_older_release_need_not_know(name: str) -> None:
    """Expand first: processes of the release before go on inserting rows without the new columns. What is taken away waits for a
    later release, and stands in `CONTRACTING`."""
    operations = importlib.import_module(f"orchestration.migrations.{name}").Migration.operations
    taking = [each for each in operations if not isinstance(each, ADDING) or not _optional(each)]
    assert bool(taking) == (name in CONTRACTING), [each.describe() for each in taking]


def _optional(operation: object) -> bool:
    """Whether a row may come without it."""
    if not isinstance(operation, migrations.AddField):
        return True
    field = operation.field
    return field.null or field.db_default is not models.NOT_PROVIDED or field.many_to_many


@pytest.mark.django_db
def test_a_run_that_an_older_release_inserts_has_what_it_does_not_know_of() -> None:
    run = publish_sample()
    known = {
        "id": "r",
        "workflow_id": run.workflow_id,
        "version_id": run.pk,
        "status": "ready",
        "due": database_now(),
        "created": database_now(),
    }
    known |= {
        "input": "null",
        "created_by": "ada",
        "state_hash": "h",
        "parent_path": "",
        "key": "",
        "labels": "{}",
        "position": "null",
    }
    known |= {"place": "", "seq": 0, "revision": 1, "fence": 0, "wait": "", "suspicion": 0, "deaths": 0, "spent": "{}", "cost": 0}
    known |= {"commit_id": "", "outcome": "", "output": "null", "error": "null"}
    with connection.cursor() as cursor:
        marks = ", ".join(["%s"] * len(known))
        cursor.execute(f"INSERT INTO orchestration_run ({', '.join(known)}) VALUES ({marks})", list(known.values()))
    found = Run.objects.get(id="r")
    assert (found.restored, found.format) == (0, 1)
