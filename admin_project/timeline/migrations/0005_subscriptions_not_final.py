"""Declined payments, and subscriptions that stay incomplete, are not final either.

Renewals that wait for their customers are left out of the index, as they are of what is stuck.
"""

from django.db import migrations

PAYMENTS = "CREATE INDEX payments_not_final ON analytics_paymentfact (measured_at) WHERE "
CREATE = f"""
DROP INDEX payments_not_final;
{PAYMENTS} status IN ('processing', 'requires_capture')
    OR status IN ('requires_action', 'requires_confirmation', 'requires_payment_method')
        AND payment_type <> 'subscription_renewal';
CREATE INDEX subscriptions_not_final ON analytics_subscriptionfact (changed_at)
    WHERE status = 'incomplete';
"""
DROP = f"""
DROP INDEX subscriptions_not_final;
DROP INDEX payments_not_final;
{PAYMENTS} status IN ('processing', 'requires_action', 'requires_confirmation', 'requires_capture');
"""


class Migration(migrations.Migration):
    dependencies = [
        ("timeline", "0004_events_by_email_hash"),
        ("analytics", "0002_sums_and_subscriptions"),
    ]

    operations = [migrations.RunSQL(CREATE, DROP)]
