"""Subscriptions: each revision told, what it did to the monthly recurring revenue, and invoices."""

from django.db import models


class SubscriptionStep(models.Model):
    """A subscription as it was at one of its revisions. The rest is derived from these."""

    pk = models.CompositePrimaryKey("subscription_id", "revision")
    subscription_id = models.UUIDField()
    revision = models.PositiveIntegerField()
    customer_id = models.CharField(max_length=255)
    stripe_subscription_id = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=32)
    plan = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    mrr = models.BigIntegerField()
    """What it brings a month in minor units, while it is `active` or `past_due`; else 0."""
    cancellation_reason = models.CharField(max_length=255, blank=True)
    cancel_at_period_end = models.BooleanField()
    started_at = models.DateTimeField(null=True, blank=True)
    trial_end = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    occurred_at = models.DateTimeField()
    event_id = models.UUIDField()

    class Meta:
        verbose_name = "revision of a subscription"

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.revision}: {self.status}"


class SubscriptionFact(models.Model):
    """What is known of a subscription: its last revision, and what all of them came to."""

    subscription_id = models.UUIDField(primary_key=True)
    revision = models.PositiveIntegerField()
    customer_id = models.CharField(max_length=255)
    stripe_subscription_id = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=32)
    plan = models.CharField(max_length=255)
    currency = models.CharField(max_length=3)
    mrr = models.BigIntegerField()
    cancellation_reason = models.CharField(max_length=255, blank=True)
    cancel_at_period_end = models.BooleanField()
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    changed_at = models.DateTimeField()
    trial_end = models.DateTimeField(null=True, blank=True, db_index=True)
    """When its trial ends or ended; none if it never was in one."""
    first_paying_at = models.DateTimeField(null=True, blank=True)
    churned_at = models.DateTimeField(null=True, blank=True)
    """When it stopped to bring anything, if it does not now."""

    class Meta:
        verbose_name = "subscription"

    def __str__(self) -> str:
        return f"{self.subscription_id}: {self.status}"


class MrrMovement(models.Model):
    """What a revision of a subscription did to the monthly recurring revenue of a currency.

    The movements of a subscription add up to its MRR, and those of all to that of all.
    """

    class Kind(models.TextChoices):
        """Why the revenue moved."""

        NEW = "new"
        EXPANSION = "expansion"
        CONTRACTION = "contraction"
        CHURN = "churn"
        REACTIVATION = "reactivation"

    pk = models.CompositePrimaryKey("subscription_id", "revision", "currency")
    subscription_id = models.UUIDField()
    revision = models.PositiveIntegerField()
    currency = models.CharField(max_length=3)
    kind = models.CharField(max_length=16, choices=Kind.choices)
    amount = models.BigIntegerField()
    """In minor units a month; negative for contraction and churn."""
    paying = models.SmallIntegerField()
    """1 where the subscription begins to bring revenue, -1 where it stops, else 0."""
    plan = models.CharField(max_length=255)
    cohort = models.DateField()
    """The first of the month in which the subscription first paid."""
    occurred_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "movement of recurring revenue"

    def __str__(self) -> str:
        return f"{self.kind} {self.amount} {self.currency}"


class InvoiceFact(models.Model):
    """What is known of a subscription's invoice; also how its payment first failed, if it did."""

    invoice_id = models.CharField(max_length=255, primary_key=True)
    subscription_id = models.UUIDField(db_index=True)
    customer_id = models.CharField(max_length=255)
    status = models.CharField(max_length=16)
    billing_reason = models.CharField(max_length=255)
    amount_due = models.BigIntegerField()
    amount_paid = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    attempt = models.PositiveIntegerField()
    revision = models.PositiveIntegerField()
    told_at = models.DateTimeField()
    event_id = models.UUIDField()
    failed_at = models.DateTimeField(null=True, blank=True, db_index=True)
    """When it first could not be paid; none if that never happened."""
    failure_code = models.CharField(max_length=255, blank=True)
    """Why, that first time: Stripe's decline code, or error code where there is none."""

    class Meta:
        verbose_name = "invoice"

    def __str__(self) -> str:
        return f"{self.invoice_id}: {self.status}"
