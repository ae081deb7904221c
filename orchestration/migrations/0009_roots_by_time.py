"""Lists of runs leave out child runs, and so do the indexes that they are read by."""

from django.db import migrations, models

_ROOT = models.Q(("parent", None))


class Migration(migrations.Migration):
    dependencies = (("orchestration", "0008_events"),)

    operations = (
        migrations.RemoveIndex("run", "run_by_workflow"),
        migrations.AddIndex("run", models.Index(fields=["workflow", "-created"], name="run_by_workflow", condition=_ROOT)),
        migrations.RemoveIndex("run", "run_by_time"),
        migrations.AddIndex("run", models.Index(fields=["-created"], name="run_by_time", condition=_ROOT)),
    )
