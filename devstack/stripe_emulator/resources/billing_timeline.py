"""What time brings to subscriptions and invoices: one moment after another, in order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator

from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.objects import hidden
from devstack.stripe_emulator.resources import pending_updates, subscription_states
from devstack.stripe_emulator.session import Session

Step = Callable[[], object]
Moment = tuple[int, Step]

_TRIAL_WARNING = 3 * 86400


def run_until(session: Session, clock: StripeObject, target: int) -> None:
    """Let everything happen that is due on a test clock up to `target`."""
    while True:
        moments = [
            moment
            for subscription in session.all("subscription", test_clock=clock["id"])
            for moment in moments_of(session, subscription)
        ]
        due = min(moments, key=lambda moment: moment[0], default=None)
        if due is None or due[0] > target:
            break
        at, step = due
        session.save(clock, frozen_time=max(at, clock["frozen_time"]))
        step()
    session.save(clock, frozen_time=target)


def run_now(session: Session, subscription: StripeObject) -> None:
    """Let everything happen to a subscription in real time that is due, and plan the rest."""
    now = session.now()
    while True:
        due = min(moments_of(session, subscription), key=lambda moment: moment[0], default=None)
        if due is None:
            return
        if due[0] > now:
            session.schedule("bill", subscription["id"], after=due[0] - now)
            return
        due[1]()


def moments_of(session: Session, subscription: StripeObject) -> Iterator[Moment]:
    """Yield when something will happen to a subscription by itself, and what."""
    yield from _invoice_moments(session, subscription)
    status = subscription["status"]
    if status == "incomplete":
        expires_at = subscription["created"] + subscription_states.EXPIRES_AFTER
        yield expires_at, functools.partial(subscription_states.expire, session, subscription)
    if subscription["pending_update"]:
        yield (
            subscription["pending_update"]["expires_at"],
            functools.partial(pending_updates.expire, session, subscription),
        )
    if status not in subscription_states.BILLED:
        return
    paused = subscription["pause_collection"]
    if paused and paused["resumes_at"]:
        yield (
            paused["resumes_at"],
            functools.partial(
                subscription_states.change, session, subscription, pause_collection=None
            ),
        )
    if subscription["cancel_at"]:
        yield (
            subscription["cancel_at"],
            functools.partial(subscription_states.cancel, session, subscription),
        )
    if status == "trialing":
        warning_at = max(subscription["trial_end"] - _TRIAL_WARNING, subscription["created"])
        if not hidden(subscription).get("trial_warned"):
            yield warning_at, functools.partial(_warn_of_trial_end, session, subscription)
        yield (
            subscription["trial_end"],
            functools.partial(subscription_states.end_trial, session, subscription),
        )
    else:
        yield (
            subscription_states.current_period(subscription)[1],
            functools.partial(subscription_states.renew, session, subscription),
        )


def _invoice_moments(session: Session, subscription: StripeObject) -> Iterator[Moment]:
    for invoice in session.all("invoice", subscription=subscription["id"]):
        if invoice["status"] == "draft" and invoice["automatically_finalizes_at"]:
            yield (
                invoice["automatically_finalizes_at"],
                functools.partial(subscription_states.collect, session, invoice),
            )
        elif invoice["status"] == "open" and invoice["next_payment_attempt"]:
            yield (
                invoice["next_payment_attempt"],
                functools.partial(_retry, session, invoice),
            )


def _retry(session: Session, invoice: StripeObject) -> None:
    session.save(invoice, next_payment_attempt=None)
    try:
        subscription_states.try_to_pay(session, invoice)
    except StripeError:
        # The default method cannot be used at all: nothing to retry with.
        session.save(invoice, next_payment_attempt=None)


def _warn_of_trial_end(session: Session, subscription: StripeObject) -> None:
    hidden(subscription)["trial_warned"] = True
    session.save(subscription)
    session.emit("customer.subscription.trial_will_end", subscription)
