"""One attempt at a PaymentIntent: authenticate, charge, decline, or wait for the bank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from devstack.stripe_emulator.errors import StripeError, StripeObject, card_error, doc_url
from devstack.stripe_emulator.objects import hidden, public
from devstack.stripe_emulator.resources import charges, disputes, payment_methods
from devstack.stripe_emulator.resources.intents import next_action
from devstack.stripe_emulator.session import Session
from devstack.stripe_emulator.test_cards import GENERIC_DECLINE, Decline

_NEEDS_AUTHENTICATION = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)


@dataclass(frozen=True)
class Terms:
    """How an attempt may go about it."""

    off_session: bool = False
    error_on_requires_action: bool = False
    return_url: str | None = None
    use_stripe_sdk: bool = False


class InvoiceHooks(Protocol):
    """What an invoice wants to know about the payments made for it."""

    def paid(self, session: Session, intent: StripeObject) -> None:
        """Learn that a payment succeeded."""

    def failed(self, session: Session, intent: StripeObject) -> None:
        """Learn that a payment failed."""


_invoice_hooks: list[InvoiceHooks] = []


def tell_invoices(hooks: InvoiceHooks) -> None:
    """Have invoices told about the payments made for them."""
    _invoice_hooks.append(hooks)


def attempt(session: Session, intent: StripeObject, terms: Terms) -> StripeObject:
    """Try to take the money with the intent's payment method.

    Raises:
        StripeError: declined; the intent, its charge and the events stay written.
    """
    method = session.the(intent["payment_method"])
    card = payment_methods.card_of(method)
    if _needs_authentication(intent, method):
        if terms.off_session or terms.error_on_requires_action:
            raise _decline(session, intent, method, _NEEDS_AUTHENTICATION, charge=None)
        return _ask_for_authentication(session, intent, terms)
    if card.decline:
        charge = charges.fail(session, intent, method, card.decline)
        raise _decline(session, intent, method, card.decline, charge=charge)
    if session.asked_to_process:
        return _begin_processing(session, intent, method)
    return _succeed(session, intent, method)


def authenticate(session: Session, intent: StripeObject, *, success: bool) -> StripeObject:
    """Take the cardholder's answer to 3-D Secure, and go on.

    With automatic confirmation the payment is attempted at once, declines included; with manual
    confirmation the server must confirm again.
    """
    if intent["status"] != "requires_action":
        raise StripeError(
            f"This PaymentIntent is not waiting for an action: its status is {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    if not success:
        method = session.the(intent["payment_method"])
        _to_requires_payment_method(
            session,
            intent,
            {
                "code": "payment_intent_authentication_failure",
                "doc_url": doc_url("payment_intent_authentication_failure"),
                "message": "We are unable to authenticate your payment method. Please choose a"
                " different payment method and try again.",
                "payment_method": public(method),
                "type": "invalid_request_error",
            },
        )
        return intent
    hidden(intent)["authenticated"] = True
    session.save(intent, status="requires_confirmation", next_action=None)
    if intent["confirmation_method"] == "automatic":
        try:
            attempt(session, intent, Terms())
        except StripeError as error:
            if not error.keeps_effects:
                raise
    return intent


def finish_processing(session: Session, intent: StripeObject, *, success: bool) -> StripeObject:
    """Let the bank answer about a payment that is `processing`."""
    if intent["status"] != "processing":
        raise StripeError(
            f"This PaymentIntent is not processing: its status is {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    method = session.the(intent["payment_method"])
    charge = session.the(intent["latest_charge"])
    if success:
        charges.finish(session, charge, None)
        _received(session, intent, method, charge)
        return intent
    charges.finish(session, charge, GENERIC_DECLINE)
    _to_requires_payment_method(
        session, intent, _payment_error(GENERIC_DECLINE, method, charge["id"])
    )
    return intent


def _needs_authentication(intent: StripeObject, method: StripeObject) -> bool:
    if hidden(intent).get("authenticated"):
        return False
    card = payment_methods.card_of(method)
    if card.three_d_secure == "unless_set_up":
        return not payment_methods.is_set_up(method)
    if card.three_d_secure == "required":
        return True
    requested = (intent["payment_method_options"] or {}).get("card", {})
    asked: bool = requested.get("request_three_d_secure") in ("any", "challenge")
    return asked and card.three_d_secure != "unsupported"


def _ask_for_authentication(session: Session, intent: StripeObject, terms: Terms) -> StripeObject:
    session.save(
        intent,
        status="requires_action",
        last_payment_error=None,
        next_action=next_action(
            session, intent, return_url=terms.return_url, use_stripe_sdk=terms.use_stripe_sdk
        ),
    )
    session.emit("payment_intent.requires_action", intent)
    return intent


def _begin_processing(session: Session, intent: StripeObject, method: StripeObject) -> StripeObject:
    charge = charges.begin(session, intent, method)
    session.save(
        intent,
        status="processing",
        next_action=None,
        last_payment_error=None,
        latest_charge=charge["id"],
        processing={"type": "card", "card": {}},
    )
    session.emit("payment_intent.processing", intent)
    fault = session.asked_to_process
    if fault and fault.seconds:
        session.schedule(
            "finish_processing",
            intent["id"],
            after=fault.delay(),
            success=fault.outcome == "succeeded",
        )
    return intent


def _succeed(session: Session, intent: StripeObject, method: StripeObject) -> StripeObject:
    charge = charges.succeed(session, intent, method)
    if intent["capture_method"] == "manual":
        session.save(
            intent,
            status="requires_capture",
            next_action=None,
            last_payment_error=None,
            latest_charge=charge["id"],
            amount_capturable=intent["amount"],
        )
        _keep_or_spend(session, intent, method)
        session.emit("payment_intent.amount_capturable_updated", intent)
        return intent
    _received(session, intent, method, charge)
    dispute = payment_methods.card_of(method).dispute
    if dispute:
        disputes.open_dispute(session, charge, reason=dispute)
    return intent


def _received(
    session: Session, intent: StripeObject, method: StripeObject, charge: StripeObject
) -> None:
    session.save(
        intent,
        status="succeeded",
        next_action=None,
        processing=None,
        last_payment_error=None,
        latest_charge=charge["id"],
        amount_capturable=0,
        amount_received=charge["amount_captured"],
    )
    _keep_or_spend(session, intent, method)
    session.emit("payment_intent.succeeded", intent)
    for hooks in _invoice_hooks:
        hooks.paid(session, intent)


def _keep_or_spend(session: Session, intent: StripeObject, method: StripeObject) -> None:
    """Attach the payment method if it was to be kept; otherwise it may not be used again."""
    if method["customer"]:
        pass
    elif intent["setup_future_usage"] and intent["customer"]:
        payment_methods.attach_to_customer(session, method, intent["customer"])
    else:
        hidden(method)["spent"] = True
    if intent["setup_future_usage"] == "off_session" and hidden(intent).get("authenticated"):
        hidden(method)["set_up"] = True
    session.save(method)


def _payment_error(decline: Decline, method: StripeObject, charge_id: str | None) -> dict[str, Any]:
    error = {
        "charge": charge_id,
        "code": decline.code,
        "decline_code": decline.decline_code,
        "doc_url": doc_url(decline.code),
        "message": decline.message,
        "payment_method": public(method),
        "type": "card_error",
    }
    return {name: value for name, value in error.items() if value is not None}


def _decline(
    session: Session,
    intent: StripeObject,
    method: StripeObject,
    decline: Decline,
    *,
    charge: StripeObject | None,
) -> StripeError:
    payment_error = _payment_error(decline, method, charge["id"] if charge else None)
    if charge:
        intent["latest_charge"] = charge["id"]
    _to_requires_payment_method(session, intent, payment_error)
    return card_error(
        decline.message,
        code=decline.code,
        decline_code=decline.decline_code,
        charge=charge["id"] if charge else None,
        payment_intent=public(intent),
        payment_method=public(method),
    )


def _to_requires_payment_method(
    session: Session, intent: StripeObject, payment_error: dict[str, Any]
) -> None:
    hidden(intent).pop("authenticated", None)
    session.save(
        intent,
        status="requires_payment_method",
        payment_method=None,
        next_action=None,
        processing=None,
        last_payment_error=payment_error,
    )
    session.emit("payment_intent.payment_failed", intent)
    for hooks in _invoice_hooks:
        hooks.failed(session, intent)
