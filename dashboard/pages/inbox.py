"""The inbox: what waits for a person, each with its dossier, and deciding.

Nothing is decided by GET. A decision is sent with the revision that was seen; what is refused (422) or was somebody else's first
(409) comes back with everything that was typed.
"""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from dashboard import dossier_view, run_view
from dashboard.needs import needs
from dashboard.schema_form import SchemaForm
from dashboard.step_titles import titles_of
from orchestration.acts import escalations as acts
from orchestration.acts.resolve import resolve
from orchestration.core.errors import Conflict, Problem, Refused
from orchestration.core.plan import Plan
from orchestration.core.values import Clean, clean_text
from orchestration.models import Escalation
from orchestration.queries.around import seen
from orchestration.queries.changes import INBOX, revisions
from orchestration.queries.escalations import EscalationDetail
from orchestration.queries.escalations import escalation as find
from orchestration.queries.inbox import TABS, InboxList, InboxRow, inbox, plan_for
from orchestration.roles import Role, allows

NAMES = {"waiting": "Waiting", "mine": "Mine", "unclaimed": "Unclaimed", "done": "Done"}
LIST, PRESENCE = "inbox-list", "presence"
ANSWERED = "answered"
"""What this person answered last, in their session."""


class Place:
    """Where in the inbox a page is: its tab, queue and search, which its links keep."""

    def __init__(self, request: HttpRequest) -> None:
        given = request.GET
        self.tab = given.get("tab", "") if given.get("tab") in TABS else TABS[0]
        self.queue, self.text = (clean_text(given.get(name, "")[:200]).value.strip() for name in ("queue", "q"))
        self.person = request.user.get_username()
        self.list: InboxList = inbox(self.tab, self.person, self.queue, self.text)

    def params(self, **other: str) -> str:
        said = {"tab": self.tab, "queue": self.queue, "q": self.text, **other}
        kept = {name: value for name, value in said.items() if value and (name, value) != ("tab", TABS[0])}
        return f"?{urlencode(kept)}" if kept else ""

    def href(self, id: str | None) -> str:
        return (reverse("escalation", args=[id]) if id else reverse("inbox")) + self.params()

    def context(self, selected: str = "") -> dict[str, Any]:
        tabs = [(name, NAMES[name], self.list.counts[name], reverse("inbox") + self.params(tab=name)) for name in TABS]
        following, before = self.list.after(selected), self.list.before(selected) if selected else None
        return {
            "here": "inbox", "place": self, "params": self.params(), "tabs": tabs, "rows": _with_parts(self.list.rows),
            "selected": selected,
            "next": self.href(following) if following else "", "previous": self.href(before) if before else "",
            "soon": timezone.now() + timedelta(minutes=15),
        }  # fmt: skip


def _with_parts(rows: tuple[InboxRow, ...]) -> list[tuple[InboxRow, str]]:
    """Each with the item or the arm that it is about, of a child run: `item 3 of Each`."""
    titles = titles_of({(row.workflow_id, row.version) for row in rows if row.parent})
    return [(row, part_in_words(row.path, titles[row.workflow_id, row.version]) if row.parent else "") for row in rows]


def part_in_words(path: str, named: dict[str, str]) -> str:
    return run_view.spoken(path, named)[1]


def inbox_page(request: HttpRequest) -> HttpResponse:
    """The list; on a wide screen the page of a question shows it too."""
    revision = revisions({INBOX})[INBOX]
    if _has(request, revision):
        return _unchanged(revision)
    shell = {**Place(request).context(), "revision": revision, "live_href": request.get_full_path()}
    if _part(request) == LIST:
        return _live(render(request, "inbox/list.html", shell), revision)
    return _whole(render(request, "inbox/page.html", {**shell, "answered": _answered(request)}))


def count(request: HttpRequest) -> HttpResponse:
    """How many questions are open, for the bar of every page."""
    return render(request, "components/inbox_count.html")


def question(request: HttpRequest, escalation: str) -> HttpResponse:
    """One question with its dossier. POST answers it."""
    if request.method == "POST":
        return _answer(request, escalation)
    revision = revisions({INBOX})[INBOX]
    if _has(request, revision):
        return _unchanged(revision)
    place = Place(request)
    shell = {**place.context(escalation), "revision": revision, "live_href": request.get_full_path()}
    if _part(request) == LIST:
        return _live(render(request, "inbox/list.html", shell), revision)
    found = find(escalation)
    if _part(request) == PRESENCE:
        return _live(render(request, "inbox/presence.html", {**shell, **_standing(request, found)}), revision)
    form = _opened(found, fresh="fresh" in request.GET)
    return _whole(render(request, "inbox/question.html", {**shell, **_dossier(request, found, form)}))


@needs(Role.OPERATOR)
def _answer(request: HttpRequest, escalation: str) -> HttpResponse:
    place, found = Place(request), find(escalation)
    form = SchemaForm.sent(found.form, request.POST, **_proposal(found))
    if (turned := form.turned(request.POST)) is not None:
        return _shown(request, place, found, turned, 200)
    action = request.POST.get("action", "")
    chosen = next((one for one in found.actions if one["id"] == action), None)
    try:
        if chosen is None:
            raise Refused(Problem("unknown_action", "Choose one of the actions.", "action"))
        asked = chosen.get("form") == "required" and not _is_bare(found, form)
        taken = _values(form, found) if asked else Clean({})
        resolve(
            escalation=escalation, action=action, values=taken.value, by=place.person, mended=taken.marks,
            revision=_number(request.POST.get("revision")), idempotency=request.POST.get("token", "")[:100] or None,
        )  # fmt: skip
    except Refused as refused:
        if any(problem.code == "idempotency_key_reused" for problem in refused.problems):  # somebody went back to this very form
            told = "This form was sent before, with another answer: that one counts."
            return _overtaken(request, escalation, form, Conflict(told, "already_resolved", action=action))
        return _shown(request, place, found, form.mark(refused.problems), 422, pressed=action)
    except Conflict as conflict:
        return _overtaken(request, escalation, form, conflict)
    _say(request, found, chosen["label"])
    return redirect(place.href(place.list.after(escalation) or place.list.before(escalation)))


def _overtaken(request: HttpRequest, escalation: str, form: SchemaForm, error: Conflict | Refused) -> HttpResponse:
    """The page says that it was not taken, and who was first; what was typed stays."""
    found = find(escalation)
    return _shown(request, Place(request), found, form, 409, conflict=_words(request, error, found))


def _words(request: HttpRequest, error: Exception, found: EscalationDetail | None = None) -> str:
    chosen = _standing(request, found)["chosen"] if found else None
    return dossier_view.overtaken(error, request.user.get_username(), chosen)


def _is_bare(found: EscalationDetail, form: SchemaForm) -> bool:
    """Whether its actions are all that is asked. What an unknown call gave may be anything, and so a field stands there."""
    return found.kind == "human" and form.asks_nothing and not found.values


def _values(form: SchemaForm, found: EscalationDetail) -> Clean:
    """Raises `Refused`, but not where the answer comes too late: that somebody was first matters more than what is wrong."""
    try:
        return form.taken()
    except Refused:
        if found.pending:
            raise
        return Clean({})


def _say(request: HttpRequest, found: EscalationDetail, label: str) -> None:
    """Until the next answer, wherever in the inbox this person goes: what they answered, and of which run."""
    of = found.parent_key or found.key or f"run …{(found.parent or found.run)[-6:]}"
    request.session[ANSWERED] = {
        "question": found.id, "title": found.title, "label": label, "of": of, "workflow": found.label, "run": found.run,
        "at": timezone.now().isoformat(),
    }  # fmt: skip


def _answered(request: HttpRequest) -> dict[str, Any] | None:
    kept = request.session.get(ANSWERED)
    return {**kept, "at": datetime.fromisoformat(kept["at"])} if kept else None


@require_POST
@needs(Role.OPERATOR)
def claim(request: HttpRequest, escalation: str) -> HttpResponse:
    """Reserves it for a quarter hour, or takes it over, with a note."""
    take_over = bool(request.POST.get("take_over"))
    try:
        acts.claim(escalation=escalation, by=request.user.get_username(), take_over=take_over, note=request.POST.get("note", ""))
    except Conflict as conflict:
        messages.error(request, _words(request, conflict))
    return redirect(Place(request).href(escalation))


@require_POST
@needs(Role.OPERATOR)
def release(request: HttpRequest, escalation: str) -> HttpResponse:
    try:
        acts.release(escalation=escalation, by=request.user.get_username())
    except Conflict as conflict:
        messages.error(request, _words(request, conflict))
    return redirect(Place(request).href(escalation))


@require_POST
@needs(Role.OPERATOR)
def draft(request: HttpRequest, escalation: str) -> HttpResponse:
    """Keeps what was typed, right or wrong. A script gets 204, or 409 with a sentence."""
    found = find(escalation)
    form = SchemaForm.sent(found.form, request.POST)
    try:
        acts.save_answer_draft(escalation=escalation, values={"typed": form.answer}, by=request.user.get_username())
    except (Conflict, Refused) as error:
        if request.headers.get("X-Draft"):
            return HttpResponse(_words(request, error), status=409, content_type="text/plain; charset=utf-8")
        return _overtaken(request, escalation, form, error)
    if request.headers.get("X-Draft"):
        return HttpResponse(status=204)
    messages.success(request, "Your draft is kept.")
    return redirect(Place(request).href(escalation))


def _shown(
    request: HttpRequest, place: Place, found: EscalationDetail, form: SchemaForm, status: int, **more: Any
) -> HttpResponse:
    """The page of a question with what was typed."""
    revision = revisions({INBOX})[INBOX]
    shell = {**place.context(found.id), "revision": revision, "live_href": place.href(found.id)}
    return render(request, "inbox/question.html", {**shell, **_dossier(request, found, form), **more}, status=status)


def _opened(found: EscalationDetail, fresh: bool) -> SchemaForm:
    """With the draft, if one was begun, else with the proposal."""
    kept = found.draft["values"] if found.draft and found.pending and not fresh else None
    if isinstance(kept, dict) and isinstance(kept.get("typed"), dict):
        return SchemaForm.sent(found.form, kept["typed"], **_proposal(found))
    opens = {"value": found.values} if found.kind == Escalation.Kind.HUMAN else {}
    return SchemaForm.of(found.form, **opens, **_proposal(found))


def _proposal(found: EscalationDetail) -> dict[str, Any]:
    """What the system proposes. Empty places propose nothing, and the values of an unknown effect are but an example."""
    proposes = found.kind == Escalation.Kind.HUMAN and dossier_view.says_something(found.values)
    return {"proposal": found.values} if proposes else {}


def _dossier(request: HttpRequest, found: EscalationDetail, form: SchemaForm) -> dict[str, Any]:
    plan = plan_for(found.run)
    part = part_in_words(found.path, _titles(found)) if found.parent else ""
    shown = dossier_view.actions(found, plan)
    asks = not _is_bare(found, form) and any(action.takes_form for action in shown)
    return {
        **_standing(request, found), "answered": _answered(request),
        "reason": dossier_view.reason(found), "tries": dossier_view.tries(found.dossier.tried),
        "model": dossier_view.last_asked(found.dossier.tried),
        "actions": shown, "form": form, "asks": asks, "token": uuid4().hex,
        "drafted": found.draft if found.pending and "fresh" not in request.GET and request.method == "GET" else None,
        "stopped_at": plan.steps[found.step].label if plan and found.step in plan.steps else found.step,
        "note": (plan.steps[found.step].model.note or "") if plan and found.step in plan.steps else "",
        "priority": dossier_view.PRIORITIES.get(found.priority, ""),
        "proposes": bool(_proposal(found)), "part": part, "around": _around(found, plan),
    }  # fmt: skip


def _titles(found: EscalationDetail) -> dict[str, str]:
    return titles_of({(found.workflow, found.version)}).get((found.workflow, found.version), {})


def _around(found: EscalationDetail, plan: Plan | None) -> dict[str, Any]:
    """What a child run is about, and where a person did not choose what is shown, what the step reads from the runs around it:
    that is decided on too."""
    step = plan.steps.get(found.step) if plan and found.parent else None
    if plan is None or step is None:
        return {}
    needs = () if found.show else step.needs
    there = seen(found.run, dossier_view.root_of(found.path), {name: plan.level_of[name] for name in needs})
    if there is None:
        return {}
    about = {"The item": there.about["item"]} if "item" in there.about else {}
    known = {name: item for name, item in about.items() if item not in found.show.values()}
    return known | {plan.steps[name].label: output for name, output in there.outputs.items()}


def _standing(request: HttpRequest, found: EscalationDetail) -> dict[str, Any]:
    """Who has it, who decided it, and whether this person may."""
    chosen = (found.answer or {}).get("action")
    label = next((one.get("label") for one in found.actions if one["id"] == chosen), chosen)
    mine = found.claimed_by == request.user.get_username()
    return {
        "asked": found, "operates": allows(request.user, Role.OPERATOR), "is_mine": mine, "chosen": label,
        "is_theirs": bool(found.claimed_by) and not mine, "pressing": dossier_view.pressing(found.due, timezone.now()),
    }  # fmt: skip


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() and len(text) < 12 else None


def _part(request: HttpRequest) -> str:
    """Which part of the page is asked for, "" where it is all of it."""
    asked = request.headers.get("HX-Target", "")
    return asked if asked in (LIST, PRESENCE) else ""


def _has(request: HttpRequest, revision: int) -> bool:
    """Of a part alone: on the whole page stands more than what the inbox's revision counts, as a draft that was kept."""
    return bool(_part(request)) and request.headers.get("If-None-Match") == f'"{revision}"'


def _unchanged(revision: int) -> HttpResponse:
    return _live(HttpResponse(status=304), revision)


def _live(part: HttpResponse, revision: int) -> HttpResponse:
    part["ETag"] = f'"{revision}"'
    return _whole(part)


def _whole(answer: HttpResponse) -> HttpResponse:
    """Neither is taken for the other out of a cache."""
    answer["Vary"] = "HX-Request, HX-Target, Cookie"
    return answer
