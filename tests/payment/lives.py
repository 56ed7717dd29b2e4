"""Lives of payments and subscriptions at Stripe, and what could be read of them at each moment."""

import asyncio
import re
from dataclasses import dataclass, field, replace

from kafka_bridge.handlers import handler_of
from payment_project.payments.models import Payment
from payment_project.stripe_gateway.states import IntentState
from payment_project.stripe_gateway.subscription_states import SubscriptionSnapshot
from payment_project.subscriptions.models import Subscription
from payment_project.webhooks.reading import read
from payment_project.webhooks.types import HANDLED
from tests.payment.conftest import asked, received, requested
from tests.payment.subscribing import change_requested, setup_requested

_ID = re.compile(r"[a-z]+_[A-Za-z0-9]+")


@dataclass(repr=False)
class Moment:
    """What Stripe shows from one change to the next."""

    cause: object
    """The event that made us change it; None if somebody else did."""
    answer: object
    """What our call was answered."""
    webhooks: list
    """Those that Stripe sends of the change."""
    readings: dict
    """What `read` says of each webhook so far, by its `evt_…`."""
    looks: dict = field(default_factory=dict)
    """What a `refresh` reads, by the invoice that it names, or ""."""

    @property
    def whole(self):
        """What a payment or subscription is like."""
        return self.looks[""].news

    def later(self, answer):
        """Return an answer whose second call came as late as this moment."""
        if isinstance(answer, SubscriptionSnapshot):
            looks = self.looks.values()
            now = {one.invoice_id: one for look in looks for one in look.news.invoices}
            return replace(answer, invoices=tuple(now[one.invoice_id] for one in answer.invoices))
        if isinstance(answer, IntentState) and answer.disputes:
            return replace(answer, disputes=self.whole.disputes)
        return answer


class Life:
    """What becomes of one payment or subscription, recorded while it happens."""

    def __init__(self, run, at_stripe, look):
        self.moments = []
        self.ids = set()
        self._run, self._at_stripe, self._look = run, at_stripe, look
        self._webhooks, self._invoices = [], []
        before = at_stripe.get("/v1/events", limit=1)["data"]
        self._since = {"ending_before": before[0]["id"]} if before else {}

    def asks(self, event):
        """Let somebody ask us for something. Returns Stripe's answer."""
        self.ids.add(event.customer_id)
        answer = self._run(handler_of(type(event)).call(event))
        self._goes_on(event, answer)
        return answer

    def goes_on(self):
        """Look at what became of it by something that was done at Stripe."""
        self._goes_on(None, None)

    def _goes_on(self, cause, answer):
        fresh = self._fresh()
        self._webhooks += fresh
        self.moments.append(Moment(cause, answer, fresh, self._run(self._readings())))
        self.moments[-1].looks = self._run(self._looks())

    def _fresh(self):
        page = self._at_stripe.get("/v1/events", limit=100, **self._since)
        assert not page["has_more"]
        events = page["data"][::-1]
        for event in events:
            self._since = {"ending_before": event["id"]}
            self._note_ids(event)
            about = event["data"]["object"]
            if about["object"] == "invoice" and about["id"] not in self._invoices:
                self._invoices.append(about["id"])
        return [
            received(event, customer_id="nobody") for event in events if event["type"] in HANDLED
        ]

    def _note_ids(self, value):
        for item in value.values() if isinstance(value, dict) else value:
            if isinstance(item, (dict, list)):
                self._note_ids(item)
        if isinstance(value, dict) and _ID.fullmatch(str(value.get("id"))):
            self.ids.add(value["id"])

    async def _readings(self):
        told = await asyncio.gather(*map(read, self._webhooks))
        return {reading.webhook_event_id: reading for reading in told}

    async def _looks(self):
        events = {name: self._look(self.moments[0].answer, name) for name in ["", *self._invoices]}
        calls = [handler_of(type(event)).call(event) for event in events.values()]
        return dict(zip(events, await asyncio.gather(*calls), strict=True))


def _give_card(at_stripe, subscription, card):
    at = at_stripe.get(f"/v1/subscriptions/{subscription.stripe_subscription_id}")
    attached = at_stripe.post(f"/v1/payment_methods/{card}/attach", customer=at["customer"])
    at_stripe.post(f"/v1/subscriptions/{at['id']}", default_payment_method=attached["id"])
    return attached


def disputed(run, at_stripe, clock):
    """A payment: 3-D Secure, succeeded, refunded in part, disputed, the dispute closed."""
    event = requested("pm_card_threeDSecure2Required")
    payment = Payment(
        id=event.payment_id, customer_id=event.customer_id, correlation_id=event.correlation_id
    )

    def look(answer, _invoice_id):
        payment.payment_intent_id = answer.payment_intent_id
        return asked("refresh", payment)

    life = Life(run, at_stripe, look)
    intent_id = life.asks(event).payment_intent_id
    at_stripe.command(f"intents/{intent_id}/authenticate")
    life.goes_on()
    life.asks(asked("confirm", payment))
    at_stripe.post("/v1/refunds", payment_intent=intent_id, amount=300)
    life.goes_on()
    at_stripe.post("/v1/refunds", payment_intent=intent_id, amount=200)
    opened = at_stripe.dispute(payment)
    life.goes_on()
    at_stripe.command(f"disputes/{opened['id']}/close", outcome="won")
    life.goes_on()
    return life


def _declined(run, at_stripe, clock):
    """A subscription up to its first renewal: a trial with 3-D Secure, another card, a decline."""
    event = setup_requested("pm_card_threeDSecure2Required", context={"trial_days": 14})
    clock.customer(event.customer_id)
    subscription = Subscription(
        id=event.subscription_context.subscription_id,
        customer_id=event.customer_id,
        correlation_id=event.correlation_id,
    )

    def look(answer, invoice_id):
        subscription.stripe_subscription_id = answer.stripe_subscription_id
        return change_requested("refresh", subscription, invoice_id=invoice_id or None)

    life = Life(run, at_stripe, look)
    trial = life.asks(event)
    at_stripe.command(f"intents/{trial.setup.intent_id}/authenticate")
    life.goes_on()
    _give_card(at_stripe, trial, "pm_card_chargeCustomerFail")
    life.goes_on()
    clock.reach(trial.trial_end, seconds=60)
    life.goes_on()
    clock.reach(trial.trial_end, seconds=7200)
    life.goes_on()
    return life, trial


def recovered(run, at_stripe, clock):
    """A subscription that goes on with another card, which its bank replaces; a refund of it."""
    life, trial = _declined(run, at_stripe, clock)
    card = _give_card(at_stripe, trial, "pm_card_visa")
    clock.advance(days=4)
    life.goes_on()
    at_stripe.post(f"/v1/payment_methods/{card['id']}", **{"card[exp_year]": 2044})
    life.goes_on()
    renewal = life.moments[-1].whole.invoices[0]
    at_stripe.post("/v1/refunds", payment_intent=renewal.payment.intent_id, amount=300)
    life.goes_on()
    return life


def given_up(run, at_stripe, clock):
    """A subscription that ends with two renewals unpaid."""
    at_stripe.command("billing", after_retries="past_due")
    life, _ = _declined(run, at_stripe, clock)
    clock.advance(days=32)
    life.goes_on()
    at_stripe.command("billing", after_retries="cancel")
    clock.advance(days=32)
    life.goes_on()
    return life
