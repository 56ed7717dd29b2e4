"""What the API answers, for OpenAPI: made of the dataclasses that the selectors return."""

import types
from collections.abc import Collection
from dataclasses import is_dataclass
from datetime import date, datetime
from functools import cache
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from admin_project.analytics import selectors as analytics
from admin_project.dashboard.choices import PERIODS
from admin_project.dashboard.selectors import BREAKDOWNS
from admin_project.ledger.selectors import Balance, Difference, StripeDifference
from admin_project.timeline.hops import Hop
from admin_project.timeline.selectors import Stuck

_Fields = dict[str, serializers.Field[Any, Any, Any, Any]]
_SIMPLE: Final[dict[Any, type[serializers.Field[Any, Any, Any, Any]]]] = {
    bool: serializers.BooleanField,
    int: serializers.IntegerField,
    float: serializers.FloatField,
    str: serializers.CharField,
    datetime: serializers.DateTimeField,
    date: serializers.DateField,
}
_DURATIONS: Final = ("since", "seen_after")
"""Of a hop; the API tells them in milliseconds."""


def figures() -> serializers.Serializer[Any]:
    """Describe all figures of a choice."""
    return inline_serializer(
        "FiguresOfPeriod",
        {
            "period": inline_serializer(
                "PeriodTold",
                {
                    "name": serializers.ChoiceField(list(PERIODS)),
                    "start": serializers.DateTimeField(),
                    "end": serializers.DateTimeField(),
                },
            ),
            "currency": serializers.CharField(allow_null=True, help_text="The one asked for."),
            "payment_type": serializers.CharField(allow_null=True, help_text="The one asked for."),
            "totals": inline_serializer(
                "Totals",
                {"now": _of(analytics.Figures), "before": _of(analytics.Figures)},
                help_text="Counts of all currencies; amounts are 0, as they have no sum.",
            ),
            "currencies": _many(analytics.CurrencyFigures),
            "converted": _many(
                analytics.ConvertedFigures, "Into each currency that there is a rate into."
            ),
            "series": _many(analytics.Point, "The oldest first."),
            "breakdowns": inline_serializer(
                "Breakdowns", {by: _many(analytics.Slice) for by in BREAKDOWNS}
            ),
            "three_d_secure": _of(analytics.Funnel),
            "latency": _of(analytics.Percentiles, "From request to Stripe's first answer."),
            "subscriptions": inline_serializer(
                "SubscriptionFigures",
                {
                    "mrr": _many(analytics.Mrr, "Now."),
                    "mrr_before": _many(analytics.Mrr, "At the start of the period."),
                    "movements": _many(analytics.Movement),
                    "converted": _many(
                        analytics.ConvertedMrr,
                        "Into each currency that there is a rate into, by those of the last day.",
                    ),
                    "churn": _many(analytics.Churn),
                    "trials": _of(analytics.TrialConversion),
                    "dunning": _many(analytics.Dunning),
                    "cohorts": _many(analytics.Cohort),
                },
                help_text="Of the currency asked for, whatever the type of payment.",
            ),
            "webhooks": inline_serializer(
                "WebhookFigures",
                {
                    "outcomes": _many(analytics.WebhookOutcome),
                    "lag": _of(analytics.Percentiles, "From the edge to the outcome."),
                },
                help_text="Of all webhooks.",
            ),
            "stuck": serializers.IntegerField(help_text="What stands still, 200 at most."),
        },
    )


def ledger() -> serializers.Serializer[Any]:
    """Describe the ledger's balances and what is wrong with it."""
    unbalanced: _Fields = {
        "currency": serializers.CharField(),
        "amount": serializers.IntegerField(),
    }
    return inline_serializer(
        "Ledger",
        {
            "balances": _many(Balance, "A currency's accounts sum to zero."),
            "unbalanced": inline_serializer(
                "UnbalancedCurrency",
                unbalanced,
                many=True,
                help_text="Currencies whose entries do not sum to zero: none, if all is well.",
            ),
            "differences": _many(
                Difference,
                "Payments that the ledger knows otherwise, 100 at most: none. Those measured in "
                "the last ten minutes may not be settled and are left out.",
            ),
            "compared_until": serializers.DateTimeField(
                allow_null=True, help_text="Until when Stripe's list is compared; null before."
            ),
            "differences_from_stripe": _many(
                StripeDifference, "Days that Stripe lists otherwise, 100 at most: none."
            ),
        },
    )


def timeline() -> serializers.Serializer[Any]:
    """Describe the hops that belong to an id."""
    hop = _fields(Hop, without=(*_DURATIONS, "where"))
    for name in _DURATIONS:
        hop[f"{name}_ms"] = serializers.FloatField(allow_null=True)
    return inline_serializer(
        "Timeline",
        {
            "hops": inline_serializer("Hop", hop, many=True, help_text="The earliest first."),
            "silences": serializers.ListField(
                child=serializers.CharField(), help_text="What was asked and not answered."
            ),
            "correlations": serializers.IntegerField(),
            "more": serializers.BooleanField(help_text="There is more than is told."),
        },
    )


def stuck() -> serializers.Serializer[Any]:
    """Describe what stands still."""
    return inline_serializer("AllStuck", {"stuck": _many(Stuck, "What waits longest first.")})


def _of(shape: type, tells: str = "") -> serializers.Field[Any, Any, Any, Any]:
    return _serializer_class(shape)(help_text=tells or None)


def _many(shape: type, tells: str = "") -> serializers.Field[Any, Any, Any, Any]:
    return _serializer_class(shape)(many=True, help_text=tells or None)


@cache
def _serializer_class(shape: type) -> type[serializers.Serializer[Any]]:
    members = {"__doc__": shape.__doc__, **_fields(shape)}
    return type(shape.__name__, (serializers.Serializer,), members)


def _fields(shape: type, *, without: Collection[str] = ()) -> _Fields:
    hints = get_type_hints(shape)
    fields = {name: _field(hint) for name, hint in hints.items() if name not in without}
    for name, one in vars(shape).items():
        if isinstance(one, property) and name not in without:
            fields[name] = _field(get_type_hints(one.fget)["return"], help_text=one.__doc__)
    return fields


def _is_shape(hint: Any) -> bool:
    return is_dataclass(hint)


def _field(hint: Any, **options: Any) -> serializers.Field[Any, Any, Any, Any]:
    if get_origin(hint) in (Union, types.UnionType):
        (hint,) = (one for one in get_args(hint) if one is not type(None))
        return _field(hint, allow_null=True, **options)
    if get_origin(hint) is list:
        (of,) = get_args(hint)
        if _is_shape(of):
            return _serializer_class(of)(many=True, **options)
        return serializers.ListField(child=_field(of), **options)
    if _is_shape(hint):
        return _serializer_class(hint)(**options)
    return _SIMPLE[hint](**options)
