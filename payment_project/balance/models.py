"""Balance transactions that are recorded, and until when they were read and counted."""

from django.db import models


class BalanceTransaction(models.Model):
    """A movement of the balance at Stripe. It never changes."""

    id = models.CharField(max_length=255, primary_key=True)
    """Stripe's."""
    type = models.CharField(max_length=255)
    reporting_category = models.CharField(max_length=255)
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    net = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    presentment_amount = models.BigIntegerField(null=True, blank=True)
    presentment_currency = models.CharField(max_length=3, blank=True, default="", db_default="")
    source_id = models.CharField(max_length=255, blank=True, db_index=True)
    payment_intent_id = models.CharField(max_length=255, blank=True)
    payment_id = models.UUIDField(null=True, blank=True, db_index=True)
    """Ours, if it is about a payment that came through here."""
    customer_id = models.CharField(max_length=255, blank=True)
    """Ours; empty for what concerns no customer."""
    occurred_at = models.DateTimeField(db_index=True)
    available_on = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "balance transaction"

    def __str__(self) -> str:
        return f"{self.net} {self.currency} ({self.reporting_category})"


class Watermark(models.Model):
    """Until when the balance was read, and counted. One row."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    read_until = models.DateTimeField()
    counted_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"read until {self.read_until:%Y-%m-%d %H:%M:%S}"
