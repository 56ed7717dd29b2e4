"""What may go wrong for clients, in logs and at the end, by the invariant that it breaks."""

from dataclasses import replace

from devstack.chaos.journal import Answer
from tests.devstack.going_wrong import entry_of, row_of, wrong
from tests.devstack.healthy_run import DECLINED, REFUNDED, SECRET
from tests.devstack.published import START, at


@wrong(12)
def second_click_answered_otherwise(evidence):
    entry_of(evidence, REFUNDED).answers[1] = Answer(202, {"id": "another"})


@wrong(12)
def second_click_not_answered(evidence):
    entry_of(evidence, REFUNDED).answers.pop()


@wrong(12)
def another_body_accepted(evidence):
    entry_of(evidence, REFUNDED).to_another_body[0] = Answer(202, {})


@wrong(12)
def another_body_not_answered(evidence):
    entry_of(evidence, REFUNDED).to_another_body.clear()


@wrong(12)
def refunds_answered_differently(evidence):
    answers = [Answer(202, {"revision": 1}), Answer(202, {"revision": 2})]
    entry_of(evidence, REFUNDED).updates["refund"] = answers


@wrong(15)
def secret_in_a_log(evidence):
    evidence.logs["payment-worker.log"] = f"key {SECRET}"


@wrong(15)
def address_in_the_event_log(evidence):
    evidence.logged[0]["content"] = "chaos-1@chaos.example"


@wrong(15)
def no_logs_to_read(evidence):
    evidence.logs.clear()


@wrong(16)
def still_moving(evidence):
    return replace(evidence, unsettled="1 webhooks to be delivered")


@wrong(16)
def answered_long_after_the_faults(evidence):
    row_of(evidence.customer.inbox, f"told {DECLINED} 1")["handled_at"] = at(4 + 60.5)


@wrong(16)
def answered_long_after_it_was_accepted(evidence):
    entry_of(evidence, DECLINED).accepted_at = at(-60).timestamp()
    return replace(evidence, healed_at=at(-60).timestamp())


@wrong(16)
def subscription_answered_late(evidence):
    evidence.journal.subscriptions[0].answered_at = at(4 + 60.5).timestamp()


@wrong(16)
def subscription_never_answered(evidence):
    evidence.journal.subscriptions[0].answered_at = None


@wrong(16)
def order_never_placed(evidence):
    return replace(evidence, plan=replace(evidence.plan, orders=[*evidence.plan.orders] * 2))


@wrong(16)
def event_pending(evidence):
    row_of(evidence.admin.inbox, "processed")["handled_at"] = None


@wrong(16)
def event_unpublished(evidence):
    evidence.payment.outbox[0]["published_at"] = None


@wrong(16)
def consumer_behind(evidence):
    evidence.lags["admin"][0]["lag"] = 1


@wrong(17)
def too_many_at_once(evidence):
    return replace(evidence, arrivals=evidence.arrivals._replace(at=[START.timestamp()] * 33))


@wrong(17)
def fewer_requests_noted_than_payments_made(evidence):
    return replace(evidence, arrivals=evidence.arrivals._replace(at=[START.timestamp()] * 3))


@wrong(17)
def nobody_has_the_name_of_stripes_library(evidence):
    return replace(evidence, arrivals=evidence.arrivals._replace(at=[]))
