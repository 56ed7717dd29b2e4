"""The payment service's addresses."""

from django.contrib import admin
from django.urls import path

from kafka_bridge import admin_pages
from kafka_bridge.health import health_urls
from kafka_bridge.metrics import MetricsView
from payment_project.metrics import families
from payment_project.reconciliation.health import reconciliation_health
from payment_project.stripe_gateway.health import stripe_health
from payment_project.webhooks.health import webhooks_health

admin_pages.load()

urlpatterns = [
    path("admin/", admin.site.urls),
    path("metrics", MetricsView.as_view(families=families), name="metrics"),
    *health_urls(
        stripe=stripe_health, webhooks=webhooks_health, reconciliation=reconciliation_health
    ),
]
