"""E-mails to customers: a queue, and the record of what was sent."""

from django.db import models

from customer_project.payments.models import Payment


class Email(models.Model):
    """Something to tell a customer about a payment, once."""

    class Kind(models.TextChoices):
        """What it tells."""

        RECEIPT = "receipt", "Receipt"
        BANK_ASKS = "bank_asks", "The bank wants to see the customer"

    payment = models.ForeignKey(Payment, models.CASCADE, related_name="emails", db_index=False)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    queued_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(null=True, blank=True)
    """When it is tried next; empty once it was sent or given up."""
    sent_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["payment", "kind"], name="email_once"),)
        indexes = (
            models.Index(
                fields=["due_at"], name="email_due", condition=models.Q(due_at__isnull=False)
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.payment_id}"
