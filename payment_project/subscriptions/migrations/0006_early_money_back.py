"""What went back of a payment before its invoice was known."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("subscriptions", "0005_retry_codes_tell")]

    operations = [
        migrations.CreateModel(
            name="EarlyMoneyBack",
            fields=[
                (
                    "payment_intent_id",
                    models.CharField(max_length=255, primary_key=True, serialize=False),
                ),
                ("amount_refunded", models.BigIntegerField()),
                ("dispute_status", models.CharField(blank=True, max_length=255)),
                ("read_at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
