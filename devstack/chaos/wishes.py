"""The subscriptions that the clients of a run want: all of it from the seed."""

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

_EVERY: Final = 10
"""One of so many payments has its customer subscribe too."""
DECLINED: Final = "pm_card_chargeCustomerFail"
MONTHLY: Final = "coffee-monthly"
YEARLY: Final = "coffee-yearly"


class Change(StrEnum):
    """What a subscriber asks for once the subscription runs."""

    PLAN = "plan"
    CANCEL = "cancel"
    CANCEL_LATER = "cancel at the end of the period"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A subscription that a customer wants, with the payment of this number."""

    number: int
    customer: int
    card: str
    change: Change | None
    clicks_twice: bool

    @property
    def is_declined(self) -> bool:
        """Whether the card is refused: then the subscription never begins."""
        return self.card == DECLINED

    @property
    def invoices_paid(self) -> int:
        """How many invoices it must have had paid in the end."""
        return 0 if self.is_declined else 1 + (self.change is Change.PLAN)

    @property
    def expected(self) -> tuple[str, str, bool]:
        """The status, plan and `cancel_at_period_end` in which it must end."""
        if self.is_declined:
            return "incomplete", MONTHLY, False
        plan = YEARLY if self.change is Change.PLAN else MONTHLY
        status = "canceled" if self.change is Change.CANCEL else "active"
        return status, plan, self.change is Change.CANCEL_LATER


def wishes(*, seed: int, payments: int, customers: int) -> list[Wish]:
    """Make the wishes of a run, a tenth as many as payments."""
    dice = random.Random(f"{seed}:wishes")  # noqa: S311 - repeatable
    return [
        Wish(
            number=number,
            customer=dice.randrange(customers),
            card=dice.choices(("pm_card_visa", DECLINED), (9, 1))[0],
            change=dice.choice((*Change, None)),
            clicks_twice=dice.random() < 0.2,  # noqa: PLR2004
        )
        for number in range(0, payments, _EVERY)
    ]
