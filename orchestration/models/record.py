from django.db import models

from orchestration.models.fields import PackedField
from orchestration.models.run import Run


class Blob(models.Model):
    """A value too big for a row, by its hash. Written once, shared by all that have the same."""

    hash = models.CharField(max_length=64, primary_key=True)
    body = models.TextField()

    def __str__(self) -> str:
        return self.hash


class StepRecord(models.Model):
    """One visit of a step, inserted whole when its decision is made. Never updated."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="records", db_index=False)
    seq = models.PositiveIntegerField()
    step = models.CharField(max_length=48)
    path = models.CharField(max_length=500)
    visit = models.PositiveIntegerField()
    type = models.CharField(max_length=12)
    scope = models.CharField(max_length=400, null=True)
    """Where its output is written, under `step`; NULL where it writes nothing."""
    input = PackedField(default="null")
    output = PackedField(default="null")
    result = PackedField()
    decision = PackedField()
    position = PackedField(default="null")
    fingerprints = PackedField(default="{}")
    state_hash = models.CharField(max_length=64)
    queued = models.DateTimeField(null=True)
    started = models.DateTimeField()
    finished = models.DateTimeField()
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost = models.BigIntegerField(default=0)
    actor = models.CharField(max_length=150, blank=True)

    class Meta:
        ordering = ("run_id", "seq")
        constraints = (models.UniqueConstraint(fields=("run", "seq"), name="record_seq_once"),)
        indexes = (models.Index(fields=("run", "scope", "step", "-seq"), name="record_slice"),)

    def __str__(self) -> str:
        return f"{self.run_id}#{self.seq} {self.path}"


class Call(models.Model):
    """One request to a model or tool: inserted before it leaves, completed once when it came back."""

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="calls", db_index=False)
    path = models.CharField(max_length=500)
    visit = models.PositiveIntegerField()
    n = models.PositiveIntegerField()
    ask = models.PositiveIntegerField()
    rung = models.PositiveIntegerField()
    kind = models.CharField(max_length=10)
    protocol = models.CharField(max_length=12)
    target = models.CharField(max_length=100)
    effect = models.CharField(max_length=12)
    key = models.CharField(max_length=40)
    request = PackedField()
    reserved = models.BigIntegerField(default=0)
    intended = models.DateTimeField()
    resent = PackedField(default="[]", db_default="[]")
    """When it was sent again since its worker was gone, and why: [time, "died" or "ended"] each."""
    deadline = models.DateTimeField()
    finished = models.DateTimeField(null=True)
    response = PackedField(default="null")
    output = PackedField(default="null")
    error = PackedField(default="null")
    late = PackedField(default="null")
    """An answer that came when it was no longer waited for: evidence, never folded."""
    tokens_in = models.PositiveIntegerField(default=0)
    tokens_out = models.PositiveIntegerField(default=0)
    cost = models.BigIntegerField(default=0)

    class Meta:
        ordering = ("run_id", "id")
        constraints = (models.UniqueConstraint(fields=("run", "path", "visit", "n"), name="call_once"),)

    def __str__(self) -> str:
        return f"{self.run_id} {self.path} {self.visit}.{self.n}"
