"""/runs/: what runs, what is in trouble, what has ended. The filter stands in the address."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from dashboard import run_view, run_words
from dashboard.lanes_view import kind_of
from dashboard.needs import needs
from dashboard.presentation import STATUSES
from dashboard.run_words import Doing
from dashboard.step_titles import titles_of
from orchestration.core.sanitiser import clean_text
from orchestration.queries import run_list, workflows
from orchestration.queries.run_list import Listing, Row
from orchestration.queries.runs import RunFilter
from orchestration.queries.workflows import WorkflowSummary
from orchestration.roles import Role

CHOICES = (
    "live",
    "held",
    "ready",
    "person",
    "event",
    "time",
    "backoff",
    "quarantined",
    "ended",
    "succeeded",
    "failed",
    "cancelled",
)
WORDS = {"live": "Not ended", "ended": "Ended"}
MOST_ROWS = 200


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the list, in words. `step` is the title of where it stands, `detail` the round or the part of it."""

    row: Row
    doing: Doing
    outcome: str
    outcome_kind: str
    step: str
    detail: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for. `rows` are the runs that an open page shows, which a refresh keeps as they are."""

    status: str = ""
    workflow: str = ""
    outcome: str = ""
    schedule: str = ""
    key: str = ""
    text: str = ""
    after: str = ""
    rows: tuple[str, ...] = ()

    @classmethod
    def of(cls, request: HttpRequest) -> "Wanted":
        said = {name: clean_text(request.GET.get(name, "").strip()[:200]).value for name in cls.__slots__ if name != "rows"}
        rows = tuple(run for run in request.GET.get("rows", "").split(".")[:MOST_ROWS] if run_list.is_id(run))
        return cls(**said, rows=rows)

    @property
    def filter(self) -> RunFilter:
        return RunFilter(
            status=(self.status,) if self.status else (),
            workflow=self.workflow or None,
            outcome=self.outcome or None,
            schedule=self.schedule or None,
            key_part=self.key or None,
        )

    @property
    def chosen(self) -> bool:
        return any((self.status, self.workflow, self.outcome, self.schedule, self.key, self.text))

    def address(self, **more: str) -> str:
        named = {name: getattr(self, name) for name in ("status", "workflow", "outcome", "schedule", "key", "text")}
        return "?" + urlencode({name: value for name, value in {**named, **more}.items() if value})


@needs(Role.VIEWER)
def runs(request: HttpRequest) -> HttpResponse:
    """The list, or with `rows` these runs alone, as they are now."""
    wanted = Wanted.of(request)
    revision = _revision()
    if wanted.rows:
        found = run_list.same_rows(wanted.rows, wanted.filter, wanted.text, newest=not wanted.after)
    else:
        found = run_list.listing(wanted.filter, wanted.text, wanted.after or None)
    context = {**_list(wanted, found, revision), "here": "runs"}
    if request.headers.get("HX-Target") == "runs":
        return _varied(render(request, "runs/_list.html", context))
    known = workflows.workflows(limit=200).items
    outcomes = _outcomes(wanted, known)
    choices = [(name, WORDS.get(name) or STATUSES[name].word) for name in CHOICES]
    named = {"workflows": _told_apart(known), "statuses": choices, "outcomes": outcomes}
    return _varied(render(request, "runs/list.html", {**context, **named}))


def _told_apart(known: Sequence[WorkflowSummary]) -> list[tuple[str, str]]:
    """Id and title of each, with the id beside titles that others have too."""
    often = Counter(each.label.casefold() for each in known)
    return [(each.id, each.label if often[each.label.casefold()] == 1 else f"{each.label} ({each.id})") for each in known]


def _outcomes(wanted: Wanted, known: Sequence[WorkflowSummary]) -> list[tuple[str, str]]:
    """Outcome → its titles, of the latest version of the chosen workflow, else of each; what is chosen is among them."""
    versions = {(each.id, each.version) for each in known if each.version and wanted.workflow in ("", each.id)}
    found: dict[str, set[str]] = {}
    for named in titles_of(versions).values():
        for outcome, title in run_view.outcomes_of(named).items():
            found.setdefault(outcome, set()).add(title)
    if wanted.outcome:
        found.setdefault(wanted.outcome, {run_view.words(wanted.outcome)})
    return sorted(((name, " / ".join(sorted(titles)[:3])) for name, titles in found.items()), key=lambda each: each[1].lower())


def _varied(answer: HttpResponse) -> HttpResponse:
    """The same address gives the page or a part of it: caches must not take one for the other."""
    patch_vary_headers(answer, ("HX-Request", "HX-Target"))
    return answer


def _revision() -> int:
    """The revision of what is read after this: changes are told with the time in milliseconds, see `queries.changes`."""
    return int(timezone.now().timestamp() * 1000) - 1


def _line(row: Row, found: Listing, named: dict[str, str]) -> Line:
    run = row.run
    step, detail = run_view.spoken(run.place, named) if run.place else ("", "")
    outcome = run_view.outcome_title(named, run.outcome) if run.outcome else ""
    doing = run_words.state_of(row, found.now, found.sweeping, kind_of(run.place, named))
    return Line(row, doing, outcome, run_words.outcome_kind(run), step, detail)


def _list(wanted: Wanted, found: Listing, revision: int) -> dict[str, Any]:
    named = titles_of({(row.run.workflow, row.run.version) for row in found.rows})
    lines = [_line(row, found, named.get((row.run.workflow, row.run.version), {})) for row in found.rows]
    shown = ".".join(row.run.id for row in found.rows)
    # A page that is refreshed keeps its rows, so what comes after it is where the first showing of it said.
    following = found.next or ""
    return {
        "wanted": wanted,
        "lines": lines,
        "new": found.new,
        "most_new": run_list.MOST_NEW,
        "revision": revision,
        "sweeping": found.sweeping,
        "newest": wanted.address(),
        "next": wanted.address(after=following) if following else "",
        "href": "/runs/" + wanted.address(after=wanted.after, rows=shown),
    }
