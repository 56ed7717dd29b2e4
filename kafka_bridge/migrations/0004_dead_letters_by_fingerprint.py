from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # the inbox goes on receiving while its index is built
    dependencies = [("kafka_bridge", "0003_dead_letters")]

    operations = [
        AddIndexConcurrently(
            model_name="inboxevent",
            index=models.Index(
                condition=models.Q(("dead_at__isnull", False)),
                fields=["fingerprint", "dead_at"],
                name="inbox_dead_alike",
            ),
        ),
    ]
