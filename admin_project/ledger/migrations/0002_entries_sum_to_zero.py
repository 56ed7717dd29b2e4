"""A constraint trigger: the entries of each transaction sum to zero when it is committed."""

from django.db import migrations

CREATE = """
CREATE FUNCTION ledger_entries_sum_to_zero() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_transaction text := coalesce(NEW.balance_transaction_id, OLD.balance_transaction_id);
    total numeric;
BEGIN
    EXECUTE format('SELECT sum(amount) FROM %I.%I WHERE balance_transaction_id = $1',
                   TG_TABLE_SCHEMA, TG_TABLE_NAME)
        INTO total USING of_transaction;
    IF total <> 0 THEN
        RAISE EXCEPTION 'the entries of % sum to %, not zero', of_transaction, total
            USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER entries_sum_to_zero AFTER INSERT OR UPDATE OR DELETE ON ledger_entry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ledger_entries_sum_to_zero();
"""
DROP = """
DROP TRIGGER entries_sum_to_zero ON ledger_entry;
DROP FUNCTION ledger_entries_sum_to_zero();
"""


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, DROP)]
