"""What the API answers of schedules, as its description says it."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from dashboard.api.answers import Trouble


class Occurrence(BaseModel):
    """`local` is what the zone's clock shows `at` that moment. `turn`: the line's own time is `skipped` that day, as the clock
    is put forward; or the clock shows this time twice, and it is the `first` or the `second`."""

    at: datetime
    local: datetime
    turn: Literal["skipped", "first", "second"] | None


class NotStarted(BaseModel):
    """Why the last occurrence started no run; `count` of them have not, since the occurrence `since`."""

    code: str
    path: str
    message: str
    occurrence: datetime
    at: datetime
    count: int
    since: datetime


class PassedOver(BaseModel):
    """Occurrences that started nothing: `skip` and `last` as `catchup` says, `most` those beyond it, `restored` what was due
    when the database was restored from a backup. `count` is at most 1000."""

    count: int
    since: datetime
    until: datetime
    rule: Literal["skip", "last", "most", "restored"]
    at: datetime


class Schedule(BaseModel):
    """`next` is null while it is paused, or its workflow is `retired`: it starts nothing then. `fired` is the last occurrence
    that started a run, `run` that run's id. `trouble` is null again once an occurrence starts one; `passed` is what was last
    passed over."""

    id: str
    workflow: str
    name: str
    cron: str
    zone: str
    input: Any
    labels: dict[str, str | int | float | bool]
    catchup: Literal["skip", "last", "all"]
    most: int
    paused: bool
    next: datetime | None
    fired: datetime | None
    run: str | None
    trouble: NotStarted | None
    passed: PassedOver | None
    retired: bool
    revision: int
    created: datetime
    created_by: str
    updated: datetime
    updated_by: str


class ScheduleWhole(Schedule):
    """`occurrences` are the next five; while it starts nothing, those that would be."""

    occurrences: list[Occurrence]


class ScheduleChecked(BaseModel):
    """`occurrences` are the next five, none where the line or the zone is wrong."""

    problems: list[Trouble]
    occurrences: list[Occurrence]
