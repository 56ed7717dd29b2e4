"""What really happened, for a test to compare with what a system believes.

Everything is counted from the stored charges and refunds themselves.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import orjson

from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.store import Store


def audit(store: Store, filters: dict[str, str]) -> dict[str, Any]:
    """Count charges and sum money.

    `filters` narrows the charges: `customer`, `payment_intent`, `idempotency_key`, `currency`, or
    `metadata.<key>`. Sums are in minor units, a currency each.
    """
    charges = [charge for charge in _objects(store, "charge") if _matches(charge, filters)]
    charged = {charge["id"] for charge in charges}
    refunds = [refund for refund in _objects(store, "refund") if refund["charge"] in charged]
    succeeded = [charge for charge in charges if charge["status"] == "succeeded"]
    return {
        "charges": len(charges),
        "succeeded": len(succeeded),
        "failed": sum(charge["status"] == "failed" for charge in charges),
        "refunds": len(refunds),
        "per_customer": _count(charge["customer"] for charge in succeeded),
        "per_payment_intent": _count(charge["payment_intent"] for charge in succeeded),
        "per_idempotency_key": _count(_key(charge) for charge in succeeded),
        "per_metadata": _per_metadata(succeeded),
        "per_currency": _sums(succeeded, refunds),
        "charge_ids": [charge["id"] for charge in succeeded],
    }


def counts(store: Store) -> dict[str, int]:
    """Return how many objects of each kind there are."""
    return dict(store.rows("select kind, count(*) from object group by kind order by kind"))


def _objects(store: Store, kind: str) -> Iterator[StripeObject]:
    rows = store.iterate("select body from object where kind = ? order by seq", (kind,))
    for (body,) in rows:
        yield orjson.loads(body)


def _key(charge: StripeObject) -> str | None:
    key: str | None = charge.get("_hidden", {}).get("idempotency_key")
    return key


def _matches(charge: StripeObject, filters: dict[str, str]) -> bool:
    for name, value in filters.items():
        if name == "idempotency_key":
            found = _key(charge)
        elif name.startswith("metadata."):
            found = charge["metadata"].get(name.removeprefix("metadata."))
        else:
            found = charge.get(name)
        if found != value:
            return False
    return True


def _count(values: Iterator[str | None]) -> dict[str, int]:
    return dict(Counter(value for value in values if value is not None))


def _per_metadata(charges: list[StripeObject]) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for charge in charges:
        for key, value in charge["metadata"].items():
            found[key][value] += 1
    return {key: dict(values) for key, values in found.items()}


def _sums(charges: list[StripeObject], refunds: list[StripeObject]) -> dict[str, dict[str, int]]:
    sums: dict[str, dict[str, int]] = {}
    for charge in charges:
        of = sums.setdefault(
            charge["currency"],
            {"charges": 0, "authorized": 0, "captured": 0, "refunded": 0, "net": 0},
        )
        of["charges"] += 1
        of["authorized"] += charge["amount"]
        of["captured"] += charge["amount_captured"]
        of["net"] += charge["amount_captured"]
    for refund in refunds:
        if refund["status"] in ("succeeded", "pending"):
            sums[refund["currency"]]["refunded"] += refund["amount"]
            sums[refund["currency"]]["net"] -= refund["amount"]
    return sums
