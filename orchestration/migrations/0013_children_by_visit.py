"""Of the child runs of a visit its parent finds those at once that live, wait at a limit, or are not counted, however many there
were."""

from django.db import migrations, models

_VISIT = ["parent", "parent_path", "parent_visit", "index"]
_UNJOINED = models.Q(("ended__isnull", False), ("joined", False))
_AT_LIMIT = models.Q(("status", "waiting"), ("wait", "limit"))
_LIVING = models.Q(("ended__isnull", True), ("parent__isnull", False))


class Migration(migrations.Migration):
    dependencies = (("orchestration", "0012_draft_history"),)

    operations = (
        migrations.RemoveIndex("run", "run_unjoined"),
        migrations.AddIndex("run", models.Index(fields=_VISIT, name="run_unjoined", condition=_UNJOINED)),
        migrations.RemoveIndex("run", "run_at_limit"),
        migrations.AddIndex("run", models.Index(fields=_VISIT, name="run_at_limit", condition=_AT_LIMIT)),
        migrations.AddIndex("run", models.Index(fields=_VISIT[:3], name="run_living", condition=_LIVING)),
    )
