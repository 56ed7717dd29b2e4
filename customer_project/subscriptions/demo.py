"""The demo's plans."""

from typing import Any, Final

from customer_project.subscriptions.models import Plan

_PLANS: Final[tuple[dict[str, Any], ...]] = (
    {
        "slug": "coffee-monthly",
        "name_en": "Coffee, a bag a month",
        "name_fr": "Café, un paquet par mois",
        "description_en": "250 g of whatever was roasted last week.",
        "description_fr": "250 g de ce qui a été torréfié la semaine dernière.",
        "amount": 1190,
        "currency": "eur",
        "interval": "month",
    },
    {
        "slug": "coffee-and-tea",
        "name_en": "Coffee and tea",
        "name_fr": "Café et thé",
        "description_en": "A bag of coffee and a tin of tea a month. Two weeks free at first.",
        "description_fr": "Un paquet de café et une boîte de thé par mois. Deux semaines offertes.",
        "amount": 2490,
        "currency": "eur",
        "interval": "month",
        "trial_days": 14,
    },
    {
        "slug": "coffee-yearly",
        "name_en": "Coffee for a year",
        "name_fr": "Café pour un an",
        "description_en": "Twelve bags, paid at once.",
        "description_fr": "Douze paquets, payés en une fois.",
        "amount": 11900,
        "currency": "eur",
        "interval": "year",
    },
)


def make_plans() -> None:
    """Make the demo's plans, unless they are there; a changed price stays."""
    for position, plan in enumerate(_PLANS):
        Plan.objects.get_or_create(slug=plan["slug"], defaults={**plan, "position": position})
