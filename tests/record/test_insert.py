"""New rows are written all or none, and as Django writes them."""

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from orchestration.acts import audit
from orchestration.models import Act, Blob, Run, Version, Workflow
from orchestration.record.insert import insert

NOW = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)
BLOBS = {"b" * 64: "%s; text'", "a" * 64: "more"}


@pytest.fixture
def version(transactional_db: None) -> Version:
    workflow = Workflow.objects.create(id="sample")
    return Version.objects.create(
        workflow=workflow, number=1, hash="h", definition="{}", text="", proof="{}", published_by="dora"
    )


def begun(run: str, version: Version, **more: Any) -> Run:
    return Run(
        id=run, workflow_id="sample", version=version, input='{"a": "%s; \'"}', created=NOW, created_by="ada", status="ready",
        due=NOW, state_hash="0", **more,
    )  # fmt: skip


def started(run: str, key: str) -> Act:
    return audit.act(audit.row(subject=f"run:{run}", verb="start", by="ada", key=key, body="b", answer={"id": run}, born=NOW))


def test_rows_stand_there_as_django_writes_them_and_take_one_round_trip(version: Version, django_assert_num_queries: Any) -> None:
    if connection.vendor == "postgresql":
        with django_assert_num_queries(1):
            insert((begun("r1", version, key="k"), started("r1", "k1")), BLOBS)
    insert((begun("r2", version), started("r2", "k2")), BLOBS)
    begun("r3", version).save(force_insert=True)
    ours, djangos = Run.objects.filter(id__in=("r2", "r3")).order_by("id").values()
    assert {**ours, "id": ""} == {**djangos, "id": ""}
    assert Act.objects.get(subject="run:r2").key == "ada:start:k2"
    assert dict(Blob.objects.values_list("hash", "body")) == BLOBS


@pytest.mark.parametrize("inside", [False, True])
def test_where_one_row_is_refused_nothing_is_written(version: Version, inside: bool) -> None:
    """Also inside a transaction, which goes on."""
    insert((begun("r1", version), started("r1", "k1")), {})
    with transaction.atomic() if inside else nullcontext():
        with pytest.raises(IntegrityError):
            insert((begun("r2", version), started("r2", "k1")), BLOBS)
        assert set(Run.objects.values_list("id", flat=True)) == {"r1"}
        insert((begun("r3", version), started("r3", "k3")), {})
    assert Run.objects.count() == Act.objects.count() == 2
    assert not Blob.objects.exists()
