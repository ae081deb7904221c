"""Events, and what a run that waits for one is found by."""

import django.db.models.deletion
from django.db import migrations, models

from orchestration.models.fields import IdField, PackedField, new_id


class Migration(migrations.Migration):
    dependencies = (("orchestration", "0007_schedules"),)

    operations = (
        migrations.AddField("run", "awaits", models.CharField(blank=True, db_default="", default="", max_length=610)),
        migrations.AddField("run", "since", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "run",
            models.Index(
                condition=models.Q(("status", "waiting"), models.Q(("awaits", ""), _negated=True)),
                fields=["awaits", "since"],
                name="run_awaits",
            ),
        ),
        migrations.CreateModel(
            "Event",
            [
                ("id", IdField(default=new_id, editable=False, max_length=26, primary_key=True, serialize=False)),
                ("address", models.CharField(max_length=610)),
                ("payload", PackedField()),
                ("mended", PackedField(default="[]")),
                ("by", models.CharField(max_length=150)),
                ("received", models.DateTimeField()),
                (
                    "run",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="events",
                        to="orchestration.run",
                    ),
                ),
                ("seq", models.PositiveIntegerField(null=True)),
            ],
            {"ordering": ("received", "id")},
        ),
        migrations.AddIndex(
            "event",
            models.Index(condition=models.Q(("run__isnull", True)), fields=["address", "received"], name="event_kept"),
        ),
        migrations.AddIndex(
            "event", models.Index(condition=models.Q(("run__isnull", True)), fields=["received"], name="event_kept_since")
        ),
        migrations.AddIndex(
            "event", models.Index(condition=models.Q(("run__isnull", False)), fields=["run"], name="event_of_run")
        ),
    )
