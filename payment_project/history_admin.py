"""Django admin of what has a history: payments and subscriptions."""

import contextlib
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.admin.utils import unquote
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString

from kafka_bridge.admin.events import badge, moment, page_of, shortened, state_of
from kafka_bridge.read_only_admin import FirstPages, ReadOnlyAdmin
from payment_project import history
from payment_project.payments.models import Payment
from payment_project.subscriptions.models import Subscription

M = TypeVar("M", Payment, Subscription)


class HistoryAdmin(ReadOnlyAdmin[M]):
    """Finds a row by any of its ids, and shows all that happened to it."""

    list_display_links = ("created", "short_id")
    search_fields = ("id",)
    ordering = ("-created_at",)
    paginator = FirstPages
    show_facets = admin.ShowFacets.NEVER  # they count
    stripe_id: ClassVar[str]
    """The field with Stripe's id. Stripe's dashboard calls the rows as our app does."""

    class Media:
        css: ClassVar = {"all": ["kafka_bridge/admin.css"]}

    @admin.display(description="created", ordering="created_at")
    def created(self, row: M) -> str:
        """Show when it was recorded, to the second."""
        return moment(row.created_at)

    @admin.display(description="at Stripe")
    def at_stripe(self, row: M) -> SafeString:
        """Show the end of Stripe's id."""
        return shortened(getattr(row, self.stripe_id))

    def meant_by(self, term: str) -> Q | None:
        """Read a term that names something else, which belongs to a row."""
        raise NotImplementedError

    def story(self, request: HttpRequest, row: M) -> dict[str, Any]:
        """Return what the page of a row shows besides its fields and its history."""
        raise NotImplementedError

    def get_search_results(
        self, _request: HttpRequest, queryset: QuerySet[M], search_term: str
    ) -> tuple[QuerySet[M], bool]:
        """Find by what has an index, as it is written."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = self.meant_by(term) or Q(customer_id=term) | Q(**{self.stripe_id: term})
        with contextlib.suppress(ValueError):
            same = UUID(term)
            wanted |= Q(id=same) | Q(request_event_id=same) | Q(correlation_id=same)
        return queryset.filter(wanted), False

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a row with what belongs to it, and its history."""
        row = self.get_object(request, unquote(object_id))
        context = {**self._history(row), **self.story(request, row)} if row else {}
        return super().change_view(
            request, object_id, form_url, {**context, **(extra_context or {})}
        )

    def page(self, request: HttpRequest, template: str, **context: Any) -> TemplateResponse:
        """Show another page of the admin's."""
        frame = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, template, {**frame, **context})

    def _history(self, row: M) -> dict[str, Any]:
        return {
            "stripe_url": self._stripe_url(row),
            "hops": [
                (hop, badge(state_of(hop.row)), page_of(hop.row)) for hop in history.timeline(row)
            ],
            "entries": LogEntry.objects.filter(
                content_type__app_label=self.opts.app_label,
                content_type__model=self.opts.model_name,
                object_id=str(row.pk),
            ).select_related("user"),
        }

    def _stripe_url(self, row: M) -> str:
        stripe_id = getattr(row, self.stripe_id)
        mode = "" if "_live_" in settings.STRIPE_API_KEY else "test/"
        url = f"https://dashboard.stripe.com/{mode}{self.opts.app_label}/{stripe_id}"
        return url if stripe_id else ""
