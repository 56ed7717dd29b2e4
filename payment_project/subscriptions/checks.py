"""Checks at start-up: what would fail later, said now."""

from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ValidationError

from kafka_bridge.checks import TAG
from payment_project.subscriptions.services import policy_of_settings


@register(TAG)
def dunning_policy_is_one(**_: Any) -> list[CheckMessage]:
    """Refuse to start with a DUNNING that no policy can be made of."""
    try:
        policy_of_settings().clean_fields()
    except (TypeError, ValidationError) as error:
        return [
            Error(
                f"DUNNING is no dunning policy: {error}",
                hint="Its names and values are those of subscriptions.models.DunningPolicy.",
                id="subscriptions.E001",
            )
        ]
    return []
