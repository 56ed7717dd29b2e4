"""What can be wrong with an event about a payment."""

from kafka_bridge.errors import CannotBeHandled


class UnknownPayment(CannotBeHandled):
    """The event is about a payment that was never recorded here."""
