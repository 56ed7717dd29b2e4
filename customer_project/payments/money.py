"""Amounts of money for people to read."""

from copy import copy
from decimal import Decimal

from babel import Locale

from kafka_bridge.contracts import currencies


def formatted(amount: int, currency: str, *, locale: str = "en") -> str:
    """Write an amount in minor units: `1999`, `eur` as `€19.99`, or `19,99 €` in French.

    The decimals are Stripe's, which are not everywhere those that the language is used to:
    https://docs.stripe.com/currencies#zero-decimal
    """
    decimals = currencies.decimals(currency)
    language = Locale.parse(locale)
    pattern = copy(language.currency_formats["standard"])
    pattern.frac_prec = (decimals, decimals)
    return str(
        pattern.apply(
            Decimal(amount).scaleb(-decimals),
            language,
            currency=currency.upper(),
            currency_digits=False,
        )
    )
