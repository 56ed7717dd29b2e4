"""The figures as a spreadsheet takes them: a row each, with what it is a figure of."""

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from kafka_bridge.contracts.currencies import decimals

_CHOSEN: Final = ("currency", "payment_type")
_CURRENCIES: Final = ("currency", "into")
_PERIODS: Final = ("now", "before")
_MONEY: Final = (
    *("volume", "captured", "refunded", "average", "amount", "amount_before", "mrr_at_start"),
    *("mrr_lost", "amount_failed", "amount_recovered"),
)
_FORMULA: Final = tuple("=+-@\t\r")


class Row(NamedTuple):
    """A figure."""

    section: str
    period: str
    """now, before or nothing."""
    of: str
    """A day, a country, a decline code and so on: what the section is by."""
    currency: str
    figure: str
    value: Any
    """As in JSON: minor units, shares from 0 to 1, milliseconds."""
    units: Decimal | None
    """Money as it is read: 19.99."""


def rows(told: dict[str, Any]) -> Iterator[Row]:
    """Return all figures, after what was chosen."""
    chosen = {**told["period"], **{name: told[name] for name in _CHOSEN}}
    for name, value in chosen.items():
        yield _row(("choice", name), value, [], "")
    for section, figures in told.items():
        if section not in ("period", *_CHOSEN):
            yield from _rows((section,), figures, [], "")


def _rows(path: tuple[str, ...], told: Any, of: list[str], currency: str) -> Iterator[Row]:
    if isinstance(told, dict):
        currency = told.get("currency") or told.get("into") or currency
        texts = {name: str(text) for name, text in told.items() if isinstance(text, str | date)}
        of = of + [text for name, text in texts.items() if text and name not in _CURRENCIES]
        for name, one in told.items():
            if name not in texts:
                yield from _rows((*path, name), one, of, currency)
    elif isinstance(told, list):
        for number, one in enumerate(told):
            is_figure = not isinstance(one, dict)
            where = (*path[:-1], f"{path[-1]} {number}") if is_figure else path
            yield from _rows(where, one, of, currency)
    elif currency or path[-1] not in _MONEY:  # Amounts of several currencies have no sum.
        yield _row(path, told, of, currency)


def _row(path: tuple[str, ...], value: Any, of: list[str], currency: str) -> Row:
    *parts, figure = path
    is_money = figure in _MONEY and value is not None
    return Row(
        section=".".join(one for one in parts if one not in (*_PERIODS, "figures")) or figure,
        period=next((one for one in parts if one in _PERIODS), ""),
        of=_no_formula(" / ".join(of)),
        currency=currency,
        figure=figure,
        value=_no_formula(value) if isinstance(value, str) else value,
        units=Decimal(value).scaleb(-decimals(currency)) if is_money else None,
    )


def _no_formula(text: str) -> str:
    """Keep a spreadsheet from reckoning what is text: https://owasp.org/www-community/attacks/CSV_Injection."""
    return f"'{text}" if text.startswith(_FORMULA) else text
