"""What waits for a person: list, look into, claim, answer."""

from typing import Any

from django.http import HttpRequest
from ninja import Router

from dashboard.api import shape
from dashboard.api.answers import Escalation, EscalationWhole, Id, Listed, Preview, Resolved
from dashboard.api.bodies import Claim, Draft, Resolve, id_of, known, mended
from dashboard.api.description import REPEATABLE, answers
from dashboard.api.guard import may, who
from dashboard.api.problems import as_dicts
from dashboard.api.runs import idempotency_key, words
from orchestration.acts import escalations as acts
from orchestration.acts.resolve import preview, resolve
from orchestration.queries import escalations as queries
from orchestration.roles import Role

router = Router(tags=["escalations"])


@router.get("", auth=may(Role.VIEWER), summary="List escalations", openapi_extra=answers(ok=Listed[Escalation]))
def list_escalations(
    request: HttpRequest,
    run: str | None = None,
    status: str = "",
    queue: str | None = None,
    workflow: str | None = None,
    kind: str | None = None,
    mine: bool = False,
    after: str = "",
    limit: int = 50,
) -> Any:
    """The most urgent first. `run`: those of that run, of its child runs, and of theirs. `status`: open, claimed, resolved,
    expired, cancelled, or pending for the first two."""
    known(request, "run", "status", "queue", "workflow", "kind", "mine", "after", "limit")
    wanted = queries.Inbox(words(status), id_of("run", run), workflow, queue, kind, who(request) if mine else None)
    return shape.page(queries.escalations(wanted, after or None, limit), shape.escalation)


@router.get(
    "/{escalation}", auth=may(Role.VIEWER), summary="An escalation with its dossier", openapi_extra=answers(ok=EscalationWhole)
)
def get_escalation(request: HttpRequest, escalation: str) -> Any:
    return shape.escalation_detail(queries.escalation(escalation))


@router.post(
    "/{escalation}/claim", auth=may(Role.OPERATOR), summary="Claim an escalation", openapi_extra=answers(409, ok=EscalationWhole)
)
def claim_escalation(request: HttpRequest, escalation: str, body: Claim | None = None) -> Any:
    """Reserves it for a quarter hour. None is needed to resolve it, unless another holds it."""
    body = body or Claim()
    acts.claim(escalation=escalation, by=who(request), take_over=body.take_over, note=body.note)
    return shape.escalation_detail(queries.escalation(escalation))


@router.post(
    "/{escalation}/release",
    auth=may(Role.OPERATOR),
    summary="Give an escalation back",
    openapi_extra=answers(409, ok=EscalationWhole),
)
def release_escalation(request: HttpRequest, escalation: str) -> Any:
    acts.release(escalation=escalation, by=who(request))
    return shape.escalation_detail(queries.escalation(escalation))


@router.put(
    "/{escalation}/draft",
    auth=may(Role.OPERATOR),
    summary="Keep an answer that is not finished",
    openapi_extra=answers(409, ok=Id),
)
def save_draft(request: HttpRequest, escalation: str, body: Draft) -> Any:
    acts.save_answer_draft(escalation=escalation, values=body.values, by=who(request))
    return {"id": escalation}


@router.post(
    "/{escalation}/preview",
    auth=may(Role.OPERATOR),
    summary="What an answer would come to",
    openapi_extra=answers(409, ok=Preview),
)
def preview_answer(request: HttpRequest, escalation: str, body: Resolve) -> Any:
    """`{problems, to, outcome, sentence}`: what is wrong with the answer, or where the run would go. Nothing is changed."""
    found = preview(escalation=escalation, action=body.action, values=body.values, by=who(request), revision=body.revision)
    return {**found, "problems": as_dicts(found["problems"])}


@router.post(
    "/{escalation}/resolve",
    auth=may(Role.OPERATOR),
    summary="Answer an escalation",
    openapi_extra={**REPEATABLE, **answers(409, ok=Resolved)},
)
def resolve_escalation(request: HttpRequest, escalation: str, body: Resolve) -> Any:
    """The escalation, resolved; its run goes on. 422 where the values are wrong: the pause stays. 409 says who was first."""
    resolve(
        escalation=escalation,
        action=body.action,
        values=body.values,
        by=who(request),
        revision=body.revision,
        idempotency=idempotency_key(request),
        mended=mended(request, "values"),
    )
    return {**shape.escalation_detail(queries.escalation(escalation)), "action": body.action}
