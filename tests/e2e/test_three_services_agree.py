"""However a payment ends and whoever gives it back, all three services and Stripe say the same."""

import re

import pytest
import requests

from devstack.services import DEMO_API_KEY
from devstack.waiting import wait_until

CHALLENGED = "pm_card_threeDSecure2Required"
COLUMNS = "SELECT status, amount_captured, amount_refunded FROM payments_payment WHERE id = %s"
LOGGED = """
SELECT content ->> 'status' AS status,
    coalesce((content ->> 'amountCaptured')::bigint, 0) AS captured,
    coalesce((content ->> 'amountRefunded')::bigint, 0) AS refunded
FROM event_log_loggedevent
WHERE correlation_id = %s AND topic IN ('payment.card.result', 'payment.status.updated')
ORDER BY (content ->> 'revision')::int DESC LIMIT 1
"""


@pytest.fixture
def told_everywhere(databases, audit):
    """Wait until each service says the same of a payment: status, captured and refunded."""

    def told(payment):
        rows = [
            *databases.rows("customer", COLUMNS, (payment["id"],)),
            *databases.rows("payment", COLUMNS, (payment["id"],)),
            *databases.rows("admin", LOGGED, (payment["correlation_id"],)),
        ]
        return [tuple(row.values()) for row in rows]

    def wait_for(payment, *expected):
        wait_until(
            lambda: told(payment) == [expected] * 3,
            what=f"all three services to say {expected}",
            seconds=60,
        )

        books = audit(payment_intent=payment["payment_intent_id"])["per_currency"].get("eur", {})
        assert (books.get("captured", 0), books.get("refunded", 0)) == expected[1:]

    return wait_for


@pytest.fixture
def operator(stack):
    """The payment service's Django admin, as its superuser uses it."""
    url = f"{stack.urls['payment']}/admin/"
    session = requests.Session()

    def post(path, **fields):
        form = session.get(f"{url}{path}", timeout=30).text
        names = ("csrfmiddlewaretoken", "token")
        hidden = {
            name: found[1]
            for name in names
            if (found := re.search(rf'name="{name}" value="([^"]+)"', form))
        }
        response = session.post(f"{url}{path}", data={**hidden, **fields}, timeout=30)
        response.raise_for_status()
        return response

    post("login/", username="admin", password="admin", next="/admin/")
    return post


def test_customer_who_never_comes_back_from_the_bank(ada, databases, told_everywhere):
    payment = ada.answered_payment(ada.pay(payment_method=CHALLENGED)["id"])
    assert payment["status"] == "requires_action"

    # Half an hour later. Beat asks twice a minute.
    databases.rows(
        "payment",
        "UPDATE payments_payment SET deadline_at = now() WHERE id = %s RETURNING id",
        (payment["id"],),
    )

    told_everywhere(payment, "canceled", 0, 0)


def test_payment_whose_row_was_deleted_by_hand(ada, merchant, databases, told_everywhere):
    payment = ada.answered_payment(ada.pay(amount=1999)["id"])
    deleted = "DELETE FROM payments_payment WHERE id = %s RETURNING id"
    databases.rows("payment", deleted, (payment["id"],))

    merchant.update(payment["id"], "refunds", amount=100)

    told_everywhere(payment, "succeeded", 1999, 100)
    merchant.update(payment["id"], "refunds", amount=200)
    told_everywhere(payment, "succeeded", 1999, 300)


def test_refunds_from_three_places(ada, merchant, operator, stack, told_everywhere):
    if not stack.uses_emulator:
        pytest.skip("Stripe's dashboard is the emulator's API here: unset STRIPE_API_KEY.")
    payment = ada.answered_payment(ada.pay(amount=1999)["id"])
    intent = payment["payment_intent_id"]

    merchant.update(payment["id"], "refunds", amount=100)
    told_everywhere(payment, "succeeded", 1999, 100)
    refund = f"payments/payment/{payment['id']}/refund/"
    operator(refund, amount="2.00", reason="requested_by_customer")
    told_everywhere(payment, "succeeded", 1999, 300)
    requests.post(
        f"{stack.stripe_url}/v1/refunds",
        data={"payment_intent": intent, "amount": 300},
        auth=(DEMO_API_KEY, ""),
        timeout=30,
    ).raise_for_status()

    told_everywhere(payment, "succeeded", 1999, 600)
