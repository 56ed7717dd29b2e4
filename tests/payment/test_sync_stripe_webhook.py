"""The endpoint at Stripe: made once, kept as it should be."""

import io
import uuid

import pytest
import stripe
from django.core.management import call_command

from payment_project.webhooks.types import HANDLED


@pytest.fixture
def url():
    return f"https://shop.example/{uuid.uuid4().hex}/webhooks/stripe/"


@pytest.fixture
def sync(at_stripe, url):
    def sync():
        out = io.StringIO()
        call_command("sync_stripe_webhook", url, stdout=out)
        return out.getvalue()

    yield sync
    for one in endpoints(at_stripe, url):
        at_stripe.delete(f"/v1/webhook_endpoints/{one['id']}")


def endpoints(at_stripe, url):
    listed = at_stripe.get("/v1/webhook_endpoints", limit=100)["data"]
    return [one for one in listed if one["url"] == url]


def test_made_once_and_its_secret_shown_once(sync, at_stripe, url):
    first, second = sync(), sync()

    (endpoint,) = endpoints(at_stripe, url)
    assert "created" in first
    assert "whsec_" in first
    assert "STRIPE_WEBHOOK_SECRETS" in first
    assert second == f"{endpoint['id']}: unchanged, {len(HANDLED)} types of events\n"
    assert set(endpoint["enabled_events"]) == set(HANDLED)
    assert endpoint["api_version"] == stripe.api_version


def test_brought_up_to_date(sync, at_stripe, url):
    sync()
    (endpoint,) = endpoints(at_stripe, url)
    path = f"/v1/webhook_endpoints/{endpoint['id']}"
    at_stripe.post(path, disabled="true", **{"enabled_events[]": "charge.captured"})

    said = sync()

    (endpoint,) = endpoints(at_stripe, url)
    assert "updated" in said
    assert "whsec_" not in said
    assert set(endpoint["enabled_events"]) == set(HANDLED)
    assert endpoint["status"] == "enabled"
