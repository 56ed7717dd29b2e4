"""What may go wrong with payments and subscriptions, by the invariant that it breaks."""

from dataclasses import replace
from datetime import timedelta

from devstack.chaos.journal import Journal, Sighting
from devstack.chaos.orders import Bank
from tests.devstack.going_wrong import entry_of, intent_of, wrong
from tests.devstack.healthy_run import AUTHENTICATED, DECLINED, REFUNDED
from tests.devstack.published import START


@wrong(1)
def charged_twice(evidence):
    evidence.audit["per_metadata"]["payment_id"][REFUNDED] = 2


@wrong(1)
def two_payment_intents(evidence):
    evidence.intents_of[DECLINED].append(intent_of(evidence, DECLINED))


@wrong(1)
def refunded_too_much(evidence):
    intent_of(evidence, REFUNDED)["latest_charge"]["amount_refunded"] += 1


@wrong(1)
def subscribed_twice(evidence):
    evidence.subscriptions.append({**evidence.subscriptions[0], "id": "sub_2"})


@wrong(1)
def subscription_nobody_asked_for(evidence):
    evidence.subscriptions.append({"id": "sub_2", "metadata": {}, "customer": ""})


@wrong(2)
def another_amount(evidence):
    intent_of(evidence, DECLINED)["amount"] += 1


@wrong(2)
def another_customer_in_every_row(evidence):
    intent_of(evidence, REFUNDED)["metadata"]["customer_id"] = "id-1"
    for ledger in evidence.ledgers.values():
        ledger.payments[REFUNDED]["customer_id"] = "id-1"


@wrong(2)
def charge_nobody_asked_for(evidence):
    evidence.invoices.clear()


@wrong(2)
def subscription_of_another_customer(evidence):
    evidence.stripe_customers[0]["metadata"]["customer_id"] = "id-1"


@wrong(2)
def invoice_paid_by_another_customer(evidence):
    evidence.intents[-1]["customer"] = "cus_1"


@wrong(3)
def illegal_transition(evidence):
    evidence.told_of[REFUNDED][1]["status"] = "requires_action"


@wrong(3)
def never_answered(evidence):
    del evidence.told_of[DECLINED]


@wrong(3)
def seen_to_go_back(evidence):
    entry_of(evidence, REFUNDED).sightings.append(Sighting(1, "succeeded"))


@wrong(4)
def service_has_another_status(evidence):
    evidence.admin.payments[DECLINED]["status"] = "succeeded"


@wrong(4)
def stripe_has_another_status(evidence):
    intent_of(evidence, AUTHENTICATED)["status"] = "requires_capture"


@wrong(4)
def ledger_lacks_a_refund(evidence):
    evidence.entries.remove(
        next(one for one in evidence.entries if (one["account"], one["amount"]) == ("refunds", 333))
    )


@wrong(4)
def payment_nobody_was_told_of(evidence):
    evidence.payment.payments["unknown"] = evidence.payment.payments[DECLINED]


@wrong(4)
def subscription_differs_at_stripe(evidence):
    evidence.subscriptions[0]["status"] = "canceled"


@wrong(4)
def customer_made_twice_at_stripe(evidence):
    evidence.stripe_customers.append({**evidence.stripe_customers[0], "id": "cus_1"})


@wrong(4)
def customer_unknown_to_the_payment_service(evidence):
    evidence.known_customers.clear()


@wrong(4)
def customer_unknown_to_stripe(evidence):
    evidence.known_customers["id-1"] = "cus_1"


@wrong(5)
def payment_counted_twice_by_the_hour(evidence):
    evidence.sums[0]["captured"] += 1000


@wrong(5)
def declined_payment_counted_twice_by_the_day(evidence):
    declined = next(row for row in evidence.sums if not row["captured"] and row["grain"] == "day")
    declined["count"] += 1


@wrong(5)
def audit_has_a_cent_more(evidence):
    evidence.audit["per_currency"]["usd"]["net"] += 1


@wrong(5)
def books_lack_a_cent(evidence):
    evidence.balance[0]["amount"] -= 1


@wrong(5)
def service_counts_another_day(evidence):
    evidence.admin.payments[REFUNDED]["created_at"] = START - timedelta(days=1)


@wrong(11)
def authentication_reported_failed(evidence):
    evidence.told_of[AUTHENTICATED].insert(1, {"status": "failed", "revision": 2})


@wrong(11)
def charged_though_the_bank_refused(evidence):
    entry_of(evidence, AUTHENTICATED).went_to_the_bank = Bank.FAILS


@wrong(11)
def no_payment_asked_the_bank(evidence):
    orders = [entry.order for entry in evidence.journal]
    journal = Journal()
    for entry in evidence.journal:
        if entry.order.bank is None:
            journal.open(entry)
    return replace(evidence, plan=replace(evidence.plan, orders=orders), journal=journal)


@wrong(13)
def told_failed_and_charged(evidence):
    evidence.told_of[REFUNDED][-1]["status"] = "requires_payment_method"


@wrong(13)
def told_failed_and_then_succeeded(evidence):
    evidence.told_of[AUTHENTICATED].insert(1, {"status": "requires_payment_method", "revision": 2})


@wrong(13)
def shown_failed_and_then_succeeded(evidence):
    seen = entry_of(evidence, AUTHENTICATED).sightings
    seen.insert(1, Sighting(1, "requires_payment_method"))


@wrong(13)
def told_of_success_before_the_charge(evidence):
    charge = intent_of(evidence, AUTHENTICATED)["latest_charge"]
    charge["created"] = int(evidence.told_of[AUTHENTICATED][-1]["told_at"]) + 1


@wrong(13)
def asked_for_under_a_second_key(evidence):
    arrivals = evidence.arrivals
    keys = arrivals.creating_keys | {f"{REFUNDED}:payment_intent:2"}
    return replace(evidence, arrivals=arrivals._replace(creating_keys=keys))


@wrong(13)
def asked_for_under_no_key_that_was_noted(evidence):
    arrivals = evidence.arrivals._replace(creating_keys=frozenset())
    return replace(evidence, arrivals=arrivals)


@wrong(13)
def key_charged_twice(evidence):
    evidence.audit["per_idempotency_key"][f"{REFUNDED}:payment_intent"] = 2
