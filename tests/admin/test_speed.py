"""The pages of the admin service with a million payments: nobody waits."""

import statistics
import time

import pytest
from django.core.cache import cache

from admin_project.analytics.models import PaymentFact
from admin_project.dashboard import selectors
from admin_project.event_log.models import LoggedEvent
from admin_project.timeline.selectors import stuck
from devstack.bench.year_of_payments import make_history

PAYMENTS = 1_000_000
DASHBOARD, TIMELINE, BOOKS = 0.5, 0.2, float("inf")
"""Seconds. The books are compared once a minute, after the page is there."""


@pytest.mark.large
@pytest.mark.timeout(1400)
@pytest.mark.django_db
def test_every_page_opens_at_once(admin_client, capsys):
    make_history(PAYMENTS)
    payment = PaymentFact.objects.get(payment_intent_id=f"pi_{PAYMENTS // 3}")
    event = LoggedEvent.objects.filter(customer_id=payment.customer_id).first()
    ids = {
        "payment": payment.payment_id,
        "PaymentIntent": payment.payment_intent_id,
        "customer": payment.customer_id,
        "event": event.event_id,
        "correlation": event.correlation_id,
        "payment method": f"pm_{payment.customer_id}",
        "unknown": "pi_nothing",
    }
    pages = {
        **{
            f"dashboard {period}": ("/admin/dashboard/", {"period": period}, DASHBOARD)
            for period in ("24h", "7d", "30d", "90d", "365d")
        },
        "dashboard of a currency and type": (
            "/admin/dashboard/",
            {"period": "365d", "currency": "usd", "type": "one_off"},
            DASHBOARD,
        ),
        "pulse": ("/admin/dashboard/pulse/", {}, TIMELINE),
        "books": ("/admin/dashboard/books/", {}, BOOKS),
        "stuck": ("/admin/stuck/", {}, TIMELINE),
        **{
            f"timeline of {name}": ("/admin/timeline/", {"q": text}, TIMELINE)
            for name, text in ids.items()
        },
    }
    took = {}
    for name, (url, query, _) in pages.items():
        times = []
        for _ in range(5):
            cache.clear()
            began = time.perf_counter()
            assert admin_client.get(url, query).status_code == 200
            times.append(time.perf_counter() - began)
        took[name] = statistics.median(times)
    with capsys.disabled():
        for name, one in took.items():
            print(f"\n{name:>34}: {1000 * one:4.0f} ms", end="")  # noqa: T201 - its figures

    too_slow = {name: one for name, one in took.items() if one > pages[name][2]}
    assert not too_slow
    assert stuck()
    books = selectors.books()
    assert books["balances"]
    assert not books["differences"]
    assert not books["differences_from_stripe"]
