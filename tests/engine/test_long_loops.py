"""A loop of many rounds: what is written for a round does not grow with those before it, and its progress is still told."""

from typing import Any

import pytest

from orchestration.queries import progress, records
from orchestration.record import recorder
from orchestration.record.rows import Commit
from tests.engine.conftest import Floor
from tests.engine.publishing import end, workflow

ROUNDS = 300


def growing(**more: Any) -> list[dict[str, Any]]:
    """Counts up to `until`, and makes progress by that."""
    loop = {
        "id": "grow", "type": "loop", "max": ROUNDS, "progress": "carry.n",
        "carry": {"n": 100000.0}, "update": {"n": "${steps.bump.n}"},
        "body": [{"id": "bump", "type": "set", "values": {"n": "${carry.n + 1.0}"}}], "next": "done", **more,
    }  # fmt: skip
    return [loop, end({"n": "${steps.grow.n}"}), end(id="tired")]


def size_of(commit: Commit) -> int:
    """All that a commit writes, in characters."""
    return len(str(commit.row)) + sum(map(len, map(str, commit.records))) + sum(map(len, commit.blobs.values()))


def test_what_a_round_writes_does_not_grow_with_the_rounds_before_it(floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[tuple[int, int, int]] = []
    apply = recorder.apply

    def measured(commits: list[Commit]) -> list[bool]:
        written.extend((commit.row.seq, len(commit.records), size_of(commit)) for commit in commits)
        return apply(commits)

    monkeypatch.setattr(recorder, "apply", measured)
    run = floor.run(workflow(*growing(), limits={"steps": 5 * ROUNDS}))
    assert (run.status, floor.output(run)) == ("succeeded", {"n": 100000.0 + ROUNDS})
    each = {seq: size / records for seq, records, size in written if records > 10 and seq <= ROUNDS}
    first, last = min(each), max(each)
    assert (first <= 100, last >= ROUNDS - 100) == (True, True), written
    assert each[last] <= each[first] * 1.1, (each[first], each[last])


def test_a_loops_whole_progress_is_read_from_its_records(floor: Floor, django_assert_num_queries: Any) -> None:
    run = floor.run(workflow(*growing(max=40), limits={"steps": 500}))
    whole = [100001.0 + number for number in range(40)]
    at_30, closed = records.record(run.id, 30), records.record(run.id, 41)
    assert (at_30.decision["series"], at_30.decision["round"]) == (whole[25:30], "grow[30]")
    with django_assert_num_queries(1):
        assert progress.progress(run.id, at_30.decision, 30) == tuple(enumerate(whole[:30], 1))
    assert (closed.path, closed.decision["series"]) == ("grow", whole)
    assert [view.decision.get("series") for view in records.records(run.id).items][-3:] == [whole[35:], whole, None]


def test_progress_is_told_of_the_loop_and_the_time_that_are_asked_for(floor: Floor) -> None:
    """An inner loop begins anew in each round of the outer one; one that is broken out of has no number of its last round."""
    inner = growing(max=3)[0] | {"carry": {"n": "${iter.index * 10.0}"}, "next": "look"}
    look = {"id": "look", "type": "branch", "cases": [{"when": "iter.index == 3", "to": "break"}], "default": "continue"}
    outer = {"id": "outer", "type": "loop", "max": 4, "body": [inner, look], "progress": "${steps.grow.n}", "next": "done"}
    run = floor.run(workflow(outer, end()))
    paths = {path: seq for seq, path in enumerate(floor.paths(run), 1)}

    def told(path: str) -> tuple[tuple[int, float], ...]:
        return progress.progress(run.id, records.record(run.id, paths[path]).decision, paths[path])

    assert told("outer[2]/grow[2]/bump") == ((1, 21.0), (2, 22.0))
    assert told("outer[1]/grow") == ((1, 11.0), (2, 12.0), (3, 13.0))
    assert told("outer[2]/look") == ((1, 13.0), (2, 23.0))
    assert told("outer") == ((1, 13.0), (2, 23.0)), "round 3 was left before it ended"
    assert told("outer[3]/look") == ()
