"""Moving payments on to what Stripe says of them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import Enum, auto
from typing import Any, Final, NamedTuple
from uuid import UUID

from kafka_bridge import bulk, database, outbox
from kafka_bridge.contracts import Event, PaymentStatus, PaymentUpdateRequested, SavedCard
from payment_project.customers.services import save_cards
from payment_project.payments.models import Payment
from payment_project.payments.services import money_back, telling
from payment_project.payments.services.deadlines import deadline_of
from payment_project.revisions import above_all_told
from payment_project.stripe_gateway.errors import NotOfThisPayment
from payment_project.stripe_gateway.states import IntentState, Origin

_FINAL: Final = frozenset({PaymentStatus.SUCCEEDED, PaymentStatus.CANCELED})
_VISIBLE: Final = (
    "status",
    "next_action",
    "error_code",
    "decline_code",
    "amount_captured",
    "amount_refunded",
    "dispute_status",
)
_CHANGING: Final = (
    *_VISIBLE,
    "payment_intent_id",
    "error_message",
    "card_brand",
    "card_country",
    "deadline_at",
    "updated_at",
)


class StateChange(NamedTuple):
    """An event that tells of a payment's state at Stripe."""

    cause: Event
    payment_id: UUID
    state: IntentState


class Applied(Enum):
    """What applying a state did."""

    CHANGED = auto()
    NOTHING_NEW = auto()
    UNKNOWN = auto()


def apply_states(changes: Sequence[StateChange]) -> dict[UUID, Applied]:
    """Move payments on to the states told of, and publish those that changed.

    Whoever asked for something is answered, also if nothing came of it.
    A final status stays; what is captured, refunded and disputed may change after it. A payment
    that is not recorded, because its request died after Stripe had it, is made of what Stripe says.

    No state may be older than the one recorded, and none is: a state is read and applied for the
    one event at the head of its customer's lane, so nobody else applies another in between. Events
    that come in another lane are passed on to that one (`payment_project.webhooks.services`).

    Raises:
        NotOfThisPayment: a state is that of another PaymentIntent than the payment's.
    """
    if not changes:
        return {}
    ids, now = [change.payment_id for change in changes], database.now()
    payments = _locked(ids)
    adopted = _adopt([change for change in changes if change.payment_id not in payments], now)
    payments |= adopted
    # Somebody may have recorded one meanwhile, who was waited for.
    payments |= _locked([payment_id for payment_id in ids if payment_id not in payments])
    known = [change for change in changes if change.payment_id in payments]
    went_back = money_back.record({change.payment_id: change.state for change in known})
    changed = []
    for change in known:
        payment, state = payments[change.payment_id], change.state
        news = _move_on(payment, state, now) or change.payment_id in went_back
        if news or _is_asked(change.cause) or change.payment_id in adopted:
            payment.revision += 1
            changed.append(change)
    bulk.update_newer([payments[change.payment_id] for change in changed], fields=_CHANGING)
    _save_cards([(payments[change.payment_id], change.state) for change in known])
    _publish(changed, payments)
    applied = dict.fromkeys(ids, Applied.UNKNOWN)
    applied |= dict.fromkeys(payments, Applied.NOTHING_NEW)
    return applied | {change.payment_id: Applied.CHANGED for change in changed}


def _publish(changed: Sequence[StateChange], payments: Mapping[UUID, Payment]) -> None:
    back = money_back.of([change.payment_id for change in changed])
    outbox.publish(
        *[
            told
            for cause, payment_id, state in changed
            for told in (
                telling.status_updated(payments[payment_id], cause, state, back[payment_id]),
                telling.measured(payments[payment_id], cause, state),
            )
        ]
    )


def _is_asked(cause: Event) -> bool:
    return isinstance(cause, PaymentUpdateRequested) and cause.action != "refresh"


def _locked(ids: Iterable[UUID]) -> dict[UUID, Payment]:
    rows = Payment.objects.select_for_update().filter(id__in=ids).order_by("id")
    return {payment.id: payment for payment in rows}


def _move_on(payment: Payment, state: IntentState, now: datetime) -> bool:
    if payment.payment_intent_id not in ("", state.payment_intent_id):
        raise NotOfThisPayment(
            f"payment {payment.id} has {payment.payment_intent_id}, not {state.payment_intent_id}"
        )
    if payment.status in _FINAL and payment.status != state.status:
        return False
    before = _visible(payment)
    if payment.status != state.status:
        payment.deadline_at = deadline_of(state.status, since=now)
    payment.status = state.status
    payment.payment_intent_id = state.payment_intent_id
    payment.next_action = state.next_action
    payment.error_code = state.error_code
    payment.decline_code = state.decline_code
    payment.error_message = state.error_message
    payment.card_brand = state.card_brand or payment.card_brand
    payment.card_country = state.card_country or payment.card_country
    payment.amount_captured = state.amount_captured
    if state.refunds is not None:
        payment.amount_refunded = money_back.amount_refunded(state.refunds)
    if state.disputes:
        payment.dispute_status = state.disputes[-1].status
    payment.updated_at = now
    return _visible(payment) != before


def _visible(payment: Payment) -> list[Any]:
    return [getattr(payment, name) for name in _VISIBLE]


def _adopt(changes: Sequence[StateChange], now: datetime) -> dict[UUID, Payment]:
    """Record payments that nobody here knows, by what their PaymentIntents say of themselves."""
    found = {
        change.payment_id: _payment_of(change.state.origin, now)
        for change in changes
        if change.state.origin and change.state.origin.payment_id == change.payment_id
    }
    inserted = bulk.insert_missing(list(found.values()))
    return {payment_id: payment for payment_id, payment in found.items() if payment_id in inserted}


def _payment_of(origin: Origin, now: datetime) -> Payment:
    return Payment(
        id=origin.payment_id,
        customer_id=origin.customer_id,
        request_event_id=origin.event_id,
        correlation_id=origin.correlation_id,
        amount=origin.amount,
        currency=origin.currency,
        status=PaymentStatus.REQUESTED,
        revision=above_all_told(now),
        requested_at=origin.created_at,
        created_at=now,
        updated_at=now,
    )


def _save_cards(states: Iterable[tuple[Payment, IntentState]]) -> None:
    saved: dict[str, list[SavedCard]] = {}
    for payment, state in states:
        if state.saved_card:
            saved.setdefault(payment.customer_id, []).append(state.saved_card)
    save_cards(saved)
