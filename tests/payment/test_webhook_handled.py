"""Every type of webhook that is handled, each with an event that brings news."""

import uuid

import pytest
import requests
import stripe

from kafka_bridge.contracts import SubscriptionUpdateRequested
from payment_project.webhooks.reading import _reader
from payment_project.webhooks.types import HANDLED
from tests.payment.conftest import processed, published, received
from tests.payment.news import PASSED_ON

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("kind", HANDLED)
def test_brings_its_news_once(handle, news, kind):
    shown, customer_id, expected = news.of(kind)
    before = len(processed())
    event = {"id": f"evt_{uuid.uuid4().hex}", "object": "event", "type": kind}
    event |= {"api_version": stripe.api_version, "data": {"object": shown}}

    for _ in range(2):
        handle(received(event, customer_id=customer_id))

    told = [(one.outcome, one.reason) for one in processed()[before:]]
    assert told == [expected, ("duplicate", "this event of Stripe's was processed before")]
    passed_on = [one for one in published() if isinstance(one, SubscriptionUpdateRequested)]
    assert len(passed_on) == (expected == PASSED_ON)


def test_all_have_a_reader_and_are_named_once():
    assert [kind for kind in HANDLED if _reader(kind) is None] == []
    assert len(set(HANDLED)) == len(HANDLED)


def test_stripe_knows_them_all(at_stripe):
    """The emulator takes the types that the SDK knows, and no others."""
    path, url = "/v1/webhook_endpoints", "https://shop.example/webhooks/stripe/"
    made = at_stripe.post(path, url=url, **{"enabled_events[]": HANDLED})
    at_stripe.delete(f"{path}/{made['id']}")

    assert set(made["enabled_events"]) == set(HANDLED)
    with pytest.raises(requests.HTTPError, match="400"):
        at_stripe.post(path, url=url, **{"enabled_events[]": [*HANDLED, "charge.refunde"]})
