"""Child runs that wait at a limit of the whole are found by their parents."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("orchestration", "0010_retired_workflows"),)

    operations = (
        migrations.AddIndex(
            "run",
            models.Index(condition=models.Q(("status", "waiting"), ("wait", "limit")), fields=["parent"], name="run_at_limit"),
        ),
    )
