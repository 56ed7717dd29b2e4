"""A payment as the customer sees it: a projection of what the payment service says."""

from django.db import models

from customer_project.customers.models import Customer
from customer_project.payments.money import formatted
from kafka_bridge.contracts import PaymentStatus
from kafka_bridge.contracts.base import new_event_id


class Payment(models.Model):
    """What a customer asked to pay, and how far it is."""

    id = models.UUIDField(primary_key=True, default=new_event_id, editable=False)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="payments")
    correlation_id = models.UUIDField(db_index=True)

    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    payment_method_id = models.CharField(max_length=255)
    capture_method = models.CharField(max_length=16, default="automatic", db_default="automatic")
    off_session = models.BooleanField(default=False, db_default=False)
    description = models.CharField(max_length=1000, blank=True)
    metadata = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    status = models.CharField(
        max_length=32,
        choices=[(status.value, status.value) for status in PaymentStatus],
        default=PaymentStatus.REQUESTED,
    )
    revision = models.PositiveIntegerField(default=0)
    """Of the last event applied; 0 before the first."""
    payment_intent_id = models.CharField(max_length=255, blank=True)
    client_secret = models.CharField(max_length=255, blank=True)
    next_action = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=255, blank=True)
    decline_code = models.CharField(max_length=255, blank=True)
    error_message = models.TextField(blank=True)
    amount_captured = models.BigIntegerField(default=0, db_default=0)
    amount_refunded = models.BigIntegerField(default=0, db_default=0)
    """By refunds that succeeded, or still may."""
    dispute_status = models.CharField(max_length=255, blank=True, default="", db_default="")
    refunds = models.JSONField(default=list, db_default=[])
    """`kafka_bridge.contracts.Refund` as JSON values: all of them, the oldest first."""
    disputes = models.JSONField(default=list, db_default=[])
    """`kafka_bridge.contracts.Dispute`, likewise."""
    updated_at = models.DateTimeField()

    class Meta:
        indexes = (
            models.Index(fields=["customer", "-created_at"], name="payment_of_customer"),
            models.Index(fields=["-created_at"], name="payment_newest"),
            models.Index(
                fields=["payment_intent_id"],
                name="payment_intent",
                condition=~models.Q(payment_intent_id=""),
            ),
        )

    def __str__(self) -> str:
        return f"{formatted(self.amount, self.currency)} ({self.status})"

    @property
    def bank_missed_its_customer(self) -> bool:
        """Whether a charge in the customer's absence failed because the bank wants to see them."""
        return (self.status, self.error_code) == (
            PaymentStatus.REQUIRES_PAYMENT_METHOD,
            "authentication_required",
        )

    @property
    def amount_shown(self) -> int:
        """What was captured of a payment that succeeded; of others, what is to be paid."""
        return self.amount_captured if self.status == PaymentStatus.SUCCEEDED else self.amount

    @property
    def amount_refundable(self) -> int:
        """How much can still go back, as far as it is known here."""
        return self.amount_captured - self.amount_refunded


class PaymentEvent(models.Model):
    """A line of a payment's history: what was asked for, or what the payment service said."""

    class What(models.TextChoices):
        """What it tells: the first five were asked for here, the others answer."""

        REQUESTED = "requested"
        CONFIRM = "confirm"
        CAPTURE = "capture"
        CANCEL = "cancel"
        REFUND = "refund"
        ANSWERED = "answered"
        UPDATED = "updated"

    payment = models.ForeignKey(
        Payment, models.CASCADE, related_name="events", db_index=False
    )  # see Meta
    event_id = models.UUIDField(unique=True)
    what = models.CharField(max_length=16, choices=What.choices)
    source = models.CharField(max_length=64)
    """Who asked, as `Asker.name` has it, or the service that told."""
    amount = models.BigIntegerField(null=True, blank=True)
    """What was asked for; if empty, all that was left."""
    status = models.CharField(max_length=32, blank=True)
    revision = models.PositiveIntegerField(null=True, blank=True)
    amount_captured = models.BigIntegerField(null=True, blank=True)
    amount_refunded = models.BigIntegerField(null=True, blank=True)
    error_code = models.CharField(max_length=255, blank=True)
    at = models.DateTimeField()

    class Meta:
        indexes = (models.Index(fields=["payment", "id"], name="history_of_payment"),)

    def __str__(self) -> str:
        return f"{self.what} {self.status}".strip()


class SavedCards(models.QuerySet["SavedCard"]):
    """Cards of customers."""

    def on_offer(self) -> "SavedCards":
        """Leave out what cannot be charged any more, and what no payment saved."""
        return self.filter(saved_at__isnull=False, detached_at=None)


class SavedCard(models.Model):
    """A card that its customer may be charged with again."""

    payment_method_id = models.CharField(primary_key=True, max_length=255)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="saved_cards")
    brand = models.CharField(max_length=32)
    last4 = models.CharField(max_length=4)
    exp_month = models.PositiveSmallIntegerField()
    exp_year = models.PositiveSmallIntegerField()
    saved_at = models.DateTimeField(null=True, blank=True)
    """When the customer saved it by a payment; if empty, no payment did."""
    detached_at = models.DateTimeField(null=True, blank=True)
    """Since when it cannot be charged any more."""
    revision = models.PositiveIntegerField(default=0, db_default=0)
    """Of the payment service's row, as it told of it last."""

    objects = SavedCards.as_manager()

    def __str__(self) -> str:
        return f"{self.brand} … {self.last4}"
