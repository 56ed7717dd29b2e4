"""Money in templates, as the reader's language writes it."""

from typing import Final, Protocol

from django import template
from django.utils.translation import get_language, to_locale
from django.utils.translation import gettext_lazy as _

from customer_project.payments.money import formatted

register = template.Library()

_EVERY_ONE: Final = {
    "day": _("%(price)s a day"),
    "week": _("%(price)s a week"),
    "month": _("%(price)s a month"),
    "year": _("%(price)s a year"),
}
_EVERY_FEW: Final = {
    "day": _("%(price)s every %(count)s days"),
    "week": _("%(price)s every %(count)s weeks"),
    "month": _("%(price)s every %(count)s months"),
    "year": _("%(price)s every %(count)s years"),
}


class Recurring(Protocol):
    """A plan, or a subscription to one."""

    amount: int
    currency: str
    interval: str
    interval_count: int


@register.simple_tag
def money(amount: int, currency: str) -> str:
    """Write an amount in minor units: `1999`, `eur` as `€19.99`, or `19,99 €` in French."""
    return formatted(amount, currency, locale=to_locale(get_language() or "en"))


@register.simple_tag
def recurring(priced: Recurring) -> str:
    """Write what a plan or a subscription costs, and how often."""
    price = money(priced.amount * getattr(priced, "quantity", 1), priced.currency)
    texts = _EVERY_ONE if priced.interval_count == 1 else _EVERY_FEW
    return str(texts[priced.interval] % {"price": price, "count": priced.interval_count})
