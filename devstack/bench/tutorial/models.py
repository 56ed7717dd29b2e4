"""A payment, in each of the three services' databases."""

from django.db import models


class Payment(models.Model):
    """What was asked for, and what became of it."""

    id = models.UUIDField(primary_key=True)
    customer_id = models.CharField(max_length=255)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=32, default="requested")
    payment_intent_id = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} ({self.status})"
