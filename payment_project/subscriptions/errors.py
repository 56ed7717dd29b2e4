"""What can be wrong with an event about a subscription."""

from kafka_bridge.errors import CannotBeHandled


class UnknownSubscription(CannotBeHandled):
    """The event is about a subscription that was never recorded here."""
