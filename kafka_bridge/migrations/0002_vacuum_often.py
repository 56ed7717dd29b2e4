from django.db import migrations

# Rows of these tables leave a small index soon after they came. Without frequent vacuums the index
# keeps their dead entries, and a poll of an empty queue reads through all of them.
_STORAGE = "autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000"
_TABLES = ("kafka_bridge_outboxevent", "kafka_bridge_inboxevent", "kafka_bridge_lane")


class Migration(migrations.Migration):
    dependencies = [("kafka_bridge", "0001_initial")]

    operations = [
        migrations.RunSQL(
            sql=f"ALTER TABLE {table} SET ({_STORAGE})",
            reverse_sql=f"ALTER TABLE {table} RESET"
            " (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold)",
        )
        for table in _TABLES
    ]
