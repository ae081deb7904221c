"""Drops the indexes that another one makes needless, and the one whose column changes with every commit.

What is dropped by name here are indexes that Django makes for a foreign key or a text key by itself; other indexes begin with the
same column. As plain statements, since an altered field would have SQLite copy the table. On PostgreSQL pages of the tables whose
rows are written again are left some room, so that a row can stay on its page.
"""

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

DROPPED = (
    "orchestration_call_run_id_f702d5af",
    "orchestration_call_run_id_f702d5af_like",
    "orchestration_run_id_dc1502d7_like",
    "orchestration_run_parent_id_38c99258",
    "orchestration_run_parent_id_38c99258_like",
    "orchestration_run_workflow_id_1918c855",
    "orchestration_run_workflow_id_1918c855_like",
    "orchestration_steprecord_run_id_e803c491",
    "orchestration_steprecord_run_id_e803c491_like",
)


def _leave_room(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE orchestration_run SET (fillfactor = 60)")
        schema_editor.execute("ALTER TABLE orchestration_call SET (fillfactor = 80)")


def _to(model: str, name: str, **options: Any) -> models.ForeignKey:
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name=name, to=f"orchestration.{model}", **options
    )


class Migration(migrations.Migration):
    dependencies = (("orchestration", "0003_call_resent"),)

    operations = (
        migrations.RemoveIndex(model_name="run", name="run_step_deadline"),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL([f"DROP INDEX IF EXISTS {name}" for name in DROPPED], migrations.RunSQL.noop),
                migrations.RunPython(_leave_room, migrations.RunPython.noop),
            ],
            state_operations=[
                migrations.AlterField("call", "run", _to("run", "calls")),
                migrations.AlterField("run", "parent", _to("run", "children", null=True)),
                migrations.AlterField("run", "workflow", _to("workflow", "runs")),
                migrations.AlterField("steprecord", "run", _to("run", "records")),
            ],
        ),
    )
