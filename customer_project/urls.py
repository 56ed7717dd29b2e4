"""The customer service's addresses."""

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_update
from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from rest_framework.routers import SimpleRouter

from customer_project.emails.health import emails_health
from customer_project.metrics import families
from customer_project.payments.api import PaymentViewSet, SavedCardViewSet
from customer_project.subscriptions.api import PlanViewSet, SubscriptionViewSet
from customer_project.webhooks.api import stripe_webhook
from customer_project.webhooks.health import webhooks_health
from kafka_bridge import admin_pages
from kafka_bridge.health import health_urls
from kafka_bridge.metrics import MetricsView

admin_pages.load()

router = SimpleRouter()
router.register("payments", PaymentViewSet, basename="payment")
router.register("payment-methods", SavedCardViewSet, basename="payment-method")
router.register("plans", PlanViewSet, basename="plan")
router.register("subscriptions", SubscriptionViewSet, basename="subscription")

urlpatterns = [
    path("api/", include(router.urls)),
    path("checkout/", include("customer_project.checkout.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("webhooks/stripe/", stripe_webhook, name="stripe-webhook"),
    path("metrics", MetricsView.as_view(families=families), name="metrics"),
    path("admin/", admin.site.urls),
    *health_urls(webhooks=webhooks_health, emails=emails_health),
]

if settings.API_DOCS:
    from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

    # Swagger UI sets styles; its scripts are files of ours.
    with_styles = csp_update({"style-src": [SELF, UNSAFE_INLINE]})
    urlpatterns += [
        path("api/schema/", SpectacularAPIView.as_view(), name="schema"),
        path("api/docs/", with_styles(SpectacularSwaggerSplitView.as_view()), name="api-docs"),
    ]
