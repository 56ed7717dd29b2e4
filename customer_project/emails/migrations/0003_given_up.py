"""When an e-mail was given up; those that were before, about half a day after they were queued."""

from django.db import migrations, models

_GIVEN_UP = """
UPDATE emails_email SET given_up_at = queued_at + interval '12 hours'
WHERE due_at IS NULL AND sent_at IS NULL AND attempts >= 20
"""


class Migration(migrations.Migration):
    dependencies = [
        ("emails", "0002_of_subscriptions"),
    ]

    operations = [
        migrations.AddField(
            model_name="email",
            name="given_up_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.RunSQL(_GIVEN_UP, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="email",
            index=models.Index(
                condition=models.Q(("given_up_at__isnull", False)),
                fields=["given_up_at"],
                name="email_given_up",
            ),
        ),
    ]
