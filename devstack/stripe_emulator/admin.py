"""`/_emulator/`: what no Stripe has: faults, commands and the audit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl

import orjson

from devstack.stripe_emulator import API_VERSION
from devstack.stripe_emulator.audit import audit, counts
from devstack.stripe_emulator.emulator import Emulator
from devstack.stripe_emulator.errors import StripeError, StripeObject, refused
from devstack.stripe_emulator.exchange import Answer, Call, json_answer
from devstack.stripe_emulator.objects import public
from devstack.stripe_emulator.rate_limits import SANDBOX_LIMIT
from devstack.stripe_emulator.resources import (
    authentication,
    charges,
    disputes,
    payment_attempts,
    refunds,
)
from devstack.stripe_emulator.session import Session

_Command = Callable[[Session, str, dict[str, Any]], StripeObject]


class Admin:
    """Answers everything under `/_emulator/`."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def answer(self, call: Call) -> Answer:
        """Answer one request of a test or an operator."""
        try:
            return json_answer(self._body(call))
        except StripeError as error:
            return json_answer(error.body, status=error.status)
        except orjson.JSONDecodeError as error:
            return json_answer(refused(f"Not JSON: {error}").body, status=400)

    def _body(self, call: Call) -> Any:
        given: Any = orjson.loads(call.body) if call.body else {}
        segments = call.path.removeprefix("/_emulator/").split("/")
        match segments:
            case [_, object_id, command] if call.method == "POST":
                return self._command(command, object_id, given)
            case [name] if (call.method, name) in _SETTINGS:
                return _SETTINGS[call.method, name](self._emulator, given)
            case ["audit"]:
                return audit(self._emulator.store, dict(parse_qsl(call.query)))
        raise refused(f"Unrecognized emulator URL ({call.line}).", status=404)

    def _command(self, command: str, object_id: str, given: dict[str, Any]) -> StripeObject:
        run = _COMMANDS.get(command)
        if run is None:
            raise refused(f"Unknown command: {command}", status=404)
        session = self._emulator.session()
        with self._emulator.store.transaction():
            answer = public(run(session, object_id, given))
            session.flush()
        self._emulator.after(session)
        return answer


def _dispute(session: Session, charge_id: str, given: dict[str, Any]) -> StripeObject:
    charge = session.get("charge", charge_id)
    return disputes.open_dispute(
        session, charge, reason=given.get("reason", "fraudulent"), amount=given.get("amount")
    )


def _settle(session: Session, charge_id: str, _: dict[str, Any]) -> StripeObject:
    charge = session.get("charge", charge_id)
    charges.settle_later(session, charge)
    return charge


def _close(session: Session, dispute_id: str, given: dict[str, Any]) -> StripeObject:
    dispute = session.get("dispute", dispute_id)
    return disputes.close_dispute(session, dispute, won=given.get("outcome") == "won")


def _authenticate(session: Session, intent_id: str, given: dict[str, Any]) -> StripeObject:
    kind = "setup_intent" if intent_id.startswith("seti_") else "payment_intent"
    intent = session.get(kind, intent_id)
    return authentication.authenticate(session, intent, success=_succeeds(given))


def _resend(session: Session, event_id: str, _: dict[str, Any]) -> StripeObject:
    event = session.get("event", event_id)
    session.deliver(event)
    return event


def _finish_refund(session: Session, refund_id: str, given: dict[str, Any]) -> StripeObject:
    refund = session.get("refund", refund_id)
    return refunds.finish(session, refund, success=_succeeds(given))


def _finish(session: Session, intent_id: str, given: dict[str, Any]) -> StripeObject:
    intent = session.get("payment_intent", intent_id)
    return payment_attempts.finish_processing(session, intent, success=_succeeds(given))


def _succeeds(given: dict[str, Any]) -> bool:
    return bool(given.get("outcome", "succeeded") == "succeeded")


_COMMANDS: dict[str, _Command] = {
    "authenticate": _authenticate,
    "close": _close,
    "dispute": _dispute,
    "finish_processing": _finish,
    "finish": _finish_refund,
    "resend": _resend,
    "settle": _settle,
}


def _limit_rate(emulator: Emulator, given: dict[str, Any]) -> dict[str, Any]:
    """Set the limits; without any, those of Stripe's sandboxes, and `{"off": true}` lifts them."""
    if given.get("off"):
        emulator.rate_limiter.limit(per_second=None, per_endpoint=None)
    else:
        emulator.rate_limiter.limit(
            per_second=given.get("per_second", SANDBOX_LIMIT),
            per_endpoint=given.get("per_endpoint", SANDBOX_LIMIT),
        )
    return given


def _set_backoff(emulator: Emulator, given: dict[str, Any]) -> dict[str, Any]:
    backoff = emulator.webhook_backoff
    backoff.first = given.get("first_backoff", backoff.first)
    backoff.longest = given.get("longest_backoff", backoff.longest)
    return {"first_backoff": backoff.first, "longest_backoff": backoff.longest}


def _set_billing(emulator: Emulator, given: dict[str, Any]) -> dict[str, Any]:
    """Set what becomes of a subscription when the last retry of its invoice failed."""
    outcome = given.get("after_retries", "cancel")
    if outcome not in ("cancel", "unpaid", "past_due"):
        raise refused(f"Unknown outcome: {outcome}", param="after_retries")
    emulator.store.change_setting("after_retries", outcome)
    return {"after_retries": outcome}


def _set_settlement(emulator: Emulator, given: dict[str, Any]) -> dict[str, Any]:
    """Set which currencies are exchanged: `{"gbp": ["eur", 1.17]}`; without any, none."""
    emulator.store.change_setting("settlement", orjson.dumps(given).decode())
    return given


def _pending(emulator: Emulator, _: Any) -> dict[str, Any]:
    pending = emulator.store.rows("select count(*) from delivery where due_at is not null")
    return {"pending": pending[0][0]}


_SETTINGS: dict[tuple[str, str], Callable[[Emulator, Any], Any]] = {
    ("GET", "health"): lambda _, __: {"status": "ok", "api_version": API_VERSION},
    ("GET", "counts"): lambda emulator, _: counts(emulator.store),
    ("GET", "faults"): lambda emulator, _: emulator.faults.describe(),
    ("POST", "faults"): lambda emulator, given: {"faults": emulator.faults.replace(given)},
    ("POST", "rate_limit"): _limit_rate,
    ("POST", "billing"): _set_billing,
    ("POST", "settlement"): _set_settlement,
    ("GET", "webhooks"): _pending,
    ("POST", "webhooks"): _set_backoff,
    ("DELETE", "idempotency_keys"): lambda emulator, _: {
        "forgotten": emulator.idempotency_keys.forget_all()
    },
}
