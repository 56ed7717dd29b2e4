"""What is sold, and what was ordered."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language

from customer_project.customers.models import Customer
from customer_project.payments.models import Payment
from kafka_bridge.contracts import currencies
from kafka_bridge.contracts.base import new_event_id


def currency_choices() -> list[tuple[str, str]]:
    """Return what Stripe charges in; a migration names this function, not the currencies."""
    return [(code, code.upper()) for code in sorted(currencies.SUPPORTED)]


class Item(models.Model):
    """Something to buy."""

    slug = models.SlugField(unique=True)
    name_en = models.CharField("name (English)", max_length=100)
    name_fr = models.CharField("name (French)", max_length=100)
    description_en = models.CharField("description (English)", max_length=300, blank=True)
    description_fr = models.CharField("description (French)", max_length=300, blank=True)
    amount = models.PositiveBigIntegerField(
        help_text="In the currency's smallest unit: 1999 for 19.99."
    )
    currency = models.CharField(max_length=3, choices=currency_choices)
    position = models.PositiveSmallIntegerField(default=0, help_text="Small numbers come first.")
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ("position", "slug")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a price that Stripe would not charge.

        Raises:
            ValidationError: too small, too large, or too precise for the currency.
        """
        if not self.currency or self.amount is None:
            return
        least = currencies.minimum_amount(self.currency)
        most = currencies.maximum_amount(self.currency)
        step = currencies.step(self.currency)
        if not least <= self.amount <= most:
            raise ValidationError({"amount": f"From {least} to {most} in {self.currency}."})
        if self.amount % step:
            raise ValidationError({"amount": f"A multiple of {step} in {self.currency}."})

    @property
    def name(self) -> str:
        """The name in the reader's language."""
        return self.name_fr if _reads_french() else self.name_en

    @property
    def description(self) -> str:
        """The description in the reader's language."""
        return self.description_fr if _reads_french() else self.description_en


class Order(models.Model):
    """A customer wants an item. It is paid by at most one of the payments tried for it."""

    id = models.UUIDField(primary_key=True, default=new_event_id, editable=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="orders")
    item = models.ForeignKey(Item, models.PROTECT, related_name="orders")
    amount = models.PositiveBigIntegerField()
    """The item's price when it was ordered."""
    currency = models.CharField(max_length=3)
    payment = models.OneToOneField(Payment, models.PROTECT, null=True, blank=True)
    """The latest one tried; those before it have finally failed."""
    attempts = models.PositiveIntegerField(default=0)
    """How many payments were tried: what a browser asks for names this number, so that what it
    asks twice is known."""
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = (models.Index(fields=["customer", "-created_at"], name="order_of_customer"),)

    def __str__(self) -> str:
        return str(self.id)


def _reads_french() -> bool:
    return (get_language() or "").startswith("fr")
