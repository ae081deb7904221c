"""/workflows/<id>/schedules/…: a workflow's schedules, one of them, and its form. Everybody looks, operators pause and resume,
designers write."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard import schedule_form, schedule_view
from dashboard.needs import needs
from dashboard.pages.workflows import frame
from dashboard.schedule_form import ScheduleForm, body_of, initial
from dashboard.schema_form import ABSENT, SchemaForm
from orchestration.acts import schedules as acts
from orchestration.core.cron import zones
from orchestration.core.errors import Conflict, Problem, Refused
from orchestration.queries import runs, workflows
from orchestration.queries import schedules as queries
from orchestration.queries.runs import RunFilter
from orchestration.queries.schedules import ScheduleView
from orchestration.roles import Role

PREFIX = "input"
LATELY = 8
"""How many of its runs the page of a schedule shows."""


@needs(Role.VIEWER)
def schedules_page(request: HttpRequest, workflow: str) -> HttpResponse:
    found = workflows.workflow(workflow)
    page = queries.schedules(workflow, after=request.GET.get("after") or None)
    context = {**frame(found, "schedules"), "lines": schedule_view.lines(page.items)}
    more = {"next": f"?after={page.next}" if page.next else "", "newest": "?" if request.GET.get("after") else ""}
    return render(request, "schedules/list.html", {**context, **more})


@needs(Role.VIEWER)
def schedule_page(request: HttpRequest, workflow: str, schedule: str) -> HttpResponse:
    """How one stands: what comes, what came of it, and what was done with it."""
    found = queries.schedule(schedule, workflow)
    context = {
        **_context(workflow, found),
        "coming": schedule_view.coming_of(found),
        "state": schedule_view.state_of(found),
        "catching_up": schedule_view.catching_up(found),
        "runs": runs.runs(RunFilter(schedule=schedule), limit=LATELY),
        "history": schedule_view.told(queries.history(schedule)),
    }
    return render(request, "schedules/schedule.html", context)


@needs(Role.DESIGNER)
def new_page(request: HttpRequest, workflow: str) -> HttpResponse:
    """The form carries a key of its own, so that sending it twice makes one."""
    context = _context(workflow)
    if context["workflow"].version is None or context["workflow"].retired:
        return render(request, "schedules/list.html", context, status=409)
    if request.method != "POST":
        form = ScheduleForm(initial=schedule_form.FIRST)
        return _form(request, context, form, SchemaForm.of(_schema(workflow), prefix=PREFIX), once=uuid4().hex)
    return _written(request, context, None)


@needs(Role.DESIGNER)
def edit_page(request: HttpRequest, workflow: str, schedule: str) -> HttpResponse:
    found = queries.schedule(schedule, workflow)
    context = _context(workflow, found)
    if request.method != "POST":
        inputs = SchemaForm.of(_schema(workflow), found.input, prefix=PREFIX)
        return _form(request, context, ScheduleForm(initial=initial(found)), inputs)
    return _written(request, context, found)


@needs(Role.VIEWER)
def occurrences_part(request: HttpRequest, workflow: str) -> HttpResponse:
    """When a line comes next in a zone, while they are typed."""
    coming = schedule_view.coming(*schedule_form.times_of(request.GET))
    return render(request, "schedules/_coming.html", {"coming": coming})


@require_POST
@needs(Role.OPERATOR)
def pause(request: HttpRequest, workflow: str, schedule: str) -> HttpResponse:
    found = queries.schedule(schedule, workflow)
    acts.pause(schedule=schedule, by=request.user.get_username())
    messages.success(request, f"{found.name} is paused. It starts nothing until somebody resumes it.")
    return redirect("schedule", workflow, schedule)


@require_POST
@needs(Role.OPERATOR)
def resume(request: HttpRequest, workflow: str, schedule: str) -> HttpResponse:
    found = queries.schedule(schedule, workflow)
    try:
        acts.resume(schedule=schedule, by=request.user.get_username())
        messages.success(request, f"{found.name} goes on. What came while it was paused is not made up for.")
    except Refused as refused:
        problem = refused.problems[0]
        messages.error(request, f"Not resumed: {problem.path} {problem.message} A designer has to change the schedule first.")
    return redirect("schedule", workflow, schedule)


@needs(Role.DESIGNER)
def delete_page(request: HttpRequest, workflow: str, schedule: str) -> HttpResponse:
    """What will not happen any more, and a button."""
    found = queries.schedule(schedule, workflow)
    if request.method == "POST":
        acts.delete(schedule=schedule, by=request.user.get_username())
        messages.success(request, f"The schedule {found.name} is deleted.")
        return redirect("workflow_schedules", workflow)
    coming = schedule_view.coming_of(found)
    return render(request, "schedules/delete.html", {**_context(workflow, found), "coming": coming})


def _context(workflow: str, schedule: ScheduleView | None = None) -> dict[str, Any]:
    found = workflows.workflow(workflow)
    trail = [("Workflows", "/workflows/"), (found.label, reverse("workflow", args=[workflow]))]
    trail.append(("Schedules", reverse("workflow_schedules", args=[workflow])))
    return {**frame(found, "schedules"), "schedule": schedule, "trail": trail}


def _schema(workflow: str) -> dict[str, Any]:
    """The contract that the input of a run has to fit now."""
    return workflows.version(workflow).definition.get("input") or {"type": "object"}


def _written(request: HttpRequest, context: dict[str, Any], found: ScheduleView | None) -> HttpResponse:
    """What was sent is written; or it comes back with all that is wrong at its field, or in another shape where so asked."""
    workflow, by = context["workflow"].id, request.user.get_username()
    form, inputs = ScheduleForm(request.POST), SchemaForm.sent(_schema(workflow), request.POST, prefix=PREFIX)
    once = request.POST.get("once", "").strip()[:200]
    if (turned := inputs.turned(request.POST) or _switched(inputs, request.POST)) is not None:
        return _form(request, context, ScheduleForm(initial=_typed(request)), turned, once)
    sound, (given, wrong) = form.is_valid(), _given(inputs)
    body = body_of(form, given)
    try:
        if wrong or not sound:
            acts.check(workflow=workflow, body=body)  # so that all is said at once
            raise Refused(*wrong)
        if found is None:
            made = acts.create(workflow=workflow, body=body, by=by, idempotency=f"form-{once}" if once else None)
            messages.success(request, f"{body['name']} is made, and starts runs from its next time on.")
            return _to(request, workflow, made, body["name"])
        acts.change(schedule=found.id, body=body, by=by, revision=_revision(request))
        messages.success(request, f"{body['name']} is changed.")
        return _to(request, workflow, found.id, body["name"])
    except Conflict as conflict:
        now = queries.schedule(str(found.id if found else ""), workflow)
        return _form(request, {**context, "schedule": now, "conflict": conflict}, form, inputs, once, status=409)
    except Refused as refused:
        about_key = any(problem.code == "idempotency_key_reused" for problem in refused.problems)
        told = (_SENT_BEFORE,) if about_key else refused.problems
        of_input = wrong or [problem for problem in told if problem.path.partition(".")[0] == "input"]
        form.take(problem for problem in told if problem not in of_input and problem.path.partition(".")[0] != "input")
        return _form(request, context, form, inputs.mark(of_input), uuid4().hex if about_key else once, status=422)


def _to(request: HttpRequest, workflow: str, schedule: str, name: str) -> HttpResponse:
    if queries.is_shared(name, workflow):
        sentence = "Another schedule of this workflow is called {} too. Give one of them another name, to tell their runs apart."
        messages.warning(request, sentence.format(name))
    return redirect("schedule", workflow, schedule)


_SENT_BEFORE = Problem("sent_before", "This form has made a schedule already. Send it again to make another one.", "")


def _given(inputs: SchemaForm) -> tuple[Any, list[Problem]]:
    """The input, and what its form finds wrong with it."""
    try:
        return inputs.taken(PREFIX).value, []
    except Refused as refused:
        draft = inputs.draft()
        return ({} if draft is ABSENT else draft), list(refused.problems)


def _switched(inputs: SchemaForm, sent: Any) -> SchemaForm | None:
    """The same where only its times are to be shown, or the input as JSON, or as a form again."""
    return inputs.switched(sent.get("as", "")) or (inputs if sent.get("do") == "times" else None)


def _typed(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in ScheduleForm.base_fields}


def _revision(request: HttpRequest) -> int | None:
    said = request.POST.get("revision", "")
    return int(said[:9]) if said.isascii() and said.isdecimal() else None


def _form(
    request: HttpRequest, context: dict[str, Any], form: ScheduleForm, inputs: SchemaForm, once: str = "", status: int = 200
) -> HttpResponse:
    times = {name: form[name].value() or "" for name in ("cron", "zone")}
    coming = schedule_view.coming(*schedule_form.times_of(times))
    more = {"fields": form, "form": inputs, "once": once, "coming": coming, "zones": zones()}
    return render(request, "schedules/form.html", {**context, **more}, status=status)
