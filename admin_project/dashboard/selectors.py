"""All figures of a choice at once: the dashboard, its exports and the API tell the same."""

from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Final, get_args

from django.core.cache import cache as shared_cache
from django.db.models import Max
from django.utils import timezone

from admin_project.analytics import selectors as analytics
from admin_project.analytics.models import Grain, PaymentAggregate, PaymentFact, SubscriptionFact
from admin_project.analytics.selectors.figures import Figures
from admin_project.analytics.selectors.periods import Property
from admin_project.dashboard.choices import Choice
from admin_project.dashboard.snapshot import snapshot
from admin_project.event_log.models import LoggedEvent
from admin_project.ledger import selectors as ledger
from admin_project.timeline import selectors as timeline

BREAKDOWNS: Final = ("payment_type", "status", *get_args(Property))
NEWEST: Final = 8
BOOKS_ARE_READ_EVERY: Final = 60
"""Seconds: the ledger is compared with every payment, which takes longer than a page may."""
_BOOKS: Final = "dashboard-books"
_ADDED: Final = ("count", "succeeded", "failed", "refunds", "disputes")


@snapshot()
def everything(choice: Choice) -> dict[str, Any]:
    """Return all figures as plain values: minor units, UTC, shares from 0 to 1.

    Those of subscriptions follow the period and the currency, those of webhooks the period.
    """
    period, filters, currency = choice.period, choice.filters, choice.currency
    by_currency = analytics.figures(period, filters)
    return {
        "period": {"name": choice.name, "start": period.start, "end": period.end},
        "currency": choice.currency or None,
        "payment_type": choice.payment_type or None,
        "totals": {
            "now": plain(_total([one.now for one in by_currency])),
            "before": plain(_total([one.before for one in by_currency])),
        },
        "currencies": plain(by_currency),
        "converted": plain(analytics.converted_figures(period, filters)),
        "series": plain(analytics.series(period, filters, grain=choice.grain)),
        "breakdowns": {by: plain(analytics.breakdown(period, by, filters)) for by in BREAKDOWNS},
        "three_d_secure": plain(analytics.three_d_secure_funnel(period, filters)),
        "latency": plain(analytics.latency(period, filters)),
        "subscriptions": {
            "mrr": plain(analytics.mrr(currency=currency)),
            "mrr_before": plain(analytics.mrr(period.start, currency=currency)),
            "movements": plain(analytics.mrr_movements(period, currency=currency)),
            "converted": plain(analytics.converted_mrr(period, currency=currency)),
            "churn": plain(analytics.churn(period, currency=currency)),
            "trials": plain(analytics.trial_conversion(period, currency=currency)),
            "dunning": plain(analytics.dunning(period, currency=currency)),
            "cohorts": plain(analytics.retention_cohorts(currency=currency)),
        },
        "webhooks": {
            "outcomes": plain(analytics.webhook_outcomes(period)),
            "lag": plain(analytics.webhook_lag(period)),
        },
        "stuck": len(timeline.stuck(now=choice.now)),
    }


def books() -> dict[str, Any]:
    """Return the ledger's balances, and whatever in it does not add up: nothing, if all is well.

    They are up to `BOOKS_ARE_READ_EVERY` old.
    """
    told: dict[str, Any] | None = shared_cache.get(_BOOKS)
    if told is None:
        told = _read_books()
        shared_cache.set(_BOOKS, told, BOOKS_ARE_READ_EVERY)
    return told


def newest(choice: Choice) -> list[PaymentFact]:
    """Return the payments that were requested last, of the chosen currency and type."""
    facts = PaymentFact.objects.order_by("-requested_at")
    if choice.currency:
        facts = facts.filter(currency=choice.currency)
    if choice.payment_type:
        facts = facts.filter(payment_type=choice.payment_type)
    return list(facts[:NEWEST])


def currencies() -> list[str]:
    """Return the currencies there are figures of."""
    payments = PaymentAggregate.objects.filter(
        grain=Grain.MONTH, dimension=PaymentAggregate.Dimension.ALL
    )
    subscriptions = SubscriptionFact.objects.values_list("currency")
    found = payments.values_list("currency").union(subscriptions)
    return [currency for (currency,) in found]


def pulse() -> int:
    """Return a number that changes with every event."""
    return LoggedEvent.objects.aggregate(newest=Max("number"))["newest"] or 0


def plain(value: Any) -> Any:
    """Return dataclasses as dicts, with their properties."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    shape: Any = type(value)
    names = _names(shape)
    return {name: plain(getattr(value, name)) for name in names} if names else value


@cache
def _names(shape: type) -> tuple[str, ...]:
    if not is_dataclass(shape):
        return ()
    properties = [name for name, of in vars(shape).items() if isinstance(of, property)]
    return (*(field.name for field in fields(shape)), *properties)


@snapshot()
def _read_books() -> dict[str, Any]:
    settled = timezone.now() - ledger.SETTLES_WITHIN
    return {
        "balances": plain(ledger.balances()),
        "unbalanced": [
            {"currency": currency, "amount": amount} for currency, amount in ledger.unbalanced()
        ],
        "differences": plain(ledger.differences(measured_before=settled, limit=100)),
        "compared_until": ledger.compared_until(),
        "differences_from_stripe": plain(ledger.differences_from_stripe(limit=100)),
    }


def _total(parts: list[Figures]) -> Figures:
    # Amounts of several currencies have no sum.
    return Figures(**{name: sum(getattr(part, name) for part in parts) for name in _ADDED})
