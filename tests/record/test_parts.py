"""What a commit holds beside the run's move: written the same whether the commit is alone in its flush or one of many."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from django.db import DataError, connection

from orchestration.models import Act, Call, Escalation, Run, StepRecord, Version
from orchestration.models.fields import new_id
from orchestration.record import on_postgresql
from orchestration.record.apply import apply
from orchestration.record.rows import (
    ActRow,
    AnswerRow,
    ClosingRow,
    Commit,
    EscalationRow,
    IntentRow,
    RecordRow,
    ResendingRow,
)
from tests.record.test_apply import NOW, held_run, row, version

__all__ = ["version"]

ODD = '{"text":"\\"quoted\\", \\\\ and \\u2028 [1,2] {} $1 %s é\U0001f40c"}'
LATER = datetime(2026, 11, 22, 15, 0, 0, 1, tzinfo=timezone(timedelta(hours=2)))


def intent(run: str, n: int) -> IntentRow:
    return IntentRow(
        run, "a/b", 1, n, 0, 0, "attempt", "http", "tool's \\ \"name\"", "none", "key", ODD, 2**40, NOW, LATER,
    )  # fmt: skip


def answer(run: str, n: int, output: str = ODD) -> AnswerRow:
    return AnswerRow(LATER, ODD, output, "null", 1, 2, 2**40, run, "a/b", 1, n)


def pause(run: str, title: str) -> EscalationRow:
    return EscalationRow(
        new_id(), run, "human", "a", "a/b", 1, title, "line\nand line\t\x7f", "default", -1, "open", ODD, "{}", "{}", "{}", "[]",
        NOW, None,
    )  # fmt: skip


def full(version: Version) -> Commit:
    """A commit with a row of each part, of a run that has two open calls and an open escalation."""
    run = held_run(version)
    first = pause(run.id, "first")
    made = Commit(run.id, run.fence, run.revision, new_id(), row(fence=4, asked=ODD, step_deadline=LATER, due=LATER))
    before = replace(made, row=row(), intents=[intent(run.id, 1), intent(run.id, 2)], escalations=[first])
    assert apply([before]) == [True]
    made.revision += 1
    made.closings = [ClosingRow("resolved", ODD, "ada", NOW, run.id, first.id)]
    made.records = [RecordRow(run.id, 1, "a", "a/b", 1, "tool", None, ODD, ODD, "{}", "{}", "null", "{}", "1", None, NOW, LATER)]
    made.intents = [intent(run.id, 3)]
    made.escalations = [pause(run.id, "second")]
    made.acts = [ActRow(f"run:{run.id}", 1, "resolve", NOW, "ada", None, "", ODD, "null", "h")]
    made.answers = [answer(run.id, 1)]
    made.resendings = [ResendingRow(ODD, run.id, "a/b", 1, 2)]
    return made


def written(commit: Commit) -> dict[str, list[dict[str, Any]]]:
    """All that is in the database of its run, but for ids."""
    run = commit.run_id
    found = {
        "run": Run.objects.filter(id=run).values(),
        "records": StepRecord.objects.filter(run=run).order_by("seq").values(),
        "calls": Call.objects.filter(run=run).order_by("n").values(),
        "escalations": Escalation.objects.filter(run=run).order_by("title").values(),
        "acts": Act.objects.filter(subject=f"run:{run}").values(),
    }
    ids = ("id", "run_id", "commit_id", "subject")
    return {name: [{key: item[key] for key in item if key not in ids} for item in rows] for name, rows in found.items()}


def test_each_part_is_written_the_same_alone_and_among_others(version: Version) -> None:
    alone, many = full(version), [full(version) for _ in range(3)]
    assert apply([alone]) == [True]
    assert apply(many) == [True, True, True]
    found = written(alone)
    assert [written(each) for each in many] == [found] * 3
    assert [(call["finished"], call["resent"]) for call in found["calls"]] == [(LATER, "[]"), (None, ODD), (None, "[]")]
    assert [each["status"] for each in found["escalations"]] == ["resolved", "open"]
    assert {name: len(rows) for name, rows in found.items()} == {
        "run": 1, "records": 1, "calls": 3, "escalations": 2, "acts": 1,
    }  # fmt: skip
    assert (found["run"][0]["due"], found["records"][0]["finished"], found["run"][0]["asked"]) == (LATER, LATER, ODD)


def test_of_a_run_that_somebody_else_has_moved_no_part_is_written(version: Version) -> None:
    lost, many = full(version), [full(version) for _ in range(3)]
    lost.revision += 1
    many[1].fence -= 1
    before = [written(each) for each in (lost, *many)]
    assert apply([lost]) == [False]
    assert apply(many) == [True, False, True]
    after = [written(each) for each in (lost, *many)]
    assert [now == then for now, then in zip(after, before, strict=True)] == [True, False, True, False]


def test_a_call_that_was_answered_is_not_answered_again(version: Version) -> None:
    first = [full(version) for _ in range(3)]
    assert apply(first) == [True] * 3

    def again(commit: Commit) -> Commit:
        return Commit(commit.run_id, 4, commit.revision + 1, new_id(), row(), answers=[answer(commit.run_id, 1, '"other"')])

    assert apply([again(first[0])]) == [True]
    assert apply([again(each) for each in first[1:]]) == [True, True]
    assert set(Call.objects.filter(n=1).values_list("output", flat=True)) == {ODD}


@pytest.mark.postgresql
@pytest.mark.parametrize("count", [1, 3])
def test_what_is_too_long_for_its_column_is_refused_and_not_cut_off(version: Version, count: int) -> None:
    commits = [full(version) for _ in range(count)]
    commits[-1].records[0] = replace(commits[-1].records[0], actor="x" * 151)
    with pytest.raises(DataError):
        apply(commits)
    assert not StepRecord.objects.exists()


@pytest.mark.postgresql
@pytest.mark.parametrize("count", [1, 3])
def test_rows_are_found_by_their_keys_also_while_the_tables_are_small(version: Version, count: int) -> None:
    """A recorder keeps the plan of its first flush, however much its tables grow."""
    sql, values = on_postgresql._said([full(version) for _ in range(count)])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        for setting in on_postgresql._BY_KEY.split():
            cursor.execute(f"SET {setting}")
        cursor.execute(b"PREPARE flush AS " + sql)
        cursor.execute(f"EXPLAIN (FORMAT JSON) EXECUTE flush ({', '.join(['%s'] * len(values))})", values)
        plan = cursor.fetchone()[0][0]["Plan"]
        cursor.execute("DEALLOCATE flush; RESET ALL")
    reads = [node for node in nodes(plan) if node["Node Type"] in ("Seq Scan", "Index Scan", "Bitmap Index Scan")]
    assert len(reads) == 4, "the run, its escalation, and two calls"
    assert all("Index Cond" in node for node in reads), reads


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


@pytest.mark.postgresql
@pytest.mark.django_db
def test_the_tables_of_every_commit_are_not_checked_for_counts_below_zero() -> None:
    """PostgreSQL reads each check anew for each statement. A new count in one of them is taken out as in migration 0008."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid IN "
            "('orchestration_run'::regclass, 'orchestration_steprecord'::regclass, 'orchestration_call'::regclass)"
        )
        assert [name for (name,) in cursor.fetchall()] == ["run_has_an_exit"]
