"""The event log in Django admin."""

from django.contrib import admin

from admin_project.event_log.models import LoggedEvent
from kafka_bridge.contracts import Topic
from kafka_bridge.read_only_admin import FirstPages, ReadOnlyAdmin, ValueFilter


class TopicFilter(ValueFilter):
    """By topic; the log is not read for which there are."""

    title = parameter_name = column = "topic"

    def values(self) -> list[str]:
        """Return every topic, and that of its dead letters."""
        return [name for topic in Topic for name in (topic.value, f"{topic.value}.dlq")]


@admin.register(LoggedEvent)
class LoggedEventAdmin(ReadOnlyAdmin[LoggedEvent]):
    """Find what happened to a customer, a payment, or with an event."""

    list_display = ("occurred_at", "topic", "customer_id", "correlation_id", "event_id")
    list_filter = (TopicFilter,)
    show_facets = admin.ShowFacets.NEVER  # they count
    paginator = FirstPages
    search_fields = ("=event_id", "=correlation_id", "=customer_id")
    ordering = ("-occurred_at",)
