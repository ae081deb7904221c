"""What has happened lately to each workflow of a list."""

from collections.abc import Iterable
from dataclasses import field
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, OuterRef, Q, Subquery

from orchestration.core.frozen import dataclass
from orchestration.models import Run, Version, Workflow
from orchestration.record.clock import database_now

LATELY = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Activity:
    """Of runs, child runs left out. `counts`: those that began in the last seven days, by status, those that wait for a person as
    `person`. `last`: when the latest began, ever. `changed`: the draft is not what the latest version says."""

    counts: dict[str, int] = field(default_factory=dict)
    last: datetime | None = None
    changed: bool = False


def activity(workflows: Iterable[str]) -> dict[str, Activity]:
    """By workflow id. Four queries, however many there are."""
    ids = list(workflows)
    since = database_now() - LATELY
    counts: dict[str, dict[str, int]] = {name: {} for name in ids}
    rows = Run.objects.filter(parent=None, workflow_id__in=ids, created__gte=since).order_by()
    for name, status, wait, number in rows.values_list("workflow_id", "status", "wait").annotate(number=Count("id")):
        shown = "person" if wait == "person" and status == Run.Status.WAITING else "backoff" if wait == "backoff" else status
        counts[name][shown] = counts[name].get(shown, 0) + number
    last = dict(
        Run.objects.filter(parent=None, workflow_id__in=ids).order_by().values_list("workflow_id").annotate(last=Max("created"))
    )
    latest = Version.objects.filter(workflow=OuterRef("pk")).order_by("-number").values("text")[:1]
    drafted = Workflow.objects.filter(id__in=ids).annotate(published_text=Subquery(latest))
    changed = set(drafted.filter(Q(published_text=None) | ~Q(published_text=F("draft"))).values_list("id", flat=True))
    return {name: Activity(counts[name], last.get(name), name in changed) for name in ids}
