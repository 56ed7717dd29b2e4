"""Events about a subscription: set up, changed, paid for."""

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator

from kafka_bridge.contracts.base import (
    Code,
    Contract,
    Currency,
    Event,
    Identifier,
    MinorUnitsOrZero,
    Revision,
    Source,
    Timestamp,
    Version,
)
from kafka_bridge.contracts.cards import SavedCard
from kafka_bridge.contracts.payments import CustomerInfo, Metadata, PaymentOptions
from kafka_bridge.contracts.topics import Topic

Quantity = Annotated[int, Field(ge=1, le=100_000)]

QuantityAtStripe = Annotated[int, Field(ge=0, le=2_147_483_647)]
"""What somebody may have set in Stripe's dashboard; nothing is to be paid for none."""

Days = Annotated[int, Field(ge=0, le=730)]
"""Stripe's longest trial is two years."""


class SubscriptionStatus(StrEnum):
    """Where a subscription is: Stripe's own words, and two of ours.

    https://docs.stripe.com/api/subscriptions/object#subscription_object-status
    """

    REQUESTED = "requested"
    """Ours: accepted, and Stripe has not answered yet."""
    INCOMPLETE = "incomplete"
    INCOMPLETE_EXPIRED = "incomplete_expired"
    TRIALING = "trialing"
    ACTIVE = "active"
    PAST_DUE = "past_due"
    CANCELED = "canceled"
    UNPAID = "unpaid"
    PAUSED = "paused"
    FAILED = "failed"
    """Ours: Stripe refused to make a Subscription of the request."""


class PlanInfo(Contract):
    """What is paid how often. It stands for one Price at Stripe, found by its lookup key."""

    name: Identifier
    amount: MinorUnitsOrZero
    """For one unit and interval."""
    currency: Currency
    interval: Literal["day", "week", "month", "year"]
    interval_count: Annotated[int, Field(ge=1, le=1095)] = 1
    version: Annotated[int, Field(ge=1, le=2_147_483_647)] = 1
    """Rises when the plan's price changes: running subscriptions keep the price they have."""


class SubscriptionContext(Contract):
    """How a subscription is to begin."""

    subscription_id: UUID | None = None
    """Chosen by the requester; a request without one is known by its event id."""
    quantity: Quantity = 1
    trial_days: Days | None = None


class SubscriptionRequested(Event):
    """A customer asked to subscribe to a plan. Produced by customer, for payment and admin."""

    topic: ClassVar = Topic.STRIPE_SUBSCRIPTION_SETUP
    private: ClassVar = frozenset({"customer_info", "metadata", "payment_options"})

    event_type: Literal[Topic.STRIPE_SUBSCRIPTION_SETUP]
    """Has no default: what claims to be no set-up is none."""
    source: Source = "customer-service"
    subscription_plan_id: Identifier
    plan_info: PlanInfo
    payment_method_id: Identifier | None = None
    customer_info: CustomerInfo
    payment_options: PaymentOptions | None = None
    subscription_context: SubscriptionContext | None = None
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


class SubscriptionUpdateRequested(Event):
    """Somebody changes a subscription. Produced by customer and payment, for payment and admin."""

    topic: ClassVar = Topic.STRIPE_SUBSCRIPTION_UPDATE
    private: ClassVar = frozenset({"return_url"})

    event_type: Literal[Topic.STRIPE_SUBSCRIPTION_UPDATE] = Topic.STRIPE_SUBSCRIPTION_UPDATE
    source: Source = "customer-service"
    subscription_id: UUID
    stripe_subscription_id: Identifier
    action: Literal[
        "cancel",
        "reactivate",
        "pause",
        "resume",
        "preview_plan",
        "change_plan",
        "change_card",
        "pay",
        "refresh",
    ]
    """`reactivate` takes back a cancellation at the period's end; `preview_plan` asks what a change
    would cost; `pay` tries what is open again, after 3-D Secure or with another card.
    `refresh`: somebody heard that Stripe knows more of the subscription than we do."""
    at_period_end: bool | None = None
    """For `cancel`: at the end of the paid period, and not at once."""
    subscription_plan_id: Identifier | None = None
    plan_info: PlanInfo | None = None
    quantity: Quantity | None = None
    proration_date: Timestamp | None = None
    """That of the preview which the customer saw, so that they pay what they were shown."""
    payment_method_id: Identifier | None = None
    confirmation_token: Identifier | None = None
    return_url: str | None = None
    """Where the bank sends the customer after 3-D Secure; without one, Stripe.js takes over."""
    invoice_id: Identifier | None = None
    """For `pay` and `refresh`: which invoice, if not the latest. For `cancel`: only as long as this
    one is not paid."""

    @model_validator(mode="after")
    def _fits_the_action(self) -> Self:
        if self.action in ("preview_plan", "change_plan") and not (
            self.subscription_plan_id and self.plan_info
        ):
            raise ValueError(f"to {self.action}, subscriptionPlanId and planInfo are needed")
        if self.action == "change_card" and not (self.payment_method_id or self.confirmation_token):
            raise ValueError("to change_card, paymentMethodId or confirmationToken is needed")
        return self


class ProrationPreview(Contract):
    """What a change of plan would cost now."""

    subscription_plan_id: Identifier
    amount_due: MinorUnitsOrZero
    currency: Currency
    proration_date: Timestamp


class SubscriptionState(Event):
    """A subscription as Stripe has it."""

    private: ClassVar = frozenset({"card", "client_secret", "next_action"})

    source: Source = "payment-service"
    subscription_id: UUID
    stripe_subscription_id: Code
    """Empty if Stripe refused to make a Subscription."""
    status: SubscriptionStatus
    subscription_plan_id: Identifier
    amount: MinorUnitsOrZero
    """For one unit and interval."""
    currency: Currency
    interval: Literal["day", "week", "month", "year"]
    interval_count: int = 1
    quantity: QuantityAtStripe = 1
    started_at: Timestamp | None = None
    current_period_start: Timestamp | None = None
    current_period_end: Timestamp | None = None
    trial_end: Timestamp | None = None
    cancel_at_period_end: bool = False
    cancel_at: Timestamp | None = None
    """When it ends, at a period's end or not, if somebody has canceled it."""
    canceled_at: Timestamp | None = None
    ended_at: Timestamp | None = None
    cancellation_reason: Code | None = None
    """Stripe's word: cancellation_requested, payment_failed, payment_disputed."""
    paused: bool = False
    card: SavedCard | None = None
    client_secret: Code | None = None
    """Of the intent that waits: that of the first payment, of the set-up or of another card."""
    next_action: dict[str, Any] | None = None
    """What the bank wants of the customer, whatever else changed of the subscription."""
    error: str | None = None
    error_code: Code | None = None
    decline_code: Code | None = None
    revision: Revision | None = None


class SubscriptionAnswered(SubscriptionState):
    """Stripe answered a subscription's set-up. Produced by payment, for customer and admin."""

    topic: ClassVar = Topic.PAYMENT_SETUP_RESULT

    event_type: Literal[Topic.PAYMENT_SETUP_RESULT] = Topic.PAYMENT_SETUP_RESULT
    version: Version = "1.2"
    success: bool
    payment_intent_id: Code | None = None
    setup_intent_id: Code | None = None
    """Instead of a PaymentIntent where nothing is to be paid yet, as in a trial."""
    requires_action: bool | None = None


class SubscriptionStatusUpdated(SubscriptionState):
    """A subscription changed. Produced by payment, consumed by customer and admin."""

    topic: ClassVar = Topic.SUBSCRIPTION_STATUS_UPDATED

    event_type: Literal[Topic.SUBSCRIPTION_STATUS_UPDATED] = Topic.SUBSCRIPTION_STATUS_UPDATED
    version: Version = "1.2"
    preview: ProrationPreview | None = None
    """The answer to `preview_plan`; nothing has changed then."""
    refused: str | None = None
    """Why Stripe refused what was asked; nothing has changed then."""


class SubscriptionPaymentUpdated(Event):
    """An invoice was paid or not, or its money went back. From payment to customer and admin."""

    topic: ClassVar = Topic.SUBSCRIPTION_PAYMENT_UPDATED
    private: ClassVar = frozenset({"client_secret", "hosted_invoice_url"})

    event_type: Literal[Topic.SUBSCRIPTION_PAYMENT_UPDATED] = Topic.SUBSCRIPTION_PAYMENT_UPDATED
    version: Version = "1.1"
    source: Source = "payment-service"
    subscription_id: UUID
    invoice_id: Identifier
    invoice_number: Code | None = None
    status: Literal["draft", "open", "paid", "uncollectible", "void"]
    billing_reason: Code
    """Stripe's word: subscription_create, subscription_cycle, subscription_update and others."""
    amount_due: MinorUnitsOrZero
    amount_paid: MinorUnitsOrZero
    currency: Currency
    period_start: Timestamp | None = None
    period_end: Timestamp | None = None
    attempt: Annotated[int, Field(ge=0)] = 0
    next_attempt_at: Timestamp | None = None
    """When Stripe tries again; none if it does not."""
    customer_can: Literal["wait", "authenticate", "change_card", "nothing"] | None = None
    """What the customer can do about it, where it was not paid; none as long as the dunning policy
    does not bother them."""
    payment_intent_id: Code | None = None
    client_secret: Code | None = None
    hosted_invoice_url: Code | None = None
    error: str | None = None
    error_code: Code | None = None
    decline_code: Code | None = None
    amount_refunded: MinorUnitsOrZero | None = None
    """What went back, and what is on its way back."""
    dispute_status: Code | None = None
    """Of the newest dispute."""
    revision: Revision | None = None
