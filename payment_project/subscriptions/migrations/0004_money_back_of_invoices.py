"""Refunds and disputes of what subscriptions paid."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0003_admin_lists")]

    operations = [
        migrations.AddField("invoice", "amount_refunded", models.BigIntegerField(default=0)),
        migrations.AddField(
            "invoice",
            "dispute_status",
            models.CharField(blank=True, default="", max_length=255),
            preserve_default=False,
        ),
        migrations.AddField(
            "invoice", "money_back_read_at", models.DateTimeField(blank=True, null=True)
        ),
    ]
