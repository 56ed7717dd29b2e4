"""3-D Secure answered, for either kind of intent."""

from __future__ import annotations

from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.resources import payment_attempts, setup_intents
from devstack.stripe_emulator.session import Session


def authenticate(session: Session, intent: StripeObject, *, success: bool) -> StripeObject:
    """Take the cardholder's answer and go on with the intent."""
    if intent["object"] == "setup_intent":
        return setup_intents.authenticate(session, intent, success=success)
    return payment_attempts.authenticate(session, intent, success=success)
