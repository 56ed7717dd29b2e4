"""The admin service's addresses."""

from django.contrib import admin
from django.urls import include, path

from admin_project.analytics.api import PaymentFiguresView
from admin_project.dashboard.metrics import families
from admin_project.readers.authentication import ReaderTokenAuthentication
from admin_project.readers.permissions import MayReadFigures
from kafka_bridge import admin_pages
from kafka_bridge.health import health_urls
from kafka_bridge.metrics import MetricsView
from kafka_bridge.tokens.authentication import StaffBearerAuthentication

admin_pages.load()

metrics = MetricsView.as_view(
    families=families,
    authentication_classes=[ReaderTokenAuthentication, StaffBearerAuthentication],
    permission_classes=[MayReadFigures],
)

urlpatterns = [
    path("api/analytics/payments/", PaymentFiguresView.as_view(), name="payment-figures"),
    path("api/analytics/", include("admin_project.dashboard.api_urls")),
    path("metrics", metrics, name="metrics"),
    path("admin/", include("admin_project.dashboard.urls")),
    path("admin/", include("admin_project.timeline.urls")),
    path("admin/", admin.site.urls),
    *health_urls(),
]
