from django.db import models

from orchestration.models.fields import PackedField


class Workflow(models.Model):
    """A named thing with a draft and numbered versions. The draft is text, and may be wrong."""

    id = models.CharField(max_length=48, primary_key=True)
    title = models.CharField(max_length=200, blank=True)
    """The latest version's; the draft's where nothing is published."""
    draft = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=1)
    sample = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    updated = models.DateTimeField(auto_now=True)
    updated_by = models.CharField(max_length=150, blank=True)
    retired = models.DateTimeField(null=True)
    """Since when nobody may start a run of it; None while people may. By whom, and why, stands beside it."""
    retired_by = models.CharField(max_length=150, blank=True, default="", db_default="")
    retired_reason = models.TextField(blank=True, default="", db_default="")

    class Meta:
        ordering = ("id",)

    def __str__(self) -> str:
        return self.title or self.id


class Version(models.Model):
    """A published definition: immutable, content-hashed, with its proof."""

    workflow = models.ForeignKey(Workflow, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    hash = models.CharField(max_length=64)
    definition = PackedField()
    text = models.TextField()
    proof = PackedField()
    note = models.TextField(blank=True)
    published = models.DateTimeField(auto_now_add=True)
    published_by = models.CharField(max_length=150)

    class Meta:
        ordering = ("workflow_id", "-number")
        constraints = (models.UniqueConstraint(fields=("workflow", "number"), name="version_number_once"),)

    def __str__(self) -> str:
        return f"{self.workflow_id}@{self.number}"


class DraftEdit(models.Model):
    """One change of a draft, by whichever door, in the one history that undo and redo go along. The undone ones are the last."""

    workflow = models.ForeignKey(Workflow, on_delete=models.CASCADE, related_name="edits", db_index=False)
    number = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    """Of the draft after it, when it was made."""
    at = models.DateTimeField()
    by = models.CharField(max_length=150)
    sentence = models.TextField()
    steps = PackedField(default="[]")
    """The ids of those that it touched; what to select comes first."""
    before = PackedField()
    after = PackedField()
    undone = models.BooleanField(default=False)

    class Meta:
        ordering = ("workflow_id", "-number")
        constraints = (models.UniqueConstraint(fields=("workflow", "number"), name="draft_edit_once"),)

    def __str__(self) -> str:
        return f"{self.workflow_id} {self.number}: {self.sentence}"
