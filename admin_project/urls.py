"""The admin service's addresses."""

from django.contrib import admin
from django.urls import include, path

from admin_project.analytics.api import PaymentFiguresView
from admin_project.dashboard.metrics import metrics
from kafka_bridge import admin_pages
from kafka_bridge.health import health_urls

admin_pages.load()

urlpatterns = [
    path("api/analytics/payments/", PaymentFiguresView.as_view(), name="payment-figures"),
    path("api/analytics/", include("admin_project.dashboard.api_urls")),
    path("metrics", metrics, name="metrics"),
    path("admin/", include("admin_project.dashboard.urls")),
    path("admin/", include("admin_project.timeline.urls")),
    path("admin/", admin.site.urls),
    *health_urls(),
]
