from django.db import models
from django.db.models import Q

from orchestration.core.event import MOST_ADDRESS
from orchestration.models.fields import IdField, PackedField
from orchestration.models.run import Run


class Event(models.Model):
    """What came from outside for a run that waits for it: for one, and once."""

    id = IdField()
    address = models.CharField(max_length=MOST_ADDRESS)
    """Its name and correlation (`core/event`)."""
    payload = PackedField()
    mended = PackedField(default="[]")
    """Where the payload was mended when it came, as `output.name`."""
    by = models.CharField(max_length=150)
    received = models.DateTimeField()
    run = models.ForeignKey(Run, on_delete=models.PROTECT, null=True, related_name="events", db_index=False)
    """The run that it continues; NULL while it is kept for one that comes to wait for it."""
    seq = models.PositiveIntegerField(null=True)
    """The step record that took it."""

    class Meta:
        ordering = ("received", "id")
        indexes = (
            models.Index(fields=("address", "received"), name="event_kept", condition=Q(run__isnull=True)),
            models.Index(fields=("received",), name="event_kept_since", condition=Q(run__isnull=True)),
            models.Index(fields=("run",), name="event_of_run", condition=Q(run__isnull=False)),
        )

    def __str__(self) -> str:
        return f"{self.address} ({self.id})"
