"""What the payment service says, shown to the customers."""

from collections.abc import Sequence
from typing import Any, Final

from django.utils import timezone

from customer_project.emails import services as emails
from customer_project.payments.models import Payment, PaymentEvent
from customer_project.payments.services import cards
from kafka_bridge import bulk
from kafka_bridge.contracts import CardPaymentAnswered, Contract, PaymentProgress, PaymentStatus

_ALWAYS_TOLD: Final = (
    "status",
    "payment_intent_id",
    "client_secret",
    "next_action",
    "error_code",
    "decline_code",
    "error_message",
    "amount_captured",
    "amount_refunded",
    "dispute_status",
    "refunds",
    "disputes",
    "updated_at",
)


def apply_outcomes(outcomes: Sequence[PaymentProgress]) -> None:
    """Move payments on to what the payment service says, unless something newer was said before.

    The history gets every event once, late ones too: the topics are read side by side.
    """
    ids = [outcome.payment_id for outcome in outcomes]
    known = Payment.objects.only("customer_id", "client_secret").in_bulk(ids)
    ours = [outcome for outcome in outcomes if outcome.payment_id in known]
    if not ours:
        return
    moved_on = [_payment(outcome, known[outcome.payment_id]) for outcome in ours]
    bulk.update_newer(moved_on, fields=_ALWAYS_TOLD)
    PaymentEvent.objects.bulk_create(map(_line_of_history, ours), ignore_conflicts=True)
    cards.save(ours, {payment_id: row.customer_id for payment_id, row in known.items()})
    emails.queue(ours)


def _payment(outcome: PaymentProgress, before: Payment) -> Payment:
    return Payment(
        id=outcome.payment_id,
        revision=outcome.revision or 1,
        status=outcome.status,
        payment_intent_id=outcome.payment_intent_id,
        client_secret=outcome.client_secret or before.client_secret,  # it never changes
        next_action=outcome.next_action,
        error_code=outcome.error_code or "",
        decline_code=outcome.decline_code or "",
        error_message=outcome.error or "",
        amount_captured=_captured(outcome),
        amount_refunded=outcome.amount_refunded or 0,
        dispute_status=outcome.dispute_status or "",
        refunds=_as_json(outcome.refunds),
        disputes=_as_json(outcome.disputes),
        updated_at=timezone.now(),
    )


def _captured(outcome: PaymentProgress) -> int:
    if outcome.amount_captured is not None:
        return outcome.amount_captured
    return outcome.amount if outcome.status == PaymentStatus.SUCCEEDED else 0  # contract 1.0


def _as_json(told: Sequence[Contract] | None) -> list[dict[str, Any]]:
    return [one.model_dump(mode="json") for one in told or ()]


def _line_of_history(outcome: PaymentProgress) -> PaymentEvent:
    is_answer = isinstance(outcome, CardPaymentAnswered)
    return PaymentEvent(
        payment_id=outcome.payment_id,
        event_id=outcome.event_id,
        what=PaymentEvent.What.ANSWERED if is_answer else PaymentEvent.What.UPDATED,
        source=outcome.source,
        status=outcome.status,
        revision=outcome.revision or 1,
        amount_captured=outcome.amount_captured,
        amount_refunded=outcome.amount_refunded,
        error_code=outcome.error_code or "",
        at=outcome.timestamp,
    )
