"""Figures of subscriptions: of all currencies, or of one."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, Sum
from django.db.models.functions import TruncMonth
from django.utils import timezone

from admin_project.analytics.models import InvoiceFact, MrrMovement, SubscriptionFact
from admin_project.analytics.selectors.periods import Period, share

_KIND = MrrMovement.Kind


@dataclass(frozen=True, kw_only=True)
class Mrr:
    """Monthly recurring revenue of a currency, in minor units, and how many subscriptions pay."""

    currency: str
    amount: int
    subscriptions: int


@dataclass(frozen=True, kw_only=True)
class Movement:
    """How recurring revenue of a currency moved: in minor units a month, by so many changes."""

    currency: str
    kind: str
    """new, expansion, contraction, churn or reactivation."""
    amount: int
    count: int


@dataclass(frozen=True, kw_only=True)
class Churn:
    """What a currency had at the start, and what it lost of that in the period."""

    currency: str
    subscriptions_at_start: int
    subscriptions_lost: int
    mrr_at_start: int
    mrr_lost: int
    """By churn and contraction, as a positive number."""

    @property
    def rate(self) -> float | None:
        """The share of the subscriptions."""
        return share(self.subscriptions_lost, self.subscriptions_at_start)

    @property
    def mrr_rate(self) -> float | None:
        """The share of the revenue."""
        return share(self.mrr_lost, self.mrr_at_start)


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """Subscriptions that first paid in a month, and how many did at the end of each since."""

    month: date
    size: int
    paying: list[int] = field(default_factory=list)
    """At the end of the first month, of the next, and so on, until now."""


@dataclass(frozen=True, kw_only=True)
class TrialConversion:
    """What became of trials that ended, or end, in the period."""

    trials: int
    converted: int
    lost: int
    open: int

    @property
    def rate(self) -> float | None:
        """The share of those decided that became paying."""
        return share(self.converted, self.converted + self.lost)


@dataclass(frozen=True, kw_only=True)
class Dunning:
    """What became of invoices that could not be paid at first, for one reason."""

    decline_code: str
    currency: str
    failed: int
    recovered: int
    lost: int
    amount_failed: int
    amount_recovered: int

    @property
    def rate(self) -> float | None:
        """The share of the invoices that were paid after all."""
        return share(self.recovered, self.failed)


# What a subscription begun in the period lost is none of it, and what came back is not lost.
_CHURN: Final = """
SELECT currency, count(*), count(*) FILTER (WHERE paying_at_end <= 0), sum(mrr_at_start),
    sum(greatest(mrr_at_start - mrr_at_end, 0))
FROM (
    SELECT currency, subscription_id,
        sum(paying) FILTER (WHERE occurred_at < %(start)s) AS paying_at_start,
        sum(paying) AS paying_at_end,
        sum(amount) FILTER (WHERE occurred_at < %(start)s) AS mrr_at_start,
        sum(amount) AS mrr_at_end
    FROM analytics_mrrmovement
    WHERE occurred_at < %(end)s AND (currency = %(currency)s OR %(currency)s = '')
    GROUP BY currency, subscription_id
) AS subscription
WHERE paying_at_start > 0
GROUP BY currency
ORDER BY currency
"""


def mrr(at: datetime | None = None, *, currency: str = "") -> list[Mrr]:
    """Return the recurring revenue by currency, now or at a time: what all movements add up to."""
    rows = (
        MrrMovement.objects.filter(_of(currency), Q(occurred_at__lt=at) if at else Q())
        .order_by()
        .values_list("currency")
        .annotate(Sum("amount"), Sum("paying"))
        .order_by("currency")
    )
    return [
        Mrr(currency=currency, amount=int(amount), subscriptions=paying)
        for currency, amount, paying in rows
        if paying or amount
    ]


def mrr_movements(period: Period, *, currency: str = "") -> list[Movement]:
    """Return how recurring revenue moved in the period: the difference of its two ends."""
    rows = (
        MrrMovement.objects.filter(
            _of(currency), occurred_at__gte=period.start, occurred_at__lt=period.end
        )
        .order_by()
        .values_list("currency", "kind")
        .annotate(Sum("amount"), Count("revision"))
        .order_by("currency", "kind")
    )
    return [
        Movement(currency=currency, kind=kind, amount=int(amount), count=count)
        for currency, kind, amount, count in rows
    ]


def churn(period: Period, *, currency: str = "") -> list[Churn]:
    """Return what was lost in the period of what there was at its start, by currency."""
    with connection.cursor() as cursor:
        cursor.execute(_CHURN, {"start": period.start, "end": period.end, "currency": currency})
        rows = cursor.fetchall()
    return [
        Churn(
            currency=currency,
            subscriptions_at_start=paying,
            subscriptions_lost=lost,
            mrr_at_start=int(amount),
            mrr_lost=int(mrr_lost),
        )
        for currency, paying, lost, amount, mrr_lost in rows
    ]


def retention_cohorts(
    *, months: int = 12, at: datetime | None = None, currency: str = ""
) -> list[Cohort]:
    """Return the cohorts of the last months, the oldest first.

    Who went over to another currency is in the cohort of that one, from their first payment on.
    """
    now = (at or timezone.now()).date().replace(day=1)
    first = _months_later(now, 1 - months)
    movements = MrrMovement.objects.filter(cohort__gte=first)
    if currency:
        subscriptions = SubscriptionFact.objects.filter(currency=currency)
        movements = movements.filter(subscription_id__in=subscriptions.values("pk"))
    rows = (
        movements.annotate(month=TruncMonth("occurred_at"))
        .order_by()
        .values_list("cohort", "month")
        .annotate(Sum("paying"), new=Count("subscription_id", filter=Q(kind=_KIND.NEW)))
    )
    change: dict[tuple[date, date], int] = {}
    size: dict[date, int] = defaultdict(int)
    for cohort, month, paying, new in rows:
        change[cohort, month.date()] = paying
        size[cohort] += new
    found = []
    for cohort in sorted(size):
        paying, counts, month = 0, [], cohort
        while month <= now:
            paying += change.get((cohort, month), 0)
            counts.append(paying)
            month = _months_later(month, 1)
        found.append(Cohort(month=cohort, size=size[cohort], paying=counts))
    return found


def trial_conversion(period: Period, *, currency: str = "") -> TrialConversion:
    """Follow the trials whose end is in the period: who paid anything has converted."""
    paid = InvoiceFact.objects.filter(
        subscription_id=OuterRef("subscription_id"), status="paid", amount_paid__gt=0
    )
    converted = Exists(paid)
    ended = Q(status__in=("canceled", "incomplete_expired", "unpaid", "paused"))
    counts = SubscriptionFact.objects.filter(
        _of(currency), trial_end__gte=period.start, trial_end__lt=period.end
    ).aggregate(
        trials=Count("pk"),
        converted=Count("pk", filter=converted),
        lost=Count("pk", filter=~converted & ended),
    )
    return TrialConversion(**counts, open=counts["trials"] - counts["converted"] - counts["lost"])


def dunning(period: Period, *, currency: str = "") -> list[Dunning]:
    """Follow the invoices that first failed in the period, by decline code, most failures first.

    A subscription's first invoice is left out: nobody is dunned for what never began.
    """
    paid, lost = Q(status="paid"), Q(status__in=("uncollectible", "void"))
    rows = (
        InvoiceFact.objects.filter(
            _of(currency), failed_at__gte=period.start, failed_at__lt=period.end
        )
        .exclude(billing_reason="subscription_create")
        .values("failure_code", "currency")
        .annotate(
            failed=Count("pk"),
            recovered=Count("pk", filter=paid),
            lost=Count("pk", filter=lost),
            amount_failed=Sum("amount_due"),
            amount_recovered=Sum("amount_paid", filter=paid, default=0),
        )
        .order_by("-failed", "failure_code", "currency")
    )
    return [
        Dunning(
            decline_code=row["failure_code"],
            currency=row["currency"],
            failed=row["failed"],
            recovered=row["recovered"],
            lost=row["lost"],
            amount_failed=int(row["amount_failed"]),
            amount_recovered=int(row["amount_recovered"]),
        )
        for row in rows
    ]


def _of(currency: str) -> Q:
    return Q(currency=currency) if currency else Q()


def _months_later(month: date, count: int) -> date:
    number = month.year * 12 + month.month - 1 + count
    return date(number // 12, number % 12 + 1, 1)
