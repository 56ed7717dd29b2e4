"""Plans and subscriptions in Django admin, and what operators change there."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from customer_project.payments.models import SavedCard
from customer_project.subscriptions import handlers
from customer_project.subscriptions.models import Plan, Subscription
from customer_project.subscriptions.services import PREVIEW_HOLDS_FOR
from tests.customer.conftest import client_of, make_customer, make_plan, published
from tests.customer.subscribing import answered, subscribe, updated
from tests.django_admin import AdminPages, detail_url

ENDING = {"cancel_at_period_end": True}


@pytest.mark.django_db
class TestPages(AdminPages):
    @pytest.fixture
    def rows(self):
        def make(count):
            plans = [make_plan(slug=uuid4().hex) for _ in range(count)]
            client = client_of(make_customer(uuid4().hex))
            subscriptions = [subscribe(client, plan=plan.slug) for plan in plans]
            return {Plan: plans, Subscription: subscriptions}

        return make


@pytest.fixture
def running(api):
    """A subscription that is paid; there is another plan, and another card."""
    make_plan()
    make_plan(slug="team", amount=4900)
    make_plan(slug="dollars", currency="usd")
    subscription = subscribe(api)
    SavedCard.objects.create(
        payment_method_id="pm_2",
        customer=subscription.customer,
        brand="visa",
        last4="4242",
        exp_month=12,
        exp_year=2040,
        saved_at=timezone.now(),
    )
    handlers.move_subscriptions_on([answered(subscription)])
    return subscription


def ask_url(subscription, name):
    return reverse("admin:subscriptions_subscription_ask", args=[subscription.pk, name])


def press(client, url, *, times=1, **fields):
    """Press the button of a page; return the page that it leads to."""
    event_id = str(client.get(url).context["form"]["event_id"].value())
    for _ in range(times):
        response = client.post(url, {"event_id": event_id, **fields}, follow=True)
        assert response.redirect_chain, response.context["form"].errors
    return response


def asked_for():
    return published()[1:]


def offered(client, subscription):
    return [name for name, _ in client.get(detail_url(subscription)).context["changes"]]


class TestChanges:
    @pytest.mark.parametrize(
        ("name", "state", "fields", "told"),
        [
            ("cancel", {}, {}, {"action": "cancel", "at_period_end": None}),
            ("cancel-at-period-end", {}, {}, {"action": "cancel", "at_period_end": True}),
            ("reactivate", ENDING, {}, {"action": "reactivate"}),
            ("pause", {}, {}, {"action": "pause"}),
            ("resume", {"paused": True}, {}, {"action": "resume"}),
            (
                "card",
                {},
                {"payment_method": "pm_2"},
                {"action": "change_card", "payment_method_id": "pm_2"},
            ),
        ],
    )
    def test_is_published_once_and_logged(
        self, *, admin_client, admin_user, running, name, state, fields, told
    ):
        handlers.move_subscriptions_on([updated(running, revision=2, **state)])

        page = press(admin_client, ask_url(running, name), times=2, **fields)

        (event,) = asked_for()
        assert (event.subscription_id, event.customer_id) == (running.id, str(running.customer_id))
        assert {key: getattr(event, key) for key in told} == told
        assert "This was asked for already." in page.text
        entry = LogEntry.objects.get()
        assert (entry.user, entry.object_id) == (admin_user, str(running.pk))
        assert str(event.event_id) in entry.change_message
        assert running.events.last().source == f"operator:{admin_user.pk}"

    def test_only_what_makes_sense_is_offered(self, admin_client, running):
        assert offered(admin_client, running) == [
            *("cancel", "cancel-at-period-end", "pause", "plan", "card")
        ]
        handlers.move_subscriptions_on([updated(running, revision=2, paused=True, **ENDING)])
        SavedCard.objects.all().delete()
        assert offered(admin_client, running) == ["cancel", "reactivate", "resume"]
        handlers.move_subscriptions_on([updated(running, revision=3, status="canceled")])
        assert offered(admin_client, running) == []

    def test_what_can_no_longer_be_is_refused_and_says_why(self, admin_client, running):
        url = ask_url(running, "cancel")
        handlers.move_subscriptions_on([updated(running, revision=2, status="canceled")])

        page = press(admin_client, url)

        assert "Cancel now: This subscription has ended. Subscribe again." in page.text
        assert asked_for() == []
        assert not LogEntry.objects.exists()

    def test_cards_of_others_cannot_be_chosen(self, admin_client, running):
        SavedCard.objects.update(customer=make_customer("grace"))
        url = ask_url(running, "card")

        response = admin_client.post(url, {"event_id": str(uuid4()), "payment_method": "pm_2"})

        assert "payment_method" in response.context["form"].errors
        assert asked_for() == []

    def test_needs_its_own_permission(self, client, django_user_model, running):
        clerk = django_user_model.objects.create_user("clerk", is_staff=True)
        clerk.user_permissions.add(Permission.objects.get(codename="view_subscription"))
        client.force_login(clerk)
        costs = reverse("admin:subscriptions_subscription_costs", args=[running.pk, uuid4(), 1])

        assert offered(client, running) == []
        for url in (ask_url(running, "cancel"), costs):
            assert client.get(url).status_code == client.post(url).status_code == 403

        clerk.user_permissions.add(Permission.objects.get(codename="change_at_stripe"))
        assert client.get(ask_url(running, "cancel")).status_code == 200
        assert client.get(ask_url(running, "explode")).status_code == 404
        assert "cancel" in offered(client, running)


class TestPlan:
    @pytest.fixture
    def previewed(self, admin_client, running):
        """Ask what the other plan costs; return the page, and what answers with a preview."""

        def previewed(**fields):
            page = press(admin_client, ask_url(running, "plan"), plan="team")
            (asked,) = asked_for()
            preview = {
                "subscription_plan_id": "team",
                "amount_due": 2100,
                "currency": "eur",
                "proration_date": timezone.now(),
            }
            answer = {"causation_id": asked.event_id, "preview": preview, **fields}
            handlers.move_subscriptions_on([updated(running, revision=2, **answer)])
            return page.redirect_chain[0][0]

        return previewed

    def test_is_changed_at_the_price_that_was_seen(self, admin_client, running, previewed):
        url = previewed()

        page = admin_client.get(url)
        assert "From pro-monthly to team: €21.00 now." in page.text
        press(admin_client, url, times=2)

        preview, change = asked_for()
        running.refresh_from_db()
        assert (preview.action, change.action) == ("preview_plan", "change_plan")
        assert change.plan_info == Plan.objects.get(slug="team").info()
        seen = datetime.fromisoformat(running.preview["proration_date"])
        assert change.proration_date == seen
        assert "Change plan" in LogEntry.objects.get().change_message

    def test_is_waited_for(self, admin_client, running):
        page = press(admin_client, ask_url(running, "plan"), plan="team")

        assert page.headers["Refresh"]
        assert page.context["form"] is None

    def test_that_is_refused_says_why(self, admin_client, previewed):
        page = admin_client.get(previewed(preview=None, refused="No such price."))

        assert "No such price." in page.text
        assert page.context["form"] is None
        assert "Refresh" not in page.headers

    def test_that_something_overtook_is_asked_for_again(self, admin_client, running, previewed):
        url = previewed()
        handlers.move_subscriptions_on([updated(running, revision=3, quantity=2)])

        page = admin_client.post(url)

        assert "has changed since" in page.text
        assert len(asked_for()) == 1

    def test_of_long_ago_is_refused_and_says_why(self, admin_client, running, previewed):
        url = previewed()
        running.refresh_from_db()
        old = timezone.now() - PREVIEW_HOLDS_FOR - timedelta(minutes=1)
        Subscription.objects.update(preview={**running.preview, "proration_date": old.isoformat()})

        page = press(admin_client, url)

        assert "Ask for a preview again." in page.text
        assert len(asked_for()) == 1

    def test_is_one_on_offer_in_the_subscriptions_currency(self, admin_client, running):
        Plan.objects.filter(slug="team").update(active=False)

        form = admin_client.get(ask_url(running, "plan")).context["form"]

        assert [plan.slug for plan in form.fields["plan"].queryset] == ["pro-monthly"]
