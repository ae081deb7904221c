"""Reading workflows: the list, one as an outline, its proof, its versions and what changed between them."""

from dataclasses import dataclass, replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard import changes_view, problem_view, schema_words
from dashboard.needs import needs
from dashboard.outline import Errors, OutlineStep, Target, ending, outline
from dashboard.proof_view import ProofView, proof_view
from dashboard.text_diff import text_diff
from orchestration.acts.workflows import check
from orchestration.core.catalog import Tool
from orchestration.core.errors import NotFound, Problem
from orchestration.core.plan import Plan
from orchestration.queries import activity, drafts
from orchestration.queries import workflows as stored
from orchestration.queries.broken import since
from orchestration.queries.catalog import current
from orchestration.queries.drafts import Edit
from orchestration.queries.measured import Measured, measured
from orchestration.queries.plans import plan_of
from orchestration.queries.workflows import DRAFT, VersionDetail, WorkflowDetail
from orchestration.roles import Role


@dataclass(frozen=True, slots=True)
class Reading:
    """One state of a workflow: a version, or the draft as it is. Where that can't be read at all there is no plan, and
    `problems` say why. `since`: what is wrong by now with a version that was right when it was published."""

    version: VersionDetail | None
    plan: Plan | None
    proof: ProofView | None
    problems: tuple[Problem, ...] = ()
    since: tuple[Problem, ...] = ()
    undo: Edit | None = None
    """What was done last to a draft that can't be read."""

    @property
    def draft(self) -> bool:
        return self.version is None

    @property
    def steps(self) -> tuple[OutlineStep, ...]:
        return outline(self.plan, self.errors) if self.plan else ()

    @property
    def input(self) -> tuple[schema_words.FieldWords, ...]:
        return schema_words.fields(self.plan.input.schema) if self.plan and self.plan.input else ()

    @property
    def endings(self) -> tuple[Target, ...]:
        return tuple(ending(self.plan, name) for name in self.plan.workflow.outcomes) if self.plan else ()

    @property
    def last_resort(self) -> str:
        """What the outcome of whatever nothing catches is called."""
        return ending(self.plan, self.plan.workflow.on_failure).name if self.plan else ""

    @property
    def tools(self) -> tuple[Tool, ...]:
        """Those that its steps use, by name."""
        if self.plan is None:
            return ()
        used = {tool.name: tool for step in self.plan.steps.values() for tool in (step.tool, *step.tools) if tool is not None}
        return tuple(used[name] for name in sorted(used))

    @property
    def errors(self) -> Errors:
        return (
            {row.step: {code: to.id for codes, to in row.ways for code in codes} for row in self.proof.rows} if self.proof else {}
        )


def read(found: WorkflowDetail, which: str, beside: bool = False) -> Reading:
    """`which`: "draft", the number of a version, or "" for the latest, the draft where there is none. `beside`: with what runs
    came to, the version's own, for the draft those of the latest. Raises `NotFound`."""
    if which == DRAFT or (not which and found.version is None):
        return _draft(found.draft, found.id, measured(found.id, found.version) if beside else None)
    if which and not (which.isdecimal() and len(which) < 10):
        raise NotFound(f"There is no version {which[:20]} of {found.id}.")
    version = stored.version(found.id, int(which) if which else found.version)
    world = current()
    plan = plan_of(version.id, world)
    wrong = since(plan.problems)
    proof = proof_view(plan, version.proof, measured(found.id, version.number) if beside else None)
    return Reading(version, plan, replace(proof, by_now=len(wrong)), since=wrong)


def _draft(text: str, workflow: str, runs: Measured | None) -> Reading:
    checked = check(text, workflow)
    if checked.plan is None or checked.proof is None:
        return Reading(None, None, None, checked.problems, undo=drafts.standing(workflow).undo)
    proof = {**checked.proof.as_dict(), "problems": problem_view.problems(checked)}
    return Reading(None, checked.plan, proof_view(checked.plan, proof, runs), checked.problems)


@needs(Role.VIEWER)
def workflow_list(request: HttpRequest) -> HttpResponse:
    """`?retired=yes`: those alone that nobody may start any more, which are in no other list."""
    apart = request.GET.get("retired") == "yes"
    found = stored.workflows(after=request.GET.get("after") or None, retired=apart)
    lately = activity.activity(row.id for row in found.items)
    rows = [(row, lately[row.id]) for row in found.items]
    kept = "?retired=yes&" if apart else "?"
    more = f"{kept}after={found.next}" if found.next else ""
    context: dict[str, Any] = {
        "here": "workflows",
        "rows": rows,
        "next": more,
        "newest": kept if request.GET.get("after") else "",
    }
    context |= {"apart": apart, "retired": stored.retired()}
    return render(request, "workflows/list.html", context)


@needs(Role.VIEWER)
def proof_page(request: HttpRequest, workflow: str) -> HttpResponse:
    found = stored.workflow(workflow)
    reading = read(found, request.GET.get("version", ""), beside=True)
    return render(request, "workflows/proof.html", frame(found, "proof", reading))


@needs(Role.VIEWER)
def versions_page(request: HttpRequest, workflow: str) -> HttpResponse:
    found = stored.workflow(workflow)
    pairs = list(zip(found.versions, (*found.versions[1:], None), strict=True))
    return render(request, "workflows/versions.html", {**frame(found, "versions"), "pairs": pairs})


@needs(Role.VIEWER)
def changes_page(request: HttpRequest, workflow: str) -> HttpResponse:
    """?from=1&to=2; without them, the latest version and the draft."""
    found = stored.workflow(workflow)
    before, old = stored.text_of(found, request.GET.get("from"), "from")
    after, new = stored.text_of(found, request.GET.get("to") or DRAFT, "to")
    context = {
        "groups": changes_view.groups(old, new),
        "lines": text_diff(old, new),
        "before": before,
        "after": after,
        "before_name": _called(before),
        "after_name": _called(after),
    }
    return render(request, "workflows/changes.html", {**frame(found, "versions"), **context})


def _called(which: str) -> str:
    return "the draft" if which == DRAFT else f"version {which}" if which else "nothing"


def frame(found: WorkflowDetail, tab: str, reading: Reading | None = None) -> dict[str, Any]:
    """What the head of a workflow's pages needs. `query` keeps the chosen version from tab to tab."""
    query = ""
    if reading is not None and (reading.draft or (reading.version and reading.version.number != found.version)):
        query = f"?version={DRAFT if reading.version is None else reading.version.number}"
    return {
        "here": "workflows",
        "workflow": found,
        "activity": activity.activity([found.id])[found.id],
        "tab": tab,
        "reading": reading,
        "query": query,
        "trail": [("Workflows", "/workflows/")],
    }
