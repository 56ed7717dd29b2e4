"""What a balance transaction says of the payment's own currency."""

import pytest

from payment_project.stripe_gateway.balance import _presentment

CHARGE = {"object": "charge", "currency": "gbp", "amount": 1000, "amount_captured": 1000}
PARTLY = {**CHARGE, "amount_captured": 600}
REFUND = {"object": "refund", "currency": "gbp", "amount": 400}


def moved(amount, currency="eur", rate=1.17):
    return {"amount": amount, "currency": currency, "exchange_rate": rate}


@pytest.mark.parametrize(
    ("transaction", "source", "presented"),
    [
        (moved(1170), CHARGE, (1000, "gbp")),
        (moved(1170), PARTLY, (1000, "gbp")),  # the rest is reversed by another
        (moved(702), PARTLY, (600, "gbp")),
        (moved(-468), REFUND, (-400, "gbp")),
        (moved(-468, rate=None), REFUND, (-400, "gbp")),
        (moved(1000, "gbp", None), CHARGE, (None, None)),
        (moved(-25, rate=None), {}, (None, None)),
        (moved(-900, rate=None), {"object": "payout", "currency": "eur"}, (None, None)),
    ],
)
def test_is_what_its_source_says(transaction, source, presented):
    assert _presentment(transaction, source) == presented
