"""Webhooks, as the edge passes them on."""

from collections.abc import Sequence

from kafka_bridge.contracts import WebhookReceived
from kafka_bridge.handlers import Answered, handles_answers, handles_discarded
from payment_project.webhooks import services
from payment_project.webhooks.reading import Reading, read


@handles_answers(WebhookReceived, call=read)
def process_webhooks(webhooks: Sequence[Answered[WebhookReceived, Reading]]) -> None:
    """Apply what the webhooks tell, and report what became of each."""
    services.process(webhooks)


@handles_discarded(WebhookReceived)
def fail_discarded(webhooks: Sequence[WebhookReceived]) -> None:
    """Report webhooks that operators gave up."""
    services.fail_discarded(webhooks)
