"""Whatever is sent, the answer is Stripe's kind of error and never a failure of the emulator."""

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

PATHS = [
    "customers",
    "payment_methods",
    "payment_intents",
    "setup_intents",
    "confirmation_tokens",
    "test_helpers/confirmation_tokens",
    "tokens",
    "refunds",
    "products",
    "prices",
    "subscriptions",
    "invoices",
    "invoiceitems",
    "webhook_endpoints",
    "test_helpers/test_clocks",
    "payment_intents/pi_x/confirm",
    "subscriptions/sub_x",
]
NAMES = st.sampled_from(
    [
        "amount",
        "automatic_payment_methods[enabled]",
        "automatic_payment_methods[allow_redirects]",
        "card",
        "card[exp_month]",
        "card[exp_year]",
        "card[number]",
        "card[token]",
        "confirm",
        "currency",
        "customer",
        "enabled_events[0]",
        "expand[]",
        "expand[0]",
        "frozen_time",
        "invoice",
        "items[0][price]",
        "items[0][price_data][currency]",
        "items[0][quantity]",
        "metadata",
        "metadata[a]",
        "name",
        "off_session",
        "payment_intent",
        "payment_method",
        "payment_method_data[type]",
        "product",
        "product_data[name]",
        "recurring[interval]",
        "recurring[interval_count]",
        "trial_end",
        "trial_period_days",
        "type",
        "unit_amount",
        "unit_amount_decimal",
        "url",
        "[",
        "a[b",
    ]
)
VALUES = st.sampled_from(
    ["", "0", "-1", "1000", "10.5", "true", "usd", "jpy", "card", "month", "now", "pm_card_visa"]
) | st.text(max_size=8)


@pytest.mark.parametrize("path", PATHS)
class TestNonsense:
    @settings(
        max_examples=12,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(params=st.dictionaries(NAMES, VALUES, max_size=7))
    def test_is_refused_politely(self, emulator, path, params):
        answered = requests.post(
            f"{emulator.url}/v1/{path}", data=params, auth=("sk_test_x", ""), timeout=10
        )

        assert answered.status_code < 500, answered.text
        assert answered.status_code == 200 or answered.json()["error"]["message"]
