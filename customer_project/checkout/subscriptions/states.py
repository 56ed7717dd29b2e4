"""Where a subscription is, as its page shows it."""

from enum import StrEnum
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customer_project.checkout.declines import why_it_failed
from customer_project.checkout.subscriptions import selectors
from customer_project.subscriptions.models import Invoice, Subscription
from customer_project.subscriptions.selectors import open_invoice
from kafka_bridge.contracts import SubscriptionStatus

_NOT_DONE = _("This could not be done, and nothing has changed.")
_UNPAID = (SubscriptionStatus.INCOMPLETE, SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID)


class Step(StrEnum):
    """What can happen next; the page's script knows the first three from orders."""

    PAYABLE = "payable"
    """A card is needed: the form is shown."""
    WAITING = "waiting"
    """Something was asked for, and is not answered yet."""
    ACTION = "action"
    """The bank wants to see the customer (3-D Secure)."""
    RUNNING = "running"
    ENDED = "ended"


class Shown(NamedTuple):
    """A subscription's step, and what belongs to it."""

    step: Step
    problem: str | Promise = ""
    secret: str = ""
    """Of the intent that the bank wants to see the customer for."""
    method: str = ""
    """The card to confirm that intent with, if it was tried while the customer was away."""
    unpaid: bool = False
    """An invoice is open: until it is paid, or void, no plan is changed."""


def shown(subscription: Subscription, *, answered: int | None = None) -> Shown:
    """Tell where the subscription is now, and bring it up to date.

    `answered` is the number of its changes at which the customer answered the bank: until there is
    one more, there is nothing more for them to do.
    """
    is_waiting = selectors.open_request(subscription) is not None
    # Later than that: what was answered meanwhile is seen together with its answer.
    subscription.refresh_from_db()
    status, invoice = subscription.status, open_invoice(subscription)
    if subscription.has_ended:
        failed = status == SubscriptionStatus.FAILED
        return Shown(Step.ENDED, why_it_failed(subscription) if failed else "")
    if status == SubscriptionStatus.REQUESTED or is_waiting:
        return Shown(Step.WAITING)
    if asked := _asked_by_the_bank(subscription, invoice):
        is_answered = answered == subscription.changes
        return Shown(Step.WAITING) if is_answered else asked
    problem = _problem(subscription, invoice)
    is_tried_by_stripe = invoice is not None and invoice.customer_can in ("", "wait")
    if status in _UNPAID and (problem or not is_tried_by_stripe):
        return Shown(Step.PAYABLE, problem)
    if status == SubscriptionStatus.INCOMPLETE:
        return Shown(Step.WAITING)
    return Shown(Step.RUNNING, problem, unpaid=invoice is not None)


def _asked_by_the_bank(subscription: Subscription, invoice: Invoice | None) -> Shown | None:
    if invoice and invoice.client_secret and invoice.customer_can == "authenticate":
        was_away = invoice.error_code == "authentication_required"
        method = (subscription.card or {}).get("payment_method_id", "") if was_away else ""
        return Shown(Step.ACTION, secret=invoice.client_secret, method=method)
    if invoice is None and subscription.next_action and subscription.client_secret:
        return Shown(Step.ACTION, secret=subscription.client_secret)
    return None


def _problem(subscription: Subscription, invoice: Invoice | None) -> str | Promise:
    if subscription.refused:
        latest = selectors.requests_for(subscription).first()
        by_card = latest is not None and latest.what == "change_card"
        return (
            _("Your card was declined. Please use another card, or call your bank.")
            if (by_card)
            else _NOT_DONE
        )
    if invoice and invoice.error_code:
        return why_it_failed(invoice)
    unpaid = subscription.status in _UNPAID
    return why_it_failed(subscription) if unpaid and subscription.error_code else ""
