"""Amounts of money as operators read and write them."""

from decimal import Decimal

from kafka_bridge.contracts.currencies import decimals


def in_units(amount: int, currency: str) -> Decimal:
    """Return an amount in minor units as the currency's units: 1999 eur is 19.99."""
    return Decimal(amount).scaleb(-decimals(currency))


def in_minor_units(units: Decimal, currency: str) -> int:
    """Return an amount in a currency's units as minor units: 19.99 eur is 1999."""
    return int(units.scaleb(decimals(currency)))


def written(amount: int, currency: str) -> str:
    """Write an amount in minor units: `19.99 EUR`."""
    return f"{in_units(amount, currency)} {currency.upper()}"
