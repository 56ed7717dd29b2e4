"""What the payment service tells monitors."""

from collections.abc import Iterator

from kafka_bridge.metrics import Family, by_label
from payment_project.reconciliation import selectors as reconciliation
from payment_project.reconciliation.models import KINDS
from payment_project.webhooks import selectors as webhooks
from payment_project.webhooks.models import OUTCOMES


def families() -> Iterator[Family]:
    """Return what is otherwise at Stripe, and what became of webhooks lately."""
    diverging = dict.fromkeys((kind for kind, _ in KINDS), 0) | reconciliation.open_divergences()
    yield Family(
        "paybridge_divergences",
        "gauge",
        "What was found to be otherwise at Stripe, and not yet to be the same again.",
        by_label("kind", diverging.items()),
    )
    outcomes = dict.fromkeys(OUTCOMES, 0) | webhooks.outcomes_of_a_day()
    yield Family(
        "paybridge_payment_webhooks_of_a_day",
        "gauge",
        "Webhooks of the last 24 hours, by what became of them.",
        by_label("outcome", outcomes.items()),
    )
