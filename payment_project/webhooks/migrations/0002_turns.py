"""Workers of before write and read the column until they are replaced: it goes a release later."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("webhooks", "0001_initial"),
    ]

    operations = [
        migrations.RemoveIndex(model_name="webhookevent", name="webhook_read"),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.RemoveField(model_name="webhookevent", name="read_at")]
        ),
    ]
