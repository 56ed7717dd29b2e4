"""What a reader of the figures chooses: a period, a currency, a type of payment."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Self
from urllib.parse import urlencode

from django.utils import timezone

from admin_project.analytics.models import Grain
from admin_project.analytics.selectors import Filters, Period

PERIODS: Final = {"24h": 1, "7d": 7, "30d": 30, "90d": 90, "365d": 365}
"""In days."""

TYPES: Final = {
    "one_off": "One-off",
    "subscription_first": "Subscription, first",
    "subscription_renewal": "Subscription, renewal",
}
_HOURLY_UP_TO: Final = 2


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A period that ends now, and which payments. Nonsense is read as no choice."""

    name: str = "30d"
    currency: str = ""
    payment_type: str = ""
    now: datetime

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Self:
        """Read it from a query string."""
        name, currency = parameters.get("period", ""), parameters.get("currency", "").lower()
        payment_type = parameters.get("type", "")
        return cls(
            name=name if name in PERIODS else "30d",
            currency=currency if len(currency) == 3 and currency.isalpha() else "",  # noqa: PLR2004
            payment_type=payment_type if payment_type in TYPES else "",
            now=timezone.now(),
        )

    @property
    def period(self) -> Period:
        """The period itself."""
        return Period.until(self.now, days=PERIODS[self.name])

    @property
    def grain(self) -> Grain:
        """How long a point of a chart is."""
        return Grain.HOUR if PERIODS[self.name] <= _HOURLY_UP_TO else Grain.DAY

    @property
    def filters(self) -> Filters:
        """Which payments."""
        return Filters(currency=self.currency, payment_type=self.payment_type)

    @property
    def query(self) -> str:
        """The query string that makes it."""
        return urlencode(
            {"period": self.name, "currency": self.currency, "type": self.payment_type}
        )
