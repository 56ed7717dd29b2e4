"""The customer service's addresses."""

from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import SimpleRouter

from customer_project.payments.api import PaymentViewSet, SavedCardViewSet
from customer_project.webhooks.api import stripe_webhook
from kafka_bridge.health import health_urls

router = SimpleRouter()
router.register("payments", PaymentViewSet, basename="payment")
router.register("payment-methods", SavedCardViewSet, basename="payment-method")

urlpatterns = [
    path("api/", include(router.urls)),
    path("checkout/", include("customer_project.checkout.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("webhooks/stripe/", stripe_webhook, name="stripe-webhook"),
    path("admin/", admin.site.urls),
    *health_urls(),
]
