"""What a step of the draft would see and do in a recorded run: a page, and the part of one where htmx asks for it."""

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard import decision_card
from dashboard.decision_card import Card
from dashboard.needs import needs
from dashboard.outline import target
from dashboard.pages.workflows import DRAFT, frame, read
from dashboard.panel.writing import seen
from orchestration.core.errors import NotFound
from orchestration.core.plan import Plan, PlanStep
from orchestration.queries import workflows as stored
from orchestration.queries.dossier import root_of
from orchestration.queries.preview import Preview, Visit, preview, visits
from orchestration.roles import Role


@needs(Role.DESIGNER)
def preview_page(request: HttpRequest, workflow: str, step: str) -> HttpResponse:
    """?at= is a visit as `run.seq`, the latest one without."""
    found, part = stored.workflow(workflow), bool(request.headers.get("HX-Request"))
    reading = read(found, DRAFT)
    context: dict[str, Any] = {**frame(found, "outline", reading), "reading": reading}
    if reading.plan is not None:
        if step not in reading.plan.steps:
            raise NotFound(f"There is no step {step[:60]} in the draft of {found.id}.")
        found_there, at = visits(workflow, step), request.GET.get("at", "")
        if part and at not in {visit.name for visit in found_there}:
            at = ""  # it was chosen before what came since
        context |= _told(reading.plan, reading.plan.steps[step], found_there, at)
    return render(request, "workflows/previewed.html" if part else "workflows/preview.html", context)


def _told(plan: Plan, step: PlanStep, found: tuple[Visit, ...], at: str) -> dict[str, Any]:
    chosen = next((visit for visit in found if visit.name == at), None)
    if at and chosen is None:
        raise NotFound(f"{step.label} has no visit {at[:60]} among its latest {len(found)}.")
    chosen = chosen or next(iter(found), None)
    told = preview(plan, step, chosen) if chosen else None
    context = {
        "step": step,
        "visits": found,
        "chosen": chosen,
        "told": told,
        "cap": getattr(step.model, "max_input_tokens", None),
    }
    if told is not None and step.prompt is not None:
        context["values"] = seen(told.given)
    if chosen is not None and told is not None and told.decision is not None:
        context["card"] = _decided(plan, told, chosen.run)
    return context


def _decided(plan: Plan, told: Preview, run: str) -> Card:
    """The decision as a card, in the conditional."""
    assert told.decision is not None
    went = told.decision.sentence.removeprefix("Went to ")
    card = decision_card.card(
        told.decision.as_dict(),
        lambda path: ("what the run had then", None),
        lambda to: target(plan, root_of(to).rpartition("/")[2]).name,
    )
    return replace(card, sentence=f"Run {run[-8:]} would go to {went}")
