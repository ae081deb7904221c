import django.db.models.deletion
from django.db import migrations, models

import orchestration.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("orchestration", "0006_child_runs"),
    ]

    operations = [
        migrations.CreateModel(
            name="Schedule",
            fields=[
                (
                    "id",
                    orchestration.models.fields.IdField(
                        default=orchestration.models.fields.new_id,
                        editable=False,
                        max_length=26,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "workflow",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="schedules", to="orchestration.workflow"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("cron", models.CharField(max_length=200)),
                ("zone", models.CharField(max_length=64)),
                ("input", orchestration.models.fields.PackedField(default="{}")),
                ("labels", orchestration.models.fields.PackedField(default="{}")),
                ("catchup", models.CharField(max_length=8)),
                ("most", models.PositiveSmallIntegerField()),
                ("paused", models.BooleanField(default=False)),
                ("next", models.DateTimeField(null=True)),
                ("revision", models.PositiveIntegerField(default=1)),
                ("created", models.DateTimeField()),
                ("created_by", models.CharField(max_length=150)),
                ("updated", models.DateTimeField()),
                ("updated_by", models.CharField(max_length=150)),
                ("fired", models.DateTimeField(null=True)),
                ("run", models.CharField(blank=True, max_length=26)),
                ("trouble", orchestration.models.fields.PackedField(default="null")),
                ("passed", orchestration.models.fields.PackedField(default="null")),
            ],
            options={
                "ordering": ("name", "id"),
                "indexes": [models.Index(condition=models.Q(("paused", False)), fields=["next"], name="schedule_due")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("paused", True), ("next__isnull", False), _connector="OR"),
                        name="schedule_is_due_or_paused",
                    )
                ],
            },
        ),
        migrations.AddField(
            model_name="run",
            name="schedule",
            field=models.CharField(max_length=26, null=True),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("schedule__isnull", False)), fields=["schedule", "-created"], name="run_by_schedule"
            ),
        ),
    ]
