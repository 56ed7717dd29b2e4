from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("kafka_bridge", "0002_vacuum_often")]

    operations = [
        migrations.CreateModel(
            name="DeadLetter",
            fields=[],
            options={
                "verbose_name": "dead letter",
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("kafka_bridge.inboxevent",),
        ),
        migrations.AlterModelOptions(
            name="inboxevent",
            options={
                "permissions": (
                    ("view_private_data", "Can see the private data of events"),
                    ("retry_inboxevent", "Can retry dead letters"),
                    ("edit_inboxevent", "Can edit dead letters before a retry"),
                    ("discard_inboxevent", "Can discard dead letters"),
                    (
                        "dry_run_inboxevent",
                        "Can try dead letters in a transaction that is rolled back",
                    ),
                ),
                "verbose_name": "inbox event",
            },
        ),
        migrations.AddField(
            model_name="inboxevent",
            name="fingerprint",
            field=models.CharField(blank=True, db_default="", max_length=16),
        ),
        migrations.AddField(
            model_name="inboxevent",
            name="original_value",
            field=models.BinaryField(null=True),
        ),
    ]
