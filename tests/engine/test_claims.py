"""What it takes to claim a run that a worker was hinted at."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from orchestration.executor import sweep
from orchestration.models import Run
from orchestration.record import on_postgresql
from orchestration.record.clock import database_now
from tests.engine.publishing import end, publish, workflow


@pytest.mark.postgresql
def test_a_hinted_run_is_found_by_its_key_however_many_are_due(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by a worker that has been there since the tables were empty, whose plan of this statement is as old."""
    version = publish(workflow(end(), models={}))
    now = database_now()
    monkeypatch.setattr(sweep, "rows_of", explained := Explained())
    sweep.claim("w", 0, 5, now, ["none"])
    many = [
        Run(
            id=f"r{n:03}", workflow_id=version.workflow_id, version=version, input="{}", created=now, created_by="ada",
            status="ready", due=now - timedelta(hours=n),
        )
        for n in range(300)
    ]  # fmt: skip
    Run.objects.bulk_create(many)
    claimed = sweep.claim("w", 0, 5, now, [f"r{n:03}" for n in range(0, 20, 2)])
    assert set(claimed) == {"r010", "r012", "r014", "r016", "r018"}, "the oldest first"
    assert len(explained.plans) == 2
    for plan in explained.plans:
        assert "orchestration_run_pkey" in plan
        assert "run_due" not in plan


class Explained:
    """`rows_of`, with the plan that the server makes at that moment."""

    def __init__(self) -> None:
        self.plans: list[str] = []

    def __call__(self, sql: str, given: Sequence[Any]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {sql}", given)
            self.plans.append("\n".join(line for (line,) in cursor.fetchall()))
        return on_postgresql.rows_of(sql, given)


def test_a_run_may_be_claimed_or_is_busy_in_one_sense() -> None:
    idle, busy = (set(re.findall(r"'(\w+)'", said)) for said in (sweep._IDLE, sweep._NOT_BUSY))
    assert idle ^ busy == set(Run.Status)
