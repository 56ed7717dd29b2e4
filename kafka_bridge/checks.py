"""Checks at start-up: what would fail later, said now.

Two handlers for one event need no check: the second is refused with `HandledTwice` on import.
"""

from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Critical, Error, Warning, register  # noqa: A004

from kafka_bridge.contracts import EVENT_CLASSES
from kafka_bridge.handlers import handled_event_classes, handler_of, has_calls

TAG: Final = "kafka_bridge"
"""What a process without pages checks: Django's other checks load all of them."""


@register(TAG)
def service_is_named(**_: Any) -> list[CheckMessage]:
    """Refuse to start without SERVICE_NAME: consumer groups and sources are named for it."""
    if getattr(settings, "SERVICE_NAME", ""):
        return []
    return [
        Critical(
            "SERVICE_NAME is not set",
            hint='Say which service this is in its settings: SERVICE_NAME = "payment".',
            id="kafka_bridge.E001",
        )
    ]


@register(TAG)
def no_demo_secret_in_production(**_: Any) -> list[CheckMessage]:
    """Refuse the demo's keys where DEBUG is off."""
    if settings.DEBUG:
        return []
    names = ("SECRET_KEY", "STRIPE_API_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRETS")
    return [
        Error(
            f"{name} is the demo's",
            hint=f"Set {name} to your own: everybody knows the demo's.",
            id="kafka_bridge.E002",
        )
        for name in names
        if "demo" in str(getattr(settings, name, ""))
    ]


@register(TAG)
def settings_are_there(**_: Any) -> list[CheckMessage]:
    """Refuse to start without the settings that the bridge works with."""
    needed = {
        "KAFKA_BOOTSTRAP_SERVERS": "the addresses of the brokers: kafka-1:9092,kafka-2:9092",
        "KAFKA_TOPIC_PARTITIONS": "how many partitions create_topics gives a topic: 6",
        "KAFKA_TOPIC_REPLICATION": "how many replicas create_topics gives a topic: 3",
    }
    if has_calls():
        needed["CELERY_BROKER_URL"] = "the broker that wakes workers: redis://valkey:6379/0"
    return [
        Error(
            f"{name} is not set",
            hint=f"Set it to {meaning}",
            id="kafka_bridge.E003",
        )
        for name, meaning in needed.items()
        if not getattr(settings, name, None)
    ]


@register(TAG)
def webhooks_can_be_verified(**_: Any) -> list[CheckMessage]:
    """Say that without a signing secret every webhook is refused; in production, do not start."""
    if getattr(settings, "STRIPE_WEBHOOK_SECRETS", True):
        return []
    level = Warning if settings.DEBUG else Error
    return [
        level(
            "STRIPE_WEBHOOK_SECRETS is empty: every webhook will be refused",
            hint="Set it to the endpoint's signing secret, whsec_…, of Stripe's dashboard.",
            id="kafka_bridge.W002" if settings.DEBUG else "kafka_bridge.E007",
        )
    ]


@register(TAG)
def consumed_topics_are_handled(**_: Any) -> list[CheckMessage]:
    """Refuse to start unless each of CONSUMED_TOPICS has a contract, and a handler here."""
    if not hasattr(settings, "CONSUMED_TOPICS"):
        return [
            Error(
                "CONSUMED_TOPICS is not set",
                hint="List the topics that this service has handlers for; [] if it has none.",
                id="kafka_bridge.E004",
            )
        ]
    return list(_unhandled_topics())


def _unhandled_topics() -> Iterator[CheckMessage]:
    handled = {event_class.topic for event_class in handled_event_classes()}
    for topic in settings.CONSUMED_TOPICS:
        if topic not in EVENT_CLASSES:
            yield Error(
                f"{topic} is in CONSUMED_TOPICS and has no contract",
                hint="Write its event class and name it in contracts/registry.py.",
                id="kafka_bridge.E005",
            )
        elif topic not in handled:
            name = EVENT_CLASSES[topic].__name__
            yield Error(
                f"{topic} is in CONSUMED_TOPICS and nothing handles {name}",
                hint="Decorate its handler with @handles, in the `handlers` module of an installed "
                "app, or take the topic off the list.",
                id="kafka_bridge.E006",
            )
    for event_class in handled_event_classes():
        if event_class.topic not in settings.CONSUMED_TOPICS:
            handler = handler_of(event_class).record
            yield Warning(
                f"{event_class.topic} is handled by {handler.__module__}.{handler.__qualname__} "
                "and not in CONSUMED_TOPICS",
                hint="Add it, so that the service does not start if the handler gets lost.",
                id="kafka_bridge.W001",
            )
