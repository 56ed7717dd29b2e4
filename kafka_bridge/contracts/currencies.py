"""Which currencies Stripe charges in, and how small an amount may be.

Sources: https://docs.stripe.com/currencies (presentment currencies, zero- and three-decimal
currencies, minimum charge amounts).
"""

from typing import Final

ZERO_DECIMAL: Final = frozenset(
    ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
     "xof", "xpf")
)  # fmt: skip
"""One unit is the smallest: 500 is ¥500."""

THREE_DECIMAL: Final = frozenset(["bhd", "jod", "kwd", "omr", "tnd"])
"""A thousandth is the smallest, and the last digit must be 0."""

_WRITTEN_WITH_TWO_ZEROS: Final = frozenset(["isk", "ugx"])
"""Have no decimals any more, and are still given with two: https://docs.stripe.com/currencies"""

TWO_DECIMAL: Final = frozenset(
    (
     "aed", "afn", "all", "amd", "ang", "aoa", "ars", "aud", "awg", "azn", "bam", "bbd", "bdt",
     "bmd", "bnd", "bob", "brl", "bsd", "bwp", "byn", "bzd", "cad", "cdf", "chf", "cny", "cop",
     "crc", "cve", "czk", "dkk", "dop", "dzd", "egp", "etb", "eur", "fjd", "fkp", "gbp", "gel",
     "gip", "gmd", "gtq", "gyd", "hkd", "hnl", "htg", "huf", "idr", "ils", "inr", "isk", "jmd",
     "kes", "kgs", "khr", "kyd", "kzt", "lak", "lbp", "lkr", "lrd", "lsl", "mad", "mdl", "mkd",
     "mmk", "mnt", "mop", "mur", "mvr", "mwk", "mxn", "myr", "mzn", "nad", "ngn", "nio", "nok",
     "npr", "nzd", "pab", "pen", "pgk", "php", "pkr", "pln", "qar", "ron", "rsd", "rub", "sar",
     "sbd", "scr", "sek", "sgd", "shp", "sle", "sos", "srd", "std", "szl", "thb", "tjs", "top",
     "try", "ttd", "twd", "tzs", "uah", "ugx", "usd", "uyu", "uzs", "wst", "xcd", "yer", "zar",
     "zmw",)
)  # fmt: skip

SUPPORTED: Final = ZERO_DECIMAL | TWO_DECIMAL | THREE_DECIMAL

_MINIMUM: Final = {
    "aed": 200, "aud": 50, "brl": 50, "cad": 50, "chf": 50, "czk": 1500, "dkk": 250, "eur": 50,
    "gbp": 30, "hkd": 400, "huf": 17500, "inr": 50, "jpy": 50, "mxn": 1000, "myr": 200, "nok": 300,
    "nzd": 50, "pln": 200, "ron": 200, "sek": 300, "sgd": 50, "thb": 1000, "usd": 50,
}  # fmt: skip

_LONG_AMOUNTS: Final = frozenset({"cop", "huf", "idr", "inr", "jpy", "lbp"})


def decimals(currency: str) -> int:
    """How many decimal places an amount of the currency is written with."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def step(currency: str) -> int:
    """Return what every amount of the currency is a multiple of, in minor units."""
    if currency in THREE_DECIMAL:
        return 10
    return 100 if currency in _WRITTEN_WITH_TWO_ZEROS else 1


def minimum_amount(currency: str) -> int:
    """Return the smallest amount that can be charged, in minor units."""
    return _MINIMUM.get(currency, 1)


def maximum_amount(currency: str) -> int:
    """Return the largest amount that can be charged: eight digits; in some currencies twelve."""
    return 999_999_999_999 if currency in _LONG_AMOUNTS else 99_999_999
