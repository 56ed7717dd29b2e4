"""Amounts of money for people to read."""

from decimal import Decimal

from babel.numbers import format_currency

from kafka_bridge.contracts import currencies


def formatted(amount: int, currency: str, *, locale: str = "en") -> str:
    """Write an amount in minor units: `1999`, `eur` as `€19.99`, or `19,99 €` in French.

    The currency's decimals are Stripe's: https://docs.stripe.com/currencies#zero-decimal
    """
    units = Decimal(amount).scaleb(-currencies.decimals(currency))
    return format_currency(units, currency.upper(), locale=locale, decimal_quantization=False)
