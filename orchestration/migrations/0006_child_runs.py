"""What child runs need: which visit of their parent they are a part of, and whether it has counted them."""

from typing import Any

from django.db import migrations, models


def _check_no_count(apps: Any, schema_editor: Any) -> None:
    """As `0005_fewer_checks` has it."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE orchestration_run DROP CONSTRAINT IF EXISTS orchestration_run_parent_visit_check")


class Migration(migrations.Migration):
    dependencies = (("orchestration", "0005_fewer_checks"),)

    operations = (
        migrations.AddField("run", "parent_visit", models.PositiveIntegerField(default=1, db_default=1)),
        migrations.RunPython(_check_no_count, migrations.RunPython.noop),
        migrations.AddField("run", "joined", models.BooleanField(default=True, db_default=True)),
        migrations.RemoveConstraint("run", "child_once"),
        migrations.AddConstraint(
            "run",
            models.UniqueConstraint(fields=("parent", "parent_path", "parent_visit", "index"), name="child_once"),
        ),
        migrations.AddIndex(
            "run",
            models.Index(fields=["parent"], name="run_unjoined", condition=models.Q(("ended__isnull", False), ("joined", False))),
        ),
    )
