"""What the pages of inbox and outbox have in common."""

import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timezone import localtime

from kafka_bridge import payloads, selectors
from kafka_bridge.models import InboxEvent, OutboxEvent
from kafka_bridge.read_only_admin import ReadOnlyAdmin

E = TypeVar("E", bound=Model)
Row = InboxEvent | OutboxEvent

_LONGEST_SHOWN = 20

VIEW_PRIVATE_DATA = "kafka_bridge.view_private_data"


def sees_private_data(request: HttpRequest) -> bool:
    """Tell whether the user may see what contracts mark as private."""
    return bool(request.user.has_perm(VIEW_PRIVATE_DATA))


def badge(state: str) -> SafeString:
    """Show a state as a coloured word."""
    return format_html('<span class="bridge-badge bridge-{}">{}</span>', state, state)


def shortened(name: str) -> SafeString:
    """Show the end of a long id; the whole when pointed at."""
    if len(name) <= _LONGEST_SHOWN:
        return format_html("{}", name)
    return format_html('<span title="{}">…{}</span>', name, name[-12:])


def state_of(row: Row) -> str:
    """Name where an event is on its way."""
    if isinstance(row, OutboxEvent):
        return "published" if row.published_at else "unpublished"
    if row.dead_at:
        return "dead"
    return "handled" if row.handled_at else "pending"


def page_of(row: Row) -> str:
    """Return the address of an event's page."""
    return reverse(f"admin:kafka_bridge_{row._meta.model_name}_change", args=[row.pk])


def moment(at: datetime | None) -> str:
    """Show a time to the second, in one way everywhere."""
    return localtime(at).strftime("%Y-%m-%d %H:%M:%S") if at else "-"


class TopicFilter(admin.SimpleListFilter):
    """Filters by topic without asking the table which there are."""

    title = "topic"
    parameter_name = "topic"
    topics: ClassVar[Callable[[], list[str]]]

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        """Offer the topics of this service."""
        return [(topic, topic) for topic in type(self).topics()]

    def queryset(self, _request: HttpRequest, queryset: QuerySet[E]) -> QuerySet[E]:
        """Keep the chosen topic."""
        return queryset.filter(topic=self.value()) if self.value() else queryset


class EventAdmin(ReadOnlyAdmin[E]):
    """A list of events that is searched by id, and a page of each."""

    search_fields = ("event_id",)
    search_help_text = "An event id, a correlation id, or a key (customer id), in full"
    list_per_page = 50

    class Media:
        css: ClassVar = {"all": ["kafka_bridge/admin.css"]}

    @admin.display(description="event", ordering="topic")
    def event(self, row: Row) -> SafeString:
        """Show the topic, and the end of the id, which differs."""
        return format_html("{}<br><small>{}</small>", row.topic, shortened(str(row.event_id)))

    @admin.display(description="key", ordering="key")
    def short_key(self, row: Row) -> SafeString:
        """Show whose event it is."""
        return shortened(row.key)

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[E], search_term: str
    ) -> tuple[QuerySet[E], bool]:
        """Find by what has an index, and by key."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = Q(key=term)
        with contextlib.suppress(ValueError):
            wanted |= Q(event_id=UUID(term)) | Q(correlation_id=UUID(term))
        return queryset.filter(wanted), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",  # noqa: ARG002 - Django's signature
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show an event's page."""
        row = self.row_or_404(request, object_id)
        context = {**self.page_context(request, row), **(extra_context or {})}
        return TemplateResponse(request, "admin/kafka_bridge/event.html", context)

    def row_or_404(self, request: HttpRequest, object_id: str) -> Any:
        """Find an event that the user may see."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404(f"There is no {self.opts.verbose_name} {object_id}.")
        return row

    def page_context(self, request: HttpRequest, row: Row) -> dict[str, Any]:
        """Return what every page about an event shows."""
        private = sees_private_data(request)
        value = None if row.value is None else bytes(row.value)
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": row.topic,
            "subtitle": str(row.event_id),
            "row": row,
            "state": badge(state_of(row)),
            "private": private,
            "value": payloads.pretty(value, topic=row.topic, private=private),
            "headers": payloads.visible_headers(row.headers, private=private),
            "related": [
                (selectors.entered_at(other), other, badge(state_of(other)), page_of(other))
                for other in selectors.related(row)
            ],
        }
