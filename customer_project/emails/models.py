"""E-mails to customers: a queue, and the record of what was sent."""

from django.db import models

from customer_project.payments.models import Payment
from customer_project.subscriptions.models import Subscription
from customer_project.subscriptions.signals import News


class Email(models.Model):
    """Something to tell a customer about a payment or a subscription, once."""

    class Kind(models.TextChoices):
        """What it tells."""

        RECEIPT = "receipt", "Receipt"
        BANK_ASKS = "bank_asks", "The bank wants to see the customer"
        RENEWAL_FAILED = News.RENEWAL_FAILED, "Renewal not paid"
        CHANGE_CARD = News.CHANGE_CARD, "Another card is needed"
        RENEWAL_BANK = News.BANK_ASKS, "Renewal: the bank wants to see the customer"
        RECOVERED = News.RECOVERED, "Renewal paid after all"
        ENDED = News.ENDED, "Subscription ended"

    payment = models.ForeignKey(
        Payment, models.CASCADE, related_name="emails", db_index=False, null=True
    )
    subscription = models.ForeignKey(
        Subscription, models.CASCADE, related_name="emails", db_index=False, null=True
    )
    """Of this, or of a payment."""
    invoice_id = models.CharField(max_length=255, blank=True)
    """Of the subscription; empty if it is about none."""
    invoice_attempt = models.PositiveIntegerField(default=0)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    queued_at = models.DateTimeField(auto_now_add=True)
    due_at = models.DateTimeField(null=True, blank=True)
    """When it is tried next; empty once it was sent or given up."""
    sent_at = models.DateTimeField(null=True, blank=True)
    given_up_at = models.DateTimeField(null=True, blank=True)
    """When it was tried for the last time, in vain; empty once it is queued again."""
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["payment", "kind"], name="email_once"),
            models.UniqueConstraint(
                fields=["subscription", "kind", "invoice_id", "invoice_attempt"],
                name="email_of_subscription_once",
            ),
        )
        indexes = (
            models.Index(
                fields=["due_at"], name="email_due", condition=models.Q(due_at__isnull=False)
            ),
            models.Index(
                fields=["given_up_at"],
                name="email_given_up",
                condition=models.Q(given_up_at__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} of {self.payment_id or self.subscription_id}"
