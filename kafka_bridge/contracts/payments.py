"""Events about one card payment."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import StringConstraints, model_validator

from kafka_bridge.contracts.base import (
    Code,
    Contract,
    Currency,
    Event,
    Identifier,
    MinorUnits,
    Revision,
    Source,
    Timestamp,
)
from kafka_bridge.contracts.topics import Topic

Metadata = dict[str, Any]


class PaymentStatus(StrEnum):
    """Where a payment is: Stripe's own words for a PaymentIntent, and two of ours.

    https://docs.stripe.com/payments/paymentintents/lifecycle
    """

    REQUESTED = "requested"
    """Ours: accepted, and Stripe has not answered yet."""
    REQUIRES_PAYMENT_METHOD = "requires_payment_method"
    """The card was declined."""
    REQUIRES_CONFIRMATION = "requires_confirmation"
    REQUIRES_ACTION = "requires_action"
    PROCESSING = "processing"
    REQUIRES_CAPTURE = "requires_capture"
    CANCELED = "canceled"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Ours: Stripe refused to make a PaymentIntent of the request."""


class CustomerInfo(Contract):
    """What Stripe may be told of the person who pays."""

    email: str | None = None
    name: str | None = None
    phone: str | None = None


class PaymentOptions(Contract):
    """How the payment is to be made."""

    capture_method: Literal["automatic", "automatic_async", "manual"] | None = None
    return_url: str | None = None
    """Where the bank sends the customer after 3-D Secure."""
    confirmation_token: Identifier | None = None
    description: str | None = None


class CardPaymentRequested(Event):
    """A customer asked to pay by card. Produced by customer, consumed by payment."""

    topic: ClassVar = Topic.STRIPE_PAYMENT_REQUEST
    private: ClassVar = frozenset({"customer_info", "metadata"})

    event_type: Literal[Topic.STRIPE_PAYMENT_REQUEST]
    """Has no default: what claims to be no request is none."""
    source: Source = "customer-service"
    payment_id: UUID | None = None
    """Chosen by the requester; a request without one is known by its event id."""
    amount: MinorUnits
    currency: Currency
    payment_method_id: Identifier | None = None
    customer_info: CustomerInfo
    payment_options: PaymentOptions | None = None
    metadata: Metadata

    @model_validator(mode="after")
    def _has_a_way_to_pay(self) -> Self:
        if not self.payment_method_id and not self.confirmation_token:
            raise ValueError("paymentMethodId or paymentOptions.confirmationToken is needed")
        return self

    @property
    def confirmation_token(self) -> str | None:
        """The token that stands for what the customer typed, if it came that way."""
        return self.payment_options.confirmation_token if self.payment_options else None


class PaymentOutcome(Event):
    """What Stripe said of a payment, and how far it is."""

    source: Source = "payment-service"
    payment_id: UUID
    payment_intent_id: Code
    """Empty if Stripe refused to make a PaymentIntent."""
    status: PaymentStatus
    amount: MinorUnits
    currency: Currency
    error: str | None = None
    """A sentence for the customer."""
    error_code: Code | None = None
    decline_code: Code | None = None
    revision: Revision | None = None


class PaymentProgress(PaymentOutcome):
    """An outcome as the customer service needs it, with what the browser needs to go on."""

    private: ClassVar = frozenset({"client_secret", "next_action"})

    client_secret: Code | None = None
    next_action: dict[str, Any] | None = None


class CardPaymentAnswered(PaymentProgress):
    """Stripe answered a payment request. Produced by payment, consumed by customer and admin."""

    topic: ClassVar = Topic.PAYMENT_CARD_RESULT

    event_type: Literal[Topic.PAYMENT_CARD_RESULT] = Topic.PAYMENT_CARD_RESULT
    success: bool
    requires_action: bool | None = None


class PaymentUpdateRequested(Event):
    """A customer goes on with a payment. Produced by customer, consumed by payment."""

    topic: ClassVar = Topic.STRIPE_PAYMENT_UPDATE

    event_type: Literal[Topic.STRIPE_PAYMENT_UPDATE] = Topic.STRIPE_PAYMENT_UPDATE
    source: Source = "customer-service"
    payment_id: UUID
    payment_intent_id: Identifier
    action: Literal["confirm"]
    """`confirm`: the customer is back from 3-D Secure, and the intent waits for us."""


class PaymentStatusUpdated(PaymentProgress):
    """A payment moved on after its first answer. Produced by payment, for customer and admin."""

    topic: ClassVar = Topic.PAYMENT_STATUS_UPDATED

    event_type: Literal[Topic.PAYMENT_STATUS_UPDATED] = Topic.PAYMENT_STATUS_UPDATED


class PaymentMeasured(PaymentOutcome):
    """What analytics counts of a payment: no secret, nobody's name. From payment to admin."""

    topic: ClassVar = Topic.PAYMENT_ANALYTICS

    event_type: Literal[Topic.PAYMENT_ANALYTICS] = Topic.PAYMENT_ANALYTICS
    payment_type: Literal["one_off"] = "one_off"
    card_brand: Annotated[str, StringConstraints(max_length=32)] | None = None
    card_country: Annotated[str, StringConstraints(max_length=2)] | None = None
    requested_at: Timestamp
