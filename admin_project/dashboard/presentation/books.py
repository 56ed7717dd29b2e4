"""What is wrong with the books."""

from dataclasses import dataclass
from typing import Any

from admin_project.dashboard.presentation.words import units
from admin_project.money import money


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """What does not add up in the books."""

    of: str
    """A payment's id, a day or a currency."""
    says: str
    is_payment: bool = False


def wrong(books: dict[str, Any]) -> list[Wrong]:
    """Return what of the books does not add up, in amounts as they are read."""
    return [
        *(
            Wrong(
                of=one["currency"].upper(),
                says=f"sums to {money(one['amount'], one['currency'])}, not zero",
            )
            for one in books["unbalanced"]
        ),
        *(
            Wrong(
                of=one["payment_id"],
                says=f"{one['what']} {units(one['measured'], one['currency'])}, the ledger has "
                + money(one["in_ledger"], one["currency"]),
                is_payment=True,
            )
            for one in books["differences"]
        ),
        *(
            Wrong(of=f"{one['day']:%Y-%m-%d}", says=_not_as_listed(**one))
            for one in books["differences_from_stripe"]
        ),
    ]


def _not_as_listed(*, what: str, currency: str, at_stripe: int, in_ledger: int, **_of: Any) -> str:
    if what == "transactions":
        return f"{at_stripe:,} {currency.upper()} transactions at Stripe, {in_ledger:,} here"
    if what == "checksum":
        return f"other {currency.upper()} transactions at Stripe, of the same sums"
    amounts = f"{units(at_stripe, currency)} at Stripe, {money(in_ledger, currency)} here"
    return f"{what} {amounts}"
