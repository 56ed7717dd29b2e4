"""A trigger: what is in the log is neither changed nor deleted, by whatever program."""

from django.db import migrations

CREATE = """
CREATE FUNCTION event_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the event log is append only'
        USING ERRCODE = 'check_violation',
              HINT = 'Whoever must: ALTER TABLE event_log_loggedevent DISABLE TRIGGER append_only';
END $$;
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON event_log_loggedevent
    FOR EACH ROW EXECUTE FUNCTION event_log_is_append_only();
"""
DROP = """
DROP TRIGGER append_only ON event_log_loggedevent;
DROP FUNCTION event_log_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("event_log", "0002_where_it_was")]

    operations = [migrations.RunSQL(CREATE, DROP)]
