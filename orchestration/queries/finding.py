"""Finding by some words, in any order: workflows, runs and open questions, a few of each.

None of it reads more than a bounded part of what may grow: runs are the newest, and any by the beginning of its id or by the
whole of its key; questions are those that are open.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from operator import and_, or_
from typing import Any

from django.db.models import F, Q

from orchestration.core.frozen import dataclass
from orchestration.models import Escalation, Run, Version, Workflow

LOOKED_AT = 400
"""Runs, the newest, whose words are looked at."""
CANDIDATES = 60
"""Workflows that match, from which whoever asks may choose the nearest."""
_LENGTH = 26
_LEAST = 4
"""Characters from which on a word may be the beginning of an id."""


@dataclass(frozen=True, slots=True)
class FoundWorkflow:
    id: str
    title: str
    retired: bool

    @property
    def label(self) -> str:
        return self.title or self.id


@dataclass(frozen=True, slots=True)
class FoundRun:
    id: str
    key: str
    status: str
    wait: str
    workflow: str


@dataclass(frozen=True, slots=True)
class FoundQuestion:
    id: str
    title: str
    about: str
    workflow: str


def workflows(words: Sequence[str]) -> tuple[FoundWorkflow, ...]:
    """By title and id, those in use before those that are retired, `CANDIDATES` at most. One query."""
    found = Workflow.objects.filter(_each(words, ("title", "id"))).order_by(F("retired").asc(nulls_first=True), "-updated", "id")
    rows = found.values_list("id", "title", "retired")[:CANDIDATES]
    return tuple(FoundWorkflow(name, title, retired is not None) for name, title, retired in rows)


def runs(text: str, words: Sequence[str], most: int) -> tuple[FoundRun, ...]:
    """Those that `text` names first, child runs among them, then the newest of which each word is said somewhere. Two queries
    at most."""
    named = _named(text)
    found = _runs(Run.objects.filter(named).order_by("-created"), most) if named else []
    if len(found) < most:
        newest = Run.objects.filter(parent=None).order_by("-created").values("id")[:LOOKED_AT]
        said = _each(words, ("id", "key", "labels", "workflow__id", "workflow__title", "status", "wait", "outcome"))
        found += _runs(Run.objects.filter(said, id__in=newest).order_by("-created"), most)
    return tuple({run.id: run for run in found}.values())[:most]


def _named(text: str) -> Q | None:
    if len(text) < _LEAST:
        return None
    first = text.lower()
    begins = first.isascii() and first.isalnum() and len(first) <= _LENGTH
    begun = Q(id__range=(first, first.ljust(_LENGTH, "z"))) if begins else Q()
    return begun | Q(key=text) & ~Q(key="")


def _runs(found: Any, most: int) -> list[FoundRun]:
    rows = found.values_list("id", "key", "status", "wait", "workflow_id", "workflow__title")[:most]
    return [FoundRun(run, key, status, wait, title or workflow) for run, key, status, wait, workflow, title in rows]


def questions(words: Sequence[str], most: int) -> tuple[FoundQuestion, ...]:
    """Those that are open, the most urgent first. One query."""
    said = _each(words, ("title", "about", "queue", "id", "run__id", "run__key", "run__workflow__title", "run__workflow__id"))
    found = Escalation.objects.filter(said, status__in=Escalation.PENDING)
    found = found.order_by("-priority", F("due").asc(nulls_last=True), "id")
    rows = found.values_list("id", "title", "about", "run__workflow__title", "run__workflow_id")[:most]
    return tuple(FoundQuestion(asked, title, about, named or workflow) for asked, title, about, named, workflow in rows)


def draft(workflow: str) -> str | None:
    """The text of its draft. One narrow query."""
    return Workflow.objects.filter(id=workflow).values_list("draft", flat=True).first()


def version(workflow: str, number: int | None) -> tuple[int, int] | None:
    """(Key, number) of a version, the latest without `number`. One narrow query."""
    found = Version.objects.filter(workflow_id=workflow).order_by("-number").values_list("id", "number")
    return (found if number is None else found.filter(number=number)).first()


def version_of(run: str) -> tuple[str, int] | None:
    """(Workflow, number) of the version that a run follows. One narrow query."""
    return Run.objects.filter(id=run).values_list("workflow_id", "version__number").first()


def _each(words: Iterable[str], columns: Sequence[str]) -> Q:
    """Each word in one of these."""
    return _all(and_, (_all(or_, (Q(**{f"{name}__icontains": word}) for name in columns)) for word in words))


def _all(join: Callable[[Q, Q], Q], parts: Iterable[Q]) -> Q:
    return reduce(join, parts, Q())
