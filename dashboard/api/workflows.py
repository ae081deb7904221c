"""Definitions: check, draft, publish, read."""

from typing import Annotated, Any

from django.http import HttpRequest
from ninja import Query, Router, Status

from dashboard.api import shape
from dashboard.api.answers import Listed
from dashboard.api.answers_of_workflows import Checked, Diff, Version, VersionWhole, Workflow, WorkflowWhole
from dashboard.api.bodies import DEFINITION, Publish, Retire, known
from dashboard.api.description import answers
from dashboard.api.guard import may, who
from dashboard.api.problems import as_dicts, refusal
from dashboard.definition_diff import definition_diff
from orchestration.acts import drafts, retiring
from orchestration.acts import workflows as acts
from orchestration.acts.schedules import outgrown
from orchestration.core.errors import Refused
from orchestration.queries import workflows as queries
from orchestration.queries.catalog import current
from orchestration.queries.plans import plan_of
from orchestration.roles import Role

router = Router(tags=["workflows"])


@router.get("", auth=may(Role.VIEWER), summary="List workflows", openapi_extra=answers(ok=Listed[Workflow]))
def list_workflows(request: HttpRequest, after: str = "", limit: int = 50) -> Any:
    known(request, "after", "limit")
    return shape.page(queries.workflows(after or None, limit), shape.workflow)


@router.post(
    "",
    auth=may(Role.DESIGNER),
    summary="Create a workflow, or change its draft",
    response={200: Any, 201: Any},
    openapi_extra={**DEFINITION, **answers(409, ok=Checked, created=Checked)},
)
def push_workflow(request: HttpRequest, revision: int | None = None) -> Any:
    """The body is the definition, as YAML or JSON. It is kept as the draft, with what is wrong said in `problems`; 422 where
    it can't be read or does not say its id. With `?revision=` only over that revision of the draft."""
    known(request, "revision")
    pushed = drafts.push(text=request.body, by=who(request), revision=revision)
    status = 201 if pushed.created else 200
    return Status(status, {"id": pushed.workflow.id, "revision": pushed.workflow.revision, **shape.checked(pushed.checked)})


@router.post("/check", auth=may(Role.DESIGNER), summary="Check a definition", openapi_extra={**DEFINITION, **answers(ok=Checked)})
def check_workflow(request: HttpRequest) -> Any:
    """The same, storing nothing. 200 also where there are problems, as long as it could be read as a definition at all."""
    known(request)
    checked = acts.check(request.body)
    if checked.unreadable:
        raise checked.unreadable
    return {"id": checked.definition.id if checked.definition else None, "revision": None, **shape.checked(checked)}


@router.get(
    "/{workflow}",
    auth=may(Role.VIEWER),
    summary="A workflow with its draft and versions",
    openapi_extra=answers(ok=WorkflowWhole),
)
def get_workflow(request: HttpRequest, workflow: str) -> Any:
    return shape.workflow_detail(queries.workflow(workflow))


@router.post(
    "/{workflow}/publish", auth=may(Role.DESIGNER), summary="Publish the draft", openapi_extra=answers(409, ok=VersionWhole)
)
def publish_workflow(request: HttpRequest, workflow: str, body: Publish | None = None) -> Any:
    """The next version, frozen with its proof; the latest where it says the same already. 409 with `problems` where the proof
    stands against it. Among the `problems` of what it answers are schedules whose input does not fit it (`schedule_outgrown`)."""
    body = body or Publish()
    try:
        made = acts.publish(workflow=workflow, by=who(request), revision=body.revision, note=body.note)
    except Refused as refused:
        return refusal(refused, 409)
    version = shape.version_detail(queries.version(workflow, made.number))
    return {**version, "problems": [*version["problems"], *as_dicts(outgrown(workflow, plan_of(made.id, current(), made.hash)))]}


@router.post(
    "/{workflow}/retire", auth=may(Role.DESIGNER), summary="Retire a workflow", openapi_extra=answers(409, ok=WorkflowWhole)
)
def retire_workflow(request: HttpRequest, workflow: str, body: Retire) -> Any:
    """No run of it begins any more, whoever would start it: people, clients (409, `retired_workflow`), schedules, or a step that
    calls it, which fails with `refused`. Runs that are under way go on. 409 where somebody has retired it already."""
    known(request)
    retiring.retire(workflow=workflow, reason=body.reason, by=who(request))
    return shape.workflow_detail(queries.workflow(workflow))


@router.post(
    "/{workflow}/reinstate", auth=may(Role.DESIGNER), summary="Take a workflow back", openapi_extra=answers(ok=WorkflowWhole)
)
def reinstate_workflow(request: HttpRequest, workflow: str) -> Any:
    """Runs of it may begin again. Its schedules go on with what is yet to come. Again is the same."""
    known(request)
    retiring.reinstate(workflow=workflow, by=who(request))
    return shape.workflow_detail(queries.workflow(workflow))


@router.get("/{workflow}/versions", auth=may(Role.VIEWER), summary="List versions", openapi_extra=answers(ok=Listed[Version]))
def list_versions(request: HttpRequest, workflow: str, after: str = "", limit: int = 50) -> Any:
    known(request, "after", "limit")
    queries.workflow(workflow)
    return shape.page(queries.versions(workflow, after or None, limit), shape.version)


@router.get(
    "/{workflow}/versions/{int:number}",
    auth=may(Role.VIEWER),
    summary="A version with its definition and proof",
    openapi_extra=answers(ok=VersionWhole),
)
def get_version(request: HttpRequest, workflow: str, number: int) -> Any:
    return shape.version_detail(queries.version(workflow, number))


@router.get(
    "/{workflow}/diff", auth=may(Role.VIEWER), summary="What one version changes in another", openapi_extra=answers(ok=Diff)
)
def diff_workflow(
    request: HttpRequest, workflow: str, before: Annotated[str, Query(alias="from")] = "", to: str = queries.DRAFT
) -> Any:
    """`from` and `to` are version numbers or `draft`; without them what the draft changes in the latest version."""
    known(request, "from", "to")
    found = queries.workflow(workflow)
    (one, old), (two, new) = queries.text_of(found, before, "from"), queries.text_of(found, to, "to")
    return {"workflow": workflow, "from": one or None, "to": two, **definition_diff(old, new)}
