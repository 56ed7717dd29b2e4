"""What is asked of Stripe for payments, before it is known here."""

import functools
from typing import Final

from kafka_bridge.contracts import (
    CardPaymentRequested,
    PaymentStatus,
    PaymentUpdateRequested,
)
from kafka_bridge.database import read_in_thread
from payment_project.customers import services as customers
from payment_project.payments import selectors
from payment_project.stripe_gateway.errors import CardOfACustomer
from payment_project.stripe_gateway.idempotency import key_may_be_forgotten
from payment_project.stripe_gateway.payment_intents import (
    create_payment_intent,
    find_payment_intent,
    retrieve_payment_intent,
)
from payment_project.stripe_gateway.states import IntentState
from payment_project.stripe_gateway.updates import update_payment
from payment_project.turns.services import Covered, Read, once

_OUR_OWN: Final = 7
"""The UUID version of event ids that our services make, one for each payment that they ask for."""


async def charge(event: CardPaymentRequested) -> IntentState:
    """Charge the card that the event names, in the name of its Customer where that matters.

    Most payments need none and cost one call. A card that was saved needs its own Customer, and to
    save one or to charge it without the customer takes one.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    if (known := await _known(event)) is not None:
        return await retrieve_payment_intent(known) if known else IntentState(PaymentStatus.FAILED)
    options = event.payment_options
    if options and options.off_session:
        card = event.payment_method_id or ""
        if not await customers.owns_card(event.customer_id, card):
            return await _failed(event, f"{card} is not saved with this customer.")
    try:
        if options and (options.save_card or options.off_session):
            customer = await customers.find_or_make(
                event.customer_id, event.customer_info, event_id=event.event_id
            )
            return await create_payment_intent(event, stripe_customer_id=customer)
        return await _charge_any_card(event)
    except CardOfACustomer as refused:
        return await _failed(event, str(refused))


async def update(event: PaymentUpdateRequested) -> Read[IntentState] | Covered:
    """Do to a payment what the event asks; who only wants to see it takes a turn.

    Raises:
        NotOfThisPayment: the PaymentIntent was made for another payment or customer.
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
    if event.action == "refresh":
        return await once(event.payment_intent_id, lambda: update_payment(event))
    return Read(await update_payment(event))


async def _charge_any_card(event: CardPaymentRequested) -> IntentState:
    try:
        return await create_payment_intent(event)
    except CardOfACustomer:
        customer = await customers.known_stripe_customer(event.customer_id)
        if not customer:
            raise
        return await create_payment_intent(event, stripe_customer_id=customer)


async def _known(event: CardPaymentRequested) -> str | None:
    """Return the PaymentIntent of a payment that was asked for before; None if there is none.

    A producer that names its payment and not its event may produce it twice. For a day Stripe
    would refuse the second, and after that charge it. So it would an event that comes again, to an
    inbox that knows it no more.
    """
    payment_id = event.payment_id or event.event_id
    if key_may_be_forgotten():
        return await read_in_thread(functools.partial(selectors.intent_of, payment_id))
    if event.payment_id is None or event.event_id.version == _OUR_OWN:
        return None
    ask = functools.partial(
        selectors.intent_of_another_request, payment_id, event_id=event.event_id
    )
    return await read_in_thread(ask)


async def _failed(event: CardPaymentRequested, reason: str) -> IntentState:
    # The card may have gone after it was charged, in an attempt whose answer was lost.
    return await find_payment_intent(event) or IntentState(
        status=PaymentStatus.FAILED, error_code="resource_missing", error_message=reason
    )
