"""Health of a service as its web process sees it: for monitors, and another for load balancers."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from kafka_bridge.selectors import inbox_totals, outbox_backlog

OUTBOX_AGE_LIMIT: Final = 60.0
"""Seconds. Events leave within milliseconds, so an older one means no relay, or no broker."""


class Finding(NamedTuple):
    """What a check found, and what is wrong with it: empty if nothing is."""

    facts: dict[str, Any]
    problem: str = ""


Check = Callable[[], Finding]


def health_urls(**own_checks: Check) -> list[URLPattern]:
    """Make `/health/` with the bridge's checks and a service's own, and `/health/live/`.

    `/health/` answers 503 if anything needs somebody, were it in another process. What decides
    whether this process gets requests is `/health/live/`: while Kafka or Stripe is away, a service
    still accepts and stores.
    """
    checks = {"database": _database, "outbox": _outbox, "inbox": _inbox, **own_checks}

    @never_cache
    @require_safe
    def health(_request: HttpRequest) -> HttpResponse:
        findings = {name: _found(check) for name, check in checks.items()}
        problems = [f"{name}: {found.problem}" for name, found in findings.items() if found.problem]
        return JsonResponse(
            {
                "service": settings.SERVICE_NAME,
                "status": "problem" if problems else "ok",
                "problems": problems,
                **{name: found.facts for name, found in findings.items()},
            },
            status=503 if problems else 200,
        )

    return [path("health/", health, name="health"), path("health/live/", _live, name="live")]


@never_cache
@require_safe
def _live(_request: HttpRequest) -> HttpResponse:
    found = _found(_database)
    status = "database unavailable" if found.problem else "ok"
    return JsonResponse({"status": status}, status=503 if found.problem else 200)


def _found(check: Check) -> Finding:
    try:
        return check()
    except Error as error:
        # Its text may name hosts and users: it is for the log of whoever lost the connection.
        return Finding({"available": False}, f"database unavailable ({type(error).__name__})")


def _database() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return Finding({"available": True})


def _outbox() -> Finding:
    backlog = outbox_backlog()
    late = backlog.oldest_seconds > OUTBOX_AGE_LIMIT
    problem = f"the oldest event waits for {backlog.oldest_seconds:.0f} s: see relay_outbox"
    return Finding(backlog._asdict(), problem if late else "")


def _inbox() -> Finding:
    return Finding(inbox_totals()._asdict())
