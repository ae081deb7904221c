"""What was done to each draft, for undo and redo."""

import django.db.models.deletion
from django.db import migrations, models

from orchestration.models.fields import PackedField


class Migration(migrations.Migration):
    dependencies = (("orchestration", "0011_runs_at_a_limit"),)

    operations = (
        migrations.CreateModel(
            "DraftEdit",
            [
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveIntegerField()),
                ("revision", models.PositiveIntegerField()),
                ("at", models.DateTimeField()),
                ("by", models.CharField(max_length=150)),
                ("sentence", models.TextField()),
                ("steps", PackedField(default="[]")),
                ("before", PackedField()),
                ("after", PackedField()),
                ("undone", models.BooleanField(default=False)),
                (
                    "workflow",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="edits",
                        to="orchestration.workflow",
                    ),
                ),
            ],
            {
                "ordering": ("workflow_id", "-number"),
                "constraints": [models.UniqueConstraint(fields=("workflow", "number"), name="draft_edit_once")],
            },
        ),
    )
