"""The demo's catalogue."""

from typing import Final

from customer_project.checkout.models import Item

_ITEMS: Final = (
    {
        "slug": "coffee",
        "name_en": "Coffee, 250 g",
        "name_fr": "Café, 250 g",
        "description_en": "Roasted last week in small batches; notes of cocoa and orange.",
        "description_fr": "Torréfié la semaine dernière, notes de cacao et d'orange.",
        "amount": 1290,
        "currency": "eur",
    },
    {
        "slug": "teapot",
        "name_en": "Cast iron teapot",
        "name_fr": "Théière en fonte",
        "description_en": "Keeps one litre hot for an hour, and looks good for a century.",
        "description_fr": "Garde un litre au chaud une heure, et reste belle un siècle.",
        "amount": 123450,
        "currency": "eur",
    },
    {
        "slug": "mug",
        "name_en": "Stoneware mug",
        "name_fr": "Tasse en grès",
        "description_en": "Thrown by hand; no two are alike.",
        "description_fr": "Tournée à la main ; aucune ne ressemble à une autre.",
        "amount": 1800,
        "currency": "usd",
    },
    {
        "slug": "whisk",
        "name_en": "Bamboo whisk for matcha",
        "name_fr": "Fouet à matcha en bambou",
        "description_en": "A hundred prongs from one piece, sent from Nara.",
        "description_fr": "Cent brins taillés dans une pièce, envoyé de Nara.",
        "amount": 3300,
        "currency": "jpy",
    },
)


def make_items() -> None:
    """Make the demo's items, unless they are there; a changed price stays."""
    for position, item in enumerate(_ITEMS):
        Item.objects.get_or_create(slug=item["slug"], defaults={**item, "position": position})
