"""Trying one step alone, with an input of one's own: real calls or mocked ones, nothing stored."""

import time
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.json_view import text as pretty
from dashboard.needs import needs
from dashboard.pages.workflows import DRAFT, frame, read
from dashboard.trial_view import alone_not, choices, mocks, opening, tried
from orchestration.acts.trial import try_step
from orchestration.core import values
from orchestration.core.errors import NotFound, Problem, Refused, Unreadable
from orchestration.core.plan import Plan, PlanStep
from orchestration.core.wording import under
from orchestration.queries import last_inputs
from orchestration.queries import workflows as stored
from orchestration.roles import Role


@needs(Role.DESIGNER)
def try_page(request: HttpRequest, workflow: str) -> HttpResponse:
    """?step= and ?version=, the draft where none is said. ?from=last opens with the input of its last visit in a run."""
    found = stored.workflow(workflow)
    reading = read(found, request.GET.get("version", "") or DRAFT)
    plan = reading.plan
    steps, left_out = (choices(plan), alone_not(plan)) if plan else ((), ())
    context = {**frame(found, "try", reading), "steps": steps, "left_out": left_out}
    step = _chosen(plan, request.GET.get("step", ""))
    if plan is None or step is None:
        return render(request, "workflows/try.html", context)
    context |= {"step": step, "last": last_inputs.last_input(workflow, step.id) if step.type in ("llm", "tool") else None}
    if request.method != "POST":
        begin = context["last"].value if context["last"] and request.GET.get("from") == "last" else opening(plan, step)
        made = mocks(step)
        return render(request, "workflows/try.html", {**context, "input": pretty(begin), "mocks": pretty(made) if made else ""})
    return _answer(request, reading.version.text if reading.version else found.draft, plan, step, context)


def _chosen(plan: Plan | None, name: str) -> PlanStep | None:
    if plan is None:
        return None
    steps = {step.id: step for step in choices(plan)}
    if name and name not in steps:
        raise NotFound(f"There is no step {name[:60]} here that can be tried alone.")
    return steps[name] if name else next(iter(steps.values()), None)


def _answer(request: HttpRequest, text: str, plan: Plan, step: PlanStep, context: dict[str, Any]) -> HttpResponse:
    given, mocked = request.POST.get("input", ""), request.POST.get("mocks", "")
    context |= {"input": given, "mocks": mocked}
    began = time.monotonic()
    try:
        made = _json(mocked, "mocks") if mocked.strip() else {}
        answer = try_step(
            definition=text,
            step=step.id,
            input=_json(given, "input"),
            mocks=made,
            by=request.user.get_username(),
        )
    except Refused as refused:
        context["problems"] = refused.problems
        return render(request, _part(request), context, status=422)
    return render(request, _part(request), {**context, "tried": tried(plan, step, answer, made, time.monotonic() - began)})


def _part(request: HttpRequest) -> str:
    return "workflows/tried.html" if request.headers.get("HX-Request") else "workflows/try.html"


def _json(text: str, what: str) -> Any:
    try:
        value = values.parse_json(text).value
    except Unreadable as error:
        raise Refused(*(Problem(p.code, p.message, under(what, p.path), line=p.line) for p in error.problems)) from None
    if not isinstance(value, dict):
        raise Refused(Problem("wrong_type", f"The {what} is a JSON object, in braces.", what))
    return value
