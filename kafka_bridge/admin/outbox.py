"""The outbox in Django admin."""

from typing import Any

from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from kafka_bridge.admin.events import EventAdmin, TopicFilter, badge, moment, state_of
from kafka_bridge.contracts import Topic
from kafka_bridge.models import OutboxEvent


def _produced_topics() -> list[str]:
    return [topic for topic in Topic if settings.SERVICE_NAME in topic.producers]


class ProducedTopicFilter(TopicFilter):
    """The topics that this service produces to."""

    topics = _produced_topics


class OutboxStateFilter(admin.SimpleListFilter):
    """Published, or not yet."""

    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        """Offer the two states, and the copies of what died."""
        return [("unpublished", "unpublished"), ("published", "published"), ("dlq", "dead letters")]

    def queryset(
        self, _request: HttpRequest, queryset: QuerySet[OutboxEvent]
    ) -> QuerySet[OutboxEvent]:
        """Keep what is in the chosen state."""
        if self.value() == "dlq":
            return queryset.filter(topic__endswith=".dlq")
        if self.value():
            return queryset.filter(published_at__isnull=self.value() == "unpublished")
        return queryset


@admin.register(OutboxEvent)
class OutboxEventAdmin(EventAdmin[OutboxEvent]):
    """What this service published, and what the relay has still to bring to the broker."""

    list_display = ("event", "short_key", "state", "written", "published")
    list_filter = (OutboxStateFilter, ProducedTopicFilter)
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OutboxEvent]:
        """Leave out what lists do not show."""
        return super().get_queryset(request).defer("value", "headers")

    @admin.display(description="state")
    def state(self, row: OutboxEvent) -> SafeString:
        """Show whether the broker has it."""
        return badge(state_of(row))

    @admin.display(description="written", ordering="created_at")
    def written(self, row: OutboxEvent) -> str:
        """Show when it was written, to the second."""
        return moment(row.created_at)

    @admin.display(description="published", ordering="published_at")
    def published(self, row: OutboxEvent) -> str:
        """Show when the broker had it, to the second."""
        return moment(row.published_at)
