"""Prices: what one unit of a plan costs for one interval, once for each version of a plan."""

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid5

from kafka_bridge.contracts import PlanInfo
from payment_project.stripe_gateway.client import request
from payment_project.stripe_gateway.errors import StripeRejected
from payment_project.stripe_gateway.idempotency import make_once

if TYPE_CHECKING:
    from stripe.params import PriceCreateParams

_PLANS: Final = UUID("3a0d4a0e-7c55-5b61-9d0c-706c616e7321")
_LONGEST_LOOKUP_KEY: Final = 200
_LONGEST_NAME: Final = 250


async def find_or_make_price(plan_id: str, plan: PlanInfo) -> str:
    """Return the id of the Price that stands for a plan, one however often it is asked for.

    It is found by its lookup key, which says all that may not change about it. If somebody archived
    it at Stripe, another takes the key over. https://docs.stripe.com/products-prices/manage-prices

    Raises:
        TryLater, StripeRejected, OutcomeUnknown: see `translated`.
    """
    key = _lookup_key(plan_id, plan)
    found = await request("get", "/v1/prices", {"lookup_keys": [key]})
    known = found["data"][0] if found["data"] else None
    if known and known["active"]:
        return str(known["id"])
    params: PriceCreateParams = {
        "product": await _make_product(plan_id, plan.name),
        "currency": plan.currency,
        "unit_amount": plan.amount,
        "recurring": {"interval": plan.interval, "interval_count": plan.interval_count},
        "lookup_key": key,
        "transfer_lookup_key": True,
        "metadata": {"subscription_plan_id": plan_id, "version": str(plan.version)},
    }
    # What was archived within a day was made with the key of the first, which would give it back.
    place = f"{key}/{known['id']}" if known else key
    price = await request(
        "post", "/v1/prices", params, idempotency_key=f"{uuid5(_PLANS, place)}:price"
    )
    return str(price["id"])


async def _make_product(plan_id: str, name: str) -> str:
    # A plan's Product has an id of our choice, so that nobody has to look for it.
    product_id = f"plan_{uuid5(_PLANS, plan_id).hex}"
    params = {
        "id": product_id,
        "name": name[:_LONGEST_NAME],
        "metadata": {"subscription_plan_id": plan_id},
    }
    key = f"{uuid5(_PLANS, f'{plan_id}/{name}')}:product"
    try:
        await make_once(
            lambda: request("post", "/v1/products", params, idempotency_key=key),
            find=lambda: _find_product(product_id),
        )
    except StripeRejected as error:
        cause = error.__cause__
        if getattr(cause, "code", None) != "resource_already_exists":
            raise
    return product_id


async def _find_product(product_id: str) -> dict[str, Any] | None:
    found = await request("get", "/v1/products", {"ids": [product_id]})
    return found["data"][0] if found["data"] else None


def _lookup_key(plan_id: str, plan: PlanInfo) -> str:
    interval = f"{plan.interval_count}{plan.interval}"
    key = f"{plan_id}:v{plan.version}:{plan.amount}:{plan.currency}:{interval}"
    return key if len(key) <= _LONGEST_LOOKUP_KEY else str(uuid5(_PLANS, key))
