"""The inbox in Django admin: what came in, and for what is dead, what can be done about it."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.models import AbstractBaseUser
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from kafka_bridge import audit, dead_letters, fingerprints, payloads
from kafka_bridge.admin.events import (
    VIEW_PRIVATE_DATA,
    EventAdmin,
    TopicFilter,
    badge,
    moment,
    page_of,
    sees_private_data,
    state_of,
)
from kafka_bridge.admin.forms import DiscardForm, EditForm
from kafka_bridge.dry_run import calls_out, dry_run
from kafka_bridge.errors import AlreadyReceived, BridgeError, CannotBeHandled, EditRefused, NotDead
from kafka_bridge.handlers import handled_event_classes
from kafka_bridge.models import InboxEvent
from kafka_bridge.selectors import LARGE_FIELDS

_ACTIONS = {
    "retry": ("kafka_bridge.retry_inboxevent",),
    "edit": ("kafka_bridge.edit_inboxevent", VIEW_PRIVATE_DATA),
    "discard": ("kafka_bridge.discard_inboxevent",),
    "dry_run": ("kafka_bridge.dry_run_inboxevent",),
}


def operator(request: HttpRequest) -> AbstractBaseUser:
    """Return the user, who is logged in wherever Django admin asks."""
    assert isinstance(request.user, AbstractBaseUser)  # noqa: S101
    return request.user


def may(request: HttpRequest, action: str) -> bool:
    """Tell whether the user may do this to dead events."""
    return request.user.has_perms(_ACTIONS[action])


def report_retried(request: HttpRequest, retried: dead_letters.Retried) -> None:
    """Tell the user what became of a retry."""
    if retried.pending:
        events = "event is" if retried.pending == 1 else "events are"
        messages.success(request, f"{retried.pending} {events} pending again.")
    for reason in sorted(set(retried.refused.values())):
        count = list(retried.refused.values()).count(reason)
        messages.error(request, f"{count} would only die again: {reason}")
    if not retried.pending and not retried.refused:
        messages.warning(request, "Nothing to retry: no dead letter any more.")


def _consumed_topics() -> list[str]:
    return [event_class.topic for event_class in handled_event_classes()]


class ConsumedTopicFilter(TopicFilter):
    """The topics that this service handles."""

    topics = _consumed_topics


class InboxStateFilter(admin.SimpleListFilter):
    """Where events are on their way."""

    title = "state"
    parameter_name = "state"

    def lookups(self, _request: HttpRequest, _model_admin: Any) -> list[tuple[str, str]]:
        """Offer the three states."""
        return [(state, state) for state in ("pending", "handled", "dead")]

    def queryset(
        self, _request: HttpRequest, queryset: QuerySet[InboxEvent]
    ) -> QuerySet[InboxEvent]:
        """Keep what is in the chosen state."""
        match self.value():
            case "pending":
                return queryset.filter(handled_at__isnull=True, dead_at__isnull=True)
            case "handled":
                return queryset.filter(handled_at__isnull=False)
            case "dead":
                return queryset.filter(dead_at__isnull=False)
        return queryset


@admin.register(InboxEvent)
class InboxEventAdmin(EventAdmin[InboxEvent]):
    """Every event that came in; what is dead can be retried, edited, discarded or tried here."""

    list_display = ("event", "short_key", "state", "received", "handled")
    list_filter = (InboxStateFilter, ConsumedTopicFilter)
    ordering = ("-id",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[InboxEvent]:
        """Leave out what lists do not show."""
        return super().get_queryset(request).defer(*LARGE_FIELDS)

    @admin.display(description="state")
    def state(self, row: InboxEvent) -> SafeString:
        """Show where the event is."""
        return badge(state_of(row))

    @admin.display(description="received", ordering="received_at")
    def received(self, row: InboxEvent) -> str:
        """Show when it came, to the second."""
        return moment(row.received_at)

    @admin.display(description="handled", ordering="handled_at")
    def handled(self, row: InboxEvent) -> str:
        """Show when it was handled, to the second."""
        return moment(row.handled_at)

    def get_urls(self) -> list[URLPattern]:
        """Give a dead event's actions their addresses."""

        def action(name: str, view: Callable[..., HttpResponse]) -> URLPattern:
            url_name = f"kafka_bridge_inboxevent_{name}"
            return path(f"<int:pk>/{name}/", self.admin_site.admin_view(view), name=url_name)

        return [
            action("retry", self.retry_view),
            action("edit", self.edit_view),
            action("discard", self.discard_view),
            action("dry_run", require_POST(self.dry_run_view)),
            *super().get_urls(),
        ]

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Add why the event died, what was done about it, and what can be."""
        context = super().page_context(request, row)
        private = sees_private_data(request)
        failed = row.error_type != ""
        trace = row.traceback
        original = row.original_value
        return context | {
            "error": (row.error if private else fingerprints.without_values(row.error))
            if failed
            else "",
            "traceback": trace if private else fingerprints.traceback_without_values(trace),
            "original": None
            if original is None
            else payloads.pretty(bytes(original), topic=row.topic, private=private),
            "calls_out": calls_out(row.topic),
            "may": {name: bool(row.dead_at) and may(request, name) for name in _ACTIONS},
            "entries": audit.entries_of(row),
        }

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask, then retry one event."""
        row = self._dead_or_refuse(request, pk, "retry")
        if request.method != "POST":
            return self._confirm(request, row, "retry")
        report_retried(request, dead_letters.retry([row], by=operator(request)))
        return HttpResponseRedirect(page_of(row))

    def discard_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for the reason, then discard one event."""
        row = self._dead_or_refuse(request, pk, "discard")
        form = DiscardForm(request.POST if request.method == "POST" else None)
        if not form.is_valid():
            return self._confirm(request, row, "discard", form=form)
        reason = form.cleaned_data["reason"]
        if dead_letters.discard([row], reason=reason, by=operator(request)):
            messages.success(request, "The event is discarded.")
        else:
            messages.warning(request, "Nothing to discard: no dead letter any more.")
        return HttpResponseRedirect(page_of(row))

    def edit_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show the value for correction, then retry it if it keeps its contract."""
        row = self._dead_or_refuse(request, pk, "edit")
        value = b"" if row.value is None else bytes(row.value)
        shown = payloads.pretty(value, topic=row.topic, private=True) if value else ""
        form = EditForm(
            request.POST if request.method == "POST" else None, initial={"value": shown}
        )
        if form.is_valid():
            try:
                dead_letters.edit_and_retry(
                    row, value=form.cleaned_data["value"], by=operator(request)
                )
            except (CannotBeHandled, EditRefused, AlreadyReceived) as error:
                form.add_problems(str(error))
            except NotDead as error:
                messages.warning(request, f"Nothing changed: {error}.")
                return HttpResponseRedirect(page_of(row))
            else:
                messages.success(request, "The edited event is pending again.")
                return HttpResponseRedirect(page_of(row))
        context = self.page_context(request, row) | {"form": form, "title": "Edit and retry"}
        return TemplateResponse(request, "admin/kafka_bridge/edit.html", context)

    def dry_run_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Run the handler, undo it, and show what it did."""
        row = self._dead_or_refuse(request, pk, "dry_run")
        try:
            result = dry_run(row)
        except BridgeError as error:
            messages.error(request, f"Not run: {error}.")
            return HttpResponseRedirect(page_of(row))
        private = sees_private_data(request)
        trace = result.traceback
        context = self.page_context(request, row) | {
            "title": "Dry run",
            "result": result,
            "result_traceback": trace if private else fingerprints.traceback_without_values(trace),
            "published": [
                (event, payloads.pretty(bytes(event.value), topic=event.topic, private=private))
                for event in result.published
            ],
        }
        return TemplateResponse(request, "admin/kafka_bridge/dry_run.html", context)

    def _dead_or_refuse(self, request: HttpRequest, pk: int, action: str) -> InboxEvent:
        row: InboxEvent = self.row_or_404(request, str(pk))
        if not may(request, action):
            raise PermissionDenied
        return row

    def _confirm(
        self, request: HttpRequest, row: InboxEvent, action: str, form: DiscardForm | None = None
    ) -> HttpResponse:
        context = self.page_context(request, row) | {
            "title": f"{action.capitalize()} this event?",
            "action": action,
            "form": form,
            "count": 1,
            "examples": [row],
            "back": page_of(row),
        }
        return TemplateResponse(request, "admin/kafka_bridge/confirm.html", context)
