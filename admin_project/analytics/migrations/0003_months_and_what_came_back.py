"""Sums of months; what came back counts when it did; how long answers took, whatever their status.

What came back before is counted where it was, until `rebuild_analytics` has run.
"""

from django.db import migrations, models

GRAINS = models.CharField(
    choices=[("hour", "Hour"), ("day", "Day"), ("month", "Month")], max_length=5
)
LATENCIES = """
CREATE TEMPORARY TABLE latency ON COMMIT DROP AS
    SELECT dimension, grain, starts_at, value, payment_type, currency, sum(count) AS count,
        sum(amount) AS amount, sum(captured) AS captured
    FROM analytics_paymentaggregate WHERE dimension = 'latency' GROUP BY 1, 2, 3, 4, 5, 6;
DELETE FROM analytics_paymentaggregate WHERE dimension = 'latency';
INSERT INTO analytics_paymentaggregate
    (dimension, grain, starts_at, value, payment_type, currency, status, count, amount, captured,
     refunded, refunds, disputes)
SELECT dimension, grain, starts_at, value, payment_type, currency, '', count, amount, captured,
    0, 0, 0
FROM latency;
"""
MONTHS = """
INSERT INTO analytics_paymentaggregate
    (dimension, grain, starts_at, value, payment_type, currency, status, count, amount, captured,
     refunded, refunds, disputes)
SELECT dimension, 'month', date_trunc('month', starts_at, 'UTC'), value, payment_type, currency,
    status, sum(count), sum(amount), sum(captured), sum(refunded), sum(refunds), sum(disputes)
FROM analytics_paymentaggregate WHERE grain = 'day' GROUP BY 1, 2, 3, 4, 5, 6, 7;
INSERT INTO analytics_webhookaggregate
    (grain, starts_at, webhook_type, outcome, lag_bucket, count)
SELECT 'month', date_trunc('month', starts_at, 'UTC'), webhook_type, outcome, lag_bucket,
    sum(count)
FROM analytics_webhookaggregate WHERE grain = 'day' GROUP BY 1, 2, 3, 4, 5;
"""
NO_MONTHS = """
DELETE FROM analytics_paymentaggregate WHERE grain = 'month';
DELETE FROM analytics_webhookaggregate WHERE grain = 'month';
"""


class Migration(migrations.Migration):
    dependencies = [("analytics", "0002_sums_and_subscriptions")]

    operations = [
        migrations.AlterField("paymentaggregate", "grain", GRAINS),
        migrations.AlterField("webhookaggregate", "grain", GRAINS.clone()),
        migrations.AddField("paymentfact", "challenged", models.BooleanField(db_default=False)),
        migrations.CreateModel(
            name="PaymentStep",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "payment_id", "revision", blank=True, editable=False, primary_key=True,
                        serialize=False,
                    ),
                ),
                ("payment_id", models.UUIDField()),
                ("revision", models.PositiveIntegerField()),
                ("payment_type", models.CharField(max_length=32)),
                ("currency", models.CharField(max_length=3)),
                ("decline_code", models.CharField(blank=True, max_length=255)),
                ("card_brand", models.CharField(blank=True, max_length=32)),
                ("card_country", models.CharField(blank=True, max_length=2)),
                ("plan", models.CharField(blank=True, max_length=255)),
                ("refunded", models.BigIntegerField()),
                ("disputed", models.BooleanField()),
                ("measured_at", models.DateTimeField()),
                ("event_id", models.UUIDField()),
            ],
            options={"verbose_name": "revision of a payment"},
        ),
        migrations.RunSQL(LATENCIES, migrations.RunSQL.noop),
        migrations.RunSQL(MONTHS, NO_MONTHS),
    ]  # fmt: skip
