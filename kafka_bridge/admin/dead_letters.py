"""Dead letters in Django admin: grouped by how they failed, then the events of a group."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from kafka_bridge import dead_letters, selectors
from kafka_bridge.admin.events import EventAdmin, moment, page_of, sees_private_data
from kafka_bridge.admin.forms import DiscardForm
from kafka_bridge.admin.inbox import ConsumedTopicFilter, may, operator, report_retried
from kafka_bridge.fingerprints import without_values
from kafka_bridge.models import DeadLetter, InboxEvent

_GROUPS_SHOWN = 200
_EXAMPLES_SHOWN = 10


class _Events(ChangeList):
    """A list whose rows lead to the pages of the inbox."""

    def url_for_result(self, result: Any) -> str:
        return page_of(InboxEvent(pk=result.pk))


@admin.register(DeadLetter)
class DeadLetterAdmin(EventAdmin[DeadLetter]):
    """Groups first; `events/` lists the events of one, or all."""

    list_display = ("event", "short_key", "what_went_wrong", "died")
    list_filter = (ConsumedTopicFilter,)
    ordering = ("-dead_at", "-pk")
    actions = ("retry_events", "discard_events")

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whoever sees the inbox sees what is dead in it."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, _obj: Any = None) -> bool:
        """Whoever sees the inbox sees what is dead in it."""
        return bool(request.user.has_perm("kafka_bridge.view_inboxevent"))

    def has_retry_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may retry events."""
        return may(request, "retry")

    def has_discard_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may discard events."""
        return may(request, "discard")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DeadLetter]:
        """Keep what is dead."""
        found = super().get_queryset(request).filter(dead_at__isnull=False)
        return found.defer(*selectors.LARGE_FIELDS)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:  # noqa: ARG002
        """Lead to the pages of the inbox."""
        return _Events

    def get_urls(self) -> list[URLPattern]:
        """Give the list of events an address beside that of the groups."""
        view = self.admin_site.admin_view(self.events_view)
        return [path("events/", view, name="kafka_bridge_deadletter_events"), *super().get_urls()]

    @admin.display(description="what went wrong", ordering="error_type")
    def what_went_wrong(self, row: DeadLetter) -> str:
        """Show the error without what it quotes."""
        return f"{row.error_type}: {without_values(row.error)}"

    @admin.display(description="died", ordering="dead_at")
    def died(self, row: DeadLetter) -> str:
        """Show when it died, to the second."""
        return moment(row.dead_at)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the groups."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        topic = request.GET.get("topic", "")
        found = selectors.dead_letters(topic=topic)
        groups = selectors.dead_letter_groups(found, limit=_GROUPS_SHOWN)
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": "Dead letters",
            "groups": [(group, _message(request, group)) for group in groups],
            "cut_at": _GROUPS_SHOWN if len(groups) == _GROUPS_SHOWN else None,
            "total": sum(group.events for group in groups),
            "topics": selectors.dead_letter_topics(),
            "topic": topic,
            "actions": [
                (action, f"{action.capitalize()} all…")
                for action in ("retry", "discard")
                if may(request, action)
            ],
            "checkbox": ACTION_CHECKBOX_NAME,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "admin/kafka_bridge/deadletter/groups.html", context)

    def events_view(self, request: HttpRequest) -> HttpResponse:
        """Show the events of a group, or all."""
        context: dict[str, Any] = {"title": "All dead letters"}
        if "fingerprint" in request.GET:
            found = self.get_queryset(request).filter(fingerprint=request.GET["fingerprint"])
            latest = found.first()
            if latest is None:
                return HttpResponseRedirect(reverse("admin:kafka_bridge_deadletter_changelist"))
            context = {"title": self.what_went_wrong(latest)}
        return super().changelist_view(request, context)

    @admin.action(permissions=["retry"], description="Retry…")
    def retry_events(
        self, request: HttpRequest, events: QuerySet[DeadLetter]
    ) -> HttpResponse | None:
        """Ask, then retry the events."""
        if "confirmed" not in request.POST:
            return self._confirm(request, events, "retry")
        report_retried(request, dead_letters.retry(events.only("pk"), by=operator(request)))
        return HttpResponseRedirect(reverse("admin:kafka_bridge_deadletter_changelist"))

    @admin.action(permissions=["discard"], description="Discard…")
    def discard_events(
        self, request: HttpRequest, events: QuerySet[DeadLetter]
    ) -> HttpResponse | None:
        """Ask for the reason, then discard the events."""
        form = DiscardForm(request.POST if "confirmed" in request.POST else None)
        if not form.is_valid():
            return self._confirm(request, events, "discard", form=form)
        reason = form.cleaned_data["reason"]
        count = dead_letters.discard(events.only("pk"), reason=reason, by=operator(request))
        messages.success(request, f"{count} events are discarded.")
        return HttpResponseRedirect(reverse("admin:kafka_bridge_deadletter_changelist"))

    def _confirm(
        self,
        request: HttpRequest,
        events: QuerySet[DeadLetter],
        action: str,
        form: DiscardForm | None = None,
    ) -> HttpResponse:
        count = events.count()
        across = request.POST.get("select_across", "0")
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "media": self.media,
            "title": f"{action.capitalize()} {count} event{'s' if count > 1 else ''}?",
            "action": action,
            "form": form,
            "count": count,
            "examples": events[:_EXAMPLES_SHOWN],
            "back": request.get_full_path(),
            "hidden": [
                ("action", f"{action}_events"),
                ("select_across", across),
                ("index", "0"),
                *(
                    (ACTION_CHECKBOX_NAME, chosen)
                    for chosen in request.POST.getlist(ACTION_CHECKBOX_NAME)
                ),
            ],
        }
        return TemplateResponse(request, "admin/kafka_bridge/confirm.html", context)


def _message(request: HttpRequest, group: selectors.DeadLetterGroup) -> str:
    line = group.example.error.partition("\n")[0]
    return line if sees_private_data(request) else without_values(line)
