"""Events from outside, for runs that wait for them."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Status

from dashboard.api.answers import Sent
from dashboard.api.bodies import Event, known, mended, to_the_letter
from dashboard.api.description import REPEATABLE, answers
from dashboard.api.guard import may, who
from dashboard.api.runs import idempotency_key
from orchestration.acts import events as acts
from orchestration.roles import Role

router = Router(tags=["events"])


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
