"""The timeline's pages, in Django admin."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from admin_project.timeline import selectors
from admin_project.timeline.hops import written

VIEW_EVENTS = "event_log.view_loggedevent"


@require_safe
def timeline(request: HttpRequest) -> HttpResponse:
    """Show every hop of what an id belongs to."""
    query = request.GET.get("q", "").strip()
    found = selectors.timeline(query) if query else None
    return _page(request, "timeline", "Timeline", query=query, timeline=found)


@require_safe
def stuck(request: HttpRequest) -> HttpResponse:
    """Show what is not final after its deadline."""
    now = timezone.now()
    found = selectors.stuck(now=now, ask_broker=True)
    rows = [(one, written(now - one.since)) for one in found]
    return _page(request, "stuck", "Stuck payments", rows=rows)


def _page(request: HttpRequest, name: str, title: str, **context: Any) -> HttpResponse:
    if not request.user.has_perm(VIEW_EVENTS):
        raise PermissionDenied
    context |= {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": title,
    }
    return TemplateResponse(request, f"admin/timeline/{name}.html", context)
