"""What customers, operators and deadlines ask of payments."""

from collections.abc import Sequence

from kafka_bridge.contracts import CardPaymentRequested, PaymentUpdateRequested
from kafka_bridge.handlers import Answered, handles_answers, handles_discarded
from payment_project.payments import services
from payment_project.payments.calls import charge
from payment_project.payments.errors import UnknownPayment
from payment_project.payments.services import Applied, StateChange
from payment_project.stripe_gateway.states import IntentState
from payment_project.stripe_gateway.updates import update_payment


@handles_answers(CardPaymentRequested, call=charge)
def record_charges(charges: Sequence[Answered[CardPaymentRequested, IntentState]]) -> None:
    """Record how the charges went, and report it."""
    services.record_charges(charges)


@handles_discarded(CardPaymentRequested)
def fail_discarded(requests: Sequence[CardPaymentRequested]) -> None:
    """Report payments that operators gave up."""
    services.fail_discarded(requests)


@handles_discarded(PaymentUpdateRequested)
def refuse_discarded(requests: Sequence[PaymentUpdateRequested]) -> None:
    """Report what operators gave up of what was asked of payments."""
    services.refuse_discarded(requests)


@handles_answers(PaymentUpdateRequested, call=update_payment)
def record_updates(updates: Sequence[Answered[PaymentUpdateRequested, IntentState]]) -> None:
    """Record what became of payments that somebody went on with."""
    applied = services.apply_states(
        [StateChange(event, event.payment_id, state) for event, state in updates]
    )
    unknown = [str(payment_id) for payment_id, how in applied.items() if how is Applied.UNKNOWN]
    if unknown:
        raise UnknownPayment(f"no payment {', '.join(unknown)}")
