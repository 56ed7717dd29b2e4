"""Facts of invoices."""

from collections.abc import Sequence
from typing import Final

from admin_project.analytics.models import InvoiceFact
from kafka_bridge import bulk
from kafka_bridge.contracts import SubscriptionPaymentUpdated

_FAILED_EARLIER: Final = (
    "CASE WHEN {old}.failed_at IS NULL OR ({new}.failed_at, {new}.failure_code)"
    " < ({old}.failed_at, {old}.failure_code) THEN {new}.%s ELSE {old}.%s END"
)
_RULES: Final = {
    "failed_at": "LEAST({old}.failed_at, {new}.failed_at)",
    "failure_code": _FAILED_EARLIER.replace("%s", "failure_code"),
}


def record_invoices(events: Sequence[SubscriptionPaymentUpdated]) -> None:
    """Merge what was told of the invoices into their facts."""
    bulk.merge(
        [_fact(event) for event in events],
        version=("revision", "told_at", "event_id"),
        rules=_RULES,
    )


def _fact(event: SubscriptionPaymentUpdated) -> InvoiceFact:
    code = event.decline_code or event.error_code or ""
    return InvoiceFact(
        invoice_id=event.invoice_id,
        subscription_id=event.subscription_id,
        customer_id=event.customer_id,
        status=event.status,
        billing_reason=event.billing_reason,
        amount_due=event.amount_due,
        amount_paid=event.amount_paid,
        currency=event.currency,
        attempt=event.attempt,
        revision=event.revision or 1,
        told_at=event.timestamp,
        event_id=event.event_id,
        failed_at=event.timestamp if code else None,
        failure_code=code,
    )
