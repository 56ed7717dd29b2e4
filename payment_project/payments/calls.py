"""What is asked of Stripe for payments, before it is known here."""

from kafka_bridge.contracts import CardPaymentRequested, PaymentStatus
from payment_project.customers import services as customers
from payment_project.stripe_gateway.errors import CardOfACustomer
from payment_project.stripe_gateway.payment_intents import (
    create_payment_intent,
    find_payment_intent,
)
from payment_project.stripe_gateway.states import IntentState


async def charge(event: CardPaymentRequested) -> IntentState:
    """Charge the card that the event names, in the name of its Customer where that matters.

    Most payments need none and cost one call. A card that was saved needs its own Customer, and to
    save one or to charge it without the customer takes one.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `stripe_gateway.errors.translated`.
    """
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


async def _charge_any_card(event: CardPaymentRequested) -> IntentState:
    try:
        return await create_payment_intent(event)
    except CardOfACustomer:
        customer = await customers.known_stripe_customer(event.customer_id)
        if not customer:
            raise
        return await create_payment_intent(event, stripe_customer_id=customer)


async def _failed(event: CardPaymentRequested, reason: str) -> IntentState:
    # The card may have gone after it was charged, in an attempt whose answer was lost.
    return await find_payment_intent(event) or IntentState(
        status=PaymentStatus.FAILED, error_code="resource_missing", error_message=reason
    )
