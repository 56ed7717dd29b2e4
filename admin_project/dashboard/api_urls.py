"""The API's addresses, under /api/analytics/."""

from django.urls import path

from admin_project.dashboard.api import FiguresView, LedgerView, StuckView, TimelineView

urlpatterns = [
    path("figures/", FiguresView.as_view(), name="figures"),
    path("ledger/", LedgerView.as_view(), name="ledger"),
    path("timeline/", TimelineView.as_view(), name="timeline-api"),
    path("stuck/", StuckView.as_view(), name="stuck-api"),
]
