"""What the search of every page leads to: pages, workflows, the steps of one, runs, open questions. Which role may open a page is
told by the page itself (`needs`), so that nobody is offered what they may not open.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import parse_qs, urlencode, urlsplit

from django.urls import Resolver404, resolve, reverse

from dashboard.needs import role_for
from dashboard.presentation import STATUSES, look_of
from orchestration.acts.workflows import check
from orchestration.core.errors import InterlockError
from orchestration.core.plan import Plan
from orchestration.queries import finding
from orchestration.queries.catalog import current
from orchestration.queries.finding import FoundRun
from orchestration.queries.plans import plan_of
from orchestration.queries.workflows import DRAFT
from orchestration.roles import Role

MOST, AT_FIRST = 6, 3
"""Of each kind, once something is typed and before."""
_FAR = 9
_BETWEEN = re.compile(r"[\s_]+")


@dataclass(frozen=True, slots=True)
class Found:
    """`about` tells it from others of its title; `also` is what else it may be called. `step`: the id of a step that the page at
    hand may show itself."""

    title: str
    href: str
    icon: str
    about: str = ""
    step: str = ""
    also: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    name: str
    title: str
    found: tuple[Found, ...]


class At(NamedTuple):
    """Which state of which workflow a page is about: a version by number, "" for the latest, or the draft."""

    workflow: str
    which: str
    drawn: bool


PAGES = (
    ("Workflows", "workflows", "workflow", "list all"),
    ("New workflow", "workflow_new", "plus", "create draw add"),
    ("Runs", "runs", "run", "list all"),
    ("Kept events", "events", "inbox", "waiting runs payload"),
    ("Send an event", "event_send", "right", "post payload answer waiting runs"),
    ("Inbox", "inbox", "inbox", "questions answer waiting"),
    ("Health", "settings_health", "settings", "settings workers database status"),
    ("Providers", "settings_providers", "settings", "settings models accounts prices"),
    ("Tools", "settings_tools", "tool", "settings http"),
    ("Secrets", "settings_secrets", "key", "settings keys"),
    ("API tokens", "settings_tokens", "key", "settings access"),
    ("People", "settings_people", "person", "settings accounts roles users"),
    ("Reference of the format", "reference", "document", "help documentation keys yaml definition steps"),
    ("Change password", "account_change_password", "key", "account"),
    ("Second factor", "mfa_index", "shield", "account 2fa totp security"),
)
"""(title, name of the view, icon, what else people may call it)."""


def words_of(text: str) -> list[str]:
    """Lower case; an id is as many words as it has parts."""
    return [word for word in _BETWEEN.split(text.lower()) if word]


def at(address: str, designs: bool) -> At | None:
    """What the page at this address is about. None where that is no workflow."""
    try:
        parts = urlsplit(address)
        match = resolve(parts.path)
    except (Resolver404, ValueError):
        return None
    if run := match.kwargs.get("run"):
        followed = finding.version_of(run)
        return At(followed[0], str(followed[1]), False) if followed else None
    if not (workflow := match.kwargs.get("workflow")):
        return None
    shown = DRAFT if designs and match.view_name not in ("workflow", "workflow_proof", "workflow_run") else ""
    which = (parse_qs(parts.query).get("version") or [shown])[0]
    return At(workflow, which, match.view_name == "workflow_design")


def groups(text: str, here: At | None, role: Role) -> list[Group]:
    """What there is for these words, of each kind the nearest, the kind with the nearest first; those of which there is nothing
    are left out."""
    words = words_of(text)
    most = MOST if words else AT_FIRST
    found = (
        Group("steps", "Steps of this workflow", tuple(_nearest(words, _steps(here)) if here else ())[:most]),
        Group("questions", "Open questions", tuple(_questions(words, most))),
        Group("workflows", "Workflows", tuple(_nearest(words, _workflows(words)))[:most]),
        Group("runs", "Runs", tuple(_run(run) for run in finding.runs(text, words, most))),
        Group("pages", "Pages", tuple(_nearest(words, _pages(role)))),
    )
    return sorted((group for group in found if group.found), key=lambda group: _best(words, group))


def _best(words: Sequence[str], group: Group) -> int:
    return min((distance for found in group.found if (distance := _distance(words, found)) is not None), default=_FAR)


def _nearest(words: Sequence[str], offered: Iterable[Found]) -> list[Found]:
    """Those of which each word is said in title or id, the nearest first."""
    ranked = ((_distance(words, found), found) for found in offered)
    return [found for _, found in sorted((pair for pair in ranked if pair[0] is not None), key=lambda pair: pair[0] or 0)]


def _distance(words: Sequence[str], found: Found) -> int | None:
    """0: the very title, 1: it begins so, 2: each word begins one of its, 3: each is in it somewhere, 4: or in what else is said
    of it. None: not all of them are."""
    title, text = found.title.lower(), " ".join(words)
    named = words_of(title)
    if title == text:
        return 0
    if title.startswith(text):
        return 1
    if all(any(part.startswith(word) for part in named) for word in words):
        return 2
    if all(word in title for word in words):
        return 3
    said = f"{title} {found.about} {found.also}".lower()
    return 4 if all(word in said for word in words) else None


def _workflows(words: Sequence[str]) -> Iterator[Found]:
    for row in finding.workflows(words):
        yield Found(row.label, reverse("workflow", args=[row.id]), "workflow", f"{row.id}{', retired' if row.retired else ''}")


def _run(run: FoundRun) -> Found:
    status = run.wait if run.status == "waiting" and run.wait in STATUSES else run.status
    look = look_of(status)
    about = " · ".join((look.word, *((run.workflow,) if run.key else ()), run.id))
    return Found(run.key or run.workflow, reverse("run", args=[run.id]), look.icon, about)


def _questions(words: Sequence[str], most: int) -> Iterator[Found]:
    for asked in finding.questions(words, most):
        about = " · ".join(part for part in (asked.about, asked.workflow) if part)
        yield Found(asked.title, reverse("escalation", args=[asked.id]), "person", about)


def _pages(role: Role) -> Iterator[Found]:
    """Those that this role may open."""
    for title, name, icon, also in PAGES:
        if role.covers(role_for(name)):
            yield Found(title, reverse(name), icon, also=also)


def _steps(here: At) -> Iterator[Found]:
    plan = _plan(here)
    if plan is None:
        return
    chosen = {"version": here.which} if here.which else {}
    for step in plan.steps.values():
        yield Found(step.label, _href(here, chosen, step.id), step.type, step.id, step.id)


def _href(here: At, chosen: dict[str, str], step: str) -> str:
    if here.drawn:
        return f"{reverse('workflow_design', args=[here.workflow])}?{urlencode({**chosen, 'step': step})}"
    query = f"?{urlencode(chosen)}" if chosen else ""
    return f"{reverse('workflow', args=[here.workflow])}{query}#step-{step}"


def _plan(here: At) -> Plan | None:
    """None where there is nothing that could be read."""
    if here.which == DRAFT:
        text = finding.draft(here.workflow)
        return check(text, here.workflow).plan if text is not None else None
    if here.which and not (here.which.isdecimal() and len(here.which) < 10):
        return None
    version = finding.version(here.workflow, int(here.which) if here.which else None)
    if version is None:
        return _plan(here._replace(which=DRAFT)) if not here.which else None
    try:
        return plan_of(version[0], current())
    except InterlockError:
        return None
