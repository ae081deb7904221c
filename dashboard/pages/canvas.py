"""/workflows/<id>/design/: a workflow drawn. Its graph has an address of its own, that of a run too."""

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from dashboard import graph_view, items_view, run_view
from dashboard.built import is_built
from dashboard.errors import problem
from dashboard.kin import kin
from dashboard.needs import needs
from dashboard.pages.workflows import Reading, frame, read
from orchestration.core.editing import copy
from orchestration.core.editing.commands import MOST_STEPS
from orchestration.core.errors import Problem
from orchestration.queries import course as courses
from orchestration.queries import drafts, inside
from orchestration.queries import runs as run_queries
from orchestration.queries import workflows as stored
from orchestration.queries.drafts import Standing
from orchestration.queries.workflows import DRAFT, WorkflowDetail
from orchestration.roles import Role, allows


@needs(Role.VIEWER)
def design_page(request: HttpRequest, workflow: str) -> HttpResponse:
    """The draft for who may change it, else the version that runs follow. `?version=` is another, to be looked at."""
    found = stored.workflow(workflow)
    designs = allows(request.user, Role.DESIGNER)
    which = request.GET.get("version", "") or (DRAFT if designs else "")
    reading = read(found, which, beside=True)
    if reading.plan is None and reading.draft and designs:
        return redirect("workflow_edit", workflow=workflow)
    number = reading.version.number if reading.version else DRAFT
    context = {
        **frame(found, "design", reading),
        "writes": designs and reading.draft,
        "built": is_built(),
        "graph_href": f"{reverse('workflow_graph', args=[found.id])}?version={number}",
        "begins": designs and reading.draft and reading.plan is not None and len(reading.plan.steps) < 2,
        "bounds": graph_view.bounds(reading.proof) if reading.proof else [],
        "step_href": reverse("workflow_step", args=[found.id, "STEP"]) if designs and reading.draft else "",
        "selected": request.GET.get("step", "")[:48],
        **_turns(found.id, designs and reading.draft),
    }
    return render(request, "workflows/design.html", context)


def _turns(workflow: str, writes: bool) -> dict[str, str]:
    """What undo and redo would do, in words, for whoever may."""
    standing = drafts.standing(workflow) if writes else Standing(None, None)
    return {
        name: f"{entry.sentence} (by {entry.by})" if entry else ""
        for name, entry in (("undoes", standing.undo), ("redoes", standing.redo))
    }


@needs(Role.VIEWER)
def graph(request: HttpRequest, workflow: str) -> HttpResponse:
    """`?version=draft` or a number; without it, the latest version, or the draft where there is none."""
    found = stored.workflow(workflow)
    reading = read(found, request.GET.get("version", ""))
    if reading.plan is None:
        return unreadable(reading.problems)
    turns = _turns(found.id, reading.draft and allows(request.user, Role.DESIGNER))
    return JsonResponse({**graph_of(found, reading), "turns": {"undo": turns["undoes"] or None, "redo": turns["redoes"] or None}})


def graph_of(found: WorkflowDetail, reading: Reading) -> dict[str, Any]:
    """The graph of what could be read."""
    assert reading.plan is not None and reading.proof is not None
    if reading.version is None:
        return graph_view.graph(reading.plan, reading.proof, revision=found.revision)
    return graph_view.graph(reading.plan, reading.proof, version=reading.version.number)


def unreadable(problems: tuple[Problem, ...]) -> HttpResponse:
    """The answer where there is nothing to draw."""
    sentence = "This can't be read, so there is nothing to draw. Mend it as text."
    return problem(422, "Unreadable", sentence, "unreadable", problems=[each.as_dict() for each in problems])


@needs(Role.VIEWER)
def run_graph(request: HttpRequest, run: str) -> HttpResponse:
    """The version of a run, with where the run has been."""
    found = run_queries.run(run)
    workflow = stored.workflow(found.workflow)
    reading = read(workflow, str(found.version))
    assert reading.plan is not None and reading.proof is not None and reading.version is not None
    course = courses.course(found.id, found.seq)
    relatives = kin(found)
    scope = relatives.scope if relatives else ""
    reached = run_view.reached(found, course, reading.version.definition, scope)
    fans = items_view.fans(found, reading.plan, course, reached)
    told = inside.inside(found.id, found.version_id, [(fan.path, fan.visit) for fan in fans.values()])
    items = items_view.ran(reading.plan, fans, told)
    drawn = graph_view.of_run(reading.plan, reading.proof, course, reached, found.version, items, told.ways)
    return JsonResponse({**drawn, "revision": found.revision, "inside": scope.rpartition("/")[2].partition("[")[0]})


@needs(Role.DESIGNER)
def clipboard(request: HttpRequest, workflow: str) -> HttpResponse:
    """`?step=a&step=b`: these steps of the draft as what pasting takes, here or in another workflow."""
    found = stored.workflow(workflow)
    reading = read(found, DRAFT)
    if reading.plan is None:
        return unreadable(reading.problems)
    return JsonResponse(copy(reading.plan.definition.data, request.GET.getlist("step")[:MOST_STEPS]))
