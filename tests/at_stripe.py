"""Stripe as its dashboard shows it: looked at, changed, and its test clocks."""

import time

import requests

from devstack.waiting import wait_until

DAY = 86400


class AtStripe:
    """Stripe's API, or the emulator's."""

    def __init__(self, url, api_key):
        self._url = url
        self._api_key = api_key

    def get(self, path, **params):
        return self._ask("GET", path, params=params)

    def post(self, path, **params):
        """Do what somebody does in Stripe's dashboard."""
        return self._ask("POST", path, data=params)

    def delete(self, path):
        return self._ask("DELETE", path)

    def give_card(self, stripe_subscription_id, card):
        """Have a Subscription charged with another card of its Customer's."""
        path = f"/v1/subscriptions/{stripe_subscription_id}"
        attach = f"/v1/payment_methods/{card}/attach"
        attached = self.post(attach, customer=self.get(path)["customer"])
        self.post(path, default_payment_method=attached["id"])

    def _ask(self, method, path, **options):
        url, key = f"{self._url}{path}", (self._api_key, "")
        response = requests.request(method, url, auth=key, timeout=30, **options)
        response.raise_for_status()
        return response.json()


class Clock:
    """A test clock, and the Customers that live on it."""

    def __init__(self, at_stripe, *, days_ago=0):
        self._at_stripe = at_stripe
        start = int(time.time()) - days_ago * DAY
        made = at_stripe.post("/v1/test_helpers/test_clocks", frozen_time=start)
        self.id, self.now = made["id"], made["frozen_time"]

    def customer(self, customer_id):
        """Make a Customer on this clock for one of our customers; return its id."""
        made = self._at_stripe.post(
            "/v1/customers", test_clock=self.id, **{"metadata[customer_id]": customer_id}
        )
        return made["id"]

    def reach(self, moment, *, seconds=0):
        """Let time pass until so many seconds after a moment."""
        self.advance(to=int(moment.timestamp()) + seconds)

    def advance(self, **by):
        """Let time pass: `seconds` or `days`, or `to` a moment."""
        self.now = by.get("to") or self.now + by.get("days", 0) * DAY + by.get("seconds", 0)
        path = f"/v1/test_helpers/test_clocks/{self.id}"
        self._at_stripe.post(f"{path}/advance", frozen_time=self.now)
        wait_until(lambda: self._at_stripe.get(path)["status"] == "ready", what="the clock")
