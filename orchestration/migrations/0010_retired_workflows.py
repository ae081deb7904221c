"""A workflow may be retired: nobody starts a run of it any more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("orchestration", "0009_roots_by_time"),)

    operations = (
        migrations.AddField("workflow", "retired", models.DateTimeField(null=True)),
        migrations.AddField("workflow", "retired_by", models.CharField(blank=True, db_default="", default="", max_length=150)),
        migrations.AddField("workflow", "retired_reason", models.TextField(blank=True, db_default="", default="")),
    )
