"""Where an event's record was in Kafka, and a number that the database gives each event."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("event_log", "0001_initial")]

    operations = [
        migrations.AddField("loggedevent", "partition", models.IntegerField(blank=True, null=True)),
        migrations.AddField("loggedevent", "offset", models.BigIntegerField(blank=True, null=True)),
        migrations.AddField(
            "loggedevent", "received_at", models.DateTimeField(blank=True, null=True)
        ),
        migrations.RunSQL(
            "ALTER TABLE event_log_loggedevent"
            " ADD COLUMN number bigint GENERATED ALWAYS AS IDENTITY UNIQUE",
            "ALTER TABLE event_log_loggedevent DROP COLUMN number",
            state_operations=[
                migrations.AddField(
                    "loggedevent",
                    "number",
                    models.BigIntegerField(editable=False, unique=True),
                    preserve_default=False,
                )
            ],
        ),
    ]
