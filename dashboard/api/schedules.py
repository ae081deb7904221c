"""Schedules: a workflow's, one by one, and what a line and a zone come to."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from dashboard.api import shape
from dashboard.api.answers import Listed
from dashboard.api.answers_of_schedules import Schedule, ScheduleChecked, ScheduleWhole
from dashboard.api.bodies import Whole, known, to_the_letter
from dashboard.api.description import REPEATABLE, answers, body
from dashboard.api.guard import may, who
from dashboard.api.problems import as_dicts
from dashboard.api.runs import idempotency_key
from orchestration.acts import schedules as acts
from orchestration.core.errors import Refused
from orchestration.queries import schedules as queries
from orchestration.queries import workflows
from orchestration.roles import Role

router = Router(tags=["schedules"])
of_workflow = Router(tags=["schedules"])
_BODY = body(acts.ScheduleBody, "The schedule, whole.")


@of_workflow.get(
    "/{workflow}/schedules",
    auth=may(Role.VIEWER),
    summary="List the schedules of a workflow",
    openapi_extra=answers(ok=Listed[Schedule]),
)
def list_schedules(request: HttpRequest, workflow: str, after: str = "", limit: int = 50) -> Any:
    known(request, "after", "limit")
    workflows.workflow(workflow)
    return shape.page(queries.schedules(workflow, after or None, limit), shape.schedule)


@of_workflow.post(
    "/{workflow}/schedules",
    auth=may(Role.DESIGNER),
    summary="Make a schedule",
    response={201: Any},
    openapi_extra={**_BODY, **REPEATABLE, **answers(created=ScheduleWhole)},
)
def make_schedule(request: HttpRequest, workflow: str, body: Whole) -> Any:
    """`{name, cron, zone, input, labels, catchup, most}`. It starts runs of the latest version from its first occurrence on
    that is yet to come. `input` has to fit the contract of that version, now and whenever it fires. Of what was missed while no
    worker looked, `catchup` says what becomes: `skip`, `last` (one run for all), or `all` (at most the latest `most`). The same
    `Idempotency-Key` makes one schedule."""
    known(request)
    to_the_letter(request)
    made = acts.create(workflow=workflow, body=shape.schedule_body(body), by=who(request), idempotency=idempotency_key(request))
    return Status(201, shape.schedule_whole(queries.schedule(made)))


@of_workflow.post(
    "/{workflow}/schedules/check",
    auth=may(Role.DESIGNER),
    summary="Check a schedule, and see when it comes",
    openapi_extra={**_BODY, **answers(ok=ScheduleChecked)},
)
def check_schedule(request: HttpRequest, workflow: str, body: Whole) -> Any:
    """The same, storing nothing: what is wrong with it, and its next occurrences, with the zone's offset at each."""
    known(request)
    to_the_letter(request)
    try:
        given = acts.check(workflow=workflow, body=shape.schedule_body(body))
    except Refused as refused:
        problems = as_dicts(refused.problems)
        return {
            "problems": problems,
            "occurrences": shape.occurrences(queries.following(body.get("cron"), body.get("zone", "UTC"))),
        }
    return {"problems": [], "occurrences": shape.occurrences(queries.following(given.table.cron, given.table.zone))}


@router.get("/{schedule}", auth=may(Role.VIEWER), summary="A schedule", openapi_extra=answers(ok=ScheduleWhole))
def get_schedule(request: HttpRequest, schedule: str) -> Any:
    """With its next occurrences. Its runs are listed by `GET /api/v1/runs?schedule=`."""
    return shape.schedule_whole(queries.schedule(schedule))


@router.put(
    "/{schedule}",
    auth=may(Role.DESIGNER),
    summary="Write a schedule anew, whole",
    openapi_extra={**_BODY, **answers(409, ok=ScheduleWhole)},
)
def put_schedule(request: HttpRequest, schedule: str, body: Whole, revision: int | None = None) -> Any:
    """What was got may be put back. Where its times change, the next occurrence is the first that is yet to come; what is due at
    this moment starts as it says now. With `?revision=` only over that revision."""
    known(request, "revision")
    to_the_letter(request)
    acts.change(schedule=schedule, body=shape.schedule_body(body), by=who(request), revision=revision)
    return shape.schedule_whole(queries.schedule(schedule))


@router.delete(
    "/{schedule}",
    auth=may(Role.DESIGNER),
    summary="Delete a schedule",
    response={204: None},
    openapi_extra=answers(no_content=None),
)
def delete_schedule(request: HttpRequest, schedule: str) -> Any:
    """It starts nothing any more. The runs that it started stay."""
    acts.delete(schedule=schedule, by=who(request))
    return Status(204, None)


@router.post("/{schedule}/pause", auth=may(Role.OPERATOR), summary="Pause a schedule", openapi_extra=answers(ok=ScheduleWhole))
def pause_schedule(request: HttpRequest, schedule: str) -> Any:
    """It starts nothing until it is resumed. Again is the same."""
    acts.pause(schedule=schedule, by=who(request))
    return shape.schedule_whole(queries.schedule(schedule))


@router.post(
    "/{schedule}/resume", auth=may(Role.OPERATOR), summary="Resume a schedule", openapi_extra=answers(422, ok=ScheduleWhole)
)
def resume_schedule(request: HttpRequest, schedule: str) -> Any:
    """It goes on with the first occurrence that is yet to come. What came while it was paused is not made up for. 422 where its
    input does not fit the workflow any more."""
    acts.resume(schedule=schedule, by=who(request))
    return shape.schedule_whole(queries.schedule(schedule))
