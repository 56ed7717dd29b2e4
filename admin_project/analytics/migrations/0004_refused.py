"""Payments whose 3-D Secure failed; those of before are told apart by `rebuild_analytics`."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("analytics", "0003_months_and_what_came_back")]

    operations = [
        migrations.AddField("paymentfact", "refused", models.BooleanField(db_default=False)),
    ]
