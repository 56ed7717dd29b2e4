"""Money in templates, as the reader's language writes it."""

from django import template
from django.utils.translation import get_language, to_locale

from customer_project.payments.money import formatted

register = template.Library()


@register.simple_tag
def money(amount: int, currency: str) -> str:
    """Write an amount in minor units: `1999`, `eur` as `€19.99`, or `19,99 €` in French."""
    return formatted(amount, currency, locale=to_locale(get_language() or "en"))
