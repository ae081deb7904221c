"""Workers that look after schedules and do nothing by themselves, on one database, by a clock that the test sets. What a sweep
has found is done when the test says so, one short write after the other: so workers meet in any order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from orchestration import fsck
from orchestration.acts import audit, firing, restored, runs, schedules
from orchestration.core import values
from orchestration.models import Act, Run, Schedule
from orchestration.record.clock import SetClock
from orchestration.record.pack import unpack_all
from tests.engine.publishing import end, publish, workflow

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTES = {"name": "Every minute", "cron": "* * * * *", "input": {"text": "x", "n": 1}}


class Hall:
    def __init__(self, at: datetime = NOON) -> None:
        self.clock = SetClock(at)
        self.workflow = publish(workflow(end(), models={})).workflow_id

    @contextmanager
    def watching(self) -> Iterator["Hall"]:
        with (
            patch.object(schedules, "database_now", self.clock.now),
            patch.object(runs, "database_now", self.clock.now),
            patch.object(audit, "database_now", self.clock.now),
            patch.object(restored, "database_now", self.clock.now),
        ):
            yield self

    def make(self, **more: Any) -> str:
        return schedules.create(workflow=self.workflow, body={**MINUTES, **more}, by="dora")

    def look(self) -> list[Callable[[], bool]]:
        """What a worker's sweep has found to do."""
        return firing.due(self.clock.now())

    def sweep(self, times: int = 30) -> int:
        """Workers look until nothing is due; how many moves they made."""
        for moved in range(times):
            found = self.look()
            if not found:
                return moved
            for start in found:
                start()
        raise AssertionError("it never comes to an end")

    def tick(self, **more: float) -> None:
        self.clock.advance(timedelta(**more).total_seconds())


def of(schedule: str) -> Schedule:
    return Schedule.objects.get(id=schedule)


def told(schedule: str, column: str) -> Any:
    return unpack_all([getattr(of(schedule), column)])[0]


def fired(schedule: str) -> list[datetime]:
    """For which occurrences runs were started, by the runs' own keys, in the order in which they were."""
    keys = [Act.objects.get(subject=f"run:{run}", verb="start").key or "" for run in started(schedule)]
    return [datetime.fromisoformat(key.removeprefix(f"schedule:{schedule}:start:")) for key in keys]


def started(schedule: str) -> list[str]:
    return list(Run.objects.filter(schedule=schedule).order_by("id").values_list("id", flat=True))


def trail(schedule: str) -> list[tuple[str, str]]:
    return list(Act.objects.filter(subject=f"schedule:{schedule}").order_by("number").values_list("verb", "by"))


def detail(schedule: str, verb: str) -> Any:
    packed = Act.objects.filter(subject=f"schedule:{schedule}", verb=verb).order_by("-number").values_list("detail", flat=True)
    return values.load(packed[0])


def sound() -> None:
    assert [str(finding) for finding in fsck.check()] == []


def narrower() -> None:
    """Publishes a version that the schedule's input does not fit any more."""
    text = {"type": "string"}
    properties = {"text": text, "n": {"type": "number"}, "more": text}
    schema = {"type": "object", "required": [*properties], "properties": properties}
    publish(workflow(end(), models={}, input=schema))
