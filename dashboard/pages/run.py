"""/runs/<id>/: one run, followed as it moves. `?seq=` chooses a visit, `?at=` the state after one; without them the page shows
where the run is. `?lanes=` lists those of a step's child runs that stand like that, `?from=` the ones that follow. One fragment
serves the page, a click and a refresh; the lanes are one of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from dashboard import conversation, decision_card, lanes_view, run_view, run_words, wait_view
from dashboard.built import is_built
from dashboard.kin import Kin, kin
from dashboard.needs import needs
from dashboard.step_titles import titles_of
from dashboard.timeline import timeline
from orchestration.acts import runs as acts
from orchestration.core.errors import Conflict, Refused
from orchestration.core.limits import visit_in_words
from orchestration.core.sanitiser import clean_text
from orchestration.core.state import State
from orchestration.queries import changes, children, inside, records, room, run_list, workflows
from orchestration.queries import course as courses
from orchestration.queries import runs as queries
from orchestration.queries.course import Course
from orchestration.queries.progress import progress
from orchestration.queries.room import NONE, Planned, Unbegun
from orchestration.queries.runs import RunDetail
from orchestration.roles import Role

MOST_REASON = 2000
_OWN = frozenset(decision_card.WROTE) - {"run"}
"""Operands that are no step's, and the run's own wherever it is."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the address chooses. `seq` None: what is under way, or else the last record. `follows`: the address names none, so
    that the choice moves on with the run. `state`: the state after that record is wanted, not the visit."""

    seq: int | None
    follows: bool
    state: bool
    lanes: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Told:
    """What a run's page says it with: what each of its steps is called, and what the run is a part of."""

    named: dict[str, str]
    kin: Kin | None

    @property
    def inside(self) -> str:
        return self.kin.scope if self.kin else ""

    @property
    def by(self) -> str:
        return self.kin.by if self.kin else ""

    def path(self, path: str) -> str:
        return run_view.within(path, self.inside)

    def above(self, path: str) -> str:
        return self.kin.above(path) if self.inside and self.kin and path not in _OWN else ""

    def title(self, path: str) -> str:
        """A path or an outcome in words, without what goes without saying in this run."""
        return run_view.titled(self.named)(self.path(path))


@needs(Role.VIEWER)
def run(request: HttpRequest, run: str) -> HttpResponse:
    """The page, or where a part is asked for, that part alone."""
    found = queries.run(run)
    if request.headers.get("HX-Target") == "lanes":
        return _lanes_alone(request, found)
    fragment = request.headers.get("HX-Target") == "run"
    if fragment and request.headers.get("If-None-Match") == _etag(found):
        return HttpResponseNotModified()
    context = {**_page(found, _chosen(request, found)), "with_input": not fragment}
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
    lanes, after = (clean_text(request.GET.get(name, "")[:60]).value for name in ("lanes", "from"))
    if at is not None:
        return Chosen(at, False, True)
    if seq is not None:
        return Chosen(seq, False, False, lanes, after)
    said_open = request.GET.get("seq") == "open" and not run.over
    return Chosen(run.seq if run.over else None, not said_open, False, lanes, after)


def _number(said: str | None, most: int) -> int | None:
    """A record's number; None for what is none, and the last for one that is not there yet."""
    return min(int(said[:9]), most) if said and said.isascii() and said.isdecimal() else None


def _page(run: RunDetail, chosen: Chosen) -> dict[str, Any]:
    version = workflows.version(run.workflow, run.version)
    definition = version.definition
    told = Told(run_view.titles(definition), kin(run))
    named = told.named
    around = chosen.seq if chosen.seq and chosen.seq <= run.seq - courses.MOST // 2 else None
    course = courses.course(run.id, run.seq, around)
    row, sweeping, now = run_list.standing(run, course.pauses)
    planned = room.planned(run.id) if _has_lanes(run.place, told) else Planned()
    panel = _panel(run, course, chosen, told, definition, planned)
    kind = lanes_view.kind_of(run.place, named)
    waits = lanes_view.waiting(row.children, kind, planned.unbegun) if row.children else ""
    in_children = run_view.spoken(told.path(run.place), named)[0] if waits else ""
    select = "open" if chosen.seq is None else str(chosen.seq)
    return {
        "here": "runs",
        "run": run,
        "version": version,
        "doing": run_words.state_of(row, now, sweeping, kind),
        "kin": told.kin,
        "by": told.by or run.created_by,
        "named": named,
        "outcome_title": run_view.outcome_title(named, run.outcome),
        "outcome_kind": run_words.outcome_kind(run),
        "stops": run_view.stops(run, course, named, told.inside, waits, _began(told.kin) if told.kin else ""),
        "outline": run_view.reached(run, course, definition, told.inside),
        "course": course,
        "timeline": timeline(
            run.created, run.ended or now, course, run.wait == "backoff", named, None if run.over else run.since, in_children
        ),
        "lasted": (run.ended - run.created).total_seconds() if run.ended else None,
        "spent": _spent(run, told),
        "shared": bool(in_children) or any(_has_lanes(visit.path, told) for visit in course.visits),
        "chosen": chosen,
        "select": select,
        "href": _href(run, chosen),
        "built": is_built(),
        **panel,
    }


def _spent(run: RunDetail, told: Told) -> dict[str, float]:
    """What it has spent, with what child runs that have not ended have."""
    below = inside.under_way(run.id) if not run.over and _has_lanes(run.place, told) else {}
    whole = {name: run.spent.get(name, 0) + below.get(name, 0) for name in inside.SPENT}
    return {name: much if name == "seconds" else round(much) for name, much in whole.items()}


def _began(kin: Kin) -> str:
    return f"As {kin.words}." if kin.scope else f"{kin.words[:1].upper()}{kin.words[1:]}."


def _told(run: RunDetail) -> Told:
    """Without reading the definition, where its titles are kept."""
    return Told(titles_of({(run.workflow, run.version)}).get((run.workflow, run.version), {}), kin(run))


def _href(run: RunDetail, chosen: Chosen) -> str:
    """The address of what is chosen; the plain one while it follows the run."""
    seq = "" if chosen.follows else "open" if chosen.seq is None else str(chosen.seq)
    return _address(run, **{"at" if chosen.state else "seq": seq}, lanes=chosen.lanes, **{"from": chosen.after})


def _address(run: RunDetail, **said: str) -> str:
    kept = urlencode({name: value for name, value in said.items() if value})
    return reverse("run", args=[run.id]) + (f"?{kept}" if kept else "")


def _panel(
    run: RunDetail, course: Course, chosen: Chosen, told: Told, definition: Mapping[str, Any], planned: Planned
) -> dict[str, Any]:
    """What is shown of the choice, by `panel`: state, start, visit, pause or open."""
    if chosen.state:
        assert chosen.seq is not None
        return {"panel": "state", **_state(run, chosen.seq, told)}
    if chosen.seq == 0:
        return {"panel": "start"}
    if chosen.seq is not None:
        return {"panel": "visit", **_visit(run, chosen, told), "whole": run_view.wholes_of(course).get(chosen.seq)}
    pause = next((pause for pause in reversed(course.pauses) if pause.ended is None and run.escalation), None)
    calls = tuple(conversation.shown(call) for call in records.open_calls(run.id))
    title, detail = run_view.spoken(told.path(run.place), told.named) if run.place else ("Not begun", "")
    lanes = _open_lanes(run, chosen, told, planned)
    rest = wait_view.rest(run, definition, told.named)
    return {"panel": "open", "pause": pause, "rest": rest, "calls": calls, "visit_title": title, "visit_detail": detail, **lanes}


def _open_lanes(run: RunDetail, chosen: Chosen, told: Told, planned: Planned) -> dict[str, Any]:
    """The child runs of the step at which the run stands. They are looked at again as they move."""
    if not _has_lanes(run.place, told):
        return {}
    revision = changes.children_changed(run.id)
    visit, total = planned.visit, planned.total
    kind = _type(run.place, told)
    given = lanes_view.given(kind, run.id, run.place, visit, total, total) if kind == "workflow" else None
    return {**_lanes(run, chosen, told, run.place, visit, total, planned.unbegun), "given": given, "lanes_revision": revision}


def _has_lanes(path: str, told: Told) -> bool:
    return _type(path, told) in children.FANS


def _type(path: str, told: Told) -> str:
    return run_view.type_of(path.rpartition("/")[2], told.named)


def _lanes(
    run: RunDetail, chosen: Chosen, told: Told, path: str, visit: int, total: int, unbegun: Unbegun = NONE
) -> dict[str, Any]:
    """Those of a visit; {} where it has none. `lanes_at`: the address of all of them, to which a state or a place is added."""
    counts, asked = children.counts(run.id, path, visit)
    if not any(counts.values()) and not total:
        return {}
    found = children.children(run.id, path, visit, chosen.lanes or None, chosen.after or None, asked=asked)
    view = lanes_view.lanes_view(path, total, counts, found, chosen.lanes, told.named, unbegun)
    seq = "open" if chosen.seq is None else str(chosen.seq)
    following = _address(run, seq=seq, lanes=chosen.lanes, **{"from": found.next}) if found.next else ""
    first = _address(run, seq=seq, lanes=chosen.lanes) if chosen.after else ""
    return {"lanes": view, "lanes_at": _address(run, seq=seq), "lanes_next": following, "lanes_first": first}


def _lanes_alone(request: HttpRequest, run: RunDetail) -> HttpResponse:
    """The lanes of the open visit as they stand now; the whole page where the run has gone on from there."""
    chosen = _chosen(request, run)
    tag = f'"{changes.children_changed(run.id)}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    told = _told(run)
    context = {"run": run, "address": reverse("run", args=[run.id]), "href": _href(run, chosen), "panel": "open"}
    answer = render(request, "runs/_lanes.html", {**context, **_open_lanes(run, chosen, told, room.planned(run.id))})
    patch_vary_headers(answer, ("HX-Request", "HX-Target"))
    answer["ETag"] = tag
    return answer


def _visit(run: RunDetail, chosen: Chosen, told: Told) -> dict[str, Any]:
    seq = chosen.seq
    assert seq is not None
    view = records.record(run.id, seq)
    # What a branch or a loop's end reads may have been written by the very visit that ends here.
    written = courses.writers(run.id, seq + 1)
    scope = view.path.rpartition("/")[0]
    writer = run_view.writer_of(written, scope, told.by or run.starter, told.title)
    title, detail = run_view.spoken(told.path(view.path), told.named)
    total = _total(_type(view.path, told), view.input)
    lanes = _lanes(run, chosen, told, view.path, view.visit, total) if _has_lanes(view.path, told) else {}
    calls = tuple(conversation.shown(call) for call in view.calls)
    given = None
    if shown := lanes.get("lanes"):
        given = lanes_view.given(_type(view.path, told), run.id, view.path, view.visit, shown.total, shown.begun)
    return {
        "view": view,
        "given": given,
        "card": decision_card.card(view.decision, writer, told.title, progress(run.id, view.decision, seq), told.above),
        "calls": calls,
        **lanes,
        "problems": (view.result.get("error") or {}).get("problems", ()),
        "checked": view.result["kind"] == "done" and bool(view.calls) and all(call.checked for call in calls),
        "visit_title": title,
        "visit_detail": detail,
        "visit_number": visit_in_words(view.visit),
        "took": (view.finished - view.started).total_seconds(),
        "came": datetime.fromisoformat(view.result["event"]["received"]) if "event" in view.result else None,
        "queued": max((view.started - view.queued).total_seconds(), 0.0) if view.queued else None,
    }


def _total(kind: str, input: Any) -> int:
    """How many child runs the record of their step speaks of: that of a called workflow holds what it was given."""
    return input.get("total", 0) if kind != "workflow" and isinstance(input, dict) else 0


@dataclass(frozen=True, slots=True)
class Held:
    """One value of the state. `fresh`: it was written by the very record that is looked at."""

    name: str
    scope: str
    value: Any
    seq: int
    writer: str
    fresh: bool


def _state(run: RunDetail, at: int, told: Told) -> dict[str, Any]:
    state: State = records.state_at(run.id, at)
    held = tuple(
        Held(
            step,
            scope,
            written.value,
            written.seq,
            told.title(written.path) + (f", by {written.by}" if written.by else ""),
            written.seq == at,
        )
        for (scope, step), written in state.outputs.items()
    )
    frames = state.position.frames if state.position else ()
    carry = [(frame.step, frame.round, frame.carry) for frame in frames if frame.kind == "loop"]
    return {
        "state": state,
        "held": held,
        "carry": carry,
        "stands_at": told.title(state.position.path) if state.position else "",
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
    told = _told(found)
    context = {
        "here": "runs",
        "run": found,
        "reason": reason,
        "once": once,
        "problem": problem,
        "missing": missing,
        "stands_at": told.title(found.place) if found.place else "",
        "kin": told.kin,
        "live_children": children.live(run) if _has_lanes(found.place, told) and not found.over else 0,
    }
    return render(request, "runs/cancel.html", context, status=status)
