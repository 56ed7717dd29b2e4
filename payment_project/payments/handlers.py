"""What customers, operators and deadlines ask of payments."""

from collections.abc import Sequence

from kafka_bridge.contracts import CardPaymentRequested, PaymentUpdateRequested
from kafka_bridge.handlers import Answered, handles_answers, handles_discarded
from payment_project.payments import services
from payment_project.payments.calls import charge, update
from payment_project.payments.errors import UnknownPayment
from payment_project.payments.services import Applied, StateChange
from payment_project.stripe_gateway.states import IntentState
from payment_project.turns.services import Covered, Read, cover


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


@handles_answers(PaymentUpdateRequested, call=update)
def record_updates(
    updates: Sequence[Answered[PaymentUpdateRequested, Read[IntentState] | Covered]],
) -> None:
    """Record what became of payments that somebody went on with."""
    told = [(event, read) for event, read in updates if isinstance(read, Read)]
    applied = services.apply_states(
        [StateChange(event, event.payment_id, read.news) for event, read in told]
    )
    unknown = [str(payment_id) for payment_id, how in applied.items() if how is Applied.UNKNOWN]
    if unknown:
        raise UnknownPayment(f"no payment {', '.join(unknown)}")
    cover(read.look for _, read in told)
