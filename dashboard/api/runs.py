"""Runs: start, list, look into, cancel."""

import threading
import time
from datetime import datetime
from typing import Annotated, Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status
from pydantic import Field

from dashboard.api import answers as answered
from dashboard.api import shape
from dashboard.api.answers import Cancelled, Id, Listed, Records, RunItem, State
from dashboard.api.bodies import Cancel, Start, id_of, known, mended
from dashboard.api.description import REPEATABLE, answers
from dashboard.api.guard import may, who
from orchestration.acts import runs as acts
from orchestration.core.errors import Problem, Refused
from orchestration.queries import records as record_queries
from orchestration.queries import runs as queries
from orchestration.roles import Role

MOST_WAIT = 60.0
"""Seconds that a client may wait for a run."""
MOST_WAITING = threading.BoundedSemaphore(64)
"""Who waits holds a thread; so many at once may. The next is answered at once, with the run as it is."""
_LOOK_EVERY = (0.05, 1.0)
_FILTERS = ("status", "workflow", "version", "outcome", "schedule", "key", "parent", "path", "created_from", "created_to")
_LOCATION = {"Location": "Where the run is looked into."}

router = Router(tags=["runs"])
starting = Router(tags=["runs"])


@starting.post(
    "/{workflow}/runs",
    auth=may(Role.OPERATOR),
    summary="Start a run",
    response={200: Any, 202: Any},
    openapi_extra={**REPEATABLE, **answers(409, headers=_LOCATION, accepted=Id, ok=answered.Run)},
)
def start_run(
    request: HttpRequest,
    response: HttpResponse,
    workflow: str,
    body: Start | None = None,
    wait: Annotated[float | None, Query(), Field(ge=0, le=MOST_WAIT)] = None,
) -> Any:
    """202 with the run's id. With `?wait=` seconds (60 at most): the run as it is when it has ended, or waits for a person or an
    event, itself or in a child run, or when the time is over. The same `Idempotency-Key` gives the same run. 409 where the
    workflow is retired."""
    known(request, "wait")
    body = body or Start()
    run = acts.start(
        workflow=workflow,
        input=body.input,
        by=who(request),
        version=body.version,
        key=body.key,
        labels=body.labels,
        idempotency=idempotency_key(request),
        mended=mended(request, "input"),
    )
    response["Location"] = f"/api/v1/runs/{run}"
    if wait is None:
        return Status(202, {"id": run})
    _wait_for(run, wait, over(request))
    return Status(200, shape.run_detail(queries.run(run)))


@router.get("", auth=may(Role.VIEWER), summary="List runs", openapi_extra=answers(ok=Listed[RunItem]))
def list_runs(
    request: HttpRequest,
    status: str = "",
    workflow: str | None = None,
    version: int | None = None,
    outcome: str | None = None,
    schedule: str | None = None,
    key: str | None = None,
    parent: str | None = None,
    path: str | None = None,
    created_from: datetime | None = None,
    created_to: datetime | None = None,
    after: str = "",
    limit: int = 50,
) -> Any:
    """The newest first. `status` holds statuses, what a run waits for (`person`, `event` and `time` also in its child runs,
    `children`, `backoff`, `slot`, `limit`), `live` or `ended`, several with commas. Child runs are left out, and are listed with
    `parent`, a run's id: all of them, or those of the step at `path`."""
    known(request, *_FILTERS, "after", "limit")
    if path is not None and parent is None:
        raise Refused(Problem("bad_filter", "A path is that of a step of one run. Say of which, with `parent`.", "path"))
    wanted = queries.RunFilter(
        status=words(status),
        workflow=workflow,
        version=version,
        outcome=outcome,
        schedule=id_of("schedule", schedule),
        key=key,
        parent=id_of("parent", parent),
        path=path,
        created_from=_aware(created_from, "created_from"),
        created_to=_aware(created_to, "created_to"),
    )
    return shape.page(queries.runs(wanted, after or None, limit), shape.run)


@router.get("/{run}", auth=may(Role.VIEWER), summary="A run", openapi_extra=answers(ok=answered.Run))
def get_run(request: HttpRequest, run: str) -> Any:
    return shape.run_detail(queries.run(run))


@router.get("/{run}/records", auth=may(Role.VIEWER), summary="The step records of a run", openapi_extra=answers(ok=Records))
def list_records(request: HttpRequest, run: str, after: str = "", limit: int = 50) -> Any:
    """In order, each with its calls. `open`, on the last page, are the calls of the visit that is not over."""
    known(request, "after", "limit")
    found = record_queries.records(run, after or None, limit)
    still = record_queries.open_calls(run) if found.next is None else ()
    return {**shape.page(found, shape.record), "open": [shape.call(call) for call in still]}


@router.get(
    "/{run}/state", auth=may(Role.VIEWER), summary="The state of a run as of a step record", openapi_extra=answers(ok=State)
)
def get_state(request: HttpRequest, run: str, at: int | None = None) -> Any:
    """The latest without `?at=`; 0 is before the first record."""
    known(request, "at")
    return record_queries.state_at(run, at).as_dict()


@router.post(
    "/{run}/cancel",
    auth=may(Role.OPERATOR),
    summary="Cancel a run",
    openapi_extra={**REPEATABLE, **answers(409, ok=Cancelled)},
)
def cancel_run(request: HttpRequest, run: str, body: Cancel | None = None) -> Any:
    """`{cancel: cancelled}`, or `asked` where a worker holds the run: it stops at its next commit. With the run as it is.
    The same `Idempotency-Key` gets the same answer; without one, a run that has ended already is a conflict."""
    reason = body.reason if body else ""
    done = acts.cancel(run=run, by=who(request), reason=reason, idempotency=idempotency_key(request))
    return {"cancel": done, **shape.run_detail(queries.run(run))}


def words(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (word.strip() for word in text.split(",")[:20])))


def _aware(at: datetime | None, name: str) -> datetime | None:
    if at is not None and at.tzinfo is None:
        raise Refused(Problem("bad_value", "Say the zone too, as 2026-01-31T08:00:00Z.", name))
    return at


def idempotency_key(request: HttpRequest) -> str | None:
    key = request.headers.get("Idempotency-Key", "").strip()
    if len(key) > 255 or not key.isprintable():
        raise Refused(Problem("bad_value", "An Idempotency-Key has at most 255 printable characters.", "Idempotency-Key"))
    return key or None


def over(request: HttpRequest) -> threading.Event:
    """Set when nobody listens any more, and when this process is about to close: nothing is worth waiting for then."""
    scope: dict[str, Any] = getattr(request, "scope", {})
    return scope.get("over") or threading.Event()


def _wait_for(run: str, seconds: float, over: threading.Event) -> None:
    """Returns when the run has ended or waits for a person or an event, and after `seconds` or when it is `over` at the latest.
    Looks at no more than that, and holds no connection in between."""
    until = time.monotonic() + seconds
    pause, longest = _LOOK_EVERY
    if not MOST_WAITING.acquire(blocking=False):
        return
    try:
        while not queries.rests(run, "person", "event") and not over.is_set() and (left := until - time.monotonic()) > 0:
            if not connection.in_atomic_block:
                connection.close()
            over.wait(min(pause, left))
            pause = min(pause * 1.3, longest)
    finally:
        MOST_WAITING.release()
