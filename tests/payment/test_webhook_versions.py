"""Webhooks of other API versions: what they show is not read but fetched, or parked."""

import pytest

from kafka_bridge.contracts import SubscriptionUpdateRequested
from payment_project.customers.models import SavedCard
from payment_project.payments.models import Payment
from payment_project.stripe_gateway.errors import StripeRejected
from payment_project.subscriptions.models import Subscription
from tests.payment.conftest import processed, published, received

pytestmark = pytest.mark.django_db(transaction=True)

MISLEADING = {"amount": 1, "amount_refunded": 1, "amount_paid": 1, "customer": "cus_gone"}
"""Whoever reads what is shown records this."""


def older(shown):
    """Render an object as versions before 2025-03-31.basil do, and some long before."""
    ours = {name: shown[name] for name in ("id", "object", "created")}
    match shown["object"]:
        case "payment_intent":  # 2018-11-08; renamed in 2019-02-11
            more = {
                "status": "requires_source_action",
                "charges": {"object": "list", "data": [], "has_more": False},
                "metadata": shown["metadata"],
            }
        case "charge":  # before 2022-11-15
            refund = {"id": "re_1", "object": "refund", "amount": 1, "status": "pending"}
            more = {
                "payment_intent": shown["payment_intent"],
                "refunds": {"object": "list", "data": [refund], "has_more": False},
                "source": {"object": "card", "id": "card_1"},
            }
        case "refund":
            more = {"payment_intent": shown["payment_intent"], "status": "pending"}
        case "dispute":
            more = {"payment_intent": shown["payment_intent"], "status": "under_review"}
        case "invoice":
            details = shown["parent"]["subscription_details"]
            more = {
                "subscription": details["subscription"],
                "subscription_details": {"metadata": details["metadata"]},
                "payment_intent": "pi_gone",
                "paid": False,
                "status": "open",
            }
        case "subscription":
            more = {
                "current_period_start": 1,
                "current_period_end": 2,
                "cancel_at_period_end": False,
                "plan": {"id": "plan_1", "object": "plan", "amount": 1, "interval": "year"},
                "quantity": 7,
                "status": "active",
                "metadata": {},
            }
        case "setup_intent":
            more = {"status": "requires_source", "metadata": shown["metadata"]}
        case "payment_method":
            more = {"card": {"brand": "visa", "exp_year": 2020}, "type": "card"}
    return ours | MISLEADING | more


def newer(shown):
    """Render an object as a version may that nobody knows yet: all but its id is elsewhere."""
    return {"id": shown["id"], "object": shown["object"], "details": shown, "status": ["new"]}


RENDERED = {older: "2018-11-08", newer: "2031-01-01.future"}


def rendered(kind, shown, how):
    """An event of another API version."""
    return {
        "id": f"evt_{shown['id']}",
        "object": "event",
        "type": kind,
        "api_version": RENDERED[how],
        "data": {"object": how(shown)},
    }


def known(kind):
    """What is recorded of what a type of webhook tells of."""
    match kind.split("."):
        case ["payment_intent", _]:
            return Payment.objects.get().status
        case ["refund", _] | ["charge", "refunded"]:
            return Payment.objects.get().amount_refunded
        case ["charge", "dispute", _]:
            return Payment.objects.get().dispute_status
        case ["invoice", _] | ["customer", "subscription", _]:
            return Subscription.objects.get().cancel_at_period_end
        case ["payment_method", _]:
            return SavedCard.objects.get().exp_year
        case ["setup_intent", _]:
            asked = [one for one in published() if isinstance(one, SubscriptionUpdateRequested)]
            return [one.action for one in asked]


@pytest.mark.parametrize("how", RENDERED, ids=lambda how: how.__name__)
@pytest.mark.parametrize(
    ("kind", "news_of_it"),
    [
        ("payment_intent.canceled", "canceled"),
        ("charge.refunded", 100),
        ("refund.created", 100),
        ("charge.dispute.created", "needs_response"),
        ("invoice.paid", True),
        ("customer.subscription.updated", True),
        ("setup_intent.succeeded", ["refresh"]),
        ("payment_method.updated", 2044),
    ],
)
def test_what_is_shown_is_not_read(handle, news, kind, news_of_it, how):
    shown, customer_id, outcome = news.of(kind)
    assert known(kind) != news_of_it

    handle(received(rendered(kind, shown, how), customer_id=customer_id))

    assert (processed()[-1].outcome, processed()[-1].reason) == outcome
    assert known(kind) == news_of_it


class TestGone:
    def event(self, kind, object_id):
        about = {"object": kind.partition(".")[0], "id": object_id, "payment_intent": None}
        return {
            "id": "evt_gone",
            "object": "event",
            "type": kind,
            "api_version": "2019-12-03",
            "data": {"object": about},
        }

    @pytest.mark.parametrize(
        ("kind", "object_id"),
        [("invoice.created", "in_gone"), ("charge.refunded", "ch_gone"), ("refund.failed", "re_1")],
    )
    def test_is_ignored(self, handle, at_stripe, kind, object_id):
        handle(received(self.event(kind, object_id), customer_id="x"))

        assert (processed()[-1].outcome, processed()[-1].reason) == (
            "ignored",
            "Stripe has the object no more",
        )

    def test_payment_intent_is_parked_with_its_reason(self, handle, at_stripe):
        with pytest.raises(StripeRejected, match="No such payment_intent: 'pi_gone'"):
            handle(received(self.event("payment_intent.canceled", "pi_gone"), customer_id="x"))


def test_thin_event(handle):
    event = {"id": "evt_thin", "object": "v2.core.event", "type": "v1.billing.meter.error"}

    handle(received(event, customer_id="x"))

    assert processed()[-1].outcome == "ignored"
    assert "thin" in processed()[-1].reason
