"""Facts that the figures are made of."""

from django.db import models


class PaymentFact(models.Model):
    """The last that was measured of a payment."""

    payment_id = models.UUIDField(primary_key=True)
    payment_type = models.CharField(max_length=32)
    status = models.CharField(max_length=32)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    decline_code = models.CharField(max_length=255, blank=True)
    card_brand = models.CharField(max_length=32, blank=True)
    card_country = models.CharField(max_length=2, blank=True)
    requested_at = models.DateTimeField(db_index=True)
    measured_at = models.DateTimeField()
    revision = models.PositiveIntegerField()

    class Meta:
        verbose_name = "payment"

    def __str__(self) -> str:
        return f"{self.payment_id}: {self.status}"
