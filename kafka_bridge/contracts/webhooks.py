"""Events about Stripe's webhooks: what arrived at the edge, and what became of it."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from kafka_bridge.contracts.base import Code, Event, Identifier, Source, Timestamp, Version
from kafka_bridge.contracts.payments import CustomerInfo, Metadata
from kafka_bridge.contracts.topics import Topic


class WebhookReceived(Event):
    """Stripe delivered a webhook, and its signature was right. From customer to payment and admin.

    `timestamp` is when the edge verified it: the signature's age counts until then.
    """

    topic: ClassVar = Topic.STRIPE_WEBHOOK_RECEIVED
    private: ClassVar = frozenset(
        {"customer_info", "metadata", "webhook_event", "signature", "raw_payload"}
    )

    event_type: Literal[Topic.STRIPE_WEBHOOK_RECEIVED]
    """Has no default: what claims to be no webhook is none."""
    version: Version = "1.1"
    source: Source = "customer-service"
    webhook_event_id: Code | None = None
    """Stripe's `evt_…`, as in `webhook_event`, for those whom the rest does not concern."""
    webhook_event_type: Code | None = None
    raw_payload: Annotated[str, StringConstraints(max_length=400_000)]
    """The body as Stripe signed it; `webhook_event` is the same, read."""
    signature: Annotated[str, StringConstraints(max_length=2000)]
    """The Stripe-Signature header."""
    webhook_event: dict[str, Any]
    customer_info: CustomerInfo = CustomerInfo()
    metadata: Metadata = Field(default_factory=dict)


class WebhookProcessed(Event):
    """What the payment service made of a webhook. From payment to admin."""

    topic: ClassVar = Topic.WEBHOOK_PROCESSED

    event_type: Literal[Topic.WEBHOOK_PROCESSED] = Topic.WEBHOOK_PROCESSED
    version: Version = "1.1"
    source: Source = "payment-service"
    webhook_event_id: Identifier
    """Stripe's `evt_…`."""
    webhook_event_type: Code
    outcome: Literal["applied", "ignored", "duplicate", "stale", "failed"]
    reason: str | None = None
    """Why, where it was not applied."""
    received_at: Timestamp
    """When the edge verified it."""
