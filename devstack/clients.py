"""HTTP clients of the running stack: the customer's API, the admin's figures, the emulator."""

import uuid
from collections.abc import Collection
from typing import Any

import requests

from devstack.waiting import wait_until

Json = dict[str, Any]

TIMEOUT = 30


class CustomerApi:
    """The customer service's API, as one customer uses it."""

    def __init__(self, base_url: str, token: str) -> None:
        self.base_url = base_url
        self._session = requests.Session()
        if token:
            self._session.headers["Authorization"] = f"Token {token}"

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
    ) -> Json:
        """Ask for a payment and return it as accepted.

        Raises:
            requests.HTTPError: it was not accepted.
        """
        body = {
            "amount": amount,
            "currency": currency,
            "payment_method": payment_method,
            "return_url": f"{self.base_url}/",
        }
        response = self.post_payment(body, idempotency_key=idempotency_key or str(uuid.uuid4()))
        response.raise_for_status()
        payment: Json = response.json()
        return payment

    def get_payment(self, payment_id: str) -> requests.Response:
        """Look at one payment."""
        return self._session.get(f"{self.base_url}/api/payments/{payment_id}/", timeout=TIMEOUT)

    def confirm(self, payment_id: str) -> None:
        """Go on with a payment after 3-D Secure.

        Raises:
            requests.HTTPError: it was not accepted.
        """
        self._session.post(
            f"{self.base_url}/api/payments/{payment_id}/confirm/",
            headers={"Idempotency-Key": str(uuid.uuid4())},
            timeout=TIMEOUT,
        ).raise_for_status()

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
