"""News at Stripe: for each type of webhook something that it tells of."""

from typing import NamedTuple

from payment_project.customers.models import SavedCard, StripeCustomer
from payment_project.subscriptions.models import Subscription
from tests.payment.subscribing import setup_requested

APPLIED = ("applied", None)
PASSED_ON = ("applied", "passed on to its own lane")


class Told(NamedTuple):
    """What a webhook shows, in whose lane it comes, and what is to become of it."""

    shown: dict
    customer_id: str
    outcome: tuple


class News:
    """Lets something happen at Stripe of which nobody but a webhook tells us."""

    def __init__(self, at_stripe, handle, paid):
        self._at_stripe, self._handle, self._paid = at_stripe, handle, paid

    def of(self, kind):
        """Let happen what a type of webhook tells of."""
        for prefix in ("charge.dispute", "customer.subscription"):
            if kind.startswith(prefix):
                return Told(*getattr(self, prefix.partition(".")[2])(kind))
        return Told(*getattr(self, kind.partition(".")[0])(kind))

    def payment_intent(self, kind):
        payment = self._paid("pm_card_threeDSecure2Required")
        path = f"/v1/payment_intents/{payment.payment_intent_id}"
        shown = self._at_stripe.get(path)
        now = self._at_stripe.post(f"{path}/cancel")
        return (now if kind == "payment_intent.canceled" else shown), payment.customer_id, APPLIED

    def setup_intent(self, _kind):
        row = self._subscribed("pm_card_threeDSecure2Required", context={"trial_days": 7})
        shown = self._at_stripe.command(f"intents/{row.setup_intent_id}/authenticate")
        return shown, shown["customer"], PASSED_ON

    def charge(self, _kind):
        payment = self._paid()
        self._refund(payment)
        charge = self._at_stripe.payment_intent(payment.payment_intent_id)["latest_charge"]
        return self._at_stripe.get(f"/v1/charges/{charge}"), payment.customer_id, APPLIED

    def refund(self, _kind):
        payment = self._paid()
        return self._refund(payment), payment.customer_id, APPLIED

    def dispute(self, _kind):
        payment = self._paid()
        return self._at_stripe.dispute(payment), payment.customer_id, APPLIED

    def invoice(self, _kind):
        subscription, customer_id, _ = self.subscription(_kind)
        invoice = self._at_stripe.get(f"/v1/invoices/{subscription['latest_invoice']}")
        return invoice, customer_id, APPLIED

    def subscription(self, _kind):
        row = self._subscribed()
        path = f"/v1/subscriptions/{row.stripe_subscription_id}"
        shown = self._at_stripe.post(path, cancel_at_period_end="true")
        return shown, row.customer_id, APPLIED

    def payment_method(self, kind):
        self._paid(options={"save_card": True})
        path = f"/v1/payment_methods/{SavedCard.objects.get().payment_method_id}"
        if kind == "payment_method.detached":
            return self._at_stripe.post(f"{path}/detach"), "cus_1", APPLIED
        return self._at_stripe.post(path, **{"card[exp_year]": 2044}), "cus_1", APPLIED

    def customer(self, kind):
        self._paid(options={"save_card": True})
        customer_id = StripeCustomer.objects.get().stripe_customer_id
        path = f"/v1/customers/{customer_id}"
        if kind == "customer.deleted":
            shown = self._at_stripe.get(path)
            self._at_stripe.delete(path)
            return shown, customer_id, APPLIED
        ignored = ("ignored", "nothing of a Customer is kept here")
        return self._at_stripe.post(path, name="Grace"), customer_id, ignored

    def _refund(self, payment):
        return self._at_stripe.post(
            "/v1/refunds", payment_intent=payment.payment_intent_id, amount=100
        )

    def _subscribed(self, *arguments, **fields):
        event = setup_requested(*arguments, **fields)
        self._handle(event)
        return Subscription.objects.get(id=event.subscription_context.subscription_id)
