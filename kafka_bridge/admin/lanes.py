"""Lanes in Django admin."""

from typing import Final

from django.contrib import admin
from django.db.models import Count, F, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from kafka_bridge.admin.events import badge, moment
from kafka_bridge.models import InboxEvent, Lane
from kafka_bridge.read_only_admin import ReadOnlyAdmin

_LONGEST_REASON: Final = 120


@admin.register(Lane)
class LaneAdmin(ReadOnlyAdmin[Lane]):
    """Keys with pending events, those that wait the longest first."""

    list_display = ("key", "state", "pending", "due", "reason", "events")
    list_display_links = None
    search_fields = ("=key",)
    search_help_text = "A key (customer id), in full"
    ordering = ("available_at",)
    list_per_page = 50

    class Media:
        css = {"all": ["kafka_bridge/admin.css"]}  # noqa: RUF012 - Django's way

    def get_queryset(self, request: HttpRequest) -> QuerySet[Lane]:
        """Count each lane's pending events."""
        pending = (
            InboxEvent.objects.filter(
                key=OuterRef("key"), handled_at__isnull=True, dead_at__isnull=True
            )
            .order_by()
            .values("key")
            .annotate(count=Count("pk"))
            .values("count")
        )
        counted = Coalesce(Subquery(pending, output_field=IntegerField()), 0)
        return super().get_queryset(request).annotate(pending_count=counted)

    @admin.display(description="state", ordering="available_at")
    def state(self, lane: Lane) -> SafeString:
        """Show whether somebody works it, or what it waits for."""
        if lane.available_at <= timezone.now():
            return badge("due")
        return badge("leased" if lane.lease else "parked")

    @admin.display(description="due", ordering="available_at")
    def due(self, lane: Lane) -> str:
        """Show when its first event may be tried next, to the second."""
        return moment(lane.available_at)

    @admin.display(description="waits for")
    def reason(self, lane: Lane) -> str:
        """Show the beginning of why its last try parked it."""
        return Truncator(lane.waits_for).chars(_LONGEST_REASON) if lane.waits_for else ""

    @admin.display(description="pending", ordering=F("pending_count"))
    def pending(self, lane: Lane) -> int:
        """Show how many events wait in it."""
        return int(lane.pending_count)  # type: ignore[attr-defined] # annotated above

    @admin.display(description="events")
    def events(self, lane: Lane) -> SafeString:
        """Link to the lane's events."""
        inbox = reverse("admin:kafka_bridge_inboxevent_changelist")
        query = urlencode({"state": "pending", "q": lane.key})
        return format_html('<a href="{}?{}">Show</a>', inbox, query)
