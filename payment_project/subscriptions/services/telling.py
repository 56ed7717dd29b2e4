"""The events that tell of a subscription."""

from typing import Any, Final, TypeVar, cast
from uuid import UUID, uuid5

from kafka_bridge.contracts import (
    Event,
    PaymentMeasured,
    PaymentStatus,
    SavedCard,
    SubscriptionAnswered,
    SubscriptionPaymentUpdated,
    SubscriptionRequested,
    SubscriptionStatus,
    SubscriptionStatusUpdated,
    SubscriptionUpdateRequested,
)
from payment_project.stripe_gateway.subscription_states import (
    IntentStep,
    InvoiceSnapshot,
    SubscriptionSnapshot,
)
from payment_project.subscriptions.models import Invoice, Subscription

E = TypeVar("E", bound=Event)

_PAYMENTS: Final = UUID("5d2f7c1a-91d4-5f0e-8b1b-696e766f6963")
_FIRST: Final = "subscription_create"
_PAID_OR_VOID: Final = {"paid": PaymentStatus.SUCCEEDED, "void": PaymentStatus.CANCELED}
_AS_STORED: Final = (
    *("stripe_subscription_id", "subscription_plan_id", "amount", "currency", "interval"),
    *("interval_count", "quantity", "started_at", "current_period_start", "current_period_end"),
    *("trial_end", "cancel_at_period_end", "cancel_at", "canceled_at", "ended_at", "paused"),
    "revision",
)


def answered(
    row: Subscription, event: SubscriptionRequested, snapshot: SubscriptionSnapshot
) -> SubscriptionAnswered:
    """Tell what Stripe answered to a request."""
    payment, step, setup = _first_payment(snapshot), _first_step(snapshot), _setup(snapshot)
    return SubscriptionAnswered.caused_by(
        event,
        **_state(row, snapshot),
        success=not _problem(row, step),
        payment_intent_id=payment.intent_id if payment else None,
        setup_intent_id=setup.intent_id if setup else None,
        requires_action=any(one and one.status == "requires_action" for one in (step, setup)),
    )


def status_updated(
    row: Subscription, cause: Event, snapshot: SubscriptionSnapshot
) -> SubscriptionStatusUpdated:
    """Tell how a subscription is, or why it is not as it was asked to become."""
    is_change = not isinstance(cause, SubscriptionRequested)
    told = SubscriptionStatusUpdated.caused_by(
        cause,
        **_state(row, snapshot),
        preview=snapshot.preview,
        refused=snapshot.refusal.message if snapshot.refusal and is_change else None,
    )
    return _correlated(told, row)


def refused(
    row: Subscription, cause: SubscriptionUpdateRequested, *, why: str
) -> SubscriptionStatusUpdated:
    """Tell that a subscription stays as it is recorded, against what was asked."""
    told = SubscriptionStatusUpdated.caused_by(cause, **_state(row, None), refused=why)
    return _correlated(told, row)


def payment_updated(
    row: Subscription, invoice: Invoice, cause: Event, seen: InvoiceSnapshot | None = None
) -> SubscriptionPaymentUpdated:
    """Tell how far the payment of an invoice is: as it was seen at Stripe, or as it is recorded.

    What only Stripe knows, how to pay and where to look at it, is not told of one nobody looked at.
    """
    payment = seen.payment if seen and invoice.status == "open" else None
    told = SubscriptionPaymentUpdated.caused_by(
        cause,
        subscription_id=row.id,
        invoice_id=invoice.id,
        invoice_number=invoice.number or None,
        status=cast("Any", invoice.status),
        billing_reason=invoice.billing_reason,
        amount_due=invoice.amount_due,
        amount_paid=invoice.amount_paid,
        currency=invoice.currency,
        period_start=invoice.period_start,
        period_end=invoice.period_end,
        attempt=invoice.attempt,
        next_attempt_at=invoice.next_attempt_at,
        customer_can=cast("Any", invoice.customer_can or None),
        payment_intent_id=invoice.payment_intent_id or None,
        client_secret=payment.client_secret if payment else None,
        hosted_invoice_url=(seen.hosted_invoice_url or None) if seen else None,
        error=invoice.error_message or None,
        error_code=invoice.error_code or None,
        decline_code=invoice.decline_code or None,
        amount_refunded=invoice.amount_refunded or None,
        dispute_status=invoice.dispute_status or None,
        revision=invoice.revision,
    )
    return _correlated(told, row)


def measured(row: Subscription, invoice: Invoice, cause: Event) -> PaymentMeasured:
    """Tell what analytics count of an invoice's payment."""
    is_first = invoice.billing_reason == _FIRST
    status = _PAID_OR_VOID.get(invoice.status) or PaymentStatus(invoice.payment_status)
    card = row.card or {}
    told = PaymentMeasured.caused_by(
        cause,
        payment_id=payment_id_of(invoice.id),
        payment_intent_id=invoice.payment_intent_id,
        status=status,
        amount=invoice.amount_due,
        currency=invoice.currency,
        error=invoice.error_message or None,
        error_code=invoice.error_code or None,
        decline_code=invoice.decline_code or None,
        amount_captured=invoice.amount_paid,
        amount_refunded=invoice.amount_refunded or None,
        dispute_status=invoice.dispute_status or None,
        revision=invoice.revision,
        payment_type="subscription_first" if is_first else "subscription_renewal",
        subscription_id=row.id,
        subscription_plan_id=row.subscription_plan_id,
        card_brand=card.get("brand"),
        card_country=row.card_country or None,
        requested_at=invoice.created_at,
    )
    return _correlated(told, row)


def payment_id_of(invoice_id: str) -> UUID:
    """Return the id that an invoice's payment is counted under."""
    return uuid5(_PAYMENTS, invoice_id)


def _first_payment(snapshot: SubscriptionSnapshot) -> IntentStep | None:
    invoice = snapshot.latest_invoice
    return invoice.payment if invoice and invoice.billing_reason == _FIRST else None


def _setup(snapshot: SubscriptionSnapshot) -> IntentStep | None:
    return snapshot.setup or snapshot.new_card


def _first_step(snapshot: SubscriptionSnapshot) -> IntentStep | None:
    return snapshot.setup or _first_payment(snapshot)


def _problem(row: Subscription, step: IntentStep | None) -> dict[str, Any]:
    """Return why a set-up did not succeed; empty if it did, or still may."""
    if row.status == SubscriptionStatus.FAILED:
        return {"error": row.error_message, "error_code": row.error_code}
    if step and step.error_code:
        return {
            "error": step.error_message or None,
            "error_code": step.error_code,
            "decline_code": step.decline_code or None,
        }
    return {}


def _state(row: Subscription, snapshot: SubscriptionSnapshot | None) -> dict[str, Any]:
    """Return all that is so of a subscription now: events overtake each other, none adds to one."""
    first, card = (_first_step(snapshot), snapshot.new_card) if snapshot else (None, None)
    step = card if card and card.next_action else first
    return {
        **{name: getattr(row, name) for name in _AS_STORED},
        "subscription_id": row.id,
        "status": SubscriptionStatus(row.status),
        "cancellation_reason": row.cancellation_reason or None,
        "card": SavedCard.model_validate(row.card) if row.card else None,
        "client_secret": (step.client_secret or None) if step else None,
        "next_action": step.next_action if step else None,
        **_problem(row, first),
    }


def _correlated(told: E, row: Subscription) -> E:
    """Keep what is told of a subscription on its own correlation: webhooks may have another."""
    return told.model_copy(update={"correlation_id": row.correlation_id})
