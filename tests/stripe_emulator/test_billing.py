"""Products, prices, subscriptions, invoices and test clocks."""

import calendar
import uuid

import pytest
import requests
import stripe
from hypothesis import given
from hypothesis import strategies as st

from devstack.stripe_emulator.resources.billing_periods import period_around, share

DAY, HOUR = 86400, 3600
JANUARY_31 = calendar.timegm((2027, 1, 31, 12, 0, 0))


@pytest.fixture
def price(client):
    def make(unit_amount=2000, **params):
        return client.v1.prices.create(
            {
                "currency": "usd",
                "unit_amount": unit_amount,
                "recurring": {"interval": "month"},
                "product_data": {"name": "Plan"},
                **params,
            }
        )

    return make


@pytest.fixture
def clock(client):
    return client.v1.test_helpers.test_clocks.create({"frozen_time": JANUARY_31})


@pytest.fixture
def advance(client, clock, eventually):
    def to(frozen_time):
        client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": frozen_time})
        eventually(lambda: client.v1.test_helpers.test_clocks.retrieve(clock.id).status == "ready")

    return to


@pytest.fixture
def subscriber(client, clock):
    """A customer on the test clock, with a default card."""

    def make(payment_method="pm_card_visa"):
        customer = client.v1.customers.create({"test_clock": clock.id, "name": "Grace"})
        if payment_method:
            method = client.v1.payment_methods.attach(payment_method, {"customer": customer.id})
            client.v1.customers.update(
                customer.id, {"invoice_settings": {"default_payment_method": method.id}}
            )
        return customer

    return make


@pytest.fixture
def subscribe(client, price):
    def make(customer, unit_amount=2000, **params):
        return client.v1.subscriptions.create(
            {"customer": customer.id, "items": [{"price": price(unit_amount).id}], **params}
        )

    return make


def invoices_of(client, subscription):
    return client.v1.invoices.list({"subscription": subscription.id, "limit": 100}).data


class TestPrices:
    def test_found_by_lookup_key(self, client, price):
        key = f"standard-{uuid.uuid4()}"
        made = price(lookup_key=key)
        (found,) = client.v1.prices.list({"lookup_keys": [key], "expand": ["data.product"]}).data

        assert found.id == made.id
        assert found.product.name == "Plan"
        with pytest.raises(stripe.InvalidRequestError):
            price(lookup_key=key)
        taken_over = price(lookup_key=key, transfer_lookup_key=True)
        assert client.v1.prices.list({"lookup_keys": [key]}).data[0].id == taken_over.id

    def test_product_with_default_price(self, client):
        product = client.v1.products.create(
            {
                "name": "Coffee",
                "default_price_data": {"currency": "eur", "unit_amount": 300},
                "expand": ["default_price"],
            }
        )
        assert product.default_price.unit_amount == 300
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.products.delete(product.id)

    def test_amount_cannot_change(self, client, price):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.prices.update(price().id, {"unit_amount": 1})


class TestFirstPayment:
    def test_active_when_paid(self, client, subscriber, subscribe):
        subscription = subscribe(subscriber(), expand=["latest_invoice.payments"])

        assert subscription.status == "active"
        invoice = subscription.latest_invoice
        assert invoice.status == "paid"
        assert invoice.amount_paid == 2000
        assert invoice.parent.subscription_details.subscription == subscription.id
        intent = client.v1.payment_intents.retrieve(invoice.payments.data[0].payment.payment_intent)
        assert intent.status == "succeeded"

    def test_default_incomplete_is_paid_by_the_browser(
        self, client, make_client, subscriber, subscribe
    ):
        subscription = subscribe(
            subscriber(None),
            payment_behavior="default_incomplete",
            payment_settings={"save_default_payment_method": "on_subscription"},
            expand=["latest_invoice.confirmation_secret", "latest_invoice.payments"],
        )
        assert subscription.status == "incomplete"
        secret = subscription.latest_invoice.confirmation_secret.client_secret
        intent_id = secret.partition("_secret_")[0]
        payment = subscription.latest_invoice.payments.data[0]
        assert payment.payment.payment_intent == intent_id

        make_client("pk_test_emulated").raw_request(
            "post",
            f"/v1/payment_intents/{intent_id}/confirm",
            client_secret=secret,
            payment_method="pm_card_visa",
        )

        active = client.v1.subscriptions.retrieve(
            subscription.id, {"expand": ["default_payment_method", "latest_invoice"]}
        )
        assert active.status == "active"
        assert active.default_payment_method.customer == active.customer
        assert active.latest_invoice.status == "paid"

    def test_declined_stays_incomplete(self, client, subscriber, subscribe):
        subscription = subscribe(subscriber("pm_card_chargeCustomerFail"))

        assert subscription.status == "incomplete"
        assert invoices_of(client, subscription)[0].status == "open"

    def test_error_if_incomplete_leaves_nothing(self, client, subscriber, subscribe):
        customer = subscriber("pm_card_chargeCustomerFail")
        with pytest.raises(stripe.CardError):
            subscribe(customer, payment_behavior="error_if_incomplete")

        assert client.v1.subscriptions.list({"customer": customer.id, "status": "all"}).data == []

    def test_three_d_secure(self, client, subscriber, subscribe):
        subscription = subscribe(
            subscriber("pm_card_authenticationRequired"), expand=["latest_invoice.payments"]
        )
        assert subscription.status == "incomplete"
        payment = subscription.latest_invoice.payments.data[0].payment
        intent = client.v1.payment_intents.retrieve(payment.payment_intent)
        assert intent.status == "requires_action"

        page = intent.next_action.use_stripe_sdk.stripe_js
        requests.post(page, data={"outcome": "complete"}, timeout=5)

        assert client.v1.subscriptions.retrieve(subscription.id).status == "active"

    def test_expires_after_23_hours(self, client, subscriber, subscribe, advance):
        subscription = subscribe(subscriber(None), payment_behavior="default_incomplete")
        advance(JANUARY_31 + 23 * HOUR)

        expired = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
        assert expired.status == "incomplete_expired"
        assert expired.latest_invoice.status == "void"

    def test_without_a_method_it_is_refused(self, client, subscriber, subscribe):
        with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
            subscribe(subscriber(None))


class TestRenewal:
    def test_months_end_where_the_anchor_says(self, client, subscriber, subscribe, advance):
        subscription = subscribe(subscriber())
        item = subscription["items"].data[0]
        assert item.current_period_end == calendar.timegm((2027, 2, 28, 12, 0, 0))

        advance(item.current_period_end)
        draft = invoices_of(client, subscription)[0]
        assert (draft.status, draft.billing_reason) == ("draft", "subscription_cycle")
        advance(item.current_period_end + HOUR)

        paid = client.v1.invoices.retrieve(draft.id)
        assert (paid.status, paid.amount_paid) == ("paid", 2000)
        renewed = client.v1.subscriptions.retrieve(subscription.id)
        assert renewed.status == "active"
        assert renewed["items"].data[0].current_period_end == calendar.timegm(
            (2027, 3, 31, 12, 0, 0)
        )

    def test_off_session_authentication_is_a_decline_without_a_charge(
        self, *, client, subscriber, subscribe, advance, emulator
    ):
        customer = subscriber()
        subscription = subscribe(customer)
        method = client.v1.payment_methods.attach(
            "pm_card_authenticationRequired", {"customer": customer.id}
        )
        client.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})
        advance(subscription["items"].data[0].current_period_end + 2 * HOUR)

        late = client.v1.subscriptions.retrieve(
            subscription.id, {"expand": ["latest_invoice.payments"]}
        )
        assert late.status == "past_due"
        intent = client.v1.payment_intents.retrieve(
            late.latest_invoice.payments.data[0].payment.payment_intent
        )
        assert intent.last_payment_error.code == "authentication_required"
        assert emulator.audit(payment_intent=intent.id)["charges"] == 0

    @pytest.mark.parametrize("outcome", ["cancel", "unpaid", "past_due"])
    def test_retries_then_gives_up(
        self, *, client, subscriber, subscribe, advance, emulator, outcome
    ):
        emulator.post("billing", {"after_retries": outcome})
        customer = subscriber()
        subscription = subscribe(customer)
        method = client.v1.payment_methods.attach(
            "pm_card_chargeCustomerFail", {"customer": customer.id}
        )
        client.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})
        renewal = subscription["items"].data[0].current_period_end
        advance(renewal + 2 * HOUR)
        first = invoices_of(client, subscription)[0]
        assert first.attempt_count == 1
        assert first.next_payment_attempt == renewal + HOUR + 3 * DAY

        advance(renewal + 20 * DAY)

        invoice = client.v1.invoices.retrieve(first.id)
        assert invoice.attempt_count == 4
        assert invoice.next_payment_attempt is None
        expected = {"cancel": "canceled"}.get(outcome, outcome)
        assert client.v1.subscriptions.retrieve(subscription.id).status == expected
        emulator.post("billing", {"after_retries": "cancel"})

    def test_paying_a_late_invoice_makes_active(self, client, subscriber, subscribe, advance):
        customer = subscriber()
        subscription = subscribe(customer)
        bad = client.v1.payment_methods.attach(
            "pm_card_chargeCustomerFail", {"customer": customer.id}
        )
        client.v1.subscriptions.update(subscription.id, {"default_payment_method": bad.id})
        advance(subscription["items"].data[0].current_period_end + 2 * HOUR)
        late = invoices_of(client, subscription)[0]
        with pytest.raises(stripe.CardError):
            client.v1.invoices.pay(late.id)

        good = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        client.v1.invoices.pay(late.id, {"payment_method": good.id})

        assert client.v1.subscriptions.retrieve(subscription.id).status == "active"
        with pytest.raises(stripe.InvalidRequestError, match="already paid"):
            client.v1.invoices.pay(late.id)

    def test_clock_goes_two_intervals_at_most(self, client, subscriber, subscribe, clock):
        subscribe(subscriber())
        with pytest.raises(stripe.InvalidRequestError, match="two intervals"):
            client.v1.test_helpers.test_clocks.advance(
                clock.id, {"frozen_time": JANUARY_31 + 100 * DAY}
            )
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": JANUARY_31})


class TestTrial:
    def test_bills_when_it_ends(self, client, subscriber, subscribe, advance):
        subscription = subscribe(subscriber(), trial_period_days=7, expand=["latest_invoice"])
        assert subscription.status == "trialing"
        assert subscription.latest_invoice.amount_due == 0
        assert subscription.latest_invoice.status == "paid"

        advance(JANUARY_31 + 7 * DAY + 2 * HOUR)

        active = client.v1.subscriptions.retrieve(subscription.id, {"expand": ["latest_invoice"]})
        assert active.status == "active"
        assert active.latest_invoice.amount_paid == 2000
        types = [event.type for event in client.v1.events.list({"limit": 100}).data]
        assert "customer.subscription.trial_will_end" in types

    @pytest.mark.parametrize(
        ("behaviour", "status"),
        [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "past_due")],
    )
    def test_without_a_method(self, *, client, subscriber, subscribe, advance, behaviour, status):
        subscription = subscribe(
            subscriber(None),
            trial_period_days=7,
            trial_settings={"end_behavior": {"missing_payment_method": behaviour}},
        )
        advance(JANUARY_31 + 7 * DAY + 2 * HOUR)

        assert client.v1.subscriptions.retrieve(subscription.id).status == status

    def test_paused_subscription_resumes(self, client, subscriber, subscribe, advance):
        customer = subscriber(None)
        subscription = subscribe(
            customer,
            trial_period_days=7,
            trial_settings={"end_behavior": {"missing_payment_method": "pause"}},
        )
        advance(JANUARY_31 + 8 * DAY)
        method = client.v1.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        client.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})

        resumed = client.v1.subscriptions.resume(
            subscription.id, {"billing_cycle_anchor": {"type": "now"}, "expand": ["latest_invoice"]}
        )

        assert resumed.status == "active"
        assert resumed.latest_invoice.amount_paid == 2000

    def test_pending_setup_intent_saves_the_card(self, client, subscriber, subscribe):
        subscription = subscribe(
            subscriber(None),
            trial_period_days=7,
            payment_behavior="default_incomplete",
            expand=["pending_setup_intent"],
        )
        client.v1.setup_intents.confirm(
            subscription.pending_setup_intent.id,
            {"payment_method": "pm_card_visa", "return_url": "https://shop.example"},
        )

        found = client.v1.subscriptions.retrieve(subscription.id)
        event = client.v1.events.list({"type": "customer.subscription.updated"}).data[0]
        assert event.data.object.id == subscription.id
        assert event.data.previous_attributes["pending_setup_intent"]
        assert found.pending_setup_intent is None
        assert found.default_payment_method


class TestCancel:
    def test_now(self, client, subscriber, subscribe):
        subscription = subscribe(subscriber())
        canceled = client.v1.subscriptions.cancel(subscription.id)

        assert canceled.status == "canceled"
        assert canceled.ended_at == JANUARY_31
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.subscriptions.cancel(subscription.id)

    def test_at_period_end_and_back(self, client, subscriber, subscribe, advance):
        subscription = subscribe(subscriber())
        ending = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
        period_end = ending["items"].data[0].current_period_end
        assert ending.status == "active"
        assert ending.cancel_at == period_end
        back = client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": False})
        assert back.cancel_at is None
        client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})

        advance(period_end)

        ended = client.v1.subscriptions.retrieve(subscription.id)
        assert (ended.status, ended.ended_at) == ("canceled", period_end)
        assert len(invoices_of(client, subscription)) == 1


class TestPauseCollection:
    @pytest.mark.parametrize(
        ("behaviour", "status"),
        [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")],
    )
    def test_invoices_are_not_collected(
        self, *, client, subscriber, subscribe, advance, behaviour, status
    ):
        subscription = subscribe(subscriber())
        client.v1.subscriptions.update(
            subscription.id, {"pause_collection": {"behavior": behaviour}}
        )
        period_end = subscription["items"].data[0].current_period_end
        advance(period_end + 2 * HOUR)

        assert invoices_of(client, subscription)[0].status == status
        resumed = client.v1.subscriptions.update(subscription.id, {"pause_collection": ""})
        assert resumed.pause_collection is None
        assert resumed.status == "active"


class TestChangeOfPrice:
    def change(self, client, subscription, price, **params):
        return client.v1.subscriptions.update(
            subscription.id,
            {
                "items": [{"id": subscription["items"].data[0].id, "price": price.id}],
                "expand": ["latest_invoice"],
                **params,
            },
        )

    def preview(self, client, subscription, price, **details):
        items = [{"id": subscription["items"].data[0].id, "price": price.id}]
        return client.v1.invoices.create_preview(
            {
                "subscription": subscription.id,
                "subscription_details": {"items": items, **details},
            }
        )

    def test_preview_is_what_the_change_then_costs(
        self, *, client, subscriber, subscribe, price, advance
    ):
        subscription, dearer = subscribe(subscriber()), price(5000)
        item = subscription["items"].data[0]
        middle = (item.current_period_start + item.current_period_end) // 2
        advance(middle)
        how = {"proration_behavior": "always_invoice", "proration_date": middle}
        before = client.v1.events.list({"limit": 1}).data

        preview = self.preview(client, subscription, dearer, **how)

        assert preview.id.startswith("upcoming_in_")
        assert (preview.status, preview.amount_due) == ("draft", 1500)
        assert len(invoices_of(client, subscription)) == 1
        assert client.v1.invoice_items.list({"customer": subscription.customer}).data == []
        assert client.v1.events.list({"limit": 1}).data == before
        changed = self.change(client, subscription, dearer, **how)
        assert changed.latest_invoice.amount_paid == 1500

    def test_preview_of_the_next_period(self, client, subscriber, subscribe, price):
        subscription = subscribe(subscriber(), trial_period_days=7)

        preview = self.preview(client, subscription, price(5000))

        assert (preview.amount_due, preview.billing_reason) == (5000, "upcoming")
        assert client.v1.subscriptions.retrieve(subscription.id).status == "trialing"

    def test_prorations_wait_for_the_next_invoice(
        self, *, client, subscriber, subscribe, price, advance
    ):
        subscription = subscribe(subscriber())
        item = subscription["items"].data[0]
        middle = (item.current_period_start + item.current_period_end) // 2
        advance(middle)
        self.change(client, subscription, price(5000))

        waiting = client.v1.invoice_items.list({"customer": subscription.customer}).data
        assert sorted(line.amount for line in waiting) == [-1000, 2500]
        assert all(line.proration for line in waiting)

        advance(item.current_period_end + 2 * HOUR)
        invoice = invoices_of(client, subscription)[0]
        assert invoice.amount_paid == 5000 + 2500 - 1000
        lines = client.v1.invoices.line_items.list(invoice.id).data
        assert sorted(line.amount for line in lines) == [-1000, 2500, 5000]

    def test_always_invoice_takes_the_difference_now(
        self, *, client, subscriber, subscribe, price, advance
    ):
        subscription = subscribe(subscriber())
        item = subscription["items"].data[0]
        advance((item.current_period_start + item.current_period_end) // 2)
        changed = self.change(
            client, subscription, price(5000), proration_behavior="always_invoice"
        )

        assert changed.latest_invoice.billing_reason == "subscription_update"
        assert changed.latest_invoice.amount_paid == 1500

    def test_downgrade_leaves_credit(self, *, client, subscriber, subscribe, price, advance):
        customer = subscriber()
        subscription = subscribe(customer)
        item = subscription["items"].data[0]
        advance((item.current_period_start + item.current_period_end) // 2)
        changed = self.change(
            client, subscription, price(1000), proration_behavior="always_invoice"
        )

        assert changed.latest_invoice.amount_due == 0
        assert client.v1.customers.retrieve(customer.id).balance == -500
        advance(item.current_period_end + 2 * HOUR)
        assert invoices_of(client, subscription)[0].amount_paid == 500
        assert client.v1.customers.retrieve(customer.id).balance == 0

    def test_none_prorates_nothing(self, client, subscriber, subscribe, price):
        subscription = subscribe(subscriber())
        self.change(client, subscription, price(5000), proration_behavior="none")

        assert client.v1.invoice_items.list({"customer": subscription.customer}).data == []

    def test_another_interval_begins_a_new_period(self, client, subscriber, subscribe, price):
        subscription = subscribe(subscriber())
        yearly = price(20000, recurring={"interval": "year"})
        changed = self.change(client, subscription, yearly)

        assert changed.latest_invoice.amount_paid == 20000 - 2000
        assert changed["items"].data[0].current_period_end == calendar.timegm(
            (2028, 1, 31, 12, 0, 0)
        )

    @pytest.fixture
    def pending(self, client, subscriber, subscribe, price):
        """Ask for a dearer price with a card that is declined, or that the bank asks about."""

        def pending(card):
            customer = subscriber()
            subscription = subscribe(customer)
            method = client.v1.payment_methods.attach(card, {"customer": customer.id})
            client.v1.subscriptions.update(subscription.id, {"default_payment_method": method.id})
            return self.change(
                client,
                subscription,
                price(5000),
                proration_behavior="always_invoice",
                payment_behavior="pending_if_incomplete",
            )

        return pending

    def test_that_is_not_paid_waits_until_it_is(self, client, pending):
        waiting = pending("pm_card_chargeCustomerFail")
        invoice = waiting.latest_invoice
        assert (waiting.status, waiting["items"].data[0].price.unit_amount) == ("active", 2000)
        assert waiting.pending_update.subscription_items[0].price.unit_amount == 5000
        assert (invoice.status, invoice.amount_due) == ("open", 3000)
        assert invoice.next_payment_attempt is None

        good = client.v1.payment_methods.attach("pm_card_visa", {"customer": waiting.customer})
        client.v1.invoices.pay(invoice.id, {"payment_method": good.id})

        changed = client.v1.subscriptions.retrieve(waiting.id)
        assert changed["items"].data[0].price.unit_amount == 5000
        assert changed.pending_update is None
        types = [event.type for event in client.v1.events.list({"limit": 100}).data]
        assert "customer.subscription.pending_update_applied" in types

    def test_that_the_bank_asks_about_waits_for_the_customer(self, client, pending):
        waiting = pending("pm_card_authenticationRequired")

        payment = client.v1.invoices.retrieve(
            waiting.latest_invoice.id, {"expand": ["payments.data.payment.payment_intent"]}
        ).payments.data[0]
        assert payment.payment.payment_intent.status == "requires_action"
        assert waiting.pending_update

    def test_that_is_not_paid_in_time_is_given_up(self, client, pending, advance):
        waiting = pending("pm_card_chargeCustomerFail")

        advance(JANUARY_31 + 23 * HOUR)

        after = client.v1.subscriptions.retrieve(waiting.id, {"expand": ["latest_invoice"]})
        assert (after.pending_update, after.latest_invoice.status) == (None, "void")
        assert after["items"].data[0].price.unit_amount == 2000

    def test_quantity(self, client, subscriber, subscribe):
        subscription = subscribe(subscriber())
        item = subscription["items"].data[0]
        client.v1.subscriptions.update(subscription.id, {"items": [{"id": item.id, "quantity": 3}]})

        waiting = client.v1.invoice_items.list({"customer": subscription.customer}).data
        assert sum(line.amount for line in waiting) == 4000


class TestInvoices:
    def test_by_hand(self, client, subscriber):
        customer = subscriber()
        client.v1.invoice_items.create(
            {"customer": customer.id, "amount": 700, "currency": "usd", "description": "Setup"}
        )
        draft = client.v1.invoices.create(
            {"customer": customer.id, "pending_invoice_items_behavior": "include"}
        )
        assert (draft.status, draft.amount_due) == ("draft", 700)
        opened = client.v1.invoices.finalize_invoice(draft.id, {"expand": ["confirmation_secret"]})
        assert opened.status == "open"
        assert opened.confirmation_secret.client_secret
        paid = client.v1.invoices.pay(draft.id)
        assert (paid.status, paid.amount_paid) == ("paid", 700)

    def test_void(self, client, subscriber):
        customer = subscriber()
        draft = client.v1.invoices.create({"customer": customer.id})
        client.v1.invoice_items.create(
            {"customer": customer.id, "invoice": draft.id, "amount": 700, "currency": "usd"}
        )
        client.v1.invoices.finalize_invoice(draft.id)
        voided = client.v1.invoices.void_invoice(draft.id, {"expand": ["payments"]})

        assert voided.status == "void"
        assert voided.payments.data[0].status == "canceled"
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.invoices.pay(draft.id)

    def test_paid_out_of_band(self, client, subscriber, emulator):
        customer = subscriber()
        draft = client.v1.invoices.create({"customer": customer.id})
        client.v1.invoice_items.create(
            {"customer": customer.id, "invoice": draft.id, "amount": 700, "currency": "usd"}
        )
        paid = client.v1.invoices.pay(draft.id, {"paid_out_of_band": True})

        assert paid.status == "paid"
        assert emulator.audit(customer=customer.id)["charges"] == 0


class TestPeriods:
    @given(
        anchor=st.integers(1_500_000_000, 2_000_000_000),
        at=st.integers(0, 300 * 31 * DAY),
        interval=st.sampled_from(["day", "week", "month", "year"]),
        count=st.integers(1, 3),
    )
    def test_periods_touch_and_do_not_overlap(self, anchor, at, interval, count):
        recurring = {"interval": interval, "interval_count": count}
        start, end = period_around(anchor=anchor, recurring=recurring, at=anchor + at)
        following, _ = period_around(anchor=anchor, recurring=recurring, at=end)

        assert start <= anchor + at < end
        assert following == end

    @given(
        amount=st.integers(0, 10**8),
        whole=st.integers(1, 400 * DAY),
        used=st.floats(0, 1, allow_nan=False),
    )
    def test_shares_sum_up(self, amount, whole, used):
        part = int(whole * used)
        used_share = share(amount, part=part, whole=whole)
        rest = share(amount, part=whole - part, whole=whole)

        assert amount <= used_share + rest <= amount + 1
        assert 0 <= used_share <= amount
