"""Subscriptions as the payment service knows them: it has the last word."""

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from kafka_bridge.contracts import SubscriptionStatus


class Subscription(models.Model):
    """A subscription and the Subscription that stands for it at Stripe."""

    id = models.UUIDField(primary_key=True, editable=False)
    customer_id = models.CharField(max_length=255)
    request_event_id = models.UUIDField(unique=True)
    correlation_id = models.UUIDField(db_index=True)
    stripe_subscription_id = models.CharField(max_length=255, blank=True, db_index=True)

    status = models.CharField(
        max_length=32, choices=[(status.value, status.value) for status in SubscriptionStatus]
    )
    subscription_plan_id = models.CharField(max_length=255)
    amount = models.BigIntegerField()
    """For one unit and interval."""
    currency = models.CharField(max_length=3)
    interval = models.CharField(max_length=8)
    interval_count = models.PositiveIntegerField(default=1)
    quantity = models.PositiveIntegerField(default=1)
    started_at = models.DateTimeField(null=True, blank=True)
    current_period_start = models.DateTimeField(null=True, blank=True)
    current_period_end = models.DateTimeField(null=True, blank=True)
    trial_end = models.DateTimeField(null=True, blank=True)
    cancel_at_period_end = models.BooleanField(default=False)
    cancel_at = models.DateTimeField(null=True, blank=True)
    """When it ends, at a period's end or not, if somebody has canceled it."""
    canceled_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    cancellation_reason = models.CharField(max_length=255, blank=True)
    paused = models.BooleanField(default=False)
    payment_method_id = models.CharField(max_length=255, blank=True, db_index=True)
    card = models.JSONField(null=True, blank=True)
    card_country = models.CharField(max_length=2, blank=True)
    setup_intent_id = models.CharField(max_length=255, blank=True)
    setup_status = models.CharField(max_length=32, blank=True)
    """Of the SetupIntent that is to keep a card."""
    error_code = models.CharField(max_length=255, blank=True)
    decline_code = models.CharField(max_length=255, blank=True)
    error_message = models.TextField(blank=True)
    unpaid_since = models.DateTimeField(null=True, blank=True)
    """Of its invoices that were tried in vain and are still open, when the oldest was made."""
    unpaid_attempts = models.PositiveIntegerField(default=0)
    ending_asked_at = models.DateTimeField(null=True, blank=True)
    """When it was asked to end because it was unpaid for too long."""
    revision = models.PositiveIntegerField()
    """Rises with each change of the subscription or an invoice; events about them carry it."""
    requested_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["-created_at"], name="subscription_newest"),
            models.Index(fields=["customer_id", "-created_at"], name="subscription_of_customer"),
            models.Index(
                fields=["status", "-created_at"],
                name="subscription_not_active",
                condition=~Q(status="active"),
            ),
            # What operators filter by is rare, too.
            models.Index(
                fields=["-created_at"], name="subscription_paused", condition=Q(paused=True)
            ),
            models.Index(
                fields=["-created_at"],
                name="subscription_ending",
                condition=Q(cancel_at_period_end=True),
            ),
            models.Index(
                fields=["unpaid_since"],
                name="subscription_unpaid",
                condition=Q(unpaid_since__isnull=False, ending_asked_at__isnull=True),
            ),
        )
        permissions = (("change_at_stripe", "Can cancel, reactivate, pause and resume"),)

    def __str__(self) -> str:
        return f"{self.subscription_plan_id} ({self.status})"

    @property
    def is_ending(self) -> bool:
        """Whether it was canceled for later, which can be taken back until then."""
        return self.cancel_at_period_end or self.cancel_at is not None


class Invoice(models.Model):
    """What a subscription asks for once an interval, and how often it was tried to be paid."""

    id = models.CharField(max_length=255, primary_key=True)
    """Stripe's."""
    subscription = models.ForeignKey(
        Subscription, on_delete=models.PROTECT, related_name="invoices"
    )
    number = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=32)
    billing_reason = models.CharField(max_length=255, blank=True)
    amount_due = models.BigIntegerField()
    amount_paid = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    customer_can = models.CharField(max_length=32, blank=True)
    payment_intent_id = models.CharField(max_length=255, blank=True, db_index=True)
    payment_status = models.CharField(max_length=32, blank=True)
    """Of the PaymentIntent."""
    error_code = models.CharField(max_length=255, blank=True)
    decline_code = models.CharField(max_length=255, blank=True)
    error_message = models.TextField(blank=True)
    amount_refunded = models.BigIntegerField(default=0)
    """What went back of its payment, and what is on its way back."""
    dispute_status = models.CharField(max_length=255, blank=True)
    """Of the last dispute of its payment."""
    money_back_read_at = models.DateTimeField(null=True, blank=True)
    """By the database's clock, before these two were read from Stripe."""
    revision = models.PositiveIntegerField()
    """The subscription's, when the invoice changed last."""
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.amount_due} {self.currency} ({self.status})"


class EarlyMoneyBack(models.Model):
    """What went back of a payment, seen before the invoice that it pays: its refund came first."""

    payment_intent_id = models.CharField(max_length=255, primary_key=True)
    amount_refunded = models.BigIntegerField()
    dispute_status = models.CharField(max_length=255, blank=True)
    read_at = models.DateTimeField(db_index=True)
    """By the database's clock, before these two were read from Stripe."""

    def __str__(self) -> str:
        return self.payment_intent_id


class DunningPolicy(models.Model):
    """What becomes of renewals that are not paid: one row, or none and the settings have it."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    retry_codes = models.TextField(
        blank=True,
        help_text="Decline codes after which the same card may work later, as Stripe writes them, "
        "with spaces between. They decide what customers are told. Which codes Stripe tries again "
        "after, and when, is set at Stripe: Billing, Revenue recovery, Retries.",
    )
    tell_from_attempt = models.PositiveSmallIntegerField(
        default=1,
        help_text="After such a decline, customers are told from this attempt on. After any other, "
        "at once.",
    )
    end_after_days = models.PositiveSmallIntegerField(
        null=True, blank=True, validators=[MinValueValidator(1)], help_text="Empty: after no time."
    )
    end_after_attempts = models.PositiveSmallIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Empty: after no number.",
    )
    at_end = models.CharField(
        max_length=8,
        choices=[
            ("cancel", "Cancel the subscription"),
            ("leave", "Leave it unpaid, as Stripe's own settings have it"),
        ],
        default="cancel",
    )

    class Meta:
        verbose_name_plural = "dunning policy"
        constraints = (models.CheckConstraint(condition=Q(id=1), name="one_dunning_policy"),)

    def __str__(self) -> str:
        return "In place of the settings"

    def may_pass(self, decline_code: str) -> bool:
        """Tell whether a card may work later that was declined with this code."""
        return decline_code in self.retry_codes.split()
