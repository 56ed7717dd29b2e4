"""A trigger: the log is not emptied at once either."""

from django.db import migrations

FUNCTION = """
CREATE OR REPLACE FUNCTION event_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append only'
        USING ERRCODE = 'check_violation',
              HINT = 'Whoever must: ALTER TABLE event_log_loggedevent DISABLE TRIGGER ' || TG_NAME;
END $$;
"""
CREATE = """
CREATE TRIGGER not_truncated BEFORE TRUNCATE ON event_log_loggedevent
    FOR EACH STATEMENT EXECUTE FUNCTION event_log_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("event_log", "0003_append_only")]

    operations = [
        migrations.RunSQL(FUNCTION, migrations.RunSQL.noop),
        migrations.RunSQL(CREATE, "DROP TRIGGER not_truncated ON event_log_loggedevent"),
    ]
