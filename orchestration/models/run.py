from datetime import timedelta

from django.db import models
from django.db.models import Q

from orchestration.core.event import MOST_ADDRESS
from orchestration.models.fields import IdField, PackedField
from orchestration.models.workflow import Version, Workflow

FIRST_FORMAT = 1
_CHILD = ("parent", "parent_path", "parent_visit", "index")


class Worker(models.Model):
    """One process that moves runs. It is alive while its heartbeat, by the database's clock, is fresh.

    `group` is how many suspects it runs at once: 0 for an ordinary worker, 1 for one that runs a suspect alone.
    """

    LAPSE = timedelta(seconds=8)
    """A worker whose heartbeat is older is taken for dead."""

    id = IdField()
    name = models.CharField(max_length=200)
    pid = models.PositiveIntegerField()
    group = models.PositiveIntegerField(default=0)
    capacity = models.PositiveIntegerField()
    held = models.PositiveIntegerField(default=0)
    refused = models.PositiveIntegerField(default=0)
    """Its writes that came too late: somebody else had moved the run."""
    started = models.DateTimeField()
    beat = models.DateTimeField(db_index=True)
    stopped = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class Slot(models.Model):
    """One of the calls that a provider takes at once. `holder`: the worker whose runs may use it."""

    provider = models.CharField(max_length=48)
    number = models.PositiveIntegerField()
    holder = models.CharField(max_length=26, null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("provider", "number"), name="one_slot_a_number"),)

    def __str__(self) -> str:
        return f"{self.provider} {self.number}"


class Run(models.Model):
    """One execution of one version, and its place in the queue. Only `record.apply` updates a row of it."""

    class Status(models.TextChoices):
        READY = "ready"
        HELD = "held"
        WAITING = "waiting"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"
        QUARANTINED = "quarantined"

    LIVE = (Status.READY, Status.HELD, Status.WAITING, Status.QUARANTINED)
    ENDED = (Status.SUCCEEDED, Status.FAILED, Status.CANCELLED)

    id = IdField()
    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="runs", db_index=False)
    version = models.ForeignKey(Version, on_delete=models.PROTECT, related_name="runs")
    parent = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="children", db_index=False)
    parent_path = models.CharField(max_length=500, blank=True)
    parent_visit = models.PositiveIntegerField(default=1, db_default=1)
    """The visit of its parent that it is a part of: path and number."""
    index = models.PositiveIntegerField(null=True)
    joined = models.BooleanField(default=True, db_default=True)
    """False for a child run that its parent has not counted yet."""
    key = models.CharField(max_length=200, blank=True)
    labels = PackedField(default="{}")
    input = PackedField()
    created = models.DateTimeField()
    created_by = models.CharField(max_length=150)
    schedule = models.CharField(max_length=26, null=True)
    """What started it, where that was a schedule. It may be deleted since."""

    status = models.CharField(max_length=12, choices=Status)
    position = PackedField(default="null")
    place = models.CharField(max_length=500, blank=True)
    """The path that it stands at, for people and lists."""
    seq = models.PositiveIntegerField(default=0)
    revision = models.PositiveIntegerField(default=1)
    fence = models.PositiveIntegerField(default=0)
    holder = models.CharField(max_length=26, null=True)
    step_deadline = models.DateTimeField(null=True)
    due = models.DateTimeField(null=True)
    wait = models.CharField(max_length=12, blank=True)
    """What it waits for: `backoff`, `slot`, `person`, `children`, `event`, `time`, `limit` (of the whole that
    it is a part of), "" where nothing."""
    awaits = models.CharField(max_length=MOST_ADDRESS, blank=True, default="", db_default="")
    """The address of the event that it waits for, as long as that has not come."""
    since = models.DateTimeField(null=True)
    """When it began to wait for an event, a moment, or at a limit."""
    suspicion = models.PositiveSmallIntegerField(default=0)
    """How often it was held by a worker that died, since it last committed. Suspects run apart."""
    deaths = models.PositiveSmallIntegerField(default=0)
    """How often a worker died that held it alone. At three it is quarantined."""
    spent = PackedField(default="{}")
    cost = models.BigIntegerField(default=0)
    """Nano-dollars, as in `spent`."""
    asked = PackedField(null=True)
    """What a person asked of it while a worker held it; the holder applies it in its next commit."""
    commit_id = models.CharField(max_length=26, blank=True)
    state_hash = models.CharField(max_length=64)
    outcome = models.CharField(max_length=48, blank=True)
    output = PackedField(default="null")
    error = PackedField(default="null")
    started = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)
    restored = models.PositiveIntegerField(default=0, db_default=0)
    """The seq of its first record since the database was restored from a backup, 0 where it was not. What the run did between
    the two is lost, so that calls of it may have been made already (`executor/doubt`)."""
    format = models.PositiveSmallIntegerField(default=FIRST_FORMAT, db_default=FIRST_FORMAT)
    """In which form it was last written (`record.rows.FORMAT`)."""

    class Meta:
        ordering = ("-created",)
        constraints = (
            models.CheckConstraint(
                name="run_has_an_exit",
                condition=(
                    Q(status="ready", due__isnull=False, holder__isnull=True)
                    | Q(status="held", holder__isnull=False, step_deadline__isnull=False)
                    | Q(status="waiting", holder__isnull=True) & ~Q(wait="")
                    | Q(status="quarantined", holder__isnull=True)
                    | Q(status__in=("succeeded", "failed", "cancelled"), holder__isnull=True, ended__isnull=False)
                ),
            ),
            models.UniqueConstraint(fields=_CHILD, name="child_once"),
        )
        # No index has a column that changes while a worker holds the run: such an update touches no index at all on PostgreSQL.
        indexes = (
            models.Index(fields=("due",), name="run_due", condition=Q(status__in=("ready", "waiting", "quarantined"))),
            models.Index(fields=("holder",), name="run_holder", condition=Q(status="held")),
            models.Index(fields=("workflow", "-created"), name="run_by_workflow", condition=Q(parent=None)),
            models.Index(fields=("status", "-created"), name="run_by_status"),
            models.Index(fields=("-created",), name="run_by_time", condition=Q(parent=None)),
            models.Index(fields=("key",), name="run_by_key", condition=~Q(key="")),
            models.Index(fields=("awaits", "since"), name="run_awaits", condition=Q(status="waiting") & ~Q(awaits="")),
            models.Index(fields=_CHILD, name="run_unjoined", condition=Q(joined=False, ended__isnull=False)),
            models.Index(fields=_CHILD, name="run_at_limit", condition=Q(status="waiting", wait="limit")),
            models.Index(fields=_CHILD[:3], name="run_living", condition=Q(parent__isnull=False, ended__isnull=True)),
            models.Index(fields=("schedule", "-created"), name="run_by_schedule", condition=Q(schedule__isnull=False)),
        )

    def __str__(self) -> str:
        return self.id
