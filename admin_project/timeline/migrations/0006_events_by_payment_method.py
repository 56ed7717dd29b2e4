"""Events are found by Stripe's id of the card as well.

The index is made again for what is logged already, which takes minutes for some millions of
events; meanwhile the log is written and searched as ever.
"""

from importlib import import_module

from django.db import migrations

BEFORE = import_module("admin_project.timeline.migrations.0004_events_by_email_hash").FUNCTION
FUNCTION = BEFORE.replace("%s", ", content->>'emailHash'%s")


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("timeline", "0005_subscriptions_not_final")]

    operations = [
        migrations.RunSQL(
            FUNCTION.replace("%s", ", content->>'paymentMethodId'"), FUNCTION.replace("%s", "")
        ),
        migrations.RunSQL(
            "REINDEX INDEX CONCURRENTLY events_by_identifier", migrations.RunSQL.noop
        ),
    ]
