"""What is asked of the payment service, and whether it was answered."""

from django.db import models
from django.db.models import Q


class Ask(models.Model):
    """An event that must be answered, by its id. Ask and answer may come in any order."""

    event_id = models.UUIDField(primary_key=True)
    topic = models.CharField(max_length=249, blank=True)
    customer_id = models.CharField(max_length=255)
    correlation_id = models.UUIDField()
    asked_at = models.DateTimeField(null=True, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "ask"
        indexes = (
            models.Index(
                fields=["asked_at"], name="unanswered", condition=Q(answered_at__isnull=True)
            ),
        )

    def __str__(self) -> str:
        return f"{self.topic} {self.event_id}"
