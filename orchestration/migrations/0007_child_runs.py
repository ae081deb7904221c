"""What child runs need: which visit of their parent they are a part of, and whether it has counted them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = (("orchestration", "0004_fewer_indexes"),)

    operations = (
        migrations.AddField("run", "parent_visit", models.PositiveIntegerField(default=1, db_default=1)),
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
