"""Runs of the reconciliation, and what each found."""

from typing import Final

from django.db import models

KINDS: Final = (
    ("missed_webhook", "a webhook that never came"),
    ("missing_payment", "a payment that has no row here"),
    ("different_payment", "a payment that is otherwise at Stripe"),
    ("second_payment", "a second PaymentIntent of a payment, which may hold its money twice"),
    ("missing_subscription", "a subscription that has no row here"),
    ("different_subscription", "a subscription that is otherwise at Stripe"),
    ("second_subscription", "a second Subscription of a subscription, which may be paid twice"),
    ("different_refund", "a refund that has no row here, or is otherwise at Stripe"),
    ("different_dispute", "a dispute that has no row here, or is otherwise at Stripe"),
    ("different_invoice", "an invoice that has no row here, or is otherwise at Stripe"),
)
UNREPAIRABLE: Final = ("second_payment", "second_subscription")
"""Of these an operator must say which is to go."""


class Run(models.Model):
    """A reconciliation, from its beginning to its end."""

    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    """None if it was killed, or is under way."""
    looked_at = models.PositiveIntegerField(default=0)
    """Events, PaymentIntents, Subscriptions, refunds, disputes and invoices."""
    found = models.PositiveIntegerField(default=0)
    elsewhere_made = models.PositiveIntegerField(default=0)
    """PaymentIntents and Subscriptions that are not of our making: no divergence."""

    class Meta:
        indexes = (models.Index(fields=["-started_at"], name="reconciliation_newest"),)

    def __str__(self) -> str:
        return f"{self.started_at:%Y-%m-%d %H:%M}: {self.found} found"


class Divergence(models.Model):
    """Something that is at Stripe, and not, or otherwise, here."""

    kind = models.CharField(max_length=32, choices=KINDS)
    object_id = models.CharField(max_length=255)
    """Stripe's: `evt_…`, `pi_…`, `sub_…`, `re_…`, `dp_…` or `in_…`."""
    detail = models.TextField(blank=True)
    found_at = models.DateTimeField()
    asked_at = models.DateTimeField()
    """When an event that repairs it was published last."""
    resolved_at = models.DateTimeField(null=True, blank=True)
    """When a later run saw that it is no more."""

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["kind", "object_id"], name="divergence_once"),
        )
        indexes = (
            models.Index(
                fields=["kind"],
                name="divergence_open",
                condition=models.Q(resolved_at__isnull=True),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind}: {self.object_id}"
