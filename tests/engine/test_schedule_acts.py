"""Schedules as people write them: what is refused, and what a change, a pause and a deletion come to."""

from typing import Any

import pytest

from orchestration.acts import drafts, schedules
from orchestration.core import source
from orchestration.core.errors import Conflict, NotFound, Refused
from orchestration.models import Schedule
from tests.engine.hall import MINUTES, NOON, Hall, detail, narrower, of, trail
from tests.engine.publishing import end, workflow
from tests.engine.test_schedules import MINUTE


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"cron": "0 0 30 2 *"}, [("never", "cron")]),
        ({"cron": "0 25 * * *"}, [("bad_cron", "cron")]),
        ({"cron": 5}, [("bad_cron", "cron")]),
        ({"zone": "Mars/Olympus"}, [("unknown_zone", "zone")]),
        ({"cron": "x", "zone": "y", "most": 0}, [("bad_cron", "cron"), ("unknown_zone", "zone"), ("bad_value", "most")]),
        ({"input": {"text": 1}}, [("missing", "input.n"), ("wrong_type", "input.text")]),
        ({"catchup": "everything"}, [("not_in_list", "catchup")]),
        ({"most": 1001}, [("bad_value", "most")]),
        ({"name": ""}, [("bad_value", "name")]),
        ({"name": " Report"}, [("bad_value", "name")]),
        ({"name": "a\nb"}, [("bad_value", "name")]),
        ({"labels": {"a": [1]}}, [("wrong_type", "labels.a")]),
        ({"labels": {"schedule": "mine"}}, [("bad_value", "labels.schedule")]),
        ({"crom": "* * * * *"}, [("unknown_key", "crom")]),
    ],
)
def test_what_is_wrong_is_said_at_its_place_and_nothing_is_made(
    hall: Hall, change: dict[str, Any], wanted: list[tuple[str, str]]
) -> None:
    with pytest.raises(Refused) as refused:
        hall.make(**change)
    found = [(problem.code, problem.path) for problem in refused.value.problems]
    assert sorted(path for _, path in found) == sorted(path for _, path in wanted)
    assert [code for code, path in found if not path.startswith("input")] == [
        code for code, path in wanted if not path.startswith("input")
    ]
    assert all(problem.message.endswith((".", "?")) or problem.path.startswith("input") for problem in refused.value.problems)
    assert not Schedule.objects.exists()
    made = hall.make()
    with pytest.raises(Refused):
        schedules.change(schedule=made, body={**MINUTES, **change}, by="dora")
    assert (of(made).revision, len(trail(made))) == (1, 1)


def test_a_workflow_that_was_never_published_gets_none(hall: Hall) -> None:
    drafts.push(text=source.write({**workflow(end()), "id": "draft_alone"}), by="dora")
    with pytest.raises(Refused, match="Nothing of draft_alone is published yet"):
        schedules.create(workflow="draft_alone", body=MINUTES, by="dora")
    with pytest.raises(NotFound, match="There is no workflow nothing"):
        schedules.create(workflow="nothing", body=MINUTES, by="dora")


def test_what_is_missing_is_said_once(hall: Hall) -> None:
    with pytest.raises(Refused) as refused:
        schedules.create(workflow=hall.workflow, body={}, by="dora")
    assert {problem.path for problem in refused.value.problems} >= {"name", "cron"}
    paths = [problem.path for problem in refused.value.problems]
    assert len(paths) == len(set(paths))


def test_a_change_moves_the_next_one_only_where_times_change_and_meets_others_with_a_conflict(hall: Hall) -> None:
    made = hall.make(cron="0 * * * *")
    hall.tick(minutes=61)
    schedules.change(schedule=made, body={**MINUTES, "cron": "0 * * * *", "name": "Hourly"}, by="ada", revision=1)
    assert (of(made).next, of(made).revision) == (NOON + 60 * MINUTE, 2), "what is due stays due"
    schedules.change(schedule=made, body={**MINUTES, "cron": "0 * * * *", "name": "Hourly"}, by="ada", revision=2)
    assert of(made).revision == 2, "the same again is no act"
    with pytest.raises(Conflict, match="ada has changed this schedule") as conflict:
        schedules.change(schedule=made, body=MINUTES, by="dora", revision=1)
    assert conflict.value.code == "stale_revision"
    schedules.change(schedule=made, body={**MINUTES, "cron": "30 * * * *"}, by="dora", revision=2)
    assert of(made).next == NOON + 90 * MINUTE
    assert detail(made, "change_schedule")["before"]["cron"] == "0 * * * *"
    schedules.delete(schedule=made, by="ada")
    assert detail(made, "delete_schedule")["before"]["cron"] == "30 * * * *"
    for act in (schedules.pause, schedules.resume, schedules.delete):
        with pytest.raises(NotFound):
            act(schedule=made, by="ada")


def test_one_whose_input_does_not_fit_any_more_is_not_resumed(hall: Hall) -> None:
    made = hall.make()
    schedules.pause(schedule=made, by="otto")
    narrower()
    with pytest.raises(Refused):
        schedules.resume(schedule=made, by="otto")
    assert of(made).paused


def test_the_same_request_makes_one(hall: Hall) -> None:
    first = schedules.create(workflow=hall.workflow, body=MINUTES, by="dora", idempotency="k")
    assert schedules.create(workflow=hall.workflow, body=MINUTES, by="dora", idempotency="k") == first
    with pytest.raises(Refused, match="came before"):
        schedules.create(workflow=hall.workflow, body={**MINUTES, "name": "Other"}, by="dora", idempotency="k")
    assert Schedule.objects.count() == 1
