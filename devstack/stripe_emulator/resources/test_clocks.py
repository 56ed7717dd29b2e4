"""Test clocks: time that is moved by hand, for the customers that live on it.

https://docs.stripe.com/billing/testing/test-clocks
"""

from __future__ import annotations

import time

from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.lists import list_objects
from devstack.stripe_emulator.objects import hidden
from devstack.stripe_emulator.resources import billing_timeline, subscription_states
from devstack.stripe_emulator.resources.billing_periods import period_around
from devstack.stripe_emulator.routing import Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()

_KIND = "test_helpers.test_clock"
_KEPT_DAYS = 30
_MOST_INTERVALS = 2


@routes.add("POST", "/v1/test_helpers/test_clocks", "test_helpers.TestClockCreateParams")
def create(request: Request) -> StripeObject:
    """Create a clock that stands at `frozen_time`."""
    session, params = request.session, request.params
    clock = session.create(
        _KIND,
        deletes_after=int(time.time()) + _KEPT_DAYS * 86400,
        frozen_time=params["frozen_time"],
        name=params.get("name"),
        status="ready",
        status_details={},
    )
    session.emit("test_helpers.test_clock.created", clock)
    return clock


@routes.add("GET", "/v1/test_helpers/test_clocks", "test_helpers.TestClockListParams")
def index(request: Request) -> StripeObject:
    """List the clocks."""
    return list_objects(request, _KIND, keep=lambda clock: not hidden(clock).get("deleted"))


@routes.add("GET", "/v1/test_helpers/test_clocks/{id}", "test_helpers.TestClockRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve a clock: `advancing` until everything due has happened."""
    return request.session.get(_KIND, request.id)


@routes.add(
    "POST", "/v1/test_helpers/test_clocks/{id}/advance", "test_helpers.TestClockAdvanceParams"
)
def advance(request: Request) -> StripeObject:
    """Start to advance a clock; it is ready soon after, which an event tells."""
    session = request.session
    clock = session.get(_KIND, request.id)
    target: int = request.params["frozen_time"]
    if clock["status"] != "ready":
        raise StripeError(
            "Test clock advancement underway - cannot perform modifications.",
            status=429,
            code="lock_timeout",
        )
    if target <= clock["frozen_time"]:
        raise StripeError(
            "`frozen_time` must be after the clock's current time.", param="frozen_time"
        )
    _check_distance(session, clock, target)
    session.save(
        clock, status="advancing", status_details={"advancing": {"target_frozen_time": target}}
    )
    session.emit("test_helpers.test_clock.advancing", clock)
    session.schedule("advance_clock", clock["id"], after=0, target=target)
    return clock


@routes.add("DELETE", "/v1/test_helpers/test_clocks/{id}", "test_helpers.TestClockDeleteParams")
def delete(request: Request) -> StripeObject:
    """Delete a clock, with its customers and their subscriptions."""
    session = request.session
    clock = session.get(_KIND, request.id)
    for subscription in session.all("subscription", test_clock=clock["id"]):
        if subscription["status"] not in subscription_states.ENDED:
            subscription_states.cancel(session, subscription)
    for customer in session.all("customer", test_clock=clock["id"]):
        hidden(customer)["deleted"] = True
        session.save(customer)
    hidden(clock)["deleted"] = True
    session.save(clock)
    session.emit("test_helpers.test_clock.deleted", clock)
    return {"id": clock["id"], "object": _KIND, "deleted": True}


def arrive(session: Session, clock: StripeObject, *, target: int) -> None:
    """Let everything happen on the way, then be ready."""
    billing_timeline.run_until(session, clock, target)
    session.save(clock, status="ready", status_details={})
    session.emit("test_helpers.test_clock.ready", clock)


def _check_distance(session: Session, clock: StripeObject, target: int) -> None:
    for subscription in session.all("subscription", test_clock=clock["id"]):
        if subscription["status"] in subscription_states.ENDED:
            continue
        reached = clock["frozen_time"]
        for _ in range(_MOST_INTERVALS):
            recurring = subscription["items"]["data"][0]["price"]["recurring"]
            reached = period_around(anchor=reached, recurring=recurring, at=reached)[1]
        if target > reached:
            raise StripeError(
                "You cannot advance a test clock by more than two intervals of the shortest"
                f" subscription on it: that is until {reached}.",
                param="frozen_time",
            )
