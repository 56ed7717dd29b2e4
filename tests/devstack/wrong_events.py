"""What may go wrong with events, records and webhooks, by the invariant that it breaks."""

from dataclasses import replace

from kafka_bridge.contracts import Topic
from tests.devstack.going_wrong import row_of, wrong
from tests.devstack.healthy_run import AUTHENTICATED, DECLINED, REFUNDED
from tests.devstack.published import START


@wrong(6)
def event_is_on_no_topic(evidence):
    evidence.topics[Topic.PAYMENT_ANALYTICS].pop()


@wrong(6)
def record_is_in_no_outbox(evidence):
    evidence.customer.outbox.pop()


@wrong(7)
def request_answered_twice(evidence):
    answer = row_of(evidence.payment.outbox, f"told {DECLINED} 1")
    evidence.payment.outbox.append({**answer, "event_id": "another"})


@wrong(7)
def webhook_processed_twice(evidence):
    processed = row_of(evidence.payment.outbox, "processed")
    evidence.payment.outbox.append({**processed, "event_id": "another"})


@wrong(7)
def webhook_applied_for_two_deliveries(evidence):
    again = row_of(evidence.payment.outbox, "processed again")
    again["value"] = again["value"].replace(b"duplicate", b"applied")


@wrong(7)
def event_is_not_in_the_event_log(evidence):
    evidence.logged.remove(row_of(evidence.logged, "processed"))


@wrong(7)
def dead_letter_logged_twice(evidence):
    evidence.logged.append(row_of(evidence.logged, "copy of payment"))


@wrong(7)
def webhook_counted_twice(evidence):
    evidence.webhook_sums[0]["count"] = 2


@wrong(7)
def receipt_sent_twice(evidence):
    evidence.receipts.append(REFUNDED)


@wrong(7)
def receipt_not_sent(evidence):
    evidence.receipts.remove(AUTHENTICATED)


@wrong(7)
def receipt_of_a_declined_payment(evidence):
    evidence.receipts.append(DECLINED)


@wrong(8)
def answered_out_of_order(evidence):
    outbox = evidence.payment.outbox
    answers = [outbox.index(row_of(outbox, f"told {one} 1")) for one in (REFUNDED, DECLINED)]
    first, second = answers
    outbox[first], outbox[second] = outbox[second], outbox[first]


@wrong(8)
def revision_left_out(evidence):
    evidence.told_of[REFUNDED][1]["revision"] = 3


@wrong(8)
def produced_out_of_order(evidence):
    evidence.topics[Topic.STRIPE_PAYMENT_REQUEST][:2] = reversed(
        evidence.topics[Topic.STRIPE_PAYMENT_REQUEST][:2]
    )


@wrong(9)
def offset_past_a_record(evidence):
    inbox = evidence.admin.inbox
    inbox.remove(row_of(inbox, "processed"))


@wrong(10)
def bad_record_is_not_dead(evidence):
    row_of(evidence.payment.inbox, "dead at payment")["dead_at"] = None


@wrong(10)
def bad_record_has_other_bytes(evidence):
    row_of(evidence.payment.inbox, "dead at payment")["value"] = b"{}"


@wrong(10)
def bad_record_has_no_reason(evidence):
    row_of(evidence.payment.inbox, "dead at payment")["error"] = ""


@wrong(10)
def good_record_is_dead(evidence):
    row_of(evidence.admin.inbox, "processed").update(
        dead_at=START, error_type="KeyError", error="no"
    )


@wrong(10)
def one_of_two_bad_records_is_nowhere(evidence):
    twice = [*evidence.plan.happened] * 2
    return replace(evidence, plan=replace(evidence.plan, happened=twice))


@wrong(14)
def forgery_accepted(evidence):
    evidence.forgeries[0] = replace(evidence.forgeries[0], status=200)


@wrong(14)
def webhook_taken_twice(evidence):
    webhook = row_of(evidence.customer.outbox, "webhook")
    evidence.customer.outbox.append({**webhook, "event_id": "another"})


@wrong(14)
def no_forgery_was_tried(evidence):
    evidence.forgeries.clear()
