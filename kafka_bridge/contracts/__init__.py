"""The contracts between the services: one typed class a topic, JSON in camelCase on the wire.

Knows no Django, no Kafka, no Celery, no Stripe, so that anything may read it.
"""

from kafka_bridge.contracts.balance import (
    ACCOUNT,
    BalanceCounted,
    BalanceTransactionRecorded,
    CurrencyCount,
)
from kafka_bridge.contracts.base import Contract, Event
from kafka_bridge.contracts.cards import SavedCard, SavedCardUpdated
from kafka_bridge.contracts.payments import (
    CardPaymentAnswered,
    CardPaymentRequested,
    CustomerInfo,
    Dispute,
    PaymentMeasured,
    PaymentOptions,
    PaymentOutcome,
    PaymentProgress,
    PaymentStatus,
    PaymentStatusUpdated,
    PaymentUpdateRequested,
    Refund,
)
from kafka_bridge.contracts.registry import EVENT_CLASSES, decode, event_id_of_record
from kafka_bridge.contracts.subscriptions import (
    PlanInfo,
    ProrationPreview,
    SubscriptionAnswered,
    SubscriptionContext,
    SubscriptionPaymentUpdated,
    SubscriptionRequested,
    SubscriptionState,
    SubscriptionStatus,
    SubscriptionStatusUpdated,
    SubscriptionUpdateRequested,
)
from kafka_bridge.contracts.topics import Service, Topic
from kafka_bridge.contracts.webhooks import WebhookProcessed, WebhookReceived

__all__ = [
    "ACCOUNT",
    "EVENT_CLASSES",
    "BalanceCounted",
    "BalanceTransactionRecorded",
    "CardPaymentAnswered",
    "CardPaymentRequested",
    "Contract",
    "CurrencyCount",
    "CustomerInfo",
    "Dispute",
    "Event",
    "PaymentMeasured",
    "PaymentOptions",
    "PaymentOutcome",
    "PaymentProgress",
    "PaymentStatus",
    "PaymentStatusUpdated",
    "PaymentUpdateRequested",
    "PlanInfo",
    "ProrationPreview",
    "Refund",
    "SavedCard",
    "SavedCardUpdated",
    "Service",
    "SubscriptionAnswered",
    "SubscriptionContext",
    "SubscriptionPaymentUpdated",
    "SubscriptionRequested",
    "SubscriptionState",
    "SubscriptionStatus",
    "SubscriptionStatusUpdated",
    "SubscriptionUpdateRequested",
    "Topic",
    "WebhookProcessed",
    "WebhookReceived",
    "decode",
    "event_id_of_record",
]
