from django.db import migrations

import orchestration.models.fields


class Migration(migrations.Migration):
    dependencies = [
        ("orchestration", "0002_format_and_restored"),
    ]

    operations = [
        migrations.AddField(
            model_name="call",
            name="resent",
            field=orchestration.models.fields.PackedField(db_default="[]", default="[]"),
        ),
    ]
