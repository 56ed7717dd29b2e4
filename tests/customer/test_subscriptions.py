import itertools
import threading
import uuid

import pytest
from django.db import connection, transaction
from django.utils import timezone

from customer_project.merchants.models import Scope
from customer_project.subscriptions import api as subscriptions_api
from customer_project.subscriptions import handlers
from customer_project.subscriptions.models import Plan, Subscription
from customer_project.subscriptions.services import save_plan
from devstack.waiting import wait_until
from kafka_bridge.contracts import SubscriptionRequested
from tests.customer.conftest import (
    client_of,
    make_customer,
    make_plan,
    merchant_client,
    published,
    rows,
)
from tests.customer.subscribing import (
    CARD,
    GOOD,
    NEXT_ACTION,
    URL,
    answered,
    invoiced,
    post,
    subscribe,
    updated,
)


@pytest.fixture
def plan(db):
    return make_plan()


@pytest.fixture
def subscription(api, plan):
    return subscribe(api)


def code_of(response):
    return response.json()["errors"][0]["code"]


class TestSubscribe:
    def test_is_accepted_and_published_at_the_price_of_now(self, api, ada, plan):
        response = post(api, body={**GOOD, "quantity": 3, "metadata": {"seat": "7"}})

        accepted = response.json()
        assert response.status_code == 202
        assert response["Location"] == f"{URL}{accepted['id']}/"
        assert (accepted["status"], accepted["plan"]) == ("requested", "pro-monthly")
        [event] = published()
        assert isinstance(event, SubscriptionRequested)
        assert event.subscription_context.subscription_id == uuid.UUID(accepted["id"])
        assert event.subscription_context.quantity == 3
        assert event.subscription_context.trial_days is None
        assert event.plan_info == plan.info()
        assert (event.customer_id, event.payment_method_id) == (str(ada.id), "pm_card_visa")
        assert event.customer_info.email == ada.email
        assert event.metadata == {"seat": "7"}

    def test_one_key_subscribes_once_whatever_happens_to_the_plan(self, api, plan):
        body = {**GOOD, "confirmation_token": "ctoken_1"}
        del body["payment_method"]
        first = post(api, body=body, key="1")
        plan.active, plan.amount = False, 9900
        save_plan(plan)

        again = post(api, body=body, key="1")

        assert (again.status_code, again.content) == (202, first.content)
        assert len(published()) == Subscription.objects.count() == 1
        assert code_of(post(api, body={**body, "quantity": 2}, key="1")) == "idempotency_key_reused"

    def test_another_price_is_for_those_who_come_later(self, api, subscription, plan):
        plan.amount = 2500
        save_plan(plan)

        later = subscribe(api)

        subscription.refresh_from_db()
        assert (subscription.amount, later.amount) == (1900, 2500)
        assert [event.plan_info.version for event in published()] == [1, 2]

    @pytest.mark.parametrize(
        ("fields", "attr", "code"),
        [
            ({"plan": "none"}, "plan", "does_not_exist"),
            ({"plan": None}, "plan", "null"),
            ({"payment_method": None}, "payment_method", "null"),
            ({"payment_method": "card"}, "payment_method", "invalid"),
            ({"confirmation_token": "ctoken_1"}, "confirmation_token", "invalid"),
            ({"quantity": 0}, "quantity", "min_value"),
            ({"trial_days": 731}, "trial_days", "max_value"),
            ({"return_url": "https://evil.example/"}, "return_url", "not_allowed"),
            ({"metadata": {"": "x"}}, "metadata", "invalid"),
        ],
    )
    def test_nonsense_is_refused_and_leaves_nothing(self, api, plan, fields, attr, code):
        before = rows()

        response = post(api, body={**GOOD, **fields})

        assert response.status_code == 400
        assert (response.json()["errors"][0]["attr"], code_of(response)) == (attr, code)
        assert rows() == before

    def test_a_plan_that_is_no_longer_on_offer_is_refused(self, api, plan):
        Plan.objects.update(active=False)

        response = post(api, body=GOOD)

        assert (response.status_code, code_of(response)) == (400, "not_on_offer")


class TestTrial:
    @pytest.fixture
    def plan(self, db):
        return make_plan(trial_days=14)

    def test_is_the_plans_once_for_each_customer(self, api, grace_api, plan):
        assert [subscribe(one).trial_days for one in (api, api, grace_api)] == [14, 0, 14]
        days = [event.subscription_context.trial_days for event in published()]
        assert days == [14, None, 14]

    def test_customers_may_forgo_it_but_not_lengthen_it(self, api, plan):
        assert code_of(post(api, body={**GOOD, "trial_days": 15})) == "permission_denied"
        assert subscribe(api, trial_days=0).trial_days == 0
        assert subscribe(api, trial_days=14).trial_days == 14

    def test_one_that_failed_used_it_not_up(self, api, plan):
        failed = subscribe(api)
        handlers.move_subscriptions_on([answered(failed, status="failed", success=False)])

        assert subscribe(api).trial_days == 14

    def test_whoever_changes_to_another_plan_has_tried_both(self, api, plan):
        other = make_plan(slug="other-monthly", trial_days=14)
        changed = subscribe(api)
        handlers.move_subscriptions_on([answered(changed, status="trialing")])
        handlers.move_subscriptions_on(
            [updated(changed, subscription_plan_id=other.slug, status="trialing", revision=2)]
        )

        assert [subscribe(api, plan=one.slug).trial_days for one in (plan, other)] == [0, 0]

    def test_merchants_give_what_they_like(self, merchant, ada, plan):
        assert subscribe(merchant, customer=str(ada.id), trial_days=100).trial_days == 100


class TestWhoMay:
    def test_others_subscriptions_do_not_exist(self, grace_api, subscription):
        assert grace_api.get(f"{URL}{subscription.id}/").status_code == 404
        assert post(grace_api, f"{subscription.id}/cancel/").status_code == 404
        assert grace_api.get(URL).json()["results"] == []

    def test_nobody_subscribes_another(self, grace_api, ada, plan):
        response = post(grace_api, body={**GOOD, "customer": str(ada.id)})

        assert (response.status_code, code_of(response)) == (403, "permission_denied")

    def test_merchants_see_all_with_the_scope(self, merchant, subscription):
        assert len(merchant.get(URL).json()["results"]) == 1
        reader = merchant_client(Scope.SUBSCRIPTIONS_READ)
        assert reader.get(f"{URL}{subscription.id}/").status_code == 200
        assert code_of(post(reader, f"{subscription.id}/cancel/")) == "scope_missing"
        assert code_of(merchant_client(Scope.PAYMENTS_READ).get(URL)) == "scope_missing"

    def test_only_merchants_pause(self, api, merchant, subscription):
        handlers.move_subscriptions_on([updated(subscription)])

        assert code_of(post(api, f"{subscription.id}/pause/")) == "permission_denied"
        assert post(merchant, f"{subscription.id}/pause/").status_code == 202


class TestChange:
    @pytest.fixture
    def running(self, subscription):
        handlers.move_subscriptions_on([answered(subscription), updated(subscription)])
        return subscription

    @pytest.mark.parametrize(
        ("path", "body", "told"),
        [
            ("cancel", {}, {"action": "cancel", "at_period_end": False}),
            ("cancel", {"at_period_end": True}, {"action": "cancel", "at_period_end": True}),
            ("card", {"payment_method": "pm_2"}, {"payment_method_id": "pm_2"}),
            ("card", {"confirmation_token": "ctoken_2"}, {"confirmation_token": "ctoken_2"}),
            ("plan", {"plan": "team", "quantity": 2}, {"action": "change_plan", "quantity": 2}),
            ("plan/preview", {"plan": "team"}, {"action": "preview_plan"}),
            ("refresh", {}, {"action": "refresh"}),
        ],
    )
    def test_is_published_once(self, api, running, path, body, told):
        team = make_plan(slug="team", amount=4900)

        answers = [post(api, f"{running.id}/{path}/", body, key="1") for _ in range(2)]

        assert {answer.status_code for answer in answers} == {202}
        assert answers[0].content == answers[1].content
        _, event = published()
        assert event.event_id == uuid.UUID(answers[0].json()["id"])
        assert event.stripe_subscription_id == "sub_1"
        assert {name: getattr(event, name) for name in told} == told
        if path.startswith("plan"):
            assert (event.subscription_plan_id, event.plan_info) == ("team", team.info())

    @pytest.mark.parametrize(
        ("path", "code"),
        [("reactivate", "nothing_to_reactivate"), ("resume", "not_paused"),
         ("pay", "no_open_invoice")],
    )  # fmt: skip
    def test_what_cannot_be_is_refused(self, api, running, path, code):
        response = post(api, f"{running.id}/{path}/")

        assert (response.status_code, code_of(response)) == (409, code)
        assert len(published()) == 1

    def test_what_can_be_is_not(self, api, merchant, running):
        handlers.move_subscriptions_on(
            [updated(running, revision=2, cancel_at_period_end=True, paused=True)]
        )
        handlers.keep_invoices([invoiced(running, status="open", amount_paid=0, revision=2)])

        for path in ("reactivate", "resume", "pay"):
            assert post(api, f"{running.id}/{path}/").status_code == 202

        assert [event.action for event in published()[1:]] == ["reactivate", "resume", "pay"]

    def test_before_stripe_answered(self, api, subscription):
        assert code_of(post(api, f"{subscription.id}/cancel/")) == "not_answered_yet"

    def test_before_it_has_begun(self, api, subscription):
        handlers.move_subscriptions_on([answered(subscription, status="incomplete")])

        response = post(api, f"{subscription.id}/plan/", {"plan": "pro-monthly"})

        assert code_of(response) == "subscription_incomplete"
        assert post(api, f"{subscription.id}/cancel/").status_code == 202

    def test_another_plan_waits_until_the_invoice_is_paid(self, api, running):
        handlers.keep_invoices([invoiced(running, status="open", amount_paid=0, revision=2)])

        response = post(api, f"{running.id}/plan/", {"plan": "pro-monthly"})

        assert code_of(response) == "subscription_unpaid"

    def test_an_unpaid_one_is_paid_though_its_invoice_is_a_draft(self, api, running):
        handlers.move_subscriptions_on([updated(running, status="unpaid", revision=2)])

        assert post(api, f"{running.id}/pay/").status_code == 202

    @pytest.mark.parametrize(
        ("state", "code"),
        [
            ({"status": "past_due"}, "subscription_unpaid"),
            ({"status": "unpaid"}, "subscription_unpaid"),
            ({"paused": True}, "subscription_paused"),
        ],
    )
    def test_another_plan_waits_until_it_is_as_it_was(self, api, running, state, code):
        handlers.move_subscriptions_on([updated(running, revision=2, **state)])

        for path in ("plan/", "plan/preview/"):
            response = post(api, f"{running.id}/{path}", {"plan": "pro-monthly"})
            assert (response.status_code, code_of(response)) == (409, code)

    def test_after_its_end(self, api, running):
        handlers.move_subscriptions_on([updated(running, status="canceled", revision=2)])

        assert code_of(post(api, f"{running.id}/cancel/")) == "subscription_has_ended"


class TestShow:
    def test_shows_it_as_it_is_now(self, api, subscription):
        handlers.move_subscriptions_on(
            [answered(subscription, status="incomplete", client_secret="pi_1_secret_2",
                      requires_action=True, next_action=NEXT_ACTION)]
        )  # fmt: skip

        shown = api.get(f"{URL}{subscription.id}/").json()

        assert (shown["status"], shown["plan"]) == ("incomplete", "pro-monthly")
        assert shown["requires_action"] is True
        assert (shown["client_secret"], shown["next_action"]) == ("pi_1_secret_2", NEXT_ACTION)
        assert shown["card"]["last4"] == "4242"
        assert shown["revision"] == 1

    def test_quantity_may_be_none_at_stripe(self, api, subscription):
        handlers.move_subscriptions_on([updated(subscription, quantity=0)])

        assert api.get(f"{URL}{subscription.id}/").json()["quantity"] == 0

    def test_filters_and_pages(self, api, subscription):
        other = subscribe(api)
        handlers.move_subscriptions_on([updated(other)])

        def ids(**query):
            return [one["id"] for one in api.get(URL, query).json()["results"]]

        assert ids() == [str(other.id), str(subscription.id)]
        assert ids(status="active") == [str(other.id)]
        assert ids(plan="none") == []
        assert ids(created_before=other.created_at.isoformat()) == [str(subscription.id)]
        assert api.get(URL, {"status": "x"}).status_code == 400
        assert api.get(URL).json()["next"] is None

    def test_tells_its_invoices_and_history(self, api, subscription):
        handlers.move_subscriptions_on([answered(subscription)])
        handlers.keep_invoices([invoiced(subscription)])

        [invoice] = api.get(f"{URL}{subscription.id}/invoices/").json()
        history = api.get(f"{URL}{subscription.id}/events/").json()

        assert (invoice["id"], invoice["status"], invoice["amount_paid"]) == ("in_1", "paid", 1900)
        assert (invoice["amount_refunded"], invoice["dispute_status"]) == (0, "")
        assert [line["what"] for line in history] == ["requested", "answered", "invoice"]

    def test_tells_what_went_back(self, api, subscription):
        back = {"amount_refunded": 900, "dispute_status": "needs_response"}
        handlers.keep_invoices([invoiced(subscription, revision=2, **back)])
        handlers.keep_invoices([invoiced(subscription)])  # late

        [invoice] = api.get(f"{URL}{subscription.id}/invoices/").json()

        assert {name: invoice[name] for name in back} == back

    def test_what_went_back_leaves_the_links(self, api, subscription):
        link = "https://invoice.example/in_1"
        handlers.keep_invoices([invoiced(subscription, hosted_invoice_url=link)])
        handlers.keep_invoices([invoiced(subscription, revision=2, amount_refunded=900)])

        [invoice] = api.get(f"{URL}{subscription.id}/invoices/").json()
        [*_, line] = api.get(f"{URL}{subscription.id}/events/").json()

        assert (invoice["hosted_invoice_url"], invoice["amount_refunded"]) == (link, 900)
        assert line["amount_refunded"] == 900


class TestMoveOn:
    def shown(self, subscription):
        subscription.refresh_from_db()
        [invoice] = subscription.invoices.all()
        names = ("revision", "client_secret", "error_code")
        return (
            *(subscription.status, subscription.cancel_at_period_end),
            *(getattr(subscription, name) for name in names),
            *(invoice.status, invoice.attempt),
            subscription.events.count(),
        )

    def test_any_order_and_repetition_end_alike(self, api, plan):
        """A set-up with 3-D Secure, then active, then to end: told on three topics."""
        ends = set()
        for number, order in enumerate(itertools.permutations(range(5))):
            if number % 4:
                continue
            row = subscribe(api)
            events = [
                answered(row, status="incomplete", client_secret="s", next_action=NEXT_ACTION),
                updated(row, status="incomplete", client_secret="s", next_action=NEXT_ACTION),
                invoiced(row, invoice_id=f"in_{row.id}", status="open", customer_can="wait"),
                updated(row, revision=3, cancel_at_period_end=True),
                invoiced(row, invoice_id=f"in_{row.id}", attempt=2, revision=2),
            ]
            for at in (*order, order[0]):
                is_invoice = at in (2, 4)
                handle = handlers.keep_invoices if is_invoice else handlers.move_subscriptions_on
                handle([events[at]])
            ends.add(self.shown(row))

        assert ends == {("active", True, 3, "", "", "paid", 2, 6)}

    def test_what_the_bank_wants_is_shown_whichever_topic_told_it_first(self, subscription):
        waiting = {"status": "incomplete", "client_secret": "s", "next_action": NEXT_ACTION}
        handlers.move_subscriptions_on([updated(subscription, revision=2, **waiting)])
        handlers.move_subscriptions_on([answered(subscription, **waiting)])

        subscription.refresh_from_db()
        assert (subscription.client_secret, subscription.next_action) == ("s", NEXT_ACTION)

    def test_a_repetition_counts_for_nothing(self, subscription):
        event, invoice = answered(subscription), invoiced(subscription)
        for _ in range(2):
            handlers.move_subscriptions_on([event])
            handlers.keep_invoices([invoice])

        subscription.refresh_from_db()
        assert subscription.changes == 2
        assert subscription.events.count() == 3

    def test_a_preview_says_whose_answer_it_is(self, api, subscription):
        handlers.move_subscriptions_on([answered(subscription)])
        asked = post(api, f"{subscription.id}/plan/preview/", {"plan": "pro-monthly"}).json()
        told = updated(
            subscription,
            revision=2,
            causation_id=uuid.UUID(asked["id"]),
            preview={"subscription_plan_id": "pro-monthly", "amount_due": 700, "currency": "eur",
                     "proration_date": timezone.now()},
        )  # fmt: skip
        handlers.move_subscriptions_on([told])

        shown = api.get(f"{URL}{subscription.id}/").json()["preview"]

        assert (shown["request"], shown["plan"], shown["amount_due"]) == (
            asked["id"], "pro-monthly", 700,
        )  # fmt: skip

    def test_a_change_of_plan_takes_over_its_price(self, subscription):
        handlers.move_subscriptions_on(
            [updated(subscription, revision=2, subscription_plan_id="team", amount=4900)]
        )

        subscription.refresh_from_db()
        assert (subscription.subscription_plan_id, subscription.amount) == ("team", 4900)
        assert subscription.card == CARD

    def test_what_is_not_ours_is_ignored(self, subscription):
        other = Subscription(id=uuid.uuid4(), customer=subscription.customer, amount=1,
                             currency="eur", interval="day", subscription_plan_id="x")  # fmt: skip
        handlers.move_subscriptions_on([updated(other)])
        handlers.keep_invoices([invoiced(other)])

        assert subscription.events.count() == 1


class TestWait:
    def test_ends_when_an_invoice_comes(self, transactional_db):
        make_plan()
        ada = make_customer("ada")
        subscription = subscribe(client_of(ada))
        answers = []

        def ask():
            try:
                answers.append(client_of(ada).get(f"{URL}{subscription.id}/?wait=30").json())
            finally:
                connection.close()

        asking = threading.Thread(target=ask)
        asking.start()
        wait_until(lambda: subscriptions_api._subscriptions._waits, what="the request to wait")
        with transaction.atomic():
            handlers.keep_invoices([invoiced(subscription)])

        asking.join()
        assert answers[0]["revision"] == 1
        wait_until(lambda: not subscriptions_api._subscriptions._looking, what="its thread to end")
