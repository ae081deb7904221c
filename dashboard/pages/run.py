"""/runs/<id>/: one run, followed as it moves. `?seq=` chooses a visit, `?at=` the state after one; without them the page shows
where the run is. One fragment serves the page, a click and a refresh."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from dashboard import conversation, decision_card, run_view, run_words, wait_view
from dashboard.needs import needs
from dashboard.step_titles import titles_of
from dashboard.timeline import timeline
from orchestration.acts import runs as acts
from orchestration.core.errors import Conflict, Refused
from orchestration.core.state import State
from orchestration.queries import course as courses
from orchestration.queries import records, run_list, workflows
from orchestration.queries import runs as queries
from orchestration.queries.course import Course
from orchestration.queries.progress import progress
from orchestration.queries.runs import RunDetail
from orchestration.roles import Role

MOST_REASON = 2000


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address chooses. `seq` None: what is under way, or else the last record. `follows`: the address names none, so
    that the choice moves on with the run. `state`: the state after that record is wanted, not the visit."""

    seq: int | None
    follows: bool
    state: bool


@needs(Role.VIEWER)
def run(request: HttpRequest, run: str) -> HttpResponse:
    """The page, or where a part is asked for, that part alone."""
    found = queries.run(run)
    fragment = request.headers.get("HX-Target") == "run"
    if fragment and request.headers.get("If-None-Match") == _etag(found):
        return HttpResponseNotModified()
    context = _page(found, _chosen(request, found))
    answer = render(request, "runs/_run.html" if fragment else "runs/run.html", context)
    # The same address gives the whole page or a part: neither may be taken for the other, from a cache or by a 304.
    patch_vary_headers(answer, ("HX-Request", "HX-Target"))
    if fragment:
        answer["ETag"] = _etag(found)
    return answer


def _etag(run: RunDetail) -> str:
    return f'"{run.revision}"'


def _chosen(request: HttpRequest, run: RunDetail) -> Chosen:
    at, seq = _number(request.GET.get("at"), run.seq), _number(request.GET.get("seq"), run.seq)
    if at is not None:
        return Chosen(at, False, True)
    if seq is not None:
        return Chosen(seq, False, False)
    said_open = request.GET.get("seq") == "open" and not run.over
    return Chosen(run.seq if run.over else None, not said_open, False)


def _number(said: str | None, most: int) -> int | None:
    """A record's number; None for what is none, and the last for one that is not there yet."""
    return min(int(said[:9]), most) if said and said.isascii() and said.isdecimal() else None


def _page(run: RunDetail, chosen: Chosen) -> dict[str, Any]:
    version = workflows.version(run.workflow, run.version)
    definition = version.definition
    named = run_view.titles(definition)
    around = chosen.seq if chosen.seq and chosen.seq <= run.seq - courses.MOST // 2 else None
    course = courses.course(run.id, run.seq, around)
    row, sweeping, now = run_list.standing(run, course.pauses)
    panel = _panel(run, course, chosen, named, definition)
    select = "open" if chosen.seq is None else str(chosen.seq)
    return {
        "here": "runs",
        "run": run,
        "version": version,
        "doing": run_words.state_of(row, now, sweeping),
        "named": named,
        "outcome_title": run_view.outcome_title(named, run.outcome),
        "outcome_kind": run_words.outcome_kind(run),
        "stops": run_view.stops(run, course, named),
        "outline": run_view.reached(run, course, definition),
        "course": course,
        "timeline": timeline(
            run.created, run.ended or now, course, run.wait == "backoff", named, None if run.over else run.since
        ),
        "lasted": (run.ended - run.created).total_seconds() if run.ended else None,
        "chosen": chosen,
        "select": select,
        "href": _href(run, chosen),
        **panel,
    }


def _href(run: RunDetail, chosen: Chosen) -> str:
    """The address of what is chosen; the plain one while it follows the run."""
    address = reverse("run", args=[run.id])
    if chosen.follows:
        return address
    return f"{address}?{'at' if chosen.state else 'seq'}={'open' if chosen.seq is None else chosen.seq}"


def _panel(
    run: RunDetail, course: Course, chosen: Chosen, named: dict[str, str], definition: Mapping[str, Any]
) -> dict[str, Any]:
    """What is shown of the choice, by `panel`: state, start, visit, pause or open."""
    if chosen.state:
        assert chosen.seq is not None
        return {"panel": "state", **_state(run, chosen.seq, named)}
    if chosen.seq == 0:
        return {"panel": "start"}
    if chosen.seq is not None:
        return {"panel": "visit", **_visit(run, chosen.seq, named), "whole": run_view.wholes_of(course).get(chosen.seq)}
    pause = next((pause for pause in reversed(course.pauses) if pause.ended is None and run.escalation), None)
    calls = tuple(conversation.shown(call) for call in records.open_calls(run.id))
    title, detail = run_view.spoken(run.place, named) if run.place else ("Not begun", "")
    rest = wait_view.rest(run, definition, named)
    return {"panel": "open", "pause": pause, "rest": rest, "calls": calls, "visit_title": title, "visit_detail": detail}


def _visit(run: RunDetail, seq: int, named: dict[str, str]) -> dict[str, Any]:
    view = records.record(run.id, seq)
    # What a branch or a loop's end reads may have been written by the very visit that ends here.
    written = courses.writers(run.id, seq + 1)
    scope = view.path.rpartition("/")[0]
    named_path = run_view.titled(named)
    writer = run_view.writer_of(written, scope, run.starter, named_path)
    title, detail = run_view.spoken(view.path, named)
    calls = tuple(conversation.shown(call) for call in view.calls)
    return {
        "view": view,
        "card": decision_card.card(view.decision, writer, named_path, progress(run.id, view.decision, seq)),
        "calls": calls,
        "problems": (view.result.get("error") or {}).get("problems", ()),
        "checked": view.result["kind"] == "done" and bool(view.calls) and all(call.checked for call in calls),
        "visit_title": title,
        "visit_detail": detail,
        "took": (view.finished - view.started).total_seconds(),
        "came": datetime.fromisoformat(view.result["event"]["received"]) if "event" in view.result else None,
        "queued": max((view.started - view.queued).total_seconds(), 0.0) if view.queued else None,
    }


@dataclass(frozen=True, slots=True)
class Held:
    """One value of the state. `fresh`: it was written by the very record that is looked at."""

    name: str
    scope: str
    value: Any
    seq: int
    writer: str
    fresh: bool


def _state(run: RunDetail, at: int, named: dict[str, str]) -> dict[str, Any]:
    state: State = records.state_at(run.id, at)
    title = run_view.titled(named)
    held = tuple(
        Held(
            step,
            scope,
            written.value,
            written.seq,
            title(written.path) + (f", by {written.by}" if written.by else ""),
            written.seq == at,
        )
        for (scope, step), written in state.outputs.items()
    )
    carry = [(frame.step, frame.round, frame.carry) for frame in state.position.frames] if state.position else []
    return {
        "state": state,
        "held": held,
        "carry": carry,
        "stands_at": title(state.position.path) if state.position else "",
        "before": at - 1 if at > 0 else None,
        "after": at + 1 if at < run.seq else None,
    }


@needs(Role.OPERATOR)
def cancel(request: HttpRequest, run: str) -> HttpResponse:
    """Asks for a reason, and cancels by POST alone. What stands against it is said first, and the reason is kept."""
    found = queries.run(run)
    reason = request.POST.get("reason", "").strip()[:MOST_REASON]
    once = request.POST.get("once", "").strip()[:100] or uuid4().hex
    problem, missing, status = "", "", 200
    if request.method == "POST":
        if not reason:
            missing, status = "Say why, in a few words: it stays in the run's record.", 422
        else:
            try:
                done = acts.cancel(run=run, by=request.user.get_username(), reason=reason, idempotency=f"form-{once}")
            except (Conflict, Refused) as error:
                found, once = queries.run(run), uuid4().hex
                before = "This form was sent before, with another reason, and that one counts."
                problem, status = str(error) if isinstance(error, Conflict) else before, 409
            else:
                asked = (
                    "The run is held by a worker, which stops at its next commit." if done == "asked" else "The run is cancelled."
                )
                messages.success(request, asked)
                return HttpResponseRedirect(reverse("run", args=[run]))
    named = titles_of({(found.workflow, found.version)}).get((found.workflow, found.version), {})
    context = {
        "here": "runs",
        "run": found,
        "reason": reason,
        "once": once,
        "problem": problem,
        "missing": missing,
        "stands_at": run_view.titled(named)(found.place) if found.place else "",
    }
    return render(request, "runs/cancel.html", context, status=status)
