"""By which fields each kind of object can be listed: the store keeps an index of these."""

from __future__ import annotations

from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.objects import hidden

FIELDS: dict[str, tuple[str, ...]] = {
    "balance_transaction": ("source",),
    "charge": ("customer", "payment_intent"),
    "customer": ("email", "test_clock"),
    "dispute": ("charge", "payment_intent"),
    "event": ("type",),
    "invoice": ("customer", "status", "test_clock"),
    "invoice_payment": ("invoice",),
    "invoiceitem": ("customer",),
    "payment_intent": ("customer",),
    "payment_method": ("customer",),
    "price": ("product", "lookup_key"),
    "refund": ("charge", "payment_intent"),
    "setup_attempt": ("setup_intent",),
    "setup_intent": ("customer", "payment_method"),
    "subscription": ("customer", "status", "test_clock"),
    "subscription_item": ("subscription",),
}


def references(stripe_object: StripeObject) -> set[tuple[str, str]]:
    """Return the (field, value) pairs an object is found under.

    Beside its own fields, an object may be found under what it keeps hidden as `references`, such
    as the subscription deep inside an invoice.
    """
    kind = stripe_object["object"]
    pairs = {
        (f"{kind}.{field}", stripe_object[field])
        for field in FIELDS.get(kind, ())
        if stripe_object.get(field)
    }
    more: dict[str, str] = hidden(stripe_object).get("references", {})
    return pairs | {(f"{kind}.{field}", value) for field, value in more.items()}
