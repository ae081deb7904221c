"""P2: nobody writes over another, whatever else is written in the same flush."""

from concurrent.futures import Future, wait
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import DataError, IntegrityError

from orchestration.models import Blob, Run, StepRecord, Version, Workflow
from orchestration.models.fields import new_id
from orchestration.record.apply import applied, apply
from orchestration.record.pack import pack, unpack_all
from orchestration.record.recorder import Recorder
from orchestration.record.rows import Commit, RecordRow, RunRow

NOW = datetime(2026, 11, 22, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def version(transactional_db: None) -> Version:
    workflow = Workflow.objects.create(id="sample")
    return Version.objects.create(
        workflow=workflow, number=1, hash="h", definition="{}", text="", proof="{}", published_by="dora"
    )


def held_run(version: Version) -> Run:
    return Run.objects.create(
        workflow=version.workflow, version=version, input="{}", created=NOW, created_by="ada", status="held", holder="w1",
        fence=3, step_deadline=NOW, state_hash="0",
    )  # fmt: skip


def row(**changes: Any) -> RunRow:
    base = RunRow(
        status="ready", position="null", place="next", seq=1, fence=3, holder=None, step_deadline=None,
        due=NOW + timedelta(seconds=5), wait="", suspicion=0, deaths=0, spent="{}", cost=2**40, asked=None, state_hash="1",
        outcome="", output="null", error="null", started=NOW, ended=None,
    )  # fmt: skip
    return replace(base, **changes)


def record(run: str, seq: int = 1, output: str = "{}") -> RecordRow:
    return RecordRow(run, seq, "a", "a", 1, "set", "", "null", output, "{}", "{}", "null", "{}", "1", None, NOW, NOW)


def commit(run: Run, **changes: Any) -> Commit:
    made = Commit(run.id, run.fence, run.revision, new_id(), row(**changes.pop("row", {})))
    made.records.append(record(run.id))
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def test_only_those_whose_fence_and_revision_still_match_are_written(version: Version) -> None:
    runs = [held_run(version) for _ in range(4)]
    commits = [commit(run) for run in runs]
    commits[1].fence = 2
    commits[2].revision = 9
    assert apply(commits) == [True, False, False, True]
    for run, moved in zip(runs, (True, False, False, True), strict=True):
        run.refresh_from_db()
        assert (run.status, run.revision) == (("ready", 2) if moved else ("held", 1))
        assert run.records.count() == moved
    runs[0].refresh_from_db()
    assert (runs[0].due, runs[0].cost, runs[0].place) == (NOW + timedelta(seconds=5), 2**40, "next")


def test_a_commit_that_was_applied_is_not_applied_again_and_can_be_recognised(version: Version) -> None:
    run = held_run(version)
    made = commit(run)
    assert apply([made]) == [True]
    assert apply([made]) == [False]
    assert applied([made, commit(held_run(version))]) == [True, False]
    assert StepRecord.objects.count() == 1


def test_big_values_stand_in_a_blob_of_their_own_once(version: Version) -> None:
    blobs: dict[str, str] = {}
    big = {"text": "x" * 10_000, "at": "@not a blob"}
    packed = pack(big, blobs)
    for run in (held_run(version), held_run(version)):
        assert apply([commit(run, blobs=blobs, records=[record(run.id, output=packed)])]) == [True]
    assert Blob.objects.count() == 1
    assert unpack_all(StepRecord.objects.values_list("output", flat=True)) == [big, big]
    assert unpack_all([pack("@small", {})]) == ["@small"]


def asked(recorder: Recorder, made: Commit) -> "Future[bool]":
    future: Future[bool] = Future()
    recorder.commit(made, future)
    return future


def test_a_guilty_commit_fails_alone(version: Version) -> None:
    """Sixteen in one flush, one of which breaks a constraint: its run learns that, the others are written."""
    runs = [held_run(version) for _ in range(16)]
    commits = [commit(run) for run in runs]
    commits[11].records.append(record(runs[11].id))
    recorder = Recorder(on_death=lambda error: None)
    futures = [asked(recorder, made) for made in commits]  # before it starts, so that they share a flush
    recorder.start()
    wait(futures, timeout=30)
    recorder.stop()
    assert isinstance(futures[11].exception(), (IntegrityError, DataError))
    assert [future.result() for index, future in enumerate(futures) if index != 11] == [True] * 15
    runs[11].refresh_from_db()
    assert (runs[11].status, runs[11].records.count()) == ("held", 0)


def test_one_flush_holds_one_commit_of_a_run_and_keeps_their_order(version: Version) -> None:
    run, other = held_run(version), held_run(version)
    first, second = commit(run), commit(run, row={"seq": 2})
    second.revision, second.records = 2, [record(run.id, 2)]
    recorder = Recorder(on_death=lambda error: None)
    futures = [asked(recorder, made) for made in (first, second, commit(other))]
    recorder.start()
    wait(futures, timeout=30)
    recorder.stop()
    assert [future.result() for future in futures] == [True, True, True]
    assert recorder.flushes == 2
    assert list(run.records.values_list("seq", flat=True)) == [1, 2]
