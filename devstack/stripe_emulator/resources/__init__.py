"""The API's resources, a module each."""

from __future__ import annotations

from devstack.stripe_emulator.resources import (
    balance_transactions,
    charges,
    confirmation_tokens,
    customers,
    disputes,
    events,
    invoice_payments,
    invoice_previews,
    invoices,
    payment_intents,
    payment_methods,
    prices,
    products,
    refunds,
    setup_attempts,
    setup_intents,
    subscriptions,
    test_clocks,
    tokens,
    webhook_endpoints,
)
from devstack.stripe_emulator.routing import Routes

_RESOURCES = (
    balance_transactions,
    charges,
    confirmation_tokens,
    customers,
    disputes,
    events,
    invoice_payments,
    invoice_previews,
    invoices,
    payment_intents,
    payment_methods,
    prices,
    products,
    refunds,
    setup_attempts,
    setup_intents,
    subscriptions,
    test_clocks,
    tokens,
    webhook_endpoints,
)


def all_routes() -> Routes:
    """Return every endpoint the emulator answers."""
    routes = Routes()
    for resource in _RESOURCES:
        routes.include(resource.routes)
    return routes
