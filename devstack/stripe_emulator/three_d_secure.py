"""The page of the customer's bank: `/3d_secure/<intent>`, with a button for either outcome."""

from __future__ import annotations

import html
import string
from pathlib import Path
from urllib.parse import parse_qs, urlencode

from devstack.stripe_emulator.currencies import formatted
from devstack.stripe_emulator.emulator import Emulator
from devstack.stripe_emulator.errors import StripeObject
from devstack.stripe_emulator.exchange import HTML, Answer, Call
from devstack.stripe_emulator.objects import hidden
from devstack.stripe_emulator.resources import authentication

_PAGES = Path(__file__).parent / "pages"


class ThreeDSecurePage:
    """Shows the page, takes the cardholder's answer and sends the browser back."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator

    def answer(self, call: Call) -> Answer:
        """Answer a browser."""
        session = self._emulator.session()
        intent = session.find(call.path.removeprefix("/3d_secure/"))
        if intent is None or intent["object"] not in ("payment_intent", "setup_intent"):
            return _page("done", 404, outcome="There is no such payment.", status="unknown")
        if intent["status"] != "requires_action":
            return _back_to_merchant(intent)
        if call.method != "POST":
            return _page("challenge", 200, intent=intent["id"], amount=_amount(intent))
        outcome = parse_qs(call.body.decode()).get("outcome", [""])[0]
        with self._emulator.store.transaction():
            authentication.authenticate(session, intent, success=outcome == "complete")
            session.flush()
        self._emulator.after(session)
        return _back_to_merchant(intent)


def _back_to_merchant(intent: StripeObject) -> Answer:
    succeeded = intent["status"] not in ("requires_payment_method", "requires_action", "canceled")
    status = "succeeded" if succeeded else "failed"
    return_url = hidden(intent).get("return_url")
    if not return_url:
        return _page("done", 200, outcome="You may close this page.", status=status)
    name = intent["object"]
    query = urlencode(
        {
            name: intent["id"],
            f"{name}_client_secret": intent["client_secret"],
            "redirect_status": status,
        }
    )
    address, hash_sign, fragment = return_url.partition("#")
    separator = "&" if "?" in address else "?"
    location = f"{address}{separator}{query}{hash_sign}{fragment}"
    return Answer(303, b"", {"location": location}, HTML)


def _amount(intent: StripeObject) -> str:
    if intent["object"] == "setup_intent":
        return "to save your card"
    return f"of {formatted(intent['amount'], intent['currency'])}"


def _page(name: str, http_status: int, **values: str) -> Answer:
    template = string.Template((_PAGES / f"{name}.html").read_text())
    escaped = {key: html.escape(value) for key, value in values.items()}
    return Answer(http_status, template.substitute(escaped).encode(), {}, HTML)
