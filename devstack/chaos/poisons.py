"""Bad records: each is right but for one thing, which its dead letter must name."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from kafka_bridge.contracts import EVENT_CLASSES, Topic

POISONED: Final = "chaos-poison"
"""The header of a record that must die: which of them it is."""
FAULT: Final = "chaos-fault"
"""The header with the field that is wrong; `value` where it is the record as a whole."""

_LARGE: Final = 998_000
"""With the rest, almost all that a topic takes; of more the dead letter topic has no copy."""
_WHOLE: Final = "value"

_WRONG: Final[dict[str, tuple[str, Any]]] = {
    "unknown version": ("version", "2.0"),
    "no version": ("version", None),
    "another type": ("eventType", "chaos"),
    "no time": ("timestamp", "yesterday"),
    "float amount": ("amount", 10.5),
    "negative amount": ("amount", -1000),
    "amount as text": ("amount", "1000"),
    "currency in words": ("currency", "euros"),
    "payment by number": ("paymentId", 7),
    "unknown action": ("action", "chaos"),
    "customer as number": ("customerId", 7),
    "no customer": ("customerId", ""),
    "large": ("customerId", "x" * _LARGE),
}
_LESS: Final = "a field less"
_NUL: Final = "nul"
_BYTES: Final[dict[str, bytes | None]] = {
    "empty": b"",
    "tombstone": None,
    "not UTF-8": b'{"customerId": "\xff\xfe"}',
    "not JSON": b"{customerId: chaos}",
    "an array": b'[{"customerId": "chaos"}]',
    "a number": b"1",
}
_ALLOWED: Final = {("negative amount", Topic.PAYMENT_BALANCE)}
"""What is wrong elsewhere."""


@dataclass(frozen=True, kw_only=True)
class Poison:
    """A bad record's value, and the field that is wrong; `value` where it is all of it."""

    value: bytes | None
    field: str


def poisons_of(topic: str) -> tuple[str, ...]:
    """Return the names of what can be wrong with a topic's records."""
    fields = _fields(topic)
    wrong = [
        name
        for name, (field, _) in _WRONG.items()
        if field in fields and (name, topic) not in _ALLOWED
    ]
    return (*wrong, _LESS, _NUL, *_BYTES)


def poison(topic: str, how: str, *, customer: str) -> Poison:
    """Spoil an event of the topic that would be this customer's."""
    if how in _BYTES:
        return Poison(value=_BYTES[how], field=_WHOLE)
    event = orjson.loads(good(topic, customer=customer))
    if how == _NUL:  # which JSON and the contract allow, and PostgreSQL does not
        return Poison(value=orjson.dumps(event | {"customerId": "\0"}), field=_WHOLE)
    if how == _LESS:
        field = next(name for name, required in reversed(_fields(topic).items()) if required)
        del event[field]
        return Poison(value=orjson.dumps(event), field=field)
    field, value = _WRONG[how]
    return Poison(value=orjson.dumps(event | {field: value}), field=field)


def good(topic: str, *, customer: str) -> bytes:
    """Make an event of the topic that is as it should be, with nobody's data in it."""
    given = _ANY | _OWN.get(Topic(topic), {}) | {"eventType": topic, "customerId": customer}
    made = {name: value() if callable(value) else value for name, value in given.items()}
    return EVENT_CLASSES[Topic(topic)].model_validate_json(orjson.dumps(made)).to_json()


def _fields(topic: str) -> dict[str, bool]:
    """Return the names of a topic's fields as they are written, and whether each must be there."""
    fields = EVENT_CLASSES[Topic(topic)].model_fields
    return {str(field.alias): field.is_required() for field in fields.values()}


def _new_id() -> str:
    return str(uuid.uuid4())


def _now() -> str:
    return datetime.now(UTC).isoformat()


_PLAN: Final = {"name": "Chaos", "amount": 1000, "currency": "eur", "interval": "month"}
_ANY: Final[dict[str, Any | Callable[[], str]]] = {
    "eventId": _new_id,
    "timestamp": _now,
    "source": "chaos",
    "customerInfo": {},
    "metadata": {},
    "paymentId": _new_id,
    "paymentIntentId": "pi_chaos",
    "paymentMethodId": "pm_card_visa",
    "card": {
        "paymentMethodId": "pm_chaos",
        "brand": "visa",
        "last4": "4242",
        "expMonth": 1,
        "expYear": 2040,
    },
    "revision": 1,
    "action": "cancel",
    "status": "canceled",
    "success": True,
    "amount": 1000,
    "currency": "eur",
    "requestedAt": _now,
    "subscriptionId": _new_id,
    "stripeSubscriptionId": "sub_chaos",
    "subscriptionPlanId": "chaos",
    "planInfo": _PLAN,
    "interval": "month",
    "invoiceId": "in_chaos",
    "billingReason": "subscription_cycle",
    "amountDue": 1000,
    "amountPaid": 1000,
    "rawPayload": "{}",
    "signature": "t=1,v1=chaos",
    "webhookEvent": {},
    "webhookEventId": "evt_chaos",
    "webhookEventType": "chaos",
    "outcome": "ignored",
    "receivedAt": _now,
    "balanceTransactionId": "txn_chaos",
    "type": "charge",
    "reportingCategory": "charge",
    "fee": 0,
    "net": 1000,
    "occurredAt": _now,
    "availableOn": _now,
    "since": _now,
    "until": _now,
}
"""What any of the contracts asks for; each takes what it knows."""
_OWN: Final[dict[Topic, dict[str, Any]]] = {
    Topic.STRIPE_PAYMENT_UPDATE: {"action": "capture"},
    Topic.SUBSCRIPTION_PAYMENT_UPDATED: {"status": "paid"},
}
"""What one of them means by the same name."""
