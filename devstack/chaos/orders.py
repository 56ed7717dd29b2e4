"""What the clients of a run ask for, and how they behave: all of it from the seed."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

CURRENCIES: Final = ("eur", "usd", "gbp", "jpy")
_LEAST, _MOST = 100, 99_999


class Bank(StrEnum):
    """What the customer does at the bank, where the card asks for 3-D Secure."""

    SUCCEEDS = "succeeded"
    FAILS = "failed"
    NEVER_GOES = "never goes"


class Then(StrEnum):
    """What becomes of a payment once it has gone through."""

    CAPTURE = "capture"
    CAPTURE_PART = "capture a part"
    CANCEL = "cancel"
    REFUND = "refund"
    REFUND_PART = "refund a part"
    REFUND_TWICE = "refund all of it, by two clients who do not know of each other"


MANUAL: Final = frozenset({Then.CAPTURE, Then.CAPTURE_PART, Then.CANCEL})
"""What is asked for only where a payment waits to be captured."""


@dataclass(frozen=True, kw_only=True)
class Order:
    """One payment that a client wants. `amount` is in minor units."""

    number: int
    customer: int
    amount: int
    currency: str
    card: str
    bank: Bank | None = None
    then: Then | None = None
    clicks_twice: bool = False
    """Sends it twice at once, under one key, and what follows too."""
    changes_the_body: bool = False
    """Sends another amount later, under the same key."""

    @property
    def expected(self) -> str:
        """The status in which the payment must end."""
        if self.bank is Bank.NEVER_GOES:
            return "requires_action"
        if self.then is Then.CANCEL:
            return "canceled"
        declined = self.bank is Bank.FAILS or self.card in _DECLINED
        return "requires_payment_method" if declined else "succeeded"

    @property
    def part(self) -> int:
        """What is captured or refunded of the amount, where it is a part."""
        return self.amount // 3

    @property
    def captured(self) -> int:
        """What must be taken in the end, before refunds."""
        if self.expected != "succeeded":
            return 0
        return self.part if self.then is Then.CAPTURE_PART else self.amount

    @property
    def refunded(self) -> int:
        """What must have gone back in the end."""
        if self.then in (Then.REFUND, Then.REFUND_TWICE):
            return self.amount
        return self.part if self.then is Then.REFUND_PART else 0

    def body(self, return_url: str) -> dict[str, Any]:
        """The request's JSON."""
        manual = {"capture_method": "manual"} if self.then in MANUAL else {}
        return {
            **manual,
            "amount": self.amount,
            "currency": self.currency,
            "payment_method": self.card,
            "return_url": return_url,
            "metadata": {"order": str(self.number)},
        }


_SUCCEEDS: Final = ("pm_card_visa", "pm_card_mastercard", "pm_card_amex")
_DECLINED: Final = ("pm_card_visa_chargeDeclined", "pm_card_visa_chargeDeclinedInsufficientFunds")
_ASKS_THE_BANK: Final = "pm_card_threeDSecure2Required"


def orders(*, seed: int, payments: int, customers: int) -> list[Order]:
    """Make the orders of a run: mostly good cards, some declined, some with 3-D Secure."""
    dice = random.Random(f"{seed}:orders")  # noqa: S311 - repeatable
    return [_order(dice, number, customers) for number in range(payments)]


def _order(dice: random.Random, number: int, customers: int) -> Order:
    kind = dice.choices(("good", "declined", "bank"), (72, 16, 12))[0]
    cards = {"good": _SUCCEEDS, "declined": _DECLINED, "bank": (_ASKS_THE_BANK,)}[kind]
    bank = dice.choices((Bank.SUCCEEDS, Bank.FAILS, Bank.NEVER_GOES), (70, 20, 10))[0]
    then = dice.choice(list(Then)) if dice.random() < 0.3 else None  # noqa: PLR2004
    return Order(
        number=number,
        customer=dice.randrange(customers),
        amount=dice.randint(_LEAST, _MOST),
        currency=dice.choice(CURRENCIES),
        card=dice.choice(cards),
        bank=bank if kind == "bank" else None,
        then=then if kind == "good" else None,
        clicks_twice=dice.random() < 0.1,  # noqa: PLR2004
        changes_the_body=dice.random() < 0.05,  # noqa: PLR2004
    )
