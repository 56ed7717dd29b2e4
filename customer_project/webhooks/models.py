"""Deliveries that were refused, counted."""

from django.db import models


class RefusedDelivery(models.Model):
    """How often deliveries were refused in an hour, and why."""

    reason = models.CharField(max_length=64)
    hour = models.DateTimeField()
    count = models.PositiveIntegerField()

    class Meta:
        verbose_name = "refused webhook delivery"
        verbose_name_plural = "refused webhook deliveries"
        constraints = (
            models.UniqueConstraint(fields=["reason", "hour"], name="refused_once_an_hour"),
        )

    def __str__(self) -> str:
        return f"{self.reason}: {self.count}"
