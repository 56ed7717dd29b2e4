"""Payments as the payment service knows them: it has the last word."""

from django.db import models

from kafka_bridge.contracts import PaymentStatus


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
    next_action = models.JSONField(null=True, blank=True)
    revision = models.PositiveIntegerField()
    """Rises with each change; events about the payment carry it."""
    error_code = models.CharField(max_length=255, blank=True)
    decline_code = models.CharField(max_length=255, blank=True)
    error_message = models.TextField(blank=True)
    card_brand = models.CharField(max_length=32, blank=True)
    card_country = models.CharField(max_length=2, blank=True)
    requested_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["-created_at"], name="payment_newest"),
            models.Index(fields=["customer_id", "-created_at"], name="payment_of_customer"),
        )

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} ({self.status})"
