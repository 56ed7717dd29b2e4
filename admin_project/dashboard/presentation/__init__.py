"""The figures as the page shows them: cards, charts, bars and tables."""

from admin_project.dashboard.presentation.bars import breakdowns, funnel, percentiles, webhooks
from admin_project.dashboard.presentation.books import wrong
from admin_project.dashboard.presentation.cards import cards
from admin_project.dashboard.presentation.over_time import charts
from admin_project.dashboard.presentation.subscriptions import cohorts, dunning, movements, trials

__all__ = [
    "breakdowns",
    "cards",
    "charts",
    "cohorts",
    "dunning",
    "funnel",
    "movements",
    "percentiles",
    "trials",
    "webhooks",
    "wrong",
]
