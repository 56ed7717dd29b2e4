"""Reconciliation names what Stripe has twice for one payment or subscription: money is at stake."""

import pytest
from django.utils import timezone
from requests import HTTPError

from kafka_bridge.contracts import PaymentUpdateRequested, SubscriptionUpdateRequested
from payment_project.reconciliation import services
from payment_project.reconciliation.models import Divergence, Run
from payment_project.subscriptions.models import Subscription
from tests.payment.conftest import published
from tests.payment.subscribing import setup_requested

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def a_run_of_the_last_minutes(at_stripe, settings):
    settings.RECONCILE_GRACE = -5
    Run.objects.create(started_at=timezone.now(), finished_at=timezone.now())


def metadata_of(made):
    return {f"metadata[{name}]": value for name, value in made["metadata"].items()}


@pytest.fixture
def paid_twice(at_stripe, paid):
    """Pay, and have Stripe make a second PaymentIntent for the same payment."""

    def paid_twice(**params):
        payment = paid()
        first = at_stripe.get(f"/v1/payment_intents/{payment.payment_intent_id}")
        second = at_stripe.post(
            "/v1/payment_intents",
            amount=first["amount"],
            currency=first["currency"],
            payment_method="pm_card_visa",
            **{"allowed_payment_method_types[]": "card", "confirm": "true", **params},
            **metadata_of(first),
        )
        return payment, second["id"]

    return paid_twice


@pytest.fixture
def subscribed_twice(at_stripe, handle):
    event = setup_requested()
    handle(event)
    subscription = Subscription.objects.get(request_event_id=event.event_id)
    first = at_stripe.get(f"/v1/subscriptions/{subscription.stripe_subscription_id}")
    second = at_stripe.post(
        "/v1/subscriptions",
        customer=first["customer"],
        default_payment_method=first["default_payment_method"],
        **{"items[0][price]": first["items"]["data"][0]["price"]["id"]},
        **metadata_of(first),
    )
    return subscription, second["id"]


def found(object_id):
    services.reconcile()
    return list(
        Divergence.objects.filter(object_id=object_id, resolved_at=None).values_list(
            "kind", "detail"
        )
    )


def test_second_charge_is_named_until_it_is_refunded(at_stripe, paid_twice):
    payment, second = paid_twice()

    ((kind, detail),) = found(second)

    assert kind == "second_payment"
    assert payment.payment_intent_id in detail
    assert found(payment.payment_intent_id) == []
    asked = [one for one in published() if isinstance(one, PaymentUpdateRequested)]
    assert second not in {one.payment_intent_id for one in asked}
    at_stripe.post("/v1/refunds", payment_intent=second, amount=100)
    assert found(second)
    at_stripe.post("/v1/refunds", payment_intent=second)
    assert found(second) == []


def test_second_authorisation_is_named_until_it_is_given_up(at_stripe, paid_twice):
    _, second = paid_twice(capture_method="manual")

    assert [kind for kind, _ in found(second)] == ["second_payment"]
    at_stripe.post(f"/v1/payment_intents/{second}/cancel")
    assert found(second) == []


def test_second_intent_is_named_until_its_card_is_declined(at_stripe, paid_twice):
    _, second = paid_twice(confirm="false")

    assert [kind for kind, _ in found(second)] == ["second_payment"]  # somebody may confirm it
    with pytest.raises(HTTPError):
        at_stripe.post(
            f"/v1/payment_intents/{second}/confirm", payment_method="pm_card_chargeDeclined"
        )
    assert found(second) == []


def test_second_subscription_is_named_until_it_is_canceled(at_stripe, subscribed_twice):
    subscription, second = subscribed_twice

    ((kind, detail),) = found(second)

    assert kind == "second_subscription"
    assert subscription.stripe_subscription_id in detail
    assert found(subscription.stripe_subscription_id) == []
    asked = [one for one in published() if isinstance(one, SubscriptionUpdateRequested)]
    assert second not in {one.stripe_subscription_id for one in asked}
    at_stripe.delete(f"/v1/subscriptions/{second}")
    assert found(second) == []
