"""Payments: one fact each, and their sums by hour, day and month."""

from django.db import models

from kafka_bridge.contracts import PaymentStatus


class PaymentFact(models.Model):
    """What is known of a payment: the newest that was measured, and what any measurement saw.

    It is the same in whatever order, and however often, the measurements come.
    """

    payment_id = models.UUIDField(primary_key=True)
    payment_intent_id = models.CharField(max_length=255, blank=True, db_default="")
    customer_id = models.CharField(max_length=255, db_default="")
    payment_type = models.CharField(max_length=32)
    status = models.CharField(max_length=32)
    amount = models.BigIntegerField()
    captured = models.BigIntegerField(db_default=0)
    refunded = models.BigIntegerField(db_default=0)
    currency = models.CharField(max_length=3)
    decline_code = models.CharField(max_length=255, blank=True)
    card_brand = models.CharField(max_length=32, blank=True)
    card_country = models.CharField(max_length=2, blank=True)
    plan = models.CharField(max_length=255, blank=True, db_default="")
    subscription_id = models.UUIDField(null=True, blank=True)
    dispute_status = models.CharField(max_length=255, blank=True, db_default="")
    requested_at = models.DateTimeField(db_index=True)
    measured_at = models.DateTimeField()
    revision = models.PositiveIntegerField()
    event_id = models.UUIDField(db_default="00000000-0000-0000-0000-000000000000")
    answered_at = models.DateTimeField(db_default="1970-01-01T00:00:00Z")
    """When it was first measured: when Stripe first said something of it."""
    three_d_secure = models.BooleanField(db_default=False)
    """The bank has asked for 3-D Secure at some time, of the customer or of their browser alone."""
    challenged = models.BooleanField(db_default=False)
    """The customer has answered the bank's question, one way or the other."""
    refused = models.BooleanField(db_default=False)
    """The answer was wrong, or none was given when the bank wanted one."""

    class Meta:
        verbose_name = "payment"

    def __str__(self) -> str:
        return f"{self.payment_id}: {self.status}"

    @property
    def amount_shown(self) -> int:
        """What was captured of a payment that succeeded; of others, what was asked for."""
        return self.captured if self.status == PaymentStatus.SUCCEEDED else self.amount


class PaymentStep(models.Model):
    """What had come back of a payment at one of its revisions: of the first only if anything had.

    What came back when is the difference between a payment's revisions.
    """

    pk = models.CompositePrimaryKey("payment_id", "revision")
    payment_id = models.UUIDField()
    revision = models.PositiveIntegerField()
    payment_type = models.CharField(max_length=32)
    currency = models.CharField(max_length=3)
    decline_code = models.CharField(max_length=255, blank=True)
    card_brand = models.CharField(max_length=32, blank=True)
    card_country = models.CharField(max_length=2, blank=True)
    plan = models.CharField(max_length=255, blank=True)
    refunded = models.BigIntegerField()
    disputed = models.BooleanField()
    measured_at = models.DateTimeField()
    event_id = models.UUIDField()

    class Meta:
        verbose_name = "revision of a payment"

    def __str__(self) -> str:
        return f"{self.payment_id} {self.revision}: {self.refunded} {self.currency} back"


class Grain(models.TextChoices):
    """How long the time of an aggregate is, in UTC."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


class PaymentAggregate(models.Model):
    """Sums of the payments of an hour, a day or a month, seen along one dimension.

    Each payment is in one row of `all`, and in one of each other dimension that it has a value of:
    so any figure is read from few rows, whatever the number of payments. It counts when it was
    requested; what comes back of it, when it comes back.
    """

    class Dimension(models.TextChoices):
        """What `value` is: nothing, or a property of payments."""

        ALL = "all"
        COUNTRY = "country"
        CARD_BRAND = "card_brand"
        DECLINE_CODE = "decline_code"
        PLAN = "plan"
        THREE_D_SECURE = "three_d_secure"
        LATENCY = "latency"
        """`value` is a bucket: see `analytics.latency`; `status` is empty."""

    pk = models.CompositePrimaryKey(
        "dimension", "grain", "starts_at", "value", "payment_type", "currency", "status"
    )
    dimension = models.CharField(max_length=16, choices=Dimension.choices)
    grain = models.CharField(max_length=5, choices=Grain.choices)
    starts_at = models.DateTimeField()
    value = models.CharField(max_length=255, blank=True)
    payment_type = models.CharField(max_length=32)
    currency = models.CharField(max_length=3)
    status = models.CharField(max_length=32)
    count = models.BigIntegerField()
    amount = models.DecimalField(max_digits=30, decimal_places=0)
    captured = models.DecimalField(max_digits=30, decimal_places=0)
    refunded = models.DecimalField(max_digits=30, decimal_places=0)
    refunds = models.BigIntegerField()
    """How many were made, less those that failed."""
    disputes = models.BigIntegerField()

    class Meta:
        verbose_name = "payments summed up"

    def __str__(self) -> str:
        return f"{self.grain} {self.starts_at:%Y-%m-%d %H:%M}: {self.count} payments"
