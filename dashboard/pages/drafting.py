"""Writing workflows: a new one, the draft, publishing it, and taking an old version up again.

Nothing that was typed is lost: what is refused comes back with the text in place, and who was overtaken sees both texts.
"""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard import changes_view, first_version, problem_view
from dashboard.empty_workflow import EXAMPLE as START
from dashboard.needs import needs
from dashboard.pages.commands import revision_of
from dashboard.pages.workflows import frame
from dashboard.proof_view import proof_view
from dashboard.text_diff import text_diff
from orchestration.acts import drafts
from orchestration.acts import workflows as acts
from orchestration.acts.schedules import outgrown
from orchestration.acts.workflows import Checked
from orchestration.core.errors import Conflict, Refused
from orchestration.queries import drafts as queries
from orchestration.queries import workflows as stored
from orchestration.queries.workflows import WorkflowDetail
from orchestration.roles import Role

TEXT = "text"


@needs(Role.DESIGNER)
def new(request: HttpRequest) -> HttpResponse:
    """A first draft. `do=check` looks without storing."""
    if request.method != "POST":
        return render(request, "workflows/new.html", _writing(START))
    text = _posted(request)
    checked = drafts.check_new(text, request.user.get_username())
    if request.POST.get("do") == "check":
        return _checked(request, "workflows/new.html", _writing(text, checked))
    if checked.unfiled:
        return render(request, "workflows/new.html", {**_writing(text, checked), "refused": True}, status=422)
    try:
        found = drafts.push(text=text, by=request.user.get_username(), new=True).workflow
    except Refused as refused:
        context = _writing(text, Checked(None, None, None, refused.problems, unfiled=True))
        return render(request, "workflows/new.html", {**context, "refused": True}, status=422)
    messages.success(request, f"{found.title or found.id} is drafted. Publish it to run it.")
    return redirect("workflow_edit", workflow=found.id)


@needs(Role.DESIGNER)
def edit(request: HttpRequest, workflow: str) -> HttpResponse:
    """The draft. `do=check` looks without storing, `do=save` stores over the revision that was seen."""
    found = stored.workflow(workflow)
    if request.method != "POST":
        context = _editing(found, found.draft, acts.check(found.draft, workflow), found.revision)
        undo = None if context["proof"] else queries.standing(workflow).undo
        return render(request, "workflows/edit.html", {**context, "undrawn": not context["proof"], "undo": undo})
    text, revision = _posted(request), revision_of(request)
    if request.POST.get("do") == "check":
        return _checked(request, "workflows/edit.html", _editing(found, text, acts.check(text, workflow), revision))
    try:
        _, checked = drafts.save_draft(workflow=workflow, text=text, revision=revision, by=request.user.get_username())
    except Conflict as conflict:
        found = stored.workflow(workflow)
        context = _editing(found, text, acts.check(text, workflow), found.revision)
        overtaken = {"conflict": conflict, "lines": text_diff(found.draft, text)}
        return render(request, "workflows/edit.html", {**context, **overtaken}, status=409)
    except Refused as refused:
        context = _editing(found, text, Checked(None, None, None, refused.problems), revision)
        return render(request, "workflows/edit.html", {**context, "refused": True}, status=422)
    if request.POST.get("do") == "publish" and checked.ok:
        return redirect(f"{reverse('workflow_publish', args=[workflow])}?from={TEXT}")
    _say_saved(request, checked)
    return redirect("workflow_edit", workflow=workflow)


def _say_saved(request: HttpRequest, checked: Checked) -> None:
    errors = sum(problem.severity == "error" for problem in checked.problems)
    if not errors:
        messages.success(request, "The draft is saved.")
    else:
        what = "1 error stands" if errors == 1 else f"{errors} errors stand"
        messages.warning(request, f"The draft is saved as it is; {what} against publishing it, shown beside it.")


@needs(Role.DESIGNER)
def publish(request: HttpRequest, workflow: str) -> HttpResponse:
    """What would change, and the proof; POST makes it the next version. `?from=text`: by who writes it as text."""
    found = stored.workflow(workflow)
    lead = TEXT if request.GET.get("from") == TEXT else "design"
    if request.method != "POST":
        return render(request, "workflows/publish.html", _publishing(found, lead))
    note = request.POST.get("note", "")[:2000]
    try:
        version = acts.publish(workflow=workflow, by=request.user.get_username(), revision=revision_of(request), note=note)
    except Conflict as conflict:
        context = {**_publishing(stored.workflow(workflow), lead), "note": note, "conflict": conflict}
        return render(request, "workflows/publish.html", context, status=409)
    except Refused:
        return render(request, "workflows/publish.html", {**_publishing(found, lead), "note": note}, status=422)
    if version.number == found.version:
        messages.info(request, f"Version {version.number} says the same already; there is nothing new to publish.")
    else:
        messages.success(request, f"Version {version.number} is published. New runs follow it from now on.")
    return redirect("workflow", workflow=workflow)


@require_POST
@needs(Role.DESIGNER)
def restore(request: HttpRequest, workflow: str) -> HttpResponse:
    """Takes an old version's text as the draft, to be published anew."""
    found = stored.workflow(workflow)
    number = request.POST.get("version", "")
    old = int(number) if number.isdecimal() and len(number) < 10 else 0
    drafts.restore(workflow=workflow, version=old, revision=revision_of(request), by=request.user.get_username())
    messages.success(
        request,
        f"The draft of {found.label} is version {old} again. Publish it to make runs follow it; Undo brings back what it was.",
    )
    return redirect("workflow_publish", workflow=workflow)


def _posted(request: HttpRequest) -> str:
    """The text as typed; browsers send line ends as CR LF."""
    return request.POST.get("text", "").replace("\r\n", "\n")


def _checked(request: HttpRequest, page: str, context: dict[str, Any]) -> HttpResponse:
    """What a check found: the part alone where htmx asks for it."""
    part = "workflows/checked.html" if request.headers.get("HX-Request") else page
    return render(request, part, context)


def _writing(text: str, checked: Checked | None = None) -> dict[str, Any]:
    return {"here": "workflows", "trail": [("Workflows", "/workflows/")], "text": text, **_found(checked)}


def _editing(found: WorkflowDetail, text: str, checked: Checked, revision: int) -> dict[str, Any]:
    return {**frame(found, "edit"), "text": text, "revision": revision, **_found(checked)}


def _publishing(found: WorkflowDetail, lead: str) -> dict[str, Any]:
    """`lead`: where problems lead to, the lines of the text or the steps as they are drawn."""
    before = stored.version(found.id).text if found.version else ""
    checked = acts.check(found.draft, found.id)
    if checked.plan is not None and checked.ok:
        checked = acts.with_problems(checked, *outgrown(found.id, checked.plan))
    return {
        **frame(found, "edit" if lead == TEXT else "versions"),
        **_found(checked),
        "lead": lead,
        "first": first_version.told(checked.plan, checked.proof) if checked.plan and checked.proof and not before else "",
        "note_of_it": checked.plan.workflow.note if checked.plan else "",
        "problems": problem_view.problems(checked),
        "groups": changes_view.groups(before, found.draft),
        "edits": queries.since_published(found.id),
        "lines": text_diff(before, found.draft),
        "revision": found.revision,
    }


def _found(checked: Checked | None) -> dict[str, Any]:
    """The problems, and the proof where there is one."""
    if checked is None:
        return {}
    problems = [problem.as_dict() for problem in checked.problems]
    proof = None
    if checked.plan is not None and checked.proof is not None:
        proof = proof_view(checked.plan, {**checked.proof.as_dict(), "problems": problems})
    return {"checked": checked, "problems": problems, "proof": proof}
