"""Stripe's webhook events, and what became of each."""

from typing import Final

from django.db import models

OUTCOMES: Final = ("applied", "ignored", "stale", "failed")


class WebhookEvent(models.Model):
    """An event of Stripe's, handled once however often and by whatever way it comes."""

    id = models.CharField(max_length=255, primary_key=True)
    """Stripe's `evt_…`."""
    type = models.CharField(max_length=255)
    object_id = models.CharField(max_length=255, blank=True)
    """What was looked at for it: a PaymentIntent, a Subscription, a PaymentMethod, a Customer."""
    customer_id = models.CharField(max_length=255)
    """The lane that it came in."""
    outcome = models.CharField(max_length=16, choices=[(outcome, outcome) for outcome in OUTCOMES])
    reason = models.TextField(blank=True)
    received_at = models.DateTimeField()
    processed_at = models.DateTimeField()

    class Meta:
        verbose_name = "webhook event"
        indexes = (
            models.Index(fields=["-processed_at"], name="webhook_newest"),
            models.Index(fields=["outcome", "-processed_at"], name="webhook_by_outcome"),
        )

    def __str__(self) -> str:
        return f"{self.type} ({self.outcome})"
