"""Subscriptions in Django admin."""

from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from kafka_bridge.contracts import SubscriptionUpdateRequested
from payment_project.subscriptions.models import DunningPolicy, Subscription
from tests.django_admin import AdminPages, detail_url, list_url
from tests.payment.conftest import published, subscription_updates

pytestmark = pytest.mark.django_db(transaction=True)


class TestPages(AdminPages):
    @pytest.fixture
    def rows(self):
        def make(count):
            now = timezone.now()
            return {
                Subscription: [
                    Subscription.objects.create(
                        id=uuid4(),
                        customer_id="c1",
                        request_event_id=uuid4(),
                        correlation_id=uuid4(),
                        stripe_subscription_id=f"sub_{number}",
                        status="active",
                        subscription_plan_id="pro-monthly",
                        amount=1900,
                        currency="eur",
                        interval="month",
                        revision=1,
                        requested_at=now,
                        created_at=now,
                        updated_at=now,
                    )
                    for number in range(count)
                ]
            }

        return make


def asked_for():
    return [event for event in published() if isinstance(event, SubscriptionUpdateRequested)]


def ask_url(subscription, name):
    return reverse("admin:subscriptions_subscription_ask", args=[subscription.pk, name])


def ask(client, subscription, name, times=1):
    token = client.get(ask_url(subscription, name)).context["form"]["token"].value()
    for _ in range(times):
        response = client.post(ask_url(subscription, name), {"token": str(token)})
        assert response.status_code == 302


class TestSubscriptionPage:
    def test_is_found_by_whatever_names_it(self, admin_client, subscribed):
        wanted = subscribed()
        subscribed()
        invoice = wanted.invoices.get()

        for term in (
            *(wanted.id, wanted.request_event_id, wanted.correlation_id, wanted.customer_id),
            *(wanted.stripe_subscription_id, invoice.id, invoice.payment_intent_id),
        ):
            response = admin_client.get(list_url(Subscription), {"q": str(term)})
            assert set(response.context["cl"].queryset) == {wanted}, term

    def test_tells_all_that_happened(self, admin_client, subscribed, change):
        subscription = subscribed()
        change("pause", subscription)

        response = admin_client.get(detail_url(subscription))

        page = response.content.decode()
        assert "19.00 EUR" in page
        assert subscription.invoices.get().number in page
        assert [hop.row.topic for hop, _, _ in response.context["hops"]] == [
            *("payment.setup.result", "subscription.status.updated"),
            *("subscription.payment.updated", "payment.analytics", "subscription.status.updated"),
        ]
        assert "active, revision 2" in page


class TestChanges:
    @pytest.mark.parametrize(
        ("name", "state"),
        [
            ("cancel", {"status": "canceled"}),
            ("cancel-at-period-end", {"cancel_at_period_end": True}),
            ("pause", {"paused": True}),
        ],
    )
    def test_happens_once_in_the_customers_lane_and_is_logged(
        self, *, admin_client, admin_user, subscribed, handle, name, state
    ):
        subscription = subscribed()

        ask(admin_client, subscription, name, times=2)

        (event,) = asked_for()
        assert (event.source, event.customer_id) == ("payment-service", subscription.customer_id)
        assert LogEntry.objects.get().user == admin_user
        handle(event)
        told = subscription_updates()[-1]
        assert {key: getattr(told, key) for key in state} == state

    def test_is_taken_back(self, admin_client, subscribed, change, handle):
        subscription = subscribed()
        change("cancel", subscription, at_period_end=True)
        change("pause", subscription)

        page = admin_client.get(detail_url(subscription)).content.decode()
        assert "Reactivate…" in page
        assert "Resume…" in page
        for name in ("reactivate", "resume"):
            ask(admin_client, subscription, name)
        handle(*asked_for())

        told = subscription_updates()[-1]
        assert (told.cancel_at_period_end, told.paused) == (False, False)

    def test_an_end_on_a_date_can_be_taken_back_or_come_sooner(self, admin_client, subscribed):
        subscription = subscribed()
        Subscription.objects.update(cancel_at="2199-03-01T00:00:00Z")

        page = admin_client.get(detail_url(subscription)).content.decode()

        assert "March 1, 2199" in page
        for name in ("Reactivate…", "Cancel at period end…"):
            assert name in page

    def test_needs_its_own_permission(self, client, django_user_model, subscribed):
        subscription = subscribed()
        clerk = django_user_model.objects.create_user("clerk", is_staff=True)
        clerk.user_permissions.add(Permission.objects.get(codename="view_subscription"))
        client.force_login(clerk)

        assert client.get(ask_url(subscription, "cancel")).status_code == 403
        assert "Cancel now…" not in client.get(detail_url(subscription)).content.decode()

        clerk.user_permissions.add(Permission.objects.get(codename="change_at_stripe"))
        assert client.get(ask_url(subscription, "cancel")).status_code == 200
        assert client.get(ask_url(subscription, "explode")).status_code == 404
        assert "Cancel now…" in client.get(detail_url(subscription)).content.decode()


class TestDunningPolicy:
    def test_begins_with_the_settings_and_there_is_one(self, admin_client):
        add = reverse("admin:subscriptions_dunningpolicy_add")
        form = admin_client.get(add).context["adminform"].form
        assert "insufficient_funds" in form.initial["retry_codes"]

        given = {name: form.initial[name] or "" for name in form.fields}
        assert admin_client.post(add, {**given, "end_after_days": 9}).status_code == 302

        assert DunningPolicy.objects.get().end_after_days == 9
        assert admin_client.get(add).status_code == 403
