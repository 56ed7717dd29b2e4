"""An index of the log by every id that an event names: ours and Stripe's."""

from django.db import migrations

CREATE = """
CREATE FUNCTION identifiers_in_event(content jsonb) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT array_remove(ARRAY[
        content->>'paymentId', content->>'paymentIntentId', content->>'setupIntentId',
        content->>'subscriptionId', content->>'stripeSubscriptionId', content->>'invoiceId',
        content->>'webhookEventId', content->>'balanceTransactionId', content->>'sourceId'
    ], NULL) || CASE WHEN content ?| ARRAY['refunds', 'disputes'] THEN ARRAY(
        SELECT id #>> '{}' FROM (
            SELECT jsonb_path_query(content, '$.refunds[*].stripeRefundId')
            UNION ALL SELECT jsonb_path_query(content, '$.disputes[*].disputeId')
        ) AS named (id)
    ) ELSE ARRAY[]::text[] END
$$;
CREATE INDEX events_by_identifier ON event_log_loggedevent
    USING gin (identifiers_in_event(content));
"""
DROP = """
DROP INDEX events_by_identifier;
DROP FUNCTION identifiers_in_event(jsonb);
"""


class Migration(migrations.Migration):
    dependencies = [("timeline", "0001_initial"), ("event_log", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, DROP)]
