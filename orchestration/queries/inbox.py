"""The inbox as people read it: four tabs with their counts, one list, and who comes before and after one."""

from datetime import datetime
from typing import Any

from django.db.models import Count, F, Q, QuerySet
from django.utils import timezone

from orchestration.core.errors import InterlockError
from orchestration.core.frozen import dataclass
from orchestration.core.plan import Plan
from orchestration.models import Escalation, Run
from orchestration.queries.catalog import current
from orchestration.queries.plans import plan_of

TABS = ("waiting", "mine", "unclaimed", "done")
MOST = 100
"""Rows of a list. Who has more waiting filters by queue, or decides; the most urgent stand first."""

_COLUMNS = ("id", "kind", "title", "about", "queue", "priority", "status", "claimed_by", "claimed_until", "created", "due",
            "resolved", "resolved_by")  # fmt: skip
_NAMED = (
    "run_id", "run__workflow_id", "run__workflow__title", "run__key", "run__version__number", "run__parent_id",
    "run__parent__key", "path",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A claim that has lapsed is shown as none. Priorities: -1 low, 0 normal, 1 high, 2 urgent. `parent`: the run that its run is
    a part of, or ""; `key` is that one's then."""

    id: str
    kind: str
    title: str
    about: str
    queue: str
    priority: int
    status: str
    claimed_by: str
    claimed_until: datetime | None
    created: datetime
    due: datetime | None
    resolved: datetime | None
    resolved_by: str
    run: str
    workflow: str
    workflow_id: str
    version: int
    path: str
    key: str
    parent: str

    @property
    def pending(self) -> bool:
        return self.status in Escalation.PENDING


@dataclass(frozen=True, slots=True)
class InboxList:
    """`counts` by tab, of this queue and text; `queues` all that anything waits in. `more`: there are rows beyond these."""

    rows: tuple[InboxRow, ...]
    counts: dict[str, int]
    queues: tuple[tuple[str, int], ...]
    more: bool

    def after(self, id: str) -> str | None:
        """The id that follows `id`, the first where it is not in the list, None at the end."""
        ids = [row.id for row in self.rows]
        rest = ids[ids.index(id) + 1 :] if id in ids else ids
        return rest[0] if rest else None

    def before(self, id: str) -> str | None:
        ids = [row.id for row in self.rows]
        return ids[ids.index(id) - 1] if id in ids and ids.index(id) > 0 else None


def inbox(tab: str, person: str, queue: str = "", text: str = "") -> InboxList:
    """The list of a tab: what waits by priority, due time and age; what is done by when. Three queries.

    `text` is looked for in titles and what they are about, workflows, business keys and ids of runs and escalations. A tab
    that there is not is `waiting`.
    """
    now = timezone.now()
    within = Escalation.objects.filter(_matching(queue, text))
    tabs = _tabs(person, now)
    shown = within.filter(tabs.get(tab, tabs["waiting"]))
    order = ["-resolved", "-id"] if tab == "done" else ["-priority", F("due").asc(nulls_last=True), "id"]
    found = list(_named(shown).order_by(*order)[: MOST + 1])
    counts = within.aggregate(**{name: Count("id", filter=rule) for name, rule in tabs.items()})
    pending = Escalation.objects.filter(status__in=Escalation.PENDING)
    queues = tuple(pending.order_by("queue").values_list("queue").annotate(waiting=Count("id")))
    return InboxList(tuple(_row(values, now) for values in found[:MOST]), counts, queues, len(found) > MOST)


def plan_for(run: str) -> Plan | None:
    """The plan of a run, which says where actions lead; None where there is none any more, as when a tool was taken away."""
    version = Run.objects.filter(id=run).values_list("version_id", flat=True).first()
    try:
        return plan_of(version, current()) if version else None
    except InterlockError:
        return None


def _tabs(person: str, now: datetime) -> dict[str, Q]:
    claimed = Q(status=Escalation.Status.CLAIMED, claimed_until__gt=now)
    pending = Q(status__in=Escalation.PENDING)
    return {
        "waiting": pending,
        "mine": claimed & Q(claimed_by=person),
        "unclaimed": pending & ~claimed,
        "done": ~pending,
    }


def _matching(queue: str, text: str) -> Q:
    found = Q(queue=queue) if queue else Q()
    if text:
        columns = ("title", "about", "run__key", "run__parent__key", "run__workflow__title", "run__workflow__id", "id", "run__id")
        found &= Q(*(Q(**{f"{name}__icontains": text}) for name in columns), _connector=Q.OR)
    return found


def _named(found: "QuerySet[Escalation]") -> "QuerySet[Escalation, dict[str, Any]]":
    return found.values(*_COLUMNS, *_NAMED)


def _row(values: dict[str, Any], now: datetime) -> InboxRow:
    row = {name: values[name] for name in _COLUMNS}
    if row["status"] == Escalation.Status.CLAIMED and row["claimed_until"] <= now:
        row |= {"status": str(Escalation.Status.OPEN), "claimed_by": "", "claimed_until": None}
    workflow = values["run__workflow__title"] or values["run__workflow_id"]
    return InboxRow(
        **row,
        run=values["run_id"],
        workflow=workflow,
        workflow_id=values["run__workflow_id"],
        version=values["run__version__number"],
        path=values["path"],
        key=values["run__key"] or values["run__parent__key"] or "",
        parent=values["run__parent_id"] or "",
    )
