"""Events: everything that happened, listed."""

from __future__ import annotations

from fnmatch import fnmatchcase

from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.lists import list_objects
from devstack.stripe_emulator.routing import Request, Routes

routes = Routes()


@routes.add("GET", "/v1/events", "EventListParams")
def index(request: Request) -> StripeObject:
    """List events of a type, of a family such as `charge.*`, or of several types."""
    params = request.params
    patterns = params.get("types") or ([params["type"]] if "type" in params else ["*"])
    exact = patterns[0] if len(patterns) == 1 and "*" not in patterns[0] else None

    def keep(event: StripeObject) -> bool:
        if "delivery_success" in params and params["delivery_success"] == bool(
            event["pending_webhooks"]
        ):
            return False
        return any(fnmatchcase(event["type"], pattern) for pattern in patterns)

    return list_objects(request, "event", where={"type": exact}, keep=keep)


@routes.add("GET", "/v1/events/{id}", "EventRetrieveParams")
def retrieve(request: Request) -> StripeObject:
    """Retrieve an event."""
    return request.session.get("event", request.id)
