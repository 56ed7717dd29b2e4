"""Stripe's Customers, and whose a payment method is."""

from typing import TYPE_CHECKING, Final
from urllib.parse import quote
from uuid import UUID, uuid5

import structlog

from kafka_bridge.contracts import CustomerInfo
from kafka_bridge.errors import OutcomeUnknown
from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.errors import (
    StripeRejected,
    is_about,
    is_missing,
    is_replayed,
)
from payment_project.stripe_gateway.idempotency import make_once
from payment_project.stripe_gateway.lists import find_made

if TYPE_CHECKING:
    from stripe.params import CustomerUpdateParams

logger = structlog.get_logger(__name__)

_CUSTOMERS: Final = UUID("6c1f6f0e-2a53-5c0b-9a57-637573746f6d")


async def create_customer(customer_id: str, *, instead_of: str = "") -> str:
    """Make a customer's Customer, one however often and for whatever event it is asked for.

    Returns Stripe's id. What is known of the person is told by `describe_customer`: the body that
    goes with a key made of the customer's id must be the same for every event. `instead_of` names
    one that was deleted: the key that made it would answer with it.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    metadata = {"customer_id": customer_id}
    key = f"{uuid5(_CUSTOMERS, customer_id + instead_of)}:customer"
    customer = await make_once(
        lambda: request("post", "/v1/customers", {"metadata": metadata}, idempotency_key=key),
        find=lambda: find_made("/v1/customers", metadata),
    )
    return str(customer["id"])


async def describe_customer(stripe_customer_id: str, info: CustomerInfo, *, event_id: UUID) -> None:
    """Tell Stripe what the event tells of the person, if anything.

    What Stripe does not take, such as a misspelt e-mail address, keeps nobody from paying, and nor
    does a 500 that it stored for the key.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    params: CustomerUpdateParams = {}
    if info.email:
        params["email"] = info.email
    if info.name:
        params["name"] = info.name
    if info.phone:
        params["phone"] = info.phone
    if params:
        path = f"/v1/customers/{stripe_customer_id}"
        try:
            await request("post", path, params, idempotency_key=f"{event_id}:describe_customer")
        except StripeRejected as error:
            if not is_about(error, params):
                raise
            logger.warning("customer_not_described", stripe_customer_id=stripe_customer_id)
        except OutcomeUnknown as error:
            if not is_replayed(error):
                raise
            logger.warning("customer_not_described", stripe_customer_id=stripe_customer_id)


async def owner_of(payment_method_id: str) -> str:
    """Return the Customer that a payment method is attached to; empty if there is none.

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    try:
        method = await request(
            "get", f"/v1/payment_methods/{quote(payment_method_id, safe='')}", {}
        )
    except StripeRejected as error:
        if is_missing(error):
            return ""
        raise
    return str(method["customer"] or "")
