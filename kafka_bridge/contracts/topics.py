"""The topics, who produces to them, and who consumes them."""

from enum import StrEnum
from typing import Final

_DEAD_LETTERS: Final = ".dlq"


class Service(StrEnum):
    """The three services, by their SERVICE_NAME."""

    CUSTOMER = "customer"
    PAYMENT = "payment"
    ADMIN = "admin"


class Topic(StrEnum):
    """Every Kafka topic of the system, by the names `docs/asyncapi.yaml` publishes."""

    STRIPE_PAYMENT_REQUEST = "stripe.payment.request"
    STRIPE_SUBSCRIPTION_SETUP = "stripe.subscription.setup"
    STRIPE_WEBHOOK_RECEIVED = "stripe.webhook.received"
    STRIPE_PAYMENT_UPDATE = "stripe.payment.update"
    STRIPE_SUBSCRIPTION_UPDATE = "stripe.subscription.update"
    PAYMENT_CARD_RESULT = "payment.card.result"
    PAYMENT_SETUP_RESULT = "payment.setup.result"
    PAYMENT_STATUS_UPDATED = "payment.status.updated"
    PAYMENT_METHOD_UPDATED = "payment.method.updated"
    SUBSCRIPTION_PAYMENT_UPDATED = "subscription.payment.updated"
    SUBSCRIPTION_STATUS_UPDATED = "subscription.status.updated"
    PAYMENT_ANALYTICS = "payment.analytics"
    PAYMENT_BALANCE = "payment.balance"
    PAYMENT_BALANCE_COUNTED = "payment.balance.counted"
    WEBHOOK_PROCESSED = "webhook.processed"

    @property
    def producers(self) -> tuple[Service, ...]:
        """The services that produce to it."""
        return _ROUTES[self][0]

    @property
    def consumers(self) -> tuple[Service, ...]:
        """The services that have a handler for it."""
        return _ROUTES[self][1]

    @property
    def dead_letter_topic(self) -> str:
        """Name the topic that records of this one go to when they can never be handled."""
        return dead_letter_topic(self)


def dead_letter_topic(topic: str) -> str:
    """Name the dead letter topic of a topic, also of one that is no more."""
    return f"{topic}{_DEAD_LETTERS}"


def is_dead_letter_topic(name: str) -> bool:
    """Tell whether a topic holds dead letters."""
    return name.endswith(_DEAD_LETTERS)


_Route = tuple[tuple[Service, ...], tuple[Service, ...]]

_ASKED: Final[_Route] = ((Service.CUSTOMER,), (Service.PAYMENT, Service.ADMIN))
_UPDATE_ASKED: Final[_Route] = ((Service.CUSTOMER, Service.PAYMENT), _ASKED[1])
_TO_BOTH: Final[_Route] = ((Service.PAYMENT,), (Service.CUSTOMER, Service.ADMIN))
_TO_ADMIN: Final[_Route] = ((Service.PAYMENT,), (Service.ADMIN,))

_ROUTES: Final[dict[Topic, _Route]] = {
    Topic.STRIPE_PAYMENT_REQUEST: _ASKED,
    Topic.STRIPE_SUBSCRIPTION_SETUP: _ASKED,
    Topic.STRIPE_WEBHOOK_RECEIVED: _UPDATE_ASKED,
    Topic.STRIPE_PAYMENT_UPDATE: _UPDATE_ASKED,
    Topic.STRIPE_SUBSCRIPTION_UPDATE: _UPDATE_ASKED,
    Topic.PAYMENT_CARD_RESULT: _TO_BOTH,
    Topic.PAYMENT_SETUP_RESULT: _TO_BOTH,
    Topic.PAYMENT_STATUS_UPDATED: _TO_BOTH,
    Topic.PAYMENT_METHOD_UPDATED: _TO_BOTH,
    Topic.SUBSCRIPTION_PAYMENT_UPDATED: _TO_BOTH,
    Topic.SUBSCRIPTION_STATUS_UPDATED: _TO_BOTH,
    Topic.PAYMENT_ANALYTICS: _TO_ADMIN,
    Topic.PAYMENT_BALANCE: _TO_ADMIN,
    Topic.PAYMENT_BALANCE_COUNTED: _TO_ADMIN,
    Topic.WEBHOOK_PROCESSED: _TO_ADMIN,
}
