"""Cards that are saved with customers, and events about them."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from kafka_bridge.contracts.base import Contract, Event, Identifier, Revision, Source, Timestamp
from kafka_bridge.contracts.topics import Topic


class SavedCard(Contract):
    """A card that its customer may be charged with again."""

    payment_method_id: Identifier
    brand: Annotated[str, StringConstraints(max_length=32)]
    last4: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}$")]
    exp_month: Annotated[int, Field(ge=1, le=12)]
    exp_year: Annotated[int, Field(ge=2000, le=2199)]


class SavedCardUpdated(Event):
    """What Stripe says of a customer's card that we did not know: it is there, changed, or gone.

    Produced by payment, for customer and admin. That a payment saved the card, so that its customer
    may be charged again, is told by the payment (`savedCard`).
    """

    topic: ClassVar = Topic.PAYMENT_METHOD_UPDATED
    private: ClassVar = frozenset({"card"})

    event_type: Literal[Topic.PAYMENT_METHOD_UPDATED] = Topic.PAYMENT_METHOD_UPDATED
    source: Source = "payment-service"
    payment_method_id: Identifier
    card: SavedCard
    detached_at: Timestamp | None = None
    """Since when it cannot be charged, which is for ever: detached, or its Customer deleted."""
    revision: Revision
