"""Webhooks, counted by what became of them."""

from django.db import models

from admin_project.analytics.models.payments import Grain


class WebhookAggregate(models.Model):
    """How many webhooks of a type, received in an hour, had an outcome after so long."""

    pk = models.CompositePrimaryKey("grain", "starts_at", "webhook_type", "outcome", "lag_bucket")
    grain = models.CharField(max_length=5, choices=Grain.choices)
    starts_at = models.DateTimeField()
    webhook_type = models.CharField(max_length=255)
    outcome = models.CharField(max_length=16)
    lag_bucket = models.IntegerField()
    count = models.BigIntegerField()

    class Meta:
        verbose_name = "webhooks summed up"

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} {self.webhook_type} {self.outcome}: {self.count}"
