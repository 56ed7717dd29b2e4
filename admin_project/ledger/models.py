"""Stripe's balance transactions, the entries that each makes, and what Stripe counts of them."""

from django.db import models
from django.db.models import F, Q


class Account(models.TextChoices):
    """What money is in, comes from and goes to. Each currency has its own."""

    STRIPE_BALANCE = "stripe_balance"
    CHARGES = "charges"
    REFUNDS = "refunds"
    DISPUTES = "disputes"
    FEES = "fees"
    PAYOUTS = "payouts"
    OTHER = "other"
    """Transfers, top-ups, reserves: what Stripe reports under none of the categories above."""


class BalanceTransaction(models.Model):
    """A movement of Stripe's balance. It never changes."""

    balance_transaction_id = models.CharField(max_length=255, primary_key=True)
    type = models.CharField(max_length=255)
    reporting_category = models.CharField(max_length=255)
    amount = models.BigIntegerField()
    fee = models.BigIntegerField()
    net = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    presentment_amount = models.BigIntegerField(null=True, blank=True)
    """`amount` as the customer paid or got it, where that was in another currency."""
    presentment_currency = models.CharField(max_length=3, blank=True, default="", db_default="")
    source_id = models.CharField(max_length=255, blank=True)
    payment_id = models.UUIDField(null=True, blank=True, db_index=True)
    payment_intent_id = models.CharField(max_length=255, blank=True)
    occurred_at = models.DateTimeField(db_index=True)
    available_on = models.DateTimeField()

    class Meta:
        verbose_name = "balance transaction"
        constraints = (
            models.CheckConstraint(
                condition=Q(net=F("amount") - F("fee")), name="net_is_amount_less_fee"
            ),
        )

    def __str__(self) -> str:
        return self.balance_transaction_id


class Entry(models.Model):
    """What a balance transaction adds to an account: debits positive, credits negative.

    The entries of a transaction sum to zero: a constraint trigger holds it at each commit.
    """

    pk = models.CompositePrimaryKey("balance_transaction_id", "line")
    balance_transaction_id = models.CharField(max_length=255)
    line = models.SmallIntegerField()
    account = models.CharField(max_length=16, choices=Account.choices)
    currency = models.CharField(max_length=3)
    amount = models.BigIntegerField()
    presentment_amount = models.BigIntegerField(null=True, blank=True)
    """`amount` as the customer paid or got it, where that was in another currency."""
    presentment_currency = models.CharField(max_length=3, blank=True, default="", db_default="")
    payment_id = models.UUIDField(null=True, blank=True)
    occurred_at = models.DateTimeField()

    class Meta:
        verbose_name = "ledger entry"
        verbose_name_plural = "ledger entries"
        indexes = (models.Index(fields=["payment_id", "account"], name="entries_of_payment"),)

    def __str__(self) -> str:
        return f"{self.account} {self.amount} {self.currency}"


class StripeCount(models.Model):
    """What Stripe lists of a day, when it was last counted."""

    day = models.DateField(primary_key=True)
    """In UTC."""
    since = models.DateTimeField()
    until = models.DateTimeField()
    """The day's end, or how far it was counted; not included."""
    currencies = models.JSONField()
    """A list of currency, transactions, amount, fee and net: those that moved on that day."""
    counted_at = models.DateTimeField()

    class Meta:
        verbose_name = "count of Stripe's"
        verbose_name_plural = "counts of Stripe's"

    def __str__(self) -> str:
        return f"{self.day:%Y-%m-%d}"
