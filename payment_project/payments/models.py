"""Payments as the payment service knows them: it has the last word."""

from django.db import models
from django.db.models import Q

from kafka_bridge.contracts import PaymentStatus
from payment_project.payments.money import written


class Payment(models.Model):
    """A payment and the PaymentIntent that stands for it at Stripe."""

    id = models.UUIDField(primary_key=True, editable=False)
    customer_id = models.CharField(max_length=255)
    request_event_id = models.UUIDField(unique=True)
    correlation_id = models.UUIDField(db_index=True)
    payment_intent_id = models.CharField(max_length=255, blank=True, db_index=True)

    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(
        max_length=32, choices=[(status.value, status.value) for status in PaymentStatus]
    )
    amount_captured = models.BigIntegerField(default=0)
    amount_refunded = models.BigIntegerField(default=0)
    """By refunds that succeeded or are pending."""
    dispute_status = models.CharField(max_length=255, blank=True)
    """Stripe's word, of the newest dispute."""
    save_card = models.BooleanField(default=False)
    off_session = models.BooleanField(default=False)
    deadline_at = models.DateTimeField(null=True, blank=True)
    """When the status has lasted too long; none if it may last, or if it was asked about."""
    next_action = models.JSONField(null=True, blank=True)
    revision = models.PositiveIntegerField()
    """Rises with each change; events about the payment carry it."""
    error_code = models.CharField(max_length=255, blank=True)
    decline_code = models.CharField(max_length=255, blank=True)
    error_message = models.TextField(blank=True)
    card_brand = models.CharField(max_length=32, blank=True)
    card_country = models.CharField(max_length=2, blank=True)
    customer_email = models.CharField(max_length=320, blank=True)
    """In lower case, for operators who look for a payment."""
    requested_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["-created_at"], name="payment_newest"),
            models.Index(fields=["customer_id", "-created_at"], name="payment_of_customer"),
            models.Index(
                fields=["deadline_at"],
                name="payment_overdue",
                condition=Q(deadline_at__isnull=False),
            ),
            # What operators look for is rare among the payments that succeeded.
            models.Index(
                fields=["status", "-created_at"],
                name="payment_not_succeeded",
                condition=~Q(status="succeeded"),
            ),
            models.Index(
                fields=["decline_code", "-created_at"],
                name="payment_declined",
                condition=Q(decline_code__gt=""),
            ),
            models.Index(fields=["currency", "-created_at"], name="payment_by_currency"),
            models.Index(
                fields=["customer_email"],
                name="payment_by_email",
                condition=Q(customer_email__gt=""),
            ),
        )
        permissions = (("refund_payment", "Can refund payments"),)

    def __str__(self) -> str:
        return f"{written(self.amount, self.currency)} ({self.status})"


class Refund(models.Model):
    """A refund of a payment, as Stripe has it or as Stripe refused it."""

    id = models.UUIDField(primary_key=True, editable=False)
    """The event that asked for it; if it was made at Stripe, derived from Stripe's id."""
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="refunds")
    stripe_refund_id = models.CharField(max_length=255, blank=True, db_index=True)
    """Empty if Stripe refused to make it."""
    made_at_stripe = models.BooleanField()
    amount = models.BigIntegerField()
    status = models.CharField(max_length=32)
    reason = models.CharField(max_length=255, blank=True)
    error = models.TextField(blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.amount} ({self.status})"


class Dispute(models.Model):
    """A payment that the customer's bank wants back."""

    id = models.CharField(max_length=255, primary_key=True)
    """Stripe's."""
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, related_name="disputes")
    amount = models.BigIntegerField()
    status = models.CharField(max_length=255)
    reason = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.amount} ({self.status})"
