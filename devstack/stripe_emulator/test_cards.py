"""Stripe's test cards: what each number, `pm_card_…` and `tok_…` does.

https://docs.stripe.com/testing. A number that is none of these is refused, as in Stripe's sandbox.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from devstack.stripe_emulator.errors import StripeError, card_error

ThreeDSecure = Literal["unsupported", "optional", "unless_set_up", "set_up", "required"]
RefundBehaviour = Literal["succeeds", "pending", "fails_later"]


@dataclass(frozen=True)
class Decline:
    """Why a bank, or Stripe, says no. Some codes carry no decline code."""

    code: str
    decline_code: str | None
    message: str = "Your card was declined."
    blocked: bool = False


@dataclass(frozen=True)
class TestCard:
    """A card and its behaviour."""

    number: str
    names: tuple[str, ...] = ()
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    decline: Decline | None = None
    attachable: bool = True
    three_d_secure: ThreeDSecure = "optional"
    dispute: str | None = None
    inquiry: bool = False
    refunds: RefundBehaviour = "succeeds"
    available_at_once: bool = False
    risk_level: str = "normal"
    cvc_check: str = "pass"
    postal_check: str = "pass"

    @property
    def last4(self) -> str:
        """Return what may be shown of the number."""
        return self.number[-4:]


GENERIC_DECLINE = Decline("card_declined", "generic_decline")
INSUFFICIENT_FUNDS = Decline(
    "card_declined", "insufficient_funds", "Your card has insufficient funds."
)
PROCESSING_ERROR = Decline(
    "processing_error",
    None,
    "An error occurred while processing your card. Try again in a little bit.",
)


def _declines(number: str, decline: Decline, *names: str) -> TestCard:
    return TestCard(number, names, decline=decline, attachable=False)


_CARDS = (
    TestCard("4242424242424242", ("visa", "us")),
    TestCard("4000056655665556", ("visa_debit",), funding="debit"),
    TestCard("5555555555554444", ("mastercard",), brand="mastercard"),
    TestCard("2223003122003222", brand="mastercard"),
    TestCard("5200828282828210", ("mastercard_debit",), brand="mastercard", funding="debit"),
    TestCard("5105105105105100", ("mastercard_prepaid",), brand="mastercard", funding="prepaid"),
    TestCard("378282246310005", ("amex",), brand="amex", three_d_secure="unsupported"),
    TestCard("371449635398431", brand="amex", three_d_secure="unsupported"),
    TestCard("6011111111111117", ("discover",), brand="discover"),
    TestCard("6011000990139424", brand="discover"),
    TestCard("3056930009020004", ("diners",), brand="diners"),
    TestCard("36227206271667", brand="diners"),
    TestCard("3566002020360505", ("jcb",), brand="jcb"),
    TestCard("6200000000000005", ("unionpay",), brand="unionpay"),
    TestCard("4000002500000003", ("fr",), country="FR"),
    TestCard("4000002760000016", ("de",), country="DE"),
    TestCard("4000008260000000", ("gb",), country="GB"),
    TestCard("4000001240000000", ("ca",), country="CA"),
    TestCard("4000003920000003", ("jp",), country="JP"),
    # declined
    _declines("4000000000000002", GENERIC_DECLINE, "visa_chargeDeclined", "chargeDeclined"),
    _declines(
        "4000000000009995",
        INSUFFICIENT_FUNDS,
        "visa_chargeDeclinedInsufficientFunds",
        "chargeDeclinedInsufficientFunds",
    ),
    _declines(
        "4000000000009987",
        Decline("card_declined", "lost_card"),
        "visa_chargeDeclinedLostCard",
        "chargeDeclinedLostCard",
    ),
    _declines(
        "4000000000009979",
        Decline("card_declined", "stolen_card"),
        "visa_chargeDeclinedStolenCard",
        "chargeDeclinedStolenCard",
    ),
    _declines(
        "4000000000000069",
        Decline("expired_card", None, "Your card has expired."),
        "chargeDeclinedExpiredCard",
    ),
    _declines(
        "4000000000000127",
        Decline("incorrect_cvc", None, "Your card's security code is incorrect."),
        "chargeDeclinedIncorrectCvc",
    ),
    _declines("4000000000000119", PROCESSING_ERROR, "chargeDeclinedProcessingError"),
    _declines(
        "4000000000006975",
        Decline(
            "card_declined",
            "card_velocity_exceeded",
            "Your card was declined for making repeated attempts too frequently or exceeding its"
            " amount limit.",
        ),
        "visa_chargeDeclinedVelocityLimitExceeded",
        "chargeDeclinedVelocityLimitExceeded",
    ),
    TestCard("4000000000000341", ("chargeCustomerFail",), decline=GENERIC_DECLINE),
    # fraud prevention
    TestCard(
        "4100000000000019",
        ("radarBlock",),
        decline=Decline("card_declined", "fraudulent", blocked=True),
        risk_level="highest",
    ),
    TestCard("4000000000004954", ("riskLevelHighest",), risk_level="highest"),
    TestCard("4000000000009235", ("riskLevelElevated",), risk_level="elevated"),
    TestCard("4000000000000101", ("cvcCheckFail",), cvc_check="fail"),
    TestCard("4000000000000036", ("avsZipFail",), postal_check="fail"),
    # disputes
    TestCard("4000000000000259", ("createDispute",), dispute="fraudulent"),
    TestCard(
        "4000000000002685", ("createDisputeProductNotReceived",), dispute="product_not_received"
    ),
    TestCard("4000000000001976", ("createDisputeInquiry",), dispute="fraudulent", inquiry=True),
    # refunds and balance
    TestCard("4000000000007726", ("pendingRefund",), refunds="pending"),
    TestCard("4000000000005126", ("refundFail",), refunds="fails_later"),
    TestCard("4000000000000077", ("bypassPending",), available_at_once=True),
    # 3-D Secure
    TestCard(
        "4000002500003155",
        ("authenticationRequiredOnSetup",),
        country="FR",
        three_d_secure="unless_set_up",
    ),
    TestCard(
        "4000002760003184", ("authenticationRequired",), country="DE", three_d_secure="required"
    ),
    TestCard(
        "4000003800000446",
        ("authenticationRequiredSetupForOffSession",),
        country="IT",
        three_d_secure="set_up",
    ),
    TestCard(
        "4000008260003178",
        ("authenticationRequiredChargeDeclinedInsufficientFunds",),
        country="GB",
        three_d_secure="required",
        decline=INSUFFICIENT_FUNDS,
    ),
    TestCard("4000000000003220", ("threeDSecure2Required",), three_d_secure="required"),
    TestCard("4000000000003063", ("threeDSecureRequired",), three_d_secure="required"),
    TestCard(
        "4000008400001629",
        ("threeDSecureRequiredChargeDeclined",),
        three_d_secure="required",
        decline=GENERIC_DECLINE,
    ),
    TestCard("4000000000003055", ("threeDSecureOptional",)),
)

BY_NUMBER = {card.number: card for card in _CARDS}
_BY_NAME = {name: card for card in _CARDS for name in card.names}
_LITERAL = re.compile(r"(?:pm_card|tok)_(\w+)")


def by_literal(literal: str) -> TestCard | None:
    """Return the card behind `pm_card_visa` or `tok_visa`."""
    found = _LITERAL.fullmatch(literal)
    return _BY_NAME.get(found[1]) if found else None


def by_number(number: str) -> TestCard:
    """Return the card with this number. Raise a decline for any other number."""
    digits = re.sub(r"[ -]", "", number)
    card = BY_NUMBER.get(digits)
    if card:
        return card
    if not _passes_luhn(digits):
        raise _invalid_card("Your card number is incorrect.", "incorrect_number", "number")
    raise card_error(
        "Your card was declined. Your request was in test mode, but used a non test card. For a"
        " list of valid test cards, visit: https://stripe.com/docs/testing.",
        code="card_declined",
        decline_code="test_mode_live_card",
    )


def check_expiry_and_cvc(
    *, exp_month: int, exp_year: int, cvc: str | None, today: tuple[int, int]
) -> None:
    """Raise what Stripe answers to an expiry date in the past or a malformed security code."""
    year = exp_year + 2000 if exp_year < 100 else exp_year  # noqa: PLR2004 - two-digit years
    if not 1 <= exp_month <= 12:  # noqa: PLR2004 - months
        raise _invalid_card(
            "Your card's expiration month is invalid.", "invalid_expiry_month", "exp_month"
        )
    if (year, exp_month) < today or year > today[0] + 50:
        raise _invalid_card(
            "Your card's expiration year is invalid.", "invalid_expiry_year", "exp_year"
        )
    if cvc is not None and not re.fullmatch(r"\d{3,4}", cvc):
        raise _invalid_card("Your card's security code is invalid.", "invalid_cvc", "cvc")


def _invalid_card(message: str, code: str, param: str) -> StripeError:
    return StripeError(message, status=402, type="card_error", code=code, param=param)


def _passes_luhn(digits: str) -> bool:
    if not re.fullmatch(r"\d{12,19}", digits):
        return False
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value  # noqa: PLR2004 - Luhn's rule
    return total % 10 == 0
