"""/workflows/<id>/retire/ and …/reinstate/: a workflow that should not be used any more, and back."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from dashboard.needs import needs
from dashboard.pages.workflows import frame
from orchestration.acts import retiring as acts
from orchestration.core.errors import Conflict, Refused
from orchestration.queries import workflows
from orchestration.queries.uses import uses
from orchestration.roles import Role


@needs(Role.DESIGNER)
def retire_page(request: HttpRequest, workflow: str) -> HttpResponse:
    """What stops and what goes on, who calls it, and why."""
    found = workflows.workflow(workflow)
    if request.method != "POST":
        return _page(request, workflow)
    reason = request.POST.get("reason", "")
    try:
        acts.retire(workflow=workflow, reason=reason, by=request.user.get_username())
    except Refused as refused:
        return _page(request, workflow, reason, missing=refused.problems[0].message, status=422)
    except Conflict as conflict:
        return _page(request, workflow, reason, conflict=str(conflict), status=409)
    messages.success(request, f"{found.label} is retired. Runs that are under way go on.")
    return redirect("workflow", workflow)


def _page(
    request: HttpRequest, workflow: str, reason: str = "", missing: str = "", conflict: str = "", status: int = 200
) -> HttpResponse:
    found = workflows.workflow(workflow)
    told = {"reason": reason, "missing": missing, "conflict": conflict, "most": acts.MOST_REASON}
    context = {**frame(found, "retire"), "callers": () if found.retired else uses("workflow", workflow), **told}
    return render(request, "workflows/retire.html", context, status=status)


@require_POST
@needs(Role.DESIGNER)
def reinstate(request: HttpRequest, workflow: str) -> HttpResponse:
    found = workflows.workflow(workflow)
    acts.reinstate(workflow=workflow, by=request.user.get_username())
    messages.success(request, f"{found.label} is taken back: runs of it may be started again.")
    return redirect("workflow", workflow)
