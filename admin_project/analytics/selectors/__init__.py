"""Reading the figures. Amounts are minor units of their currency; times are UTC.

Of payments, by when they were requested (`figures`):
    payment_figures() -> PaymentFigures             all there ever were, as the API tells them
    figures(period, filters) -> list[CurrencyFigures]           each with the period before
    series(period, filters, grain) -> list[Point]
    breakdown(period, by, filters) -> list[Slice]
    three_d_secure_funnel(period, filters) -> Funnel
    latency(period, filters) -> Percentiles         from request to Stripe's first answer
    converted_figures(period, filters) -> list[ConvertedFigures]        by the operator's rates

Of subscriptions, all or those of a `currency` (`subscriptions`):
    mrr(at) -> list[Mrr]
    mrr_movements(period) -> list[Movement]
    converted_mrr(period) -> list[ConvertedMrr]                 into each there is a rate into
    churn(period) -> list[Churn]
    retention_cohorts(months, at) -> list[Cohort]
    trial_conversion(period) -> TrialConversion
    dunning(period) -> list[Dunning]                by decline code

Of webhooks (`webhooks`):
    webhook_outcomes(period) -> list[WebhookOutcome]
    webhook_lag(period) -> Percentiles

`Period`, `Filters` and `Percentiles` are in `periods`. The ledger has selectors of its own.
"""

from admin_project.analytics.selectors.figures import (
    CurrencyFigures,
    Figures,
    Funnel,
    PaymentFigures,
    Point,
    Slice,
    breakdown,
    figures,
    latency,
    payment_figures,
    series,
    three_d_secure_funnel,
)
from admin_project.analytics.selectors.periods import Filters, Percentiles, Period
from admin_project.analytics.selectors.rates import (
    ConvertedFigures,
    ConvertedMrr,
    converted_figures,
    converted_mrr,
)
from admin_project.analytics.selectors.subscriptions import (
    Churn,
    Cohort,
    Dunning,
    Movement,
    Mrr,
    TrialConversion,
    churn,
    dunning,
    mrr,
    mrr_movements,
    retention_cohorts,
    trial_conversion,
)
from admin_project.analytics.selectors.webhooks import (
    WebhookOutcome,
    webhook_lag,
    webhook_outcomes,
)

__all__ = [
    "Churn",
    "Cohort",
    "ConvertedFigures",
    "ConvertedMrr",
    "CurrencyFigures",
    "Dunning",
    "Figures",
    "Filters",
    "Funnel",
    "Movement",
    "Mrr",
    "PaymentFigures",
    "Percentiles",
    "Period",
    "Point",
    "Slice",
    "TrialConversion",
    "WebhookOutcome",
    "breakdown",
    "churn",
    "converted_figures",
    "converted_mrr",
    "dunning",
    "figures",
    "latency",
    "mrr",
    "mrr_movements",
    "payment_figures",
    "retention_cohorts",
    "series",
    "three_d_secure_funnel",
    "trial_conversion",
    "webhook_lag",
    "webhook_outcomes",
]
