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
    MinorUnitsOrZero,
    Revision,
    Source,
    Timestamp,
    Version,
)
from kafka_bridge.contracts.cards import SavedCard
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
    save_card: bool | None = None
    """Keep the card, so that later payments can be made with it."""
    off_session: bool | None = None
    """The customer is not there: a saved card is charged without them."""


class CardPaymentRequested(Event):
    """A customer asked to pay by card. Produced by customer, consumed by payment."""

    topic: ClassVar = Topic.STRIPE_PAYMENT_REQUEST
    private: ClassVar = frozenset({"customer_info", "metadata", "payment_options"})

    event_type: Literal[Topic.STRIPE_PAYMENT_REQUEST]
    """Has no default: what claims to be no request is none."""
    version: Version = "1.1"
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


class Refund(Contract):
    """A refund of a payment, asked for here or made in Stripe's dashboard."""

    refund_id: UUID | None = None
    """The id of the event that asked for it; none if it was made at Stripe."""
    stripe_refund_id: Code = ""
    """Empty if Stripe refused to make it."""
    amount: MinorUnits
    status: Literal["pending", "requires_action", "succeeded", "failed", "canceled"]
    reason: Code | None = None
    error: str | None = None


class Dispute(Contract):
    """A customer's bank wants a payment back. https://docs.stripe.com/disputes"""

    dispute_id: Identifier
    amount: MinorUnits
    status: Code
    """Stripe's word: needs_response, under_review, won, lost and others."""
    reason: Code | None = None


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
    amount_captured: MinorUnitsOrZero | None = None
    amount_refunded: MinorUnitsOrZero | None = None
    """By refunds that succeeded or are pending."""
    dispute_status: Code | None = None
    """Of the newest dispute."""
    revision: Revision | None = None


class PaymentProgress(PaymentOutcome):
    """An outcome as the customer service needs it, with what the browser needs to go on."""

    private: ClassVar = frozenset({"client_secret", "next_action", "saved_card"})

    client_secret: Code | None = None
    next_action: dict[str, Any] | None = None
    saved_card: SavedCard | None = None
    """Told once the card is saved with its customer at Stripe."""
    refunds: tuple[Refund, ...] | None = None
    """All of them; absent if none was ever asked for."""
    disputes: tuple[Dispute, ...] | None = None
    """All of them; absent if there is none."""


class CardPaymentAnswered(PaymentProgress):
    """Stripe answered a payment request. Produced by payment, consumed by customer and admin."""

    topic: ClassVar = Topic.PAYMENT_CARD_RESULT

    event_type: Literal[Topic.PAYMENT_CARD_RESULT] = Topic.PAYMENT_CARD_RESULT
    version: Version = "1.1"
    success: bool
    requires_action: bool | None = None


class PaymentUpdateRequested(Event):
    """Somebody goes on with a payment. Produced by customer and payment, consumed by payment.

    The payment service asks itself for what its operators and its deadlines want, so that it
    happens in the payment's order. A refund is known by the id of the event that asked for it.
    """

    topic: ClassVar = Topic.STRIPE_PAYMENT_UPDATE
    private: ClassVar = frozenset({"return_url"})

    event_type: Literal[Topic.STRIPE_PAYMENT_UPDATE] = Topic.STRIPE_PAYMENT_UPDATE
    version: Version = "1.1"
    source: Source = "customer-service"
    payment_id: UUID
    payment_intent_id: Identifier
    action: Literal["confirm", "capture", "cancel", "refund", "refresh"]
    """`confirm`: the customer is back from 3-D Secure, or comes to answer what a payment without
    them could not. `refresh`: somebody heard that Stripe knows more of the payment than we do."""
    expected_status: PaymentStatus | None = None
    """Do it only if the payment still is where whoever asks saw it; else only look at it."""
    return_url: str | None = None
    """Where the bank sends the customer after a confirmation; without one, Stripe.js takes over."""
    amount: MinorUnits | None = None
    """How much to capture or refund; if absent, all that is left."""
    reason: Literal["duplicate", "fraudulent", "requested_by_customer", "abandoned"] | None = None
    """Why it is canceled or refunded, in Stripe's words. Only a cancellation can be `abandoned`."""

    @model_validator(mode="after")
    def _fits_the_action(self) -> Self:
        if self.amount and self.action not in ("capture", "refund"):
            raise ValueError(f"there is no amount to {self.action}")
        if self.reason and self.action not in ("cancel", "refund"):
            raise ValueError(f"there is no reason to {self.action}")
        if self.return_url and self.action != "confirm":
            raise ValueError(f"nobody returns from a {self.action}")
        if self.reason == "abandoned" and self.action == "refund":
            raise ValueError("a refund cannot be 'abandoned'")
        return self


class PaymentStatusUpdated(PaymentProgress):
    """A payment moved on after its first answer. Produced by payment, for customer and admin."""

    topic: ClassVar = Topic.PAYMENT_STATUS_UPDATED

    event_type: Literal[Topic.PAYMENT_STATUS_UPDATED] = Topic.PAYMENT_STATUS_UPDATED
    version: Version = "1.1"


class PaymentMeasured(PaymentOutcome):
    """What analytics counts of a payment: no secret, nobody's name. From payment to admin."""

    topic: ClassVar = Topic.PAYMENT_ANALYTICS

    event_type: Literal[Topic.PAYMENT_ANALYTICS] = Topic.PAYMENT_ANALYTICS
    version: Version = "1.1"
    payment_type: Literal["one_off", "subscription_first", "subscription_renewal"] = "one_off"
    """`subscription_first` is paid to subscribe, by somebody who waits for it. What Stripe charges
    on its own is a renewal, also at the end of a trial."""
    subscription_id: UUID | None = None
    subscription_plan_id: Identifier | None = None
    card_brand: Annotated[str, StringConstraints(max_length=32)] | None = None
    card_country: Annotated[str, StringConstraints(max_length=2)] | None = None
    three_d_secure: Literal["challenge", "frictionless"] | None = None
    """How the bank knew the customer, if it was asked: by a question, or without one."""
    requested_at: Timestamp
