"""Two releases at work on one database: what the newer one has written, the older one leaves alone. And a migration only adds."""

import importlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, migrations, models

from orchestration import migrations as folder
from orchestration.acts import runs
from orchestration.core.errors import Conflict
from orchestration.executor import sweep
from orchestration.models import Escalation, Run
from orchestration.record import rows
from orchestration.record.clock import database_now
from tests.engine.crew import PERSON, Crew, publish_sample


@pytest.fixture
def crew(db: None) -> Iterator[Crew]:
    crew = Crew(publish_sample())
    yield crew
    crew.judge()
    crew.heal()
    crew.close()


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


ADDING = (
    migrations.AddField,
    migrations.AddIndex,
    migrations.CreateModel,
    migrations.RunPython,
    migrations.SeparateDatabaseAndState,
)
CONTRACTING: dict[str, str] = {}
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
