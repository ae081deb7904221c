"""Whether runs are being moved, and what waits."""

from datetime import datetime

from django.db.models import Count, Min, Q, Sum

from orchestration.core.frozen import dataclass
from orchestration.models import Escalation, Run, Worker
from orchestration.record.clock import database_now


@dataclass(frozen=True, slots=True)
class WorkerView:
    id: str
    name: str
    pid: int
    group: int
    capacity: int
    held: int
    refused: int
    started: datetime
    beat: datetime


@dataclass(frozen=True, slots=True)
class Health:
    """`workers` are those whose heartbeat is fresh. `sweeping` False: nobody moves runs. `backlog` is due and not held;
    `oldest_due` seconds, how late the oldest of it is. `refused` counts the writes that came too late, of workers
    that have ended too."""

    now: datetime
    workers: tuple[WorkerView, ...]
    held: int
    waiting: int
    people: int
    backlog: int
    oldest_due: float
    quarantined: int
    escalations: int
    refused: int

    @property
    def sweeping(self) -> bool:
        return any(worker.group == 0 for worker in self.workers)


def health() -> Health:
    """By the database's clock. Five queries."""
    now = database_now()
    alive = Worker.objects.filter(stopped=None, beat__gte=now - Worker.LAPSE).order_by("started")
    workers = tuple(WorkerView(**row) for row in alive.values(*WorkerView.__slots__))
    due = Q(status__in=("ready", "waiting"), due__lte=now)
    row = Run.objects.filter(status__in=Run.LIVE).aggregate(
        held=Count("id", filter=Q(status="held")),
        waiting=Count("id", filter=Q(status="waiting")),
        people=Count("id", filter=Q(status__in=("waiting", "quarantined"), wait="person")),
        quarantined=Count("id", filter=Q(status="quarantined")),
        backlog=Count("id", filter=due),
        oldest=Min("due", filter=due),
    )
    oldest: datetime | None = row.pop("oldest")
    late = max((now - oldest).total_seconds(), 0.0) if oldest else 0.0
    pending = Escalation.objects.filter(status__in=Escalation.PENDING).count()
    refused = Worker.objects.aggregate(all=Sum("refused"))["all"] or 0
    return Health(now=now, workers=workers, oldest_due=late, escalations=pending, refused=refused, **row)
