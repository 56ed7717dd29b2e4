"""The event log in Django admin."""

from django.contrib import admin
from django.http import HttpRequest

from admin_project.event_log.models import LoggedEvent
from kafka_bridge.contracts import Topic
from kafka_bridge.read_only_admin import FirstPages, ReadOnlyAdmin, ValueFilter


class TopicFilter(ValueFilter):
    """By topic; the log is not read for which there are."""

    title = parameter_name = column = "topic"

    def lookups(self, _request: HttpRequest, _model_admin: object) -> list[tuple[str, str]]:
        """Offer every topic, and its dead letters."""
        names = [name for topic in Topic for name in (topic.value, f"{topic.value}.dlq")]
        return [(name, name) for name in names]


@admin.register(LoggedEvent)
class LoggedEventAdmin(ReadOnlyAdmin[LoggedEvent]):
    """Find what happened to a customer, a payment, or with an event."""

    list_display = ("occurred_at", "topic", "customer_id", "correlation_id", "event_id")
    list_filter = (TopicFilter,)
    show_facets = admin.ShowFacets.NEVER  # they count
    paginator = FirstPages
    search_fields = ("=event_id", "=correlation_id", "=customer_id")
    ordering = ("-occurred_at",)
