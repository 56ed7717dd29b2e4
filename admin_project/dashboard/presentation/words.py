"""Figures as words."""

from admin_project.money import money


def units(amount: int, currency: str) -> str:
    """Write an amount where the currency stands beside it."""
    return money(amount, currency).rpartition(" ")[0]


def percent(share: float | None, places: int = 1) -> str:
    """Write a share: `12.5 %`, or `-` of nothing."""
    return "-" if share is None else f"{100 * share:.{places}f} %"
