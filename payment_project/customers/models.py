"""Customers as Stripe knows them, and the cards they may be charged with."""

from django.db import models


class StripeCustomer(models.Model):
    """The Customer that stands for one of our customers at Stripe."""

    customer_id = models.CharField(max_length=255, primary_key=True)
    stripe_customer_id = models.CharField(max_length=255, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)
    """When Stripe told that it was deleted there. Another is made once one is needed."""

    class Meta:
        verbose_name = "Stripe customer"

    def __str__(self) -> str:
        return self.stripe_customer_id


class SavedCard(models.Model):
    """A card saved with a customer's Customer."""

    payment_method_id = models.CharField(max_length=255, primary_key=True)
    customer_id = models.CharField(max_length=255, db_index=True)
    brand = models.CharField(max_length=32)
    last4 = models.CharField(max_length=4)
    exp_month = models.PositiveSmallIntegerField()
    exp_year = models.PositiveSmallIntegerField()
    created_at = models.DateTimeField()
    detached_at = models.DateTimeField(null=True, blank=True)
    """When Stripe told that it is nobody's any more, which is for ever."""
    revision = models.PositiveIntegerField(default=0, db_default=0)
    """Of what was told of it last; none as long as nobody told more than that it was saved."""

    class Meta:
        verbose_name = "saved card"

    def __str__(self) -> str:
        return f"{self.brand} …{self.last4}"
