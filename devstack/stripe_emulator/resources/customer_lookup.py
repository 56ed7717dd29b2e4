"""Finding a customer that has not been deleted."""

from __future__ import annotations

from devstack.stripe_emulator.errors import StripeObject, resource_missing
from devstack.stripe_emulator.objects import hidden
from devstack.stripe_emulator.session import Session


def existing(session: Session, customer_id: str, *, param: str | None = None) -> StripeObject:
    """Return a customer that has not been deleted."""
    customer = session.get("customer", customer_id, param=param)
    if hidden(customer).get("deleted"):
        raise resource_missing("customer", customer_id, param=param)
    return customer
