"""The endpoint at Stripe: made once, kept as it should be."""

import io
import uuid

import pytest
import stripe
from django.core.management import CommandError, call_command

from payment_project.webhooks.types import HANDLED


@pytest.fixture
def url():
    return address()


@pytest.fixture
def sync(at_stripe, url):
    """Have the endpoint of an installation of the test's own."""
    before = {one["id"] for one in listed(at_stripe)}
    name = uuid.uuid4().hex

    def sync(to=url, name=name, **options):
        out = io.StringIO()
        call_command("sync_stripe_webhook", to, name=name, stdout=out, **options)
        return out.getvalue()

    yield sync
    for made in {one["id"] for one in listed(at_stripe)} - before:
        at_stripe.delete(f"/v1/webhook_endpoints/{made}")


def address():
    return f"https://shop.example/{uuid.uuid4().hex}/webhooks/stripe/"


def listed(at_stripe):
    return at_stripe.get("/v1/webhook_endpoints", limit=100)["data"]


def endpoints(at_stripe, url):
    return [one for one in listed(at_stripe) if one["url"] == url]


def made_by_hand(at_stripe, url, **fields):
    types = {"enabled_events[]": "charge.captured"}
    return at_stripe.post("/v1/webhook_endpoints", url=url, **types, **fields)["id"]


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


def test_moves_to_another_address(sync, at_stripe, url):
    sync()
    (before,) = endpoints(at_stripe, url)
    new = address()
    with pytest.raises(CommandError, match=f"leads to {url}"):
        sync(new)

    said = sync(new, move=True)

    (after,) = endpoints(at_stripe, new)
    assert said == f"{before['id']}: updated, {len(HANDLED)} types of events\n"
    assert after["id"] == before["id"]
    assert endpoints(at_stripe, url) == []


def test_another_installation_has_its_own(sync, at_stripe, url):
    sync()
    other = address()

    said = sync(other, name="another")

    assert "created" in said
    assert len(endpoints(at_stripe, url)) == len(endpoints(at_stripe, other)) == 1


def test_one_that_was_made_by_hand_at_the_address_is_ours(sync, at_stripe, url):
    made = made_by_hand(at_stripe, url, api_version=stripe.api_version)

    said = sync()
    moved = sync(address(), move=True)

    assert said.startswith(f"{made}: updated")
    assert moved.startswith(f"{made}: updated")


def test_another_api_version_takes_another_endpoint(sync, at_stripe, url):
    old = made_by_hand(at_stripe, url, api_version="2020-08-27")

    first, second = sync(), sync()

    new, kept = endpoints(at_stripe, url)
    assert (kept["id"], kept["api_version"], kept["status"]) == (old, "2020-08-27", "enabled")
    assert new["api_version"] == stripe.api_version
    assert first.startswith(f"{new['id']}: replaced")
    assert "whsec_" in first
    assert second.startswith(f"{new['id']}: unchanged")
    for said in (first, second):
        assert f"{old} was ours before: delete it" in said
