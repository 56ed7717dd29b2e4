"""SetupAttempts: each try at a SetupIntent."""

from __future__ import annotations

from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.lists import list_objects
from devstack.stripe_emulator.routing import Request, Routes
from devstack.stripe_emulator.session import Session

routes = Routes()


@routes.add("GET", "/v1/setup_attempts", "SetupAttemptListParams")
def index_attempts(request: Request) -> StripeObject:
    """List the attempts at a SetupIntent."""
    return list_objects(
        request, "setup_attempt", where={"setup_intent": request.params["setup_intent"]}
    )


def record(session: Session, intent: StripeObject, method: StripeObject) -> None:
    """Begin an attempt."""
    attempt = session.create(
        "setup_attempt",
        customer=intent["customer"],
        payment_method=method["id"],
        payment_method_details={
            "card": {
                "brand": method["card"]["brand"],
                "checks": method["card"]["checks"],
                "country": method["card"]["country"],
                "exp_month": method["card"]["exp_month"],
                "exp_year": method["card"]["exp_year"],
                "fingerprint": method["card"]["fingerprint"],
                "funding": method["card"]["funding"],
                "last4": method["card"]["last4"],
                "network": method["card"]["brand"],
                "three_d_secure": None,
                "wallet": None,
            },
            "type": "card",
        },
        setup_intent=intent["id"],
        status="requires_action",
        usage=intent["usage"],
    )
    session.save(intent, latest_attempt=attempt["id"])


def close(
    session: Session, intent: StripeObject, status: str, error: dict[str, object] | None
) -> None:
    """End the latest attempt."""
    session.save(session.the(intent["latest_attempt"]), status=status, setup_error=error)
