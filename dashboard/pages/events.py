"""/events/: what came from outside and no run has taken yet."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.needs import needs
from orchestration.core.sanitiser import clean_text
from orchestration.queries import events as queries
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
