"""Plans, and subscriptions to them: a projection of what the payment service says."""

from datetime import datetime
from typing import Final

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import get_language

from customer_project.customers.models import Customer
from kafka_bridge.contracts import PlanInfo, SubscriptionStatus, currencies
from kafka_bridge.contracts.base import new_event_id

INTERVALS: Final = ("day", "week", "month", "year")
_LONGEST: Final = {"day": 1095, "week": 156, "month": 36, "year": 3}
"""Of Stripe's prices: three years. https://docs.stripe.com/api/prices/create"""

ENDED: Final = (
    SubscriptionStatus.CANCELED,
    SubscriptionStatus.INCOMPLETE_EXPIRED,
    SubscriptionStatus.FAILED,
)


def currency_choices() -> list[tuple[str, str]]:
    """Return what Stripe charges in; a migration names this function, not the currencies."""
    return [(code, code.upper()) for code in sorted(currencies.SUPPORTED)]


def status_choices() -> list[tuple[str, str]]:
    """Return where a subscription can be."""
    return [(status.value, status.value) for status in SubscriptionStatus]


class Plan(models.Model):
    """What can be subscribed to. Each version of it stands for one Price at Stripe."""

    slug = models.SlugField(primary_key=True, max_length=100)
    name_en = models.CharField("name (English)", max_length=100)
    name_fr = models.CharField("name (French)", max_length=100)
    description_en = models.CharField("description (English)", max_length=300, blank=True)
    description_fr = models.CharField("description (French)", max_length=300, blank=True)
    amount = models.PositiveBigIntegerField(
        help_text="For one unit and interval, in the currency's smallest unit: 1999 for 19.99."
    )
    currency = models.CharField(max_length=3, choices=currency_choices)
    interval = models.CharField(max_length=8, choices=[(name, name) for name in INTERVALS])
    interval_count = models.PositiveIntegerField(default=1, help_text="3 months: paid quarterly.")
    trial_days = models.PositiveSmallIntegerField(
        default=0, help_text="Free at first, once for each customer. 730 at most."
    )
    active = models.BooleanField(default=True, help_text="Whether it can be subscribed to.")
    version = models.PositiveIntegerField(default=1, editable=False)
    """Rises when the price changes: subscriptions that run keep the price they have."""
    position = models.PositiveSmallIntegerField(default=0, help_text="Small numbers come first.")

    class Meta:
        ordering = ("position", "slug")

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a price or a trial that Stripe would not take.

        Raises:
            ValidationError: too small, too large, or too precise for the currency, or too long.
        """
        problems = {}
        if self.currency and self.amount is not None:
            least = currencies.minimum_amount(self.currency)
            most = currencies.maximum_amount(self.currency)
            step = currencies.step(self.currency)
            if not least <= self.amount <= most:
                problems["amount"] = f"From {least} to {most} in {self.currency}."
            elif self.amount % step:
                problems["amount"] = f"A multiple of {step} in {self.currency}."
        longest = _LONGEST.get(self.interval)
        if longest and not 1 <= (self.interval_count or 0) <= longest:
            problems["interval_count"] = f"From 1 to {longest}: three years at most."
        if (self.trial_days or 0) > 730:  # noqa: PLR2004 - Stripe's longest
            problems["trial_days"] = "730 at most."
        if problems:
            raise ValidationError(problems)

    @property
    def name(self) -> str:
        """The name in the reader's language."""
        return self.name_fr if _reads_french() else self.name_en

    @property
    def description(self) -> str:
        """The description in the reader's language."""
        return self.description_fr if _reads_french() else self.description_en

    @property
    def price(self) -> tuple[int, str, str, int]:
        """What makes another version of it."""
        return self.amount, self.currency, self.interval, self.interval_count

    def info(self) -> PlanInfo:
        """Return the plan as events have it. It has one name at Stripe, the English one."""
        return PlanInfo.model_validate(
            {
                "name": self.name_en,
                "amount": self.amount,
                "currency": self.currency,
                "interval": self.interval,
                "interval_count": self.interval_count,
                "version": self.version,
            }
        )


class Subscription(models.Model):
    """What a customer subscribed to, at the price of then, and how far it is."""

    id = models.UUIDField(primary_key=True, default=new_event_id, editable=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="subscriptions")
    correlation_id = models.UUIDField(db_index=True)
    language = models.CharField(max_length=8, default="en")
    """In which the customer is written to."""
    page_url = models.URLField(max_length=500, blank=True)
    """Where they find it in the shop."""
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    subscription_plan_id = models.CharField(max_length=255)
    """A plan's slug; one that somebody chose at Stripe may be unknown here."""
    amount = models.BigIntegerField()
    """For one unit and interval."""
    currency = models.CharField(max_length=3)
    interval = models.CharField(max_length=8)
    interval_count = models.PositiveIntegerField(default=1)
    quantity = models.PositiveIntegerField(default=1)
    trial_days = models.PositiveSmallIntegerField(default=0)
    """As asked for."""

    status = models.CharField(
        max_length=32, choices=status_choices, default=SubscriptionStatus.REQUESTED
    )
    stripe_subscription_id = models.CharField(max_length=255, blank=True, db_index=True)
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
    card = models.JSONField(null=True, blank=True)
    """`kafka_bridge.contracts.SavedCard` as JSON values."""
    preview = models.JSONField(null=True, blank=True)
    """What a change of plan would cost: `ProrationPreview`, and `request`, whose answer it is."""
    refused = models.TextField(blank=True)
    """Why what was asked last was not done."""
    client_secret = models.CharField(max_length=255, blank=True)
    """Of the intent that the card waits for: in the set-up, or when it is to be changed."""
    next_action = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=255, blank=True)
    decline_code = models.CharField(max_length=255, blank=True)
    error_message = models.TextField(blank=True)
    revision = models.PositiveIntegerField(default=0)
    """The payment service's, of the last state applied; 0 before the first."""

    changes = models.PositiveIntegerField(default=0)
    """How many events showed something new, of whatever topic: what whoever watches goes by."""
    updated_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["customer", "-created_at"], name="subscription_of_customer"),
            models.Index(fields=["-created_at"], name="subscription_newest"),
        )
        permissions = (("change_at_stripe", "Can end, pause, and change plan and card"),)

    def __str__(self) -> str:
        return f"{self.subscription_plan_id} ({self.status})"

    @property
    def has_ended(self) -> bool:
        """Whether nothing can be done about it any more."""
        return self.status in ENDED

    @property
    def is_ending(self) -> bool:
        """Whether it was canceled for later, which can be taken back until then."""
        return self.cancel_at_period_end or self.cancel_at is not None

    @property
    def ends_on(self) -> datetime | None:
        """When it ends, if it was canceled for later."""
        return self.cancel_at or (self.current_period_end if self.cancel_at_period_end else None)

    @property
    def is_renewed(self) -> bool:
        """Whether another period follows the one that runs."""
        period_end, ends_on = self.current_period_end, self.ends_on
        return period_end is not None and (ends_on is None or period_end < ends_on)


class Invoice(models.Model):
    """What a subscription asks for, and whether it was paid."""

    id = models.CharField(max_length=255, primary_key=True)
    """Stripe's."""
    subscription = models.ForeignKey(Subscription, models.CASCADE, related_name="invoices")
    number = models.CharField(max_length=255, blank=True)
    status = models.CharField(max_length=32)
    billing_reason = models.CharField(max_length=255)
    amount_due = models.BigIntegerField()
    amount_paid = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    period_start = models.DateTimeField(null=True, blank=True)
    period_end = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    customer_can = models.CharField(max_length=32, blank=True)
    payment_intent_id = models.CharField(max_length=255, blank=True)
    client_secret = models.CharField(max_length=255, blank=True)
    hosted_invoice_url = models.URLField(max_length=2000, blank=True)
    error_code = models.CharField(max_length=255, blank=True)
    decline_code = models.CharField(max_length=255, blank=True)
    error_message = models.TextField(blank=True)
    amount_refunded = models.BigIntegerField(default=0, db_default=0)
    dispute_status = models.CharField(max_length=255, blank=True, default="", db_default="")
    """Of the newest dispute."""
    revision = models.PositiveIntegerField()
    """The subscription's, when this was told."""
    created_at = models.DateTimeField()
    """When it was first told of."""

    class Meta:
        indexes = (
            models.Index(fields=["subscription", "-created_at"], name="invoice_of_subscription"),
        )

    def __str__(self) -> str:
        return f"{self.amount_due} {self.currency} ({self.status})"


class SubscriptionEvent(models.Model):
    """A line of a subscription's history: what was asked for, or what the payment service said."""

    subscription = models.ForeignKey(
        Subscription, models.CASCADE, related_name="events", db_index=False
    )  # see Meta
    event_id = models.UUIDField(unique=True)
    what = models.CharField(max_length=16)
    """`requested`, an action of `SubscriptionUpdateRequested`, or what was told: `answered`,
    `updated`, `invoice`."""
    source = models.CharField(max_length=64)
    """Who asked, as `Asker.name` has it, or the service that told."""
    answers = models.UUIDField(null=True, blank=True)
    """The event that was answered: a line of this history, if it was asked for here."""
    subscription_plan_id = models.CharField(max_length=255, blank=True)
    plan_version = models.PositiveIntegerField(null=True, blank=True)
    """Of the plan that was asked for: at which price."""
    quantity = models.PositiveIntegerField(null=True, blank=True)
    """As asked for; none leaves what there is."""
    status = models.CharField(max_length=32, blank=True)
    """Of the subscription; of the invoice, if it is told of."""
    invoice_id = models.CharField(max_length=255, blank=True)
    amount = models.BigIntegerField(null=True, blank=True)
    """What the invoice asks for."""
    amount_refunded = models.BigIntegerField(null=True, blank=True)
    """What went back of it."""
    refused = models.TextField(blank=True)
    error_code = models.CharField(max_length=255, blank=True)
    revision = models.PositiveIntegerField(null=True, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["subscription", "id"], name="history_of_subscription"),)

    def __str__(self) -> str:
        return f"{self.what} {self.status}".strip()


def _reads_french() -> bool:
    return (get_language() or "").startswith("fr")
