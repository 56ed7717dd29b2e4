"""The dashboard's pages, in Django admin."""

import csv
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from admin_project.dashboard import presentation, selectors
from admin_project.dashboard.choices import PERIODS, TYPES, Choice
from admin_project.money import money
from admin_project.readers.permissions import VIEW_PAYMENTS


@never_cache
@require_safe
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show the figures; only them, for `part`, which the page asks for when something happened."""
    _check(request)
    choice = Choice.of(request.GET)
    # Before the figures are read: what comes meanwhile shows at the next look.
    pulse = selectors.pulse()
    told = selectors.everything(choice)
    context = {
        "pulse": pulse,
        "choice": choice,
        "told": told,
        "cards": presentation.cards(told),
        "charts": presentation.charts(told, choice),
        "breakdowns": presentation.breakdowns(told),
        "funnel": presentation.funnel(told),
        "latency": presentation.percentiles(told["latency"]),
        "webhooks": presentation.webhooks(told),
        "webhook_lag": presentation.percentiles(told["webhooks"]["lag"]),
        "movements": presentation.movements(told),
        "cohorts": presentation.cohorts(told),
        "newest": [(fact, money(fact.amount, fact.currency)) for fact in selectors.newest(choice)],
    }
    if "part" in request.GET:
        return TemplateResponse(request, "admin/dashboard/figures.html", context)
    context |= {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": "Dashboard",
        "periods": list(PERIODS),
        "types": TYPES,
        "currencies": sorted({one["currency"] for one in told["currencies"]} | {choice.currency})
        if choice.currency
        else sorted(one["currency"] for one in told["currencies"]),
    }
    return TemplateResponse(request, "admin/dashboard/dashboard.html", context)


@never_cache
@require_safe
def pulse(request: HttpRequest) -> HttpResponse:
    """Tell whether anything happened: a number that changes with every event."""
    _check(request)
    return JsonResponse({"pulse": selectors.pulse()})


@never_cache
@require_safe
def books(request: HttpRequest) -> HttpResponse:
    """Show whether the ledger adds up."""
    _check(request)
    told = selectors.books()
    context = {
        "wrong": presentation.wrong(told),
        "told": told,
        "balances": [
            (one["account"].replace("_", " "), money(one["amount"], one["currency"]))
            for one in told["balances"]
        ],
    }
    return TemplateResponse(request, "admin/dashboard/books.html", context)


@never_cache
@require_safe
def export(request: HttpRequest, kind: str) -> HttpResponse:
    """Give the figures as a file: all as JSON, or those over time as CSV."""
    _check(request)
    choice = Choice.of(request.GET)
    told = selectors.everything(choice)
    name = f"paybridge-{choice.name}-{choice.now:%Y-%m-%d}"
    response: HttpResponse
    if kind == "json":
        response = JsonResponse(told, json_dumps_params={"indent": 2})
    else:
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        _write_csv(response, told)
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response


def _write_csv(response: HttpResponse, told: dict[str, Any]) -> None:
    columns = ("count", "succeeded", "failed", "volume", "captured", "refunded", "refunds",
               "disputes")  # fmt: skip
    writer = csv.writer(response)
    writer.writerow(("starts_at", "currency", *columns))
    for point in told["series"]:
        values = [point["figures"][column] for column in columns]
        writer.writerow((point["starts_at"].isoformat(), point["currency"], *values))


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(VIEW_PAYMENTS):
        raise PermissionDenied
