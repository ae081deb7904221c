"""Events from outside, for runs that wait for them, and those that wait for their run."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from dashboard.api import shape
from dashboard.api.answers import KeptEvent, Listed, Sent
from dashboard.api.bodies import Event, known, mended, to_the_letter
from dashboard.api.description import REPEATABLE, answers
from dashboard.api.guard import may, who
from dashboard.api.runs import idempotency_key
from orchestration.acts import events as acts
from orchestration.queries import events as queries
from orchestration.roles import Role

router = Router(tags=["events"])


@router.get("", auth=may(Role.VIEWER), summary="List kept events", openapi_extra=answers(ok=Listed[KeptEvent]))
def list_events(request: HttpRequest, name: str = "", after: str = "", limit: int = 50) -> Any:
    """Those that no run has taken yet, the newest first. Each is kept for 30 days, for the first run that comes to wait for its
    name and correlation."""
    known(request, "name", "after", "limit")
    return shape.page(queries.listed(name, after=after or None, limit=limit), shape.event)


@router.get("/{event}", auth=may(Role.VIEWER), summary="A kept event", openapi_extra=answers(ok=KeptEvent))
def get_event(request: HttpRequest, event: str) -> Any:
    return shape.event(queries.event(event))


@router.post(
    "",
    auth=may(Role.OPERATOR),
    summary="Send an event",
    response={202: Any},
    openapi_extra={**REPEATABLE, **answers(accepted=Sent)},
)
def send_event(request: HttpRequest, body: Event) -> Any:
    """It continues one run: that which has waited longest for this name and correlation. Where none waits, it is kept for 30
    days, and taken by the first that comes to. The same `Idempotency-Key` is the same event, and gets the same answer."""
    known(request)
    to_the_letter(request, "name")
    to_the_letter(request, "correlation")
    return Status(
        202,
        acts.send(
            name=body.name,
            correlation=body.correlation,
            payload=body.payload,
            by=who(request),
            idempotency=idempotency_key(request),
            mended=mended(request, "payload"),
        ),
    )
