"""Changing a draft by forms: the panel of a step, the settings of the workflow, the menu of a step, and what is done with it.

Everything works as a page of its own, without a script; to htmx the part alone is given. Whoever was overtaken keeps what was
typed, and sees who did what since. Where that was the same person, who changed something else, it is no reason to ask.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_POST

from dashboard import empty_workflow, outline_menu
from dashboard.built import is_built
from dashboard.needs import needs
from dashboard.outline_menu import Menu, data_of
from dashboard.pages.commands import revision_of, sent_commands
from dashboard.pages.workflows import Reading, frame, read
from dashboard.panel.around import Around, around, tools_of
from dashboard.panel.failing import failing
from dashboard.panel.form import Json, StepForm, at_fields, below
from dashboard.panel.prompting import prompting
from dashboard.panel.writing import writing
from dashboard.schema_form import TURN
from orchestration.acts import drafts as acts
from orchestration.acts.drafts import Made
from orchestration.core.definition import Workflow
from orchestration.core.errors import Conflict, NotFound, Refused
from orchestration.core.inference import schema_of_value
from orchestration.core.wording import with_stop
from orchestration.queries import drafts
from orchestration.queries import workflows as stored
from orchestration.queries.catalog import current
from orchestration.queries.preview import output, outputs
from orchestration.queries.workflows import DRAFT, WorkflowDetail
from orchestration.roles import Role, allows

RECORDED = "recorded"
"""The button that makes a contract from an output, and the field that says from which."""


def is_part(request: HttpRequest) -> bool:
    return bool(request.headers.get("HX-Request"))


def _draft(workflow: str) -> tuple[WorkflowDetail, Reading]:
    found = stored.workflow(workflow)
    return found, read(found, DRAFT)


def _as_text(request: HttpRequest, found: WorkflowDetail) -> HttpResponse:
    """A draft that can't be read opens as text, which says why."""
    address = reverse("workflow_edit", args=[found.id])
    if is_part(request):
        return render(request, "workflows/_as_text.html", {"workflow": found}, status=422)
    messages.warning(request, "The draft can't be read, so it can only be changed as text. What is wrong stands beside it.")
    return redirect(address)


# The panel of a step, and that of the workflow


@needs(Role.DESIGNER)
def step_page(request: HttpRequest, workflow: str, step: str) -> HttpResponse:
    return _panel(request, workflow, step)


@needs(Role.DESIGNER)
def settings_page(request: HttpRequest, workflow: str) -> HttpResponse:
    """The same for what is no step: contract, outcomes, models, tools, limits."""
    return _panel(request, workflow, "")


def _panel(request: HttpRequest, workflow: str, step: str) -> HttpResponse:
    found, reading = _draft(workflow)
    if reading.plan is None:
        return _as_text(request, found)
    form = opened(reading, step)
    if request.method != "POST":
        return _shown(request, found, reading, form)
    form = StepForm.sent(form.model, step, _data(reading, step), _calling(form.around, request.POST), request.POST)
    if request.POST.get(TURN) == RECORDED and step and form.contract:
        return _from_recorded(request, found, reading, form)
    turned = form.turned(request.POST)
    if turned is not None:
        return _shown(request, found, reading, turned, revision=revision_of(request))
    return _saved(request, found, reading, form.tidied(), revision_of(request))


def _from_recorded(request: HttpRequest, found: WorkflowDetail, reading: Reading, form: StepForm) -> HttpResponse:
    """Offers the latest outputs of the step; with `recorded`, which names one of them, its contract is made from that one."""
    offered = outputs(found.id, form.step)
    chosen = next((visit for visit in offered if visit.name == request.POST.get(RECORDED)), None)
    if chosen is not None:
        form = form.contracted(schema_of_value(output(chosen)))
    more: dict[str, Any] = {"offered": offered, "offers": True, "chosen": chosen}
    return _shown(request, found, reading, form, revision=revision_of(request), **more)


def _saved(request: HttpRequest, found: WorkflowDetail, reading: Reading, form: StepForm, revision: int) -> HttpResponse:
    by = request.user.get_username()
    sent: list[Json] = []
    try:
        sent = form.commands()
        if not sent:
            return _shown(request, found, reading, form, revision=revision, said="Nothing was changed.")
        made = acts.edit(workflow=found.id, commands=sent, revision=revision, by=by)
    except Refused as refused:
        marked = form.mark(at_fields(refused.problems, sent))
        return _shown(request, found, reading, marked, revision=revision, status=422, refused=True)
    except Conflict as conflict:
        return _overtaken(request, found.id, form, conflict)
    return _done(request, found.id, form, made)


def _done(request: HttpRequest, workflow_id: str, form: StepForm, made: Made) -> HttpResponse:
    workflow = stored.workflow(workflow_id)
    step = form.name if form.step else ""
    if not is_part(request) or request.POST.get("do") == "back":
        messages.success(request, with_stop(made.sentence))
        for note in made.left:
            messages.warning(request, note.message)
    if request.POST.get("do") == "back":
        return _back(request, f"{reverse('workflow', args=[workflow.id])}?version={DRAFT}#step-{step}")
    if not is_part(request):
        return redirect(*(("workflow_step", workflow.id, step) if step else ("workflow_settings", workflow.id)))
    reading = read(workflow, DRAFT)
    answer = _shown(request, workflow, reading, opened(reading, step), said=with_stop(made.sentence), saved=True, left=made.left)
    answer["HX-Trigger"] = json.dumps({"draft:changed": {"revision": made.revision, "step": step}})
    return answer


def _back(request: HttpRequest, address: str) -> HttpResponse:
    return HttpResponse(headers={"HX-Redirect": address}) if is_part(request) else redirect(address)


def _overtaken(request: HttpRequest, workflow: str, form: StepForm, conflict: Conflict) -> HttpResponse:
    found, reading = _draft(workflow)
    if reading.plan is None:
        return _as_text(request, found)
    changes = conflict.details.get("changes", [])
    if form.step and form.step not in reading.plan.steps:
        typed = json.dumps(form.commands(), ensure_ascii=False, indent=2)
        context = {**frame(found, "outline", reading), "gone": form.step, "overtaken": changes, "typed": typed}
        return render(request, _template(request), context, status=409)
    data = _data(reading, form.step)
    rebased = form.rebased(data)
    others = any(change["by"] != request.user.get_username() for change in changes)
    others = others or len(changes) != found.revision - revision_of(request)
    if not changes or others or form.crosses(data):
        return _shown(request, found, reading, rebased, status=409, overtaken=changes)
    return _saved(request, found, reading, rebased, found.revision)  # it was the same person, who changed something else


def opened(reading: Reading, step: str) -> StepForm:
    """With what the proof finds wrong at its fields."""
    assert reading.plan is not None
    if step and step not in reading.plan.steps:
        raise NotFound(f"There is no step {step[:60]} in this draft. It may have been renamed or removed: look at the outline.")
    model = type(reading.plan.steps[step].model) if step else Workflow
    form = StepForm.opened(model, step, _data(reading, step), offers(reading, step))
    return form.mark(below(reading.problems, reading.plan.steps[step].place)) if step else form


def offers(reading: Reading, step: str) -> Around:
    assert reading.plan is not None
    versions = tuple((f"{row.id}@{row.version}", f"{row.label}, version {row.version}") for row in _callable(reading, step))
    return around(reading.plan, step, reading.plan.catalog, versions)


def _calling(known: Around, posted: QueryDict) -> Around:
    """With the contract of a version that was just chosen, and that nothing in the draft calls yet."""
    ref = posted.get("v/workflow", "").strip('"')
    if ref in known.contracts or ref not in {name for name, _ in known.versions}:
        return known
    workflow, _, number = ref.partition("@")
    found = stored.version(workflow, int(number)).definition.get("input")
    return replace(known, contracts={**known.contracts, ref: found if isinstance(found, dict) else {}})


def _callable(reading: Reading, step: str) -> Sequence[Any]:
    """The workflows that a step could run; asked for where it is one that runs any."""
    assert reading.plan is not None
    if not step or reading.plan.steps[step].type != "workflow":
        return ()
    return [row for row in stored.workflows(limit=200, retired=False).items if row.version and row.id != reading.plan.workflow.id]


def _data(reading: Reading, step: str) -> Json:
    assert reading.plan is not None
    if not step:
        return dict(reading.plan.definition.data)
    return data_of(reading.plan, step) if step in reading.plan.steps else {}


def _template(request: HttpRequest) -> str:
    return "workflows/_panel.html" if is_part(request) else "workflows/step.html"


def _shown(
    request: HttpRequest,
    found: WorkflowDetail,
    reading: Reading,
    form: StepForm,
    *,
    status: int = 200,
    revision: int = 0,
    **more: Any,
) -> HttpResponse:
    context = {**frame(found, "outline", reading), **panel(found, reading, form), "revision": revision or found.revision, **more}
    context["at"] = request.POST.get("at", "")  # the visit that its preview was looked at with
    context["alone"] = "alone" in request.POST  # on a page of its own
    return render(request, _template(request), context, status=status)


def panel(found: WorkflowDetail, reading: Reading, form: StepForm) -> dict[str, Any]:
    """What the template of the panel needs."""
    assert reading.plan is not None
    step = reading.plan.steps.get(form.step)
    asks = step is not None and step.type == "llm"
    published = stored.version(found.id).definition if asks and found.version else None
    prompt = prompting(reading.plan, step, published) if step else None
    fails = failing(reading.plan, step, reading.errors.get(step.id, {})) if step else ""
    texts = writing(form.around, step, prompt) if form.has_code else None
    told = {"last_resort": reading.last_resort, "prompting": prompt, "failing": fails, "texts": texts}
    return {"form": form, "step": step, **told}


# The outline


@needs(Role.VIEWER)
def outline_page(request: HttpRequest, workflow: str) -> HttpResponse:
    """A version, or the draft, which designers change here. `?step=` chooses one, `?open=all` unfolds them."""
    found = stored.workflow(workflow)
    reading = read(found, request.GET.get("version", ""))
    context = {**frame(found, "outline", reading), "open_all": request.GET.get("open") == "all"}
    if reading.draft and reading.plan is not None and allows(request.user, Role.DESIGNER):
        context |= {**designing(found, reading), "writes": True, "revision": found.revision}
        if (step := request.GET.get("step", "")) in reading.plan.steps:
            context |= panel(found, reading, opened(reading, step))
    return render(request, "workflows/outline.html", context)


@needs(Role.DESIGNER)
def menu_page(request: HttpRequest, workflow: str, step: str) -> HttpResponse:
    """What can be done with a step."""
    found, reading = _draft(workflow)
    if reading.plan is None:
        return _as_text(request, found)
    if step not in reading.plan.steps:
        raise NotFound(f"There is no step {step[:60]} in this draft. It may have been renamed or removed: look at the outline.")
    return _menu(request, found, reading, outline_menu.menu(reading.plan, step))


def _menu(
    request: HttpRequest, found: WorkflowDetail, reading: Reading, menu: Menu, status: int = 200, **more: Any
) -> HttpResponse:
    part = is_part(request)
    context = {**frame(found, "outline", reading), "menu": menu, "part": part, **more}
    answer = render(request, f"workflows/{'_menu' if part else 'menu'}.html", context, status=status)
    if status != 200 and part:
        answer["HX-Retarget"], answer["HX-Reswap"] = f"#menu-{menu.id}", "innerHTML"
    return answer


@needs(Role.VIEWER)
def outline_part(request: HttpRequest, workflow: str) -> HttpResponse:
    """The steps of the draft, to be shown anew after it was changed, with the menus that are open (`menu`, repeated); POST does
    something with one of them."""
    if request.method == "POST":
        return _act(request, workflow)
    found, reading = _draft(workflow)
    plan = reading.plan
    open_ = [step for step in request.GET.getlist("menu") if step in plan.steps] if plan else []
    return _outline(request, found, reading, menus={step: outline_menu.menu(plan, step) for step in open_ if plan})


@needs(Role.DESIGNER)
def _act(request: HttpRequest, workflow: str) -> HttpResponse:
    found, reading = _draft(workflow)
    before = reading.plan
    if before is None:
        return _as_text(request, found)
    step = request.POST.get("step", "")
    try:
        made = _doing(request, reading, found, step)
    except Refused as refused:
        if step in before.steps:
            menu, others = outline_menu.refused(before, step, request.POST.dict(), refused.problems)
            return _menu(request, found, reading, menu, 422, problems=others)
        return _outline(request, found, reading, problems=refused.problems, status=422)
    except Conflict as conflict:
        found, reading = _draft(workflow)
        return _outline(request, found, reading, overtaken=conflict.details.get("changes", []), status=409)
    if made is None:
        return _outline(request, found, reading, said="Nothing was changed.", focus=step)
    found, reading = _draft(workflow)
    focus = outline_menu.goes_on(before, reading.plan, made.steps) if reading.plan else ""
    if not is_part(request):
        messages.success(request, with_stop(made.sentence))
        return redirect(f"{reverse('workflow', args=[workflow])}?version={DRAFT}{f'#step-{focus}' if focus else ''}")
    return _outline(request, found, reading, said=with_stop(made.sentence), focus=focus)


def _doing(request: HttpRequest, reading: Reading, found: WorkflowDetail, step: str) -> Made | None:
    """None where an answer changes nothing. Raises `Refused` and `Conflict`."""
    by, revision = request.user.get_username(), revision_of(request)
    turns: dict[str, Callable[..., Made]] = {"undo": acts.undo, "redo": acts.redo}
    if (turn := turns.get(request.POST.get("do", ""))) is not None:
        return turn(workflow=found.id, revision=revision, by=by)
    assert reading.plan is not None
    fix = request.POST.get("do") == "fix"
    commands = sent_commands(request) if fix else outline_menu.commands(reading.plan, step, request.POST.dict())
    if not commands:
        return None
    since = drafts.changes(found.id, revision)
    if len(since) == found.revision - revision and all(change.by == by for change in since):  # by themselves, elsewhere
        revision = found.revision
    return acts.edit(workflow=found.id, commands=commands, revision=revision, by=by)


def _outline(request: HttpRequest, found: WorkflowDetail, reading: Reading, *, status: int = 200, **more: Any) -> HttpResponse:
    part = is_part(request)
    if part and reading.plan is None:
        return HttpResponse(status=204, headers={"HX-Refresh": "true"})  # the page itself says why nothing can be drawn
    writes = allows(request.user, Role.DESIGNER)
    context = {**frame(found, "outline", reading), **designing(found, reading), "writes": writes, "part": part, **more}
    return render(request, "workflows/_outline.html" if part else "workflows/outline.html", context, status=status)


def designing(found: WorkflowDetail, reading: Reading) -> dict[str, Any]:
    """What an outline needs besides, where it can be changed."""
    tools = tools_of(reading.plan, reading.plan.catalog) if reading.plan else ()
    return {"standing": drafts.standing(found.id), "types": outline_menu.TYPE_OFFERS, "tools": tools}


# From nothing


@require_POST
@needs(Role.DESIGNER)
def start_empty(request: HttpRequest) -> HttpResponse:
    """A workflow that ends at once, to be drawn on. Its id is made from its title where none is given."""
    title, name = request.POST.get("title", "").strip()[:200], request.POST.get("id", "").strip()
    try:
        provider = next(iter(sorted(current().catalog.providers, key=lambda one: one != "default")), "")
        text = empty_workflow.text(title, name or empty_workflow.proposed_id(title, stored.ids()), provider)
        made = acts.push(text=text, by=request.user.get_username(), new=True).workflow
    except Refused as refused:
        typed = {"empty_title": title, "empty_id": name, "empty_wrong": refused.problems[0]}
        context = {"here": "workflows", "trail": [("Workflows", "/workflows/")], "text": empty_workflow.EXAMPLE, **typed}
        return render(request, "workflows/new.html", context, status=422)
    messages.success(request, f"{made.title or made.id} is drafted. Add its first step.")
    if is_built():
        return redirect("workflow_design", workflow=made.id)
    return redirect(f"{reverse('workflow', args=[made.id])}?version={DRAFT}")
