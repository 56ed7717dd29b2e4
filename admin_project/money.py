"""Amounts of money as operators read them."""

from decimal import Decimal

from kafka_bridge.contracts.currencies import decimals


def money(amount: int, currency: str) -> str:
    """Write minor units: `1,999.00 EUR`."""
    places = decimals(currency)
    return f"{Decimal(amount).scaleb(-places):,.{places}f} {currency.upper()}"
