"""Has PostgreSQL no longer check that a count is not below zero in the tables that every commit writes.

It reads such checks anew for each statement, two dozen of them for one step. The counts are made by the code alone, and SQLite, where
they cost nothing, checks them still. `run_has_an_exit` stays.
"""

from typing import Any

from django.db import migrations

COUNTS = {
    "orchestration_call": ("ask", "n", "rung", "tokens_in", "tokens_out", "visit"),
    "orchestration_run": ("deaths", "fence", "format", "index", "restored", "revision", "seq", "suspicion"),
    "orchestration_steprecord": ("seq", "tokens_in", "tokens_out", "visit"),
}


def _drop(apps: Any, schema_editor: Any) -> None:
    if schema_editor.connection.vendor == "postgresql":
        for table, columns in COUNTS.items():
            dropped = ", ".join(f"DROP CONSTRAINT IF EXISTS {table}_{column}_check" for column in columns)
            schema_editor.execute(f"ALTER TABLE {table} {dropped}")


class Migration(migrations.Migration):
    dependencies = (("orchestration", "0004_fewer_indexes"),)

    operations = (migrations.RunPython(_drop, migrations.RunPython.noop),)
