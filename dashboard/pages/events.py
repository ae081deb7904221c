"""/events/: what came from outside and no run has taken yet; and the door for what somebody sends by hand."""

from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from dashboard.event_form import PREFIX, EventForm
from dashboard.needs import needs
from orchestration.acts import events as acts
from orchestration.core.errors import Problem, Refused
from orchestration.core.sanitiser import clean_text
from orchestration.queries import events as queries
from orchestration.queries import runs
from orchestration.roles import Role


@needs(Role.VIEWER)
def events(request: HttpRequest) -> HttpResponse:
    """`?text=` is looked for in names and correlations, `?name=` is a name as a run waits for it."""
    said = {each: clean_text(request.GET.get(each, "").strip()[:200]).value for each in ("name", "text")}
    after = request.GET.get("after", "")
    found = queries.listed(said["name"], said["text"], after or None)
    chosen = {each: value for each, value in said.items() if value}
    context = {
        "here": "runs",
        "trail": [("Runs", "/runs/")],
        "events": found.items,
        "wanted": said,
        "chosen": bool(chosen),
        "newest": f"?{urlencode(chosen)}" if after else "",
        "next": f"?{urlencode({**chosen, 'after': found.next})}" if found.next else "",
    }
    return render(request, "events/list.html", context)


@needs(Role.VIEWER)
def event(request: HttpRequest, event: str) -> HttpResponse:
    """One of them, with all of its payload."""
    trail = [("Runs", "/runs/"), ("Kept events", "/events/")]
    return render(request, "events/event.html", {"here": "runs", "trail": trail, "event": queries.event(event)})


@needs(Role.OPERATOR)
def send(request: HttpRequest) -> HttpResponse:
    """An empty form; `?run=` is filled in for a run that waits for an event, `?name=` with that name. By POST it is sent, as by
    the API. The form carries a key of its own, so that sending it twice is one event."""
    if request.method != "POST":
        return _opened(request)
    form = EventForm.sent(request.POST)
    once = request.POST.get("once", "").strip()[:200] or uuid4().hex
    if (turned := form.turned(request.POST)) is not None:
        return _form(request, turned, once)
    try:
        about, taken = form.read()
        awaited = form.is_awaited(about)
        said: dict[str, Any] = {
            "name": form.name, "correlation": about, "payload": taken.value, "by": request.user.get_username(),
            "idempotency": f"form-{once}",
        }  # fmt: skip
        # Looked for after that: where the run waits no more since this very form was sent, it is found.
        if (before := acts.sent(**said)) is not None:
            return _sent(request, form, before, again=True)
        if not awaited:
            return _form(request, form.for_nobody(), once, late=form.run, status=409)
        form.check(about, taken.value)
        return _sent(request, form, acts.send(**said, mended=taken.marks))
    except Refused as refused:
        return _refused(request, form, once, refused.problems)


def _opened(request: HttpRequest) -> HttpResponse:
    if not (run := request.GET.get("run", "")):
        return _form(request, EventForm.of(clean_text(request.GET.get("name", "")[:100]).value), uuid4().hex)
    found = runs.run(run)
    if not found.awaits:
        return _form(request, EventForm.of(), uuid4().hex, late=run, status=409)
    return _form(request, EventForm.awaited(found), uuid4().hex)


def _refused(request: HttpRequest, form: EventForm, once: str, problems: tuple[Problem, ...]) -> HttpResponse:
    if any(problem.code == "idempotency_key_reused" for problem in problems):
        # The browser went back to it: what stands in it now is another event.
        once = uuid4().hex
        problems = (Problem("sent_before", "This form has sent an event already. Send it again to send another one.", PREFIX),)
    return _form(request, form.mark(problems), once, status=422)


def _form(request: HttpRequest, form: EventForm, once: str, late: str = "", status: int = 200) -> HttpResponse:
    """`late`: the run that does not wait for it any more."""
    trail = [("Runs", "/runs/"), ("Kept events", "/events/")]
    context = {"here": "runs", "trail": trail, "form": form.payload, "event": form, "once": once, "late": late}
    return render(request, "events/send.html", context, status=status)


def _sent(request: HttpRequest, form: EventForm, answer: dict[str, Any], again: bool = False) -> HttpResponse:
    """To the run that took it, or to the event that is kept."""
    run = answer["run"] or (queries.taker(answer["id"]) if again else None)
    if again:
        messages.info(request, f"`{form.name}` is the same as was sent before by this form, and was not sent again.")
    elif run:
        words = "this run took it" if run == form.run or not form.run else "this run took it, which has waited longer"
        messages.success(request, f"`{form.name}` is sent: {words}.")
    else:
        until = answer["kept_until"][:10]
        messages.info(request, f"`{form.name}` is sent. No run waits for it, so it is kept until {until}.")
    return redirect("run", run) if run else redirect("event", answer["id"])
