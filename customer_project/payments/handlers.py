"""What the payment service says of payments."""

from collections.abc import Sequence

from customer_project.payments import services
from kafka_bridge.contracts import (
    CardPaymentAnswered,
    PaymentProgress,
    PaymentStatusUpdated,
    SavedCardUpdated,
)
from kafka_bridge.handlers import handles


@handles(CardPaymentAnswered, PaymentStatusUpdated)
def move_payments_on(outcomes: Sequence[PaymentProgress]) -> None:
    """Show the customers what became of their payments."""
    services.apply_outcomes(outcomes)


@handles(SavedCardUpdated)
def note_changed_cards(updates: Sequence[SavedCardUpdated]) -> None:
    """Show the customers what became of their cards."""
    services.apply_card_updates(updates)
