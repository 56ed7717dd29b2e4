"""The dashboard's pages, in Django admin."""

import csv

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from admin_project.dashboard import presentation, selectors, spreadsheet
from admin_project.dashboard.choices import PERIODS, TYPES, Choice
from admin_project.dashboard.snapshot import snapshot
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
    with snapshot():
        told = selectors.everything(choice)
        newest = selectors.newest(choice)
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
        "trials": presentation.trials(told),
        "dunning": presentation.dunning(told),
        "cohorts": presentation.cohorts(told),
        "newest": [(fact, money(fact.amount_shown, fact.currency)) for fact in newest],
    }
    if "part" in request.GET:
        return TemplateResponse(request, "admin/dashboard/figures.html", context)
    context |= {
        **admin.site.each_context(request),
        "is_nav_sidebar_enabled": False,
        "title": "Dashboard",
        "periods": list(PERIODS),
        "types": TYPES,
        "currencies": sorted({*selectors.currencies(), choice.currency} - {""}),
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
    """Give all figures as a file: as JSON, or as CSV with a row each."""
    _check(request)
    choice = Choice.of(request.GET)
    told = selectors.everything(choice)
    name = f"paybridge-{choice.name}-{choice.now:%Y-%m-%d}"
    response: HttpResponse
    if kind == "json":
        response = JsonResponse(told, json_dumps_params={"indent": 2})
    else:
        response = HttpResponse(content_type="text/csv; charset=utf-8")
        csv.writer(response).writerows([spreadsheet.Row._fields, *spreadsheet.rows(told)])
    response["Content-Disposition"] = f'attachment; filename="{name}.{kind}"'
    return response


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(VIEW_PAYMENTS):
        raise PermissionDenied
