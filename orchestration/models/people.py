from django.conf import settings
from django.db import models
from django.db.models import Q

from orchestration.models.fields import IdField, PackedField
from orchestration.models.run import Run


class Escalation(models.Model):
    """A pause that asks a person, with its dossier."""

    class Kind(models.TextChoices):
        HUMAN = "human"
        UNKNOWN = "unknown"
        LIMIT = "limit"
        QUARANTINE = "quarantine"

    class Status(models.TextChoices):
        OPEN = "open"
        CLAIMED = "claimed"
        RESOLVED = "resolved"
        EXPIRED = "expired"
        CANCELLED = "cancelled"

    PENDING = (Status.OPEN, Status.CLAIMED)

    id = IdField()
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="escalations")
    kind = models.CharField(max_length=12, choices=Kind)
    step = models.CharField(max_length=48)
    path = models.CharField(max_length=500)
    visit = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    about = models.CharField(max_length=300, blank=True)
    """One line by which lists tell it from others of its title: the first thing that is shown, or why it stopped."""
    queue = models.CharField(max_length=100)
    priority = models.IntegerField(default=0)
    status = models.CharField(max_length=10, choices=Status, default=Status.OPEN)
    reason = PackedField()
    form = PackedField()
    values = PackedField(default="{}")
    show = PackedField(default="{}")
    actions = PackedField()
    created = models.DateTimeField()
    due = models.DateTimeField(null=True)
    claimed_by = models.CharField(max_length=150, blank=True)
    claimed_until = models.DateTimeField(null=True)
    draft = PackedField(default="null")
    answer = PackedField(default="null")
    resolved_by = models.CharField(max_length=150, blank=True)
    resolved = models.DateTimeField(null=True)

    class Meta:
        ordering = ("-priority", "due", "created")
        constraints = (
            models.UniqueConstraint(
                fields=("run",), condition=Q(status__in=("open", "claimed")), name="one_open_escalation_a_run"
            ),
        )
        indexes = (models.Index(fields=("status", "queue", "due"), name="escalation_inbox"),)

    def __str__(self) -> str:
        return f"{self.title} ({self.status})"


class Act(models.Model):
    """What a person or client did. Appended only; each subject's acts are chained by hash. Also what makes a repeated
    request with one idempotency key answer as the first did."""

    subject = models.CharField(max_length=100)
    number = models.PositiveIntegerField()
    verb = models.CharField(max_length=40)
    at = models.DateTimeField()
    by = models.CharField(max_length=150)
    key = models.CharField(max_length=200, null=True)
    """The idempotency key, with whose and for what it is."""
    body_hash = models.CharField(max_length=64)
    detail = PackedField(default="{}")
    answer = PackedField(default="null")
    hash = models.CharField(max_length=64)

    class Meta:
        ordering = ("id",)
        constraints = (
            models.UniqueConstraint(fields=("subject", "number"), name="act_number_once"),
            models.UniqueConstraint(fields=("key",), name="act_key_once"),
        )

    def __str__(self) -> str:
        return f"{self.verb} {self.subject} by {self.by}"


class ApiToken(models.Model):
    """A bearer token, of which only the hash is kept. It acts for its user, with that user's role."""

    name = models.CharField(max_length=100)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    hash = models.CharField(max_length=64, unique=True)
    prefix = models.CharField(max_length=12)
    role = models.CharField(max_length=12, blank=True)
    """The most that it may do; empty: all that its user may."""
    created = models.DateTimeField(auto_now_add=True)
    expires = models.DateTimeField(null=True)
    used = models.DateTimeField(null=True)
    revoked = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
