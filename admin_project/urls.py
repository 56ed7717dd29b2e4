"""The admin service's addresses."""

from django.contrib import admin
from django.urls import path

from admin_project.analytics.api import PaymentFiguresView
from kafka_bridge.health import health_urls

urlpatterns = [
    path("api/analytics/payments/", PaymentFiguresView.as_view(), name="payment-figures"),
    path("admin/", admin.site.urls),
    *health_urls(),
]
