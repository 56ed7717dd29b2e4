"""Who pays."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Upper

from kafka_bridge.contracts.base import new_event_id


class Customer(models.Model):
    """Somebody with an account here. The id is what the other services know of them."""

    id = models.UUIDField(primary_key=True, default=new_event_id, editable=False)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.PROTECT, related_name="customer")
    name = models.CharField(max_length=255, blank=True)
    email = models.EmailField(blank=True)
    language = models.CharField(
        max_length=8, choices=settings.LANGUAGES, default="en", db_default="en"
    )
    """In which e-mails are written: what the shop's pages were last read in."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (
            models.Index(Upper("email"), name="customer_by_email"),  # as Django looks up `iexact`
            models.Index(Upper("name"), name="customer_by_name"),
        )

    def __str__(self) -> str:
        return self.name or str(self.id)
