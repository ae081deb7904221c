"""/workflows/<id>/run/: starts a run, by a form made from the input contract, or by JSON."""

from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from dashboard import run_view
from dashboard.needs import needs
from dashboard.schema_form import ABSENT, SchemaForm
from orchestration import samples
from orchestration.acts import runs as acts
from orchestration.core.contract import contract
from orchestration.core.errors import NotFound, Problem, Refused
from orchestration.core.wording import dotted
from orchestration.queries import runs, workflows
from orchestration.queries.runs import RunDetail
from orchestration.queries.workflows import VersionDetail
from orchestration.roles import Role

PREFIX = "input"


@needs(Role.OPERATOR)
def start(request: HttpRequest, workflow: str) -> HttpResponse:
    """The form; `?example=` fills it in, and `?from=` does with the input of a run. By POST the run is started; what is wrong is
    shown at its field, with all that was typed. The form carries a key of its own, so that sending it twice starts one run."""
    found = workflows.workflow(workflow)
    if found.version is None or found.retired:
        return render(request, "runs/start.html", {"here": "workflows", "workflow": found}, status=409)
    version = workflows.version(workflow, _version(request))
    schema = version.definition.get("input") or {"type": "object"}
    if request.method != "POST":
        if run := request.GET.get("from"):
            return _again(request, found, version, schema, runs.run(run))
        return _page(request, found, version, _opened(request, workflow, schema), {"once": uuid4().hex})
    form = SchemaForm.sent(schema, request.POST, prefix=PREFIX)
    typed = {name: request.POST.get(name, "").strip()[:200] for name in ("key", "once")}
    if (turned := form.turned(request.POST) or form.switched(request.POST.get("as", ""))) is not None:
        return _page(request, found, version, turned, typed)
    try:
        taken = form.taken(PREFIX)
        run = acts.start(
            workflow=workflow,
            version=version.number,
            input=taken.value,
            mended=taken.marks,
            by=request.user.get_username(),
            key=typed["key"],
            idempotency=f"form-{typed['once']}" if typed["once"] else None,
        )
    except Refused as error:
        return _refused(request, found, version, form, typed, error)
    messages.success(request, f"A run of {found.label} is started.")
    return HttpResponseRedirect(reverse("run", args=[run]))


def _version(request: HttpRequest) -> int | None:
    """The version that the form was made for, so that a new one published meanwhile changes nothing under the person."""
    said = request.POST.get("version") or request.GET.get("version") or ""
    return int(said[:9]) if said.isascii() and said.isdecimal() else None


def _opened(request: HttpRequest, workflow: str, schema: dict[str, Any]) -> SchemaForm:
    chosen = request.GET.get("example", "")
    examples = samples.examples(workflow)
    index = int(chosen[:3]) if chosen.isascii() and chosen.isdecimal() else -1
    value = examples[index]["input"] if 0 <= index < len(examples) else ABSENT
    return SchemaForm.of(schema, value, prefix=PREFIX)


def _again(request: HttpRequest, found: Any, version: VersionDetail, schema: dict[str, Any], run: RunDetail) -> HttpResponse:
    """With as much of that run's input as the contract takes. What it does not take is left out, and said."""
    if run.workflow != found.id:
        raise NotFound(f"Run {run.id} is none of {found.label}. Start another from its own page.")
    problems = tuple(contract(schema).check(run.input, PREFIX))
    kept = ABSENT if problems else run.input
    if isinstance(run.input, dict):
        kept = {key: each for key, each in run.input.items() if not any(_is_of(key, problem) for problem in problems)}
    form, typed = SchemaForm.of(schema, kept, prefix=PREFIX), {"once": uuid4().hex}
    return _page(request, found, version, form, typed, again={"run": run, "problems": problems})


def _is_of(key: str, problem: Problem) -> bool:
    place = dotted(PREFIX, [key])
    return problem.path == place or problem.path.startswith((f"{place}.", f"{place}["))


def _refused(
    request: HttpRequest, found: Any, version: VersionDetail, form: SchemaForm, typed: dict[str, str], error: Refused
) -> HttpResponse:
    about_key = [problem for problem in error.problems if problem.code == "idempotency_key_reused"]
    if about_key:
        # The form was sent before, with other values: the browser went back to it. These values are another run's.
        typed = {**typed, "once": uuid4().hex}
        sentence = "This form has started a run already. Send it again to start another one with these values."
        problems: tuple[Problem, ...] = (Problem("sent_before", sentence, "input"),)
    else:
        problems = error.problems
    return _page(request, found, version, form.mark(problems), typed, status=422)


def _page(
    request: HttpRequest,
    found: Any,
    version: VersionDetail,
    form: SchemaForm,
    typed: dict[str, str],
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    context = {
        **more,
        "here": "workflows",
        "workflow": found,
        "version": version,
        "latest": version.number == found.version,
        "form": form,
        "typed": typed,
        "examples": examples_of(version) if found.sample else (),
        "chosen": request.GET.get("example", ""),
    }
    return render(request, "runs/start.html", context, status=status)


def examples_of(version: VersionDetail) -> list[dict[str, Any]]:
    """Each with how it ends in words: an outcome, or the step that asks a person."""
    named = run_view.titles(version.definition)
    outcomes = run_view.outcomes_of(named)  # an `end` step is often called as its outcome is
    return [
        {**each, "ends": outcomes.get(each["ends"], ""), "asks": each["ends"] not in outcomes}
        for each in samples.examples(version.workflow)
    ]
