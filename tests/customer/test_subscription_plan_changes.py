"""Changes of plan cost what their previews said, or are refused."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone

from customer_project.subscriptions import handlers
from customer_project.subscriptions.models import Plan
from customer_project.subscriptions.services import PREVIEW_HOLDS_FOR, save_plan
from tests.customer.conftest import client_of, make_customer, make_plan, published
from tests.customer.subscribing import URL, answered, post, previewed, subscribe, updated
from tests.kafka_bridge.connections import elsewhere, wait_until_blocked

TEAM = {"plan": "team"}


@pytest.fixture
def running(api):
    """A subscription that is paid; there are two other plans."""
    make_plan()
    make_plan(slug="team", amount=4900)
    make_plan(slug="solo", amount=900)
    subscription = subscribe(api)
    handlers.move_subscriptions_on([answered(subscription)])
    return subscription


def preview(client, subscription, *, revision=2, body=TEAM, **answer):
    """Ask what a change costs, have it answered, and return the date that is shown."""
    assert post(client, f"{subscription.pk}/plan/preview/", body).status_code == 202
    handlers.move_subscriptions_on([previewed(subscription, revision=revision, **answer)])
    return client.get(f"{URL}{subscription.pk}/").json()["preview"]["proration_date"]


def change(client, subscription, *, key="", **body):
    return post(client, f"{subscription.pk}/plan/", {**TEAM, **body}, key=key)


def assert_refused(response):
    assert response.status_code == 409
    [error] = response.json()["errors"]
    assert error["code"] == "not_previewed"
    assert "Ask for a preview again" in error["detail"]
    assert "change_plan" not in [getattr(event, "action", "") for event in published()]


@pytest.mark.parametrize("quantity", [{}, {"quantity": 3}])
def test_is_prorated_from_its_previews_date(api, running, quantity):
    seen = preview(api, running, body={**TEAM, **quantity})

    response = change(api, running, proration_date=seen, **quantity)

    assert response.status_code == 202
    event = published()[-1]
    assert (event.action, event.subscription_plan_id) == ("change_plan", "team")
    assert event.proration_date.isoformat().replace("+00:00", "Z") == seen


def test_without_a_date_needs_no_preview(api, running):
    assert change(api, running).status_code == 202
    assert published()[-1].proration_date is None


def test_the_quantity_that_there_is_may_be_said_or_not(api, running):
    seen = preview(api, running)

    assert change(api, running, proration_date=seen, quantity=1).status_code == 202


def test_one_key_is_one_change_whatever_becomes_of_the_preview(api, running):
    seen = preview(api, running)
    first = change(api, running, key="1", proration_date=seen)
    handlers.move_subscriptions_on([updated(running, revision=3)])

    again = change(api, running, key="1", proration_date=seen)

    assert (again.status_code, again.content) == (202, first.content)


class TestIsRefused:
    @pytest.mark.parametrize("by", ["api", "merchant"])
    def test_from_a_date_that_somebody_chose(self, request, running, by):
        client = request.getfixturevalue(by)
        begun = timezone.now() - timedelta(days=29)
        assert_refused(change(client, running, proration_date=begun.isoformat()))

        preview(client, running)

        assert_refused(change(client, running, proration_date=begun.isoformat()))

    @pytest.mark.parametrize("other", [{"plan": "solo"}, {"quantity": 2}])
    def test_if_another_change_was_previewed(self, api, running, other):
        seen = preview(api, running)

        assert_refused(change(api, running, proration_date=seen, **other))

    def test_after_an_hour(self, api, running):
        old = timezone.now() - PREVIEW_HOLDS_FOR - timedelta(minutes=1)

        assert_refused(
            change(api, running, proration_date=preview(api, running, proration_date=old))
        )

    def test_after_something_else_was_told(self, api, running):
        seen = preview(api, running)
        handlers.move_subscriptions_on([updated(running, revision=3, quantity=2)])

        assert_refused(change(api, running, proration_date=seen))

    def test_at_another_price(self, api, running):
        seen = preview(api, running)
        team = Plan.objects.get(slug="team")
        team.amount = 5900
        save_plan(team)

        assert_refused(change(api, running, proration_date=seen))

    @pytest.mark.parametrize("asked", [None, uuid4()])
    def test_if_nobody_knows_what_was_previewed(self, api, running, asked):
        answer = {"subscription_plan_id": "team", "amount_due": 1, "currency": "eur"}
        now = timezone.now()
        told = updated(
            running, revision=2, causation_id=asked, preview={**answer, "proration_date": now}
        )
        handlers.move_subscriptions_on([told])

        assert_refused(change(api, running, proration_date=now.isoformat()))


def test_a_preview_that_goes_meanwhile_is_seen_to_be_gone(transactional_db):
    make_plan()
    make_plan(slug="team", amount=4900)
    ada = make_customer("ada")
    with transaction.atomic():
        running = subscribe(client_of(ada))
        handlers.move_subscriptions_on([answered(running)])
        seen = preview(client_of(ada), running)

    with elsewhere() as threads:
        with transaction.atomic():
            handlers.move_subscriptions_on([updated(running, revision=3)])
            asked = threads.run(lambda: change(client_of(ada), running, proration_date=seen))
            wait_until_blocked()
        assert_refused(asked.result())
