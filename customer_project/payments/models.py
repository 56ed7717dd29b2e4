"""A payment as the customer sees it: a projection of what the payment service says."""

from django.db import models

from customer_project.customers.models import Customer
from kafka_bridge.contracts import PaymentStatus
from kafka_bridge.contracts.base import new_event_id


class Payment(models.Model):
    """What a customer asked to pay, and how far it is."""

    id = models.UUIDField(primary_key=True, default=new_event_id, editable=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="payments")
    idempotency_key = models.CharField(max_length=255)
    request_hash = models.CharField(max_length=64)
    """SHA-256 of the request, to tell a repetition from another request with the same key."""
    correlation_id = models.UUIDField(db_index=True)

    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    payment_method_id = models.CharField(max_length=255)
    description = models.CharField(max_length=1000, blank=True)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    status = models.CharField(
        max_length=32,
        choices=[(status.value, status.value) for status in PaymentStatus],
        default=PaymentStatus.REQUESTED,
    )
    revision = models.PositiveIntegerField(default=0)
    """Of the last event applied; 0 before the first."""
    payment_intent_id = models.CharField(max_length=255, blank=True)
    client_secret = models.CharField(max_length=255, blank=True)
    next_action = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=255, blank=True)
    decline_code = models.CharField(max_length=255, blank=True)
    error_message = models.TextField(blank=True)
    updated_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["customer", "idempotency_key"], name="payment_idempotency_key"
            ),
        )
        indexes = (models.Index(fields=["customer", "-created_at"], name="payment_of_customer"),)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} ({self.status})"
