"""An index of the few payments that are not final, by when they were last heard of."""

from django.db import migrations

CREATE = """
CREATE INDEX payments_not_final ON analytics_paymentfact (measured_at)
    WHERE status IN ('processing', 'requires_action', 'requires_confirmation', 'requires_capture')
"""


class Migration(migrations.Migration):
    dependencies = [
        ("timeline", "0002_events_by_identifier"),
        ("analytics", "0001_initial"),
    ]

    operations = [migrations.RunSQL(CREATE, "DROP INDEX payments_not_final")]
