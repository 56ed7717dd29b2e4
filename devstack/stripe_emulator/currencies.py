"""Currencies: which exist, how many decimals they have, how little may be charged."""

from __future__ import annotations

from devstack.stripe_emulator.errors import StripeError

_ZERO_DECIMAL = """
    bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf
"""
_THREE_DECIMAL = """
    bhd jod kwd omr tnd
"""
_TWO_DECIMAL = """
    usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bmd bnd bob brl bsd bwp byn
    bzd cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd
    gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl
    mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk
    php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top
    try ttd twd tzs uah uyu uzs wst xcd yer zar zmw
"""
ZERO_DECIMAL = frozenset(_ZERO_DECIMAL.split())
THREE_DECIMAL = frozenset(_THREE_DECIMAL.split())
SUPPORTED = ZERO_DECIMAL | THREE_DECIMAL | frozenset(_TWO_DECIMAL.split())
LARGEST_AMOUNT = 99_999_999

# The least that may be charged, where it is not 50 hundredths.
# https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts
_MINIMUM = {
    "aed": 200, "bgn": 100, "czk": 1500, "dkk": 250, "gbp": 30, "hkd": 400, "huf": 17500,
    "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300, "pln": 200, "ron": 200, "sek": 300, "thb": 1000,
}  # fmt: skip


def check_currency(currency: str) -> str:
    """Return the code in lower case. Raise `StripeError` for a currency Stripe does not take."""
    code = currency.lower()
    if code not in SUPPORTED:
        raise StripeError(
            f"Invalid currency: {code}. Stripe currently supports these currencies:"
            f" {', '.join(sorted(SUPPORTED))}",
            param="currency",
        )
    return code


def check_amount(amount: int, currency: str, *, param: str = "amount") -> None:
    """Raise `StripeError` unless the amount, in minor units, may be charged."""
    if amount < 1:
        raise StripeError(
            "This value must be greater than or equal to 1.",
            code="parameter_invalid_integer",
            param=param,
        )
    least = minimum(currency)
    if amount < least:
        raise StripeError(
            f"Amount must be at least {formatted(least, currency)}",
            code="amount_too_small",
            param=param,
        )
    if amount > LARGEST_AMOUNT:
        raise StripeError(
            f"Amount must be no more than {formatted(LARGEST_AMOUNT, currency)}",
            code="amount_too_large",
            param=param,
        )
    if currency in THREE_DECIMAL and amount % 10:
        raise StripeError(
            f"Invalid amount: the last digit of an amount in {currency} must be 0.", param=param
        )


def minimum(currency: str) -> int:
    """Return the least that may be charged, in minor units."""
    if currency in _MINIMUM:
        return _MINIMUM[currency]
    return 500 if currency in THREE_DECIMAL else 50


def formatted(amount: int, currency: str) -> str:
    """Return an amount of minor units as people read it, such as `$0.50 usd`."""
    decimals = 0 if currency in ZERO_DECIMAL else 3 if currency in THREE_DECIMAL else 2
    symbol = {"usd": "$", "eur": "€", "gbp": "£", "jpy": "¥"}.get(currency, "")
    whole, fraction = divmod(amount, 10**decimals)
    number = f"{whole:,}.{fraction:0{decimals}}" if decimals else f"{whole:,}"
    return f"{symbol}{number} {currency}"
