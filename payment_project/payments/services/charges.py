"""Recording what became of a request to pay."""

from collections.abc import Sequence
from datetime import datetime

from kafka_bridge import bulk, database, outbox
from kafka_bridge.contracts import CardPaymentRequested
from kafka_bridge.handlers import Answered
from payment_project.customers.services import save_cards
from payment_project.payments.models import Payment
from payment_project.payments.services import telling
from payment_project.payments.services.deadlines import deadline_of
from payment_project.stripe_gateway.states import IntentState


def record_charges(charges: Sequence[Answered[CardPaymentRequested, IntentState]]) -> None:
    """Record what Stripe answered to payment requests, and publish it to customer and admin."""
    now = database.now()
    payments = [_payment(event, state, now) for event, state in charges]
    recorded = bulk.upsert_newer(payments)
    save_cards(
        {event.customer_id: [state.saved_card] for event, state in charges if state.saved_card}
    )
    outbox.publish(
        *[
            told
            for payment, (event, state) in zip(payments, charges, strict=True)
            if payment.id in recorded
            for told in (
                telling.answered(payment, event, state),
                telling.measured(payment, event, state),
            )
        ]
    )


def _payment(event: CardPaymentRequested, state: IntentState, now: datetime) -> Payment:
    options = event.payment_options
    return Payment(
        id=event.payment_id or event.event_id,
        customer_id=event.customer_id,
        request_event_id=event.event_id,
        correlation_id=event.correlation_id or event.event_id,
        payment_intent_id=state.payment_intent_id,
        amount=event.amount,
        currency=event.currency,
        status=state.status,
        amount_captured=state.amount_captured,
        save_card=bool(options and options.save_card),
        off_session=bool(options and options.off_session),
        deadline_at=deadline_of(state.status, since=now),
        next_action=state.next_action,
        revision=1,
        error_code=state.error_code,
        decline_code=state.decline_code,
        error_message=state.error_message,
        card_brand=state.card_brand,
        card_country=state.card_country,
        customer_email=(event.customer_info.email or "").lower()[:320],
        requested_at=event.timestamp,
        created_at=now,
        updated_at=now,
    )
