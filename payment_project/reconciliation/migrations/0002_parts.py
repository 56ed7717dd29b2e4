from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reconciliation", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="divergence",
            name="kind",
            field=models.CharField(
                choices=[
                    ("missed_webhook", "a webhook that never came"),
                    ("missing_payment", "a payment that has no row here"),
                    ("different_payment", "a payment that is otherwise at Stripe"),
                    ("missing_subscription", "a subscription that has no row here"),
                    ("different_subscription", "a subscription that is otherwise at Stripe"),
                    (
                        "different_refund",
                        "a refund that has no row here, or is otherwise at Stripe",
                    ),
                    (
                        "different_dispute",
                        "a dispute that has no row here, or is otherwise at Stripe",
                    ),
                    (
                        "different_invoice",
                        "an invoice that has no row here, or is otherwise at Stripe",
                    ),
                ],
                max_length=32,
            ),
        ),
    ]
