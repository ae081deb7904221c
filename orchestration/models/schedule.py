from django.db import models
from django.db.models import Q

from orchestration.models.fields import IdField, PackedField
from orchestration.models.workflow import Workflow


class Schedule(models.Model):
    """Starts runs of a workflow by itself, at the times of a cron line in a zone. People's acts write what it is; the sweep moves
    `next`, and writes beside it what came of the occurrences."""

    id = IdField()
    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="schedules")
    name = models.CharField(max_length=100)
    cron = models.CharField(max_length=200)
    zone = models.CharField(max_length=64)
    input = PackedField(default="{}")
    labels = PackedField(default="{}")
    catchup = models.CharField(max_length=8)
    most = models.PositiveSmallIntegerField()
    """How many missed occurrences are made up for at most, where `catchup` is `all`."""
    paused = models.BooleanField(default=False)
    next = models.DateTimeField(null=True)
    """The occurrence that is due next. It only grows, and whoever moves it on starts the run: that makes each start one."""
    revision = models.PositiveIntegerField(default=1)
    """Raised by people's acts, and not by what comes due."""
    created = models.DateTimeField()
    created_by = models.CharField(max_length=150)
    updated = models.DateTimeField()
    updated_by = models.CharField(max_length=150)
    fired = models.DateTimeField(null=True)
    """The last occurrence that started a run."""
    run = models.CharField(max_length=26, blank=True)
    trouble = PackedField(default="null")
    """Why the last occurrence started none, and how many did not since one did; null once one does."""
    passed = PackedField(default="null")
    """What was last passed over, by which rule of its catching up."""

    class Meta:
        ordering = ("name", "id")
        constraints = (
            models.CheckConstraint(name="schedule_is_due_or_paused", condition=Q(paused=True) | Q(next__isnull=False)),
        )
        indexes = (models.Index(fields=("next",), name="schedule_due", condition=Q(paused=False)),)

    def __str__(self) -> str:
        return self.name
