"""Which revision each live topic is at: what a page compares its own with.

A run has a revision of its own, so has the draft of a workflow, and so have the child runs of one together: the sum of theirs.
Lists have none: theirs is the time, in milliseconds, of the last thing that was written down about any run, or about any question
to a person. It grows with everything that leaves a row; what leaves none (a run that a worker takes up) is told by nudges alone.
Who is at a draft is no row: `dashboard/presence` knows that, and here is when the draft was last changed.
"""

import re
from collections.abc import Iterable
from datetime import datetime

from django.db.models import Sum

from orchestration.models import Act, Call, Escalation, Run, StepRecord, Workflow
from orchestration.queries.drafts import WRITING
from orchestration.queries.pruned import pruned

RUNS, INBOX = "runs", "inbox"
GONE = 2**53 - 1
"""The revision of a run that was pruned: whoever still looks at it is behind, and learns that it is gone."""
_RUN = re.compile(r"run\.([0-9a-z]{1,26})\Z")
_DRAFT = re.compile(r"workflow\.([a-z][a-z0-9_]{0,47})\Z")
PRESENT = "present."
_PRESENT = re.compile(r"present\.([a-z][a-z0-9_]{0,47})\Z")
_CHILDREN = re.compile(r"children\.([0-9a-z]{1,26})\Z")


def run_of(topic: str) -> str | None:
    """The id in `run.<id>`, None for another topic."""
    found = _RUN.match(topic)
    return found[1] if found else None


def is_topic(topic: object) -> bool:
    return isinstance(topic, str) and (
        topic in (RUNS, INBOX) or any(named.match(topic) is not None for named in (_RUN, _DRAFT, _PRESENT, _CHILDREN))
    )


def revisions(topics: Iterable[str]) -> dict[str, int]:
    """The revision of each topic; none for a run that there never was. Nine narrow queries at most, and one for each run whose
    children are watched."""
    wanted = set(topics)
    ids = [run for topic in wanted if (run := run_of(topic))]
    rows = Run.objects.filter(id__in=ids).values_list("id", "revision") if ids else ()
    found = {f"run.{run}": revision for run, revision in rows}
    if missing := [run for run in ids if f"run.{run}" not in found]:
        found |= dict.fromkeys((f"run.{run}" for run in pruned(missing)), GONE)
    if drafts := [of[1] for topic in wanted if (of := _DRAFT.match(topic))]:
        rows = Workflow.objects.filter(id__in=drafts).values_list("id", "revision")
        found |= {f"workflow.{workflow}": revision for workflow, revision in rows}
    found |= {topic: children_changed(of[1]) for topic in wanted if (of := _CHILDREN.match(topic))}
    if RUNS in wanted:
        found[RUNS] = runs_changed()
    if INBOX in wanted:
        found[INBOX] = inbox_changed()
    return found


def children_changed(run: str) -> int:
    """It grows with each commit of a child run. They announce themselves alone, so that ten thousand of them are no ten thousand
    nudges for the page of their parent: that asks for this every few seconds. One read of their part of an index."""
    return Run.objects.filter(parent=run).aggregate(of=Sum("revision"))["of"] or 0


def runs_changed() -> int:
    """Four reads of the end of an index, however many runs there are."""
    return _latest(
        Run.objects.filter(parent=None).order_by("-created").values_list("created", flat=True).first(),
        StepRecord.objects.order_by("-id").values_list("finished", flat=True).first(),
        Call.objects.order_by("-id").values_list("intended", flat=True).first(),
        _last_act(),
    )


def inbox_changed() -> int:
    """Two such reads. Any act counts, claims and answers among them."""
    return _latest(Escalation.objects.order_by("-id").values_list("created", flat=True).first(), _last_act())


def present_at(workflow: str) -> int:
    """When its draft was last changed, in milliseconds. One narrow query."""
    written = Act.objects.filter(subject=f"workflow:{workflow}", verb__in=WRITING).order_by("-number")
    return _latest(written.values_list("at", flat=True).first())


def _last_act() -> datetime | None:
    return Act.objects.order_by("-id").values_list("at", flat=True).first()


def _latest(*moments: datetime | None) -> int:
    known = [moment for moment in moments if moment is not None]
    return round(max(known).timestamp() * 1000) if known else 0
