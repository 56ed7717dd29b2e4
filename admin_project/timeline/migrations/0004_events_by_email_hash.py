"""Events are found by the hash of their customer's e-mail address as well.

No event that is logged already has one, so the index over the function stays as it is.
"""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION identifiers_in_event(content jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_remove(ARRAY[
        content->>'paymentId', content->>'paymentIntentId', content->>'setupIntentId',
        content->>'subscriptionId', content->>'stripeSubscriptionId', content->>'invoiceId',
        content->>'webhookEventId', content->>'balanceTransactionId', content->>'sourceId'%s
    ], NULL) || CASE WHEN content ?| ARRAY['refunds', 'disputes'] THEN ARRAY(
        SELECT id #>> '{}' FROM (
            SELECT jsonb_path_query(content, '$.refunds[*].stripeRefundId')
            UNION ALL SELECT jsonb_path_query(content, '$.disputes[*].disputeId')
        ) AS named (id)
    ) ELSE ARRAY[]::text[] END
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("timeline", "0003_payments_not_final")]

    operations = [
        migrations.RunSQL(
            FUNCTION.replace("%s", ", content->>'emailHash'"), FUNCTION.replace("%s", "")
        )
    ]
