"""What runs may reach: providers of models, shared tools, and the secrets that these need."""

from django.db import models

from orchestration.models.fields import PackedField


class Provider(models.Model):
    """A configured model account."""

    name = models.CharField(max_length=48, primary_key=True)
    protocol = models.CharField(max_length=12)
    base_url = models.CharField(max_length=500, blank=True)
    secret = models.CharField(max_length=100, blank=True)
    """The name of the secret that holds its key."""
    default_model = models.CharField(max_length=200, blank=True)
    structured = models.CharField(max_length=12, default="json_schema")
    prices = PackedField(default="{}")
    headers = PackedField(default="{}")
    options = PackedField(default="{}")
    cap = models.PositiveIntegerField(null=True)
    """How many calls may be under way at once, over all workers."""
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Tool(models.Model):
    """A shared HTTP tool. Python tools are registered in code."""

    name = models.CharField(max_length=100, primary_key=True)
    definition = PackedField()
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Secret(models.Model):
    """Encrypted at rest; written and used, never shown."""

    name = models.CharField(max_length=100, primary_key=True)
    ciphertext = models.TextField()
    updated = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
