"""HTTP clients of the running stack: the customer's API, the admin's figures, the emulator."""

import uuid
from collections.abc import Callable, Collection
from typing import Any

import requests

from devstack.waiting import wait_until

Json = dict[str, Any]

TIMEOUT = 30


class CustomerApi:
    """The customer service's API, as one customer uses it, or with `Bearer` a merchant's system."""

    def __init__(self, base_url: str, token: str, *, scheme: str = "Token") -> None:
        self.base_url = base_url
        self._session = requests.Session()
        if token:
            self._session.headers["Authorization"] = f"{scheme} {token}"

    def post_payment(self, body: Any, *, idempotency_key: str | None = None) -> requests.Response:
        """Send a body as it is; None as the key sends no `Idempotency-Key`."""
        headers = {} if idempotency_key is None else {"Idempotency-Key": idempotency_key}
        return self._session.post(
            f"{self.base_url}/api/payments/", json=body, headers=headers, timeout=TIMEOUT
        )

    def pay(
        self,
        *,
        amount: int = 1999,
        currency: str = "eur",
        payment_method: str = "pm_card_visa",
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Json:
        """Ask for a payment and return it as accepted; `fields` are more of the request's.

        Raises:
            requests.HTTPError: it was not accepted.
        """
        body = {
            "amount": amount,
            "currency": currency,
            "payment_method": payment_method,
            "return_url": f"{self.base_url}/",
            **fields,
        }
        response = self.post_payment(body, idempotency_key=idempotency_key or str(uuid.uuid4()))
        response.raise_for_status()
        payment: Json = response.json()
        return payment

    def get_payment(self, payment_id: str, **query: Any) -> requests.Response:
        """Look at one payment; `wait` and `revision` have the answer come when it moves on."""
        url = f"{self.base_url}/api/payments/{payment_id}/"
        return self._session.get(url, params=query, timeout=TIMEOUT + query.get("wait", 0))

    def post_update(
        self,
        payment_id: str,
        action: str,
        body: Json | None = None,
        *,
        idempotency_key: str | None = None,
    ) -> requests.Response:
        """Go on with a payment: `confirm`, `capture`, `cancel` or `refunds`."""
        return self.post(f"payments/{payment_id}/{action}/", body, key=idempotency_key)

    def update(self, payment_id: str, action: str, **body: Any) -> Json:
        """Go on with a payment, and return what was accepted.

        Raises:
            requests.HTTPError: it was not accepted.
        """
        response = self.post_update(payment_id, action, body)
        response.raise_for_status()
        accepted: Json = response.json()
        return accepted

    def confirm(self, payment_id: str) -> None:
        """Go on with a payment after 3-D Secure.

        Raises:
            requests.HTTPError: it was not accepted.
        """
        self.update(payment_id, "confirm")

    def history(self, payment_id: str) -> list[Json]:
        """Return a payment's history, the oldest first."""
        url = f"{self.base_url}/api/payments/{payment_id}/events/"
        events: list[Json] = self._session.get(url, timeout=TIMEOUT).json()
        return events

    def moved_on(self, payment_id: str, *, beyond: int, seconds: float = 30) -> Json:
        """Wait until a payment's revision is higher than `beyond`, and return the payment.

        Raises:
            DeadlinePassedError: it is not.
        """

        def news() -> Json | None:
            payment: Json = self.get_payment(payment_id, wait=10, revision=beyond).json()
            return payment if payment["revision"] > beyond else None

        payment = wait_until(news, what=f"news of payment {payment_id}", seconds=seconds)
        assert payment is not None  # noqa: S101 - wait_until returns true values only
        return payment

    def answered_payment(
        self, payment_id: str, *, after: Collection[str] = ("requested",), seconds: float = 30
    ) -> Json:
        """Wait until a payment has left the statuses `after`, and return it.

        Raises:
            DeadlinePassedError: it has not.
        """

        def answered() -> Json | None:
            payment: Json = self.get_payment(payment_id).json()
            return payment if payment["status"] not in after else None

        payment = wait_until(answered, what=f"payment {payment_id}", seconds=seconds)
        assert payment is not None  # noqa: S101 - wait_until returns true values only
        return payment

    def subscribe(
        self,
        plan: str = "coffee-monthly",
        *,
        payment_method: str = "pm_card_visa",
        idempotency_key: str | None = None,
        **fields: Any,
    ) -> Json:
        """Ask for a subscription and return it as accepted; `fields` are more of the request's.

        Raises:
            requests.HTTPError: it was not accepted.
        """
        body = {"plan": plan, "payment_method": payment_method, **fields}
        response = self.post("subscriptions/", body, key=idempotency_key)
        response.raise_for_status()
        accepted: Json = response.json()
        return accepted

    def change_subscription(self, subscription_id: str, what: str, **body: Any) -> Json:
        """Change a subscription: `cancel`, `plan`, `card` and others; return what was accepted.

        Raises:
            requests.HTTPError: it was not accepted.
        """
        response = self.post(f"subscriptions/{subscription_id}/{what}/", body)
        response.raise_for_status()
        accepted: Json = response.json()
        return accepted

    def get_subscription(self, subscription_id: str, part: str = "", **query: Any) -> Any:
        """Look at a subscription, or at its `invoices/` or `events/`."""
        url = f"{self.base_url}/api/subscriptions/{subscription_id}/{part}"
        timeout = TIMEOUT + query.get("wait", 0)
        return self._session.get(url, params=query, timeout=timeout).json()

    def look_at_subscription(self, subscription_id: str) -> requests.Response:
        """Look at a subscription, whatever the answer."""
        url = f"{self.base_url}/api/subscriptions/{subscription_id}/"
        return self._session.get(url, timeout=TIMEOUT)

    def subscription_when(
        self, subscription_id: str, is_so: Callable[[Json], bool], *, seconds: float = 30
    ) -> Json:
        """Wait until something is so of a subscription, and return it.

        Raises:
            DeadlinePassedError: it is not.
        """

        def found() -> Json | None:
            subscription: Json = self.get_subscription(subscription_id)
            return subscription if is_so(subscription) else None

        found_so = wait_until(found, what=f"subscription {subscription_id}", seconds=seconds)
        assert found_so is not None  # noqa: S101 - wait_until returns true values only
        return found_so

    def post(self, path: str, body: Json | None, *, key: str | None = None) -> requests.Response:
        """Send a body to a path of the API, under a key of its own if none is given."""
        return self._session.post(
            f"{self.base_url}/api/{path}",
            json=body or {},
            headers={"Idempotency-Key": key or str(uuid.uuid4())},
            timeout=TIMEOUT,
        )


def analytics(base_url: str, token: str) -> Json:
    """Return the admin service's count, count by status, and volume by currency."""
    response = requests.get(
        f"{base_url}/api/analytics/payments/",
        headers={"Authorization": f"Token {token}"},
        timeout=TIMEOUT,
    )
    response.raise_for_status()
    figures: Json = response.json()
    return figures


def emulator_audit(base_url: str, **filters: str) -> Json:
    """Return what really happened at the emulator; filters narrow the charges (audit.py)."""
    response = requests.get(f"{base_url}/_emulator/audit", params=filters, timeout=TIMEOUT)
    response.raise_for_status()
    figures: Json = response.json()
    return figures
