"""Each accepted payment charged once or not at all, and the same everywhere, to the cent."""

import itertools
from collections import Counter
from typing import Final

from devstack.chaos.evidence import Evidence, Ledger, charges_of, refunds_of
from devstack.chaos.invariants import figures, subscriptions
from devstack.chaos.invariants.finding import Finding
from devstack.chaos.journal import Entry
from devstack.chaos.orders import MANUAL, Bank
from devstack.hops import Row

_SUCCEEDED: Final = "succeeded"
_NOT_CHARGED: Final = frozenset({"requires_payment_method", "canceled", "failed"})
_KEY: Final = "{payment_id}:payment_intent"
"""Of a saved card that Stripe refused to charge without its Customer: another body."""
_ON_ITS_WAY: Final = frozenset({"requires_action", "requires_confirmation", "processing"})
_LEGAL: Final[dict[str, frozenset[str]]] = {
    "requires_payment_method": _ON_ITS_WAY | {"canceled", _SUCCEEDED},
    "requires_action": _ON_ITS_WAY | _NOT_CHARGED | {_SUCCEEDED, "requires_capture"},
    "requires_confirmation": _ON_ITS_WAY | _NOT_CHARGED | {_SUCCEEDED, "requires_capture"},
    "processing": _ON_ITS_WAY | _NOT_CHARGED | {_SUCCEEDED, "requires_capture"},
    "requires_capture": frozenset({_SUCCEEDED, "canceled"}),
}
"""Where a payment may go from where it is; from everywhere else it goes nowhere."""


def accepted(evidence: Evidence) -> list[Entry]:
    """Return the orders that the API took."""
    return [entry for entry in evidence.journal if entry.payment_id]


def one_charge_or_none(evidence: Evidence) -> Finding:
    """Each accepted request has exactly one charge, or one final failure and no charge."""
    finding = Finding(number=1, title="each accepted request: one charge, or a failure and none")
    for entry in accepted(evidence):
        intents = evidence.intents_of.get(entry.payment_id, [])
        charges = evidence.audit["per_metadata"].get("payment_id", {}).get(entry.payment_id, 0)
        authorized = entry.expected == _SUCCEEDED or entry.order.then in MANUAL
        name = f"payment {entry.payment_id} of {entry.order.card}"
        finding.equal(f"{name}: charges", charges, int(authorized))
        finding.equal(f"{name}: taken", sum(map(charges_of, intents)), entry.order.captured)
        finding.equal(f"{name}: given back", sum(map(refunds_of, intents)), entry.order.refunded)
        finding.equal(f"{name}: PaymentIntents", len(intents), 1)
        shown = evidence.customer.payments.get(entry.payment_id, {}).get("status")
        finding.equal(f"{name}: status", shown, entry.expected)
    subscriptions.check_one_each(finding, evidence)
    return finding


def no_charge_unasked(evidence: Evidence) -> Finding:
    """No charge without an accepted request; amount, currency and customer are equal."""
    finding = Finding(number=2, title="no charge without an accepted request; amounts as asked")
    asked = {entry.payment_id: entry for entry in accepted(evidence)}
    for intent in evidence.intents:
        entry = asked.get(intent["metadata"].get("payment_id", ""))
        if entry is None:
            subscriptions.check_charge(finding, evidence, intent)
            continue
        finding.equal(
            intent["id"],
            (intent["amount"], intent["currency"], intent["metadata"]["customer_id"]),
            (entry.order.amount, entry.order.currency, evidence.id_of(entry.order.customer)),
        )
        if charged := charges_of(intent):
            finding.equal(f"{intent['id']}: charged", charged, entry.order.captured)
    subscriptions.check_whose(finding, evidence)
    return finding


def legal_transitions(evidence: Evidence) -> Finding:
    """The customer service shows one final state, left only by a legal transition."""
    finding = Finding(number=3, title="one final state a payment, legal transitions only")
    for entry in accepted(evidence):
        told = [event["status"] for event in evidence.told_of.get(entry.payment_id, [])]
        finding.check(told, f"payment {entry.payment_id}: never answered")
        for before, after in itertools.pairwise(told):
            legal = before == after or after in _LEGAL.get(before, frozenset())
            finding.check(legal, f"payment {entry.payment_id}: from {before} to {after}")
        seen = entry.sightings
        for earlier, later in itertools.pairwise(seen):
            # Two threads may look at once, so that a sighting is written down late: none does.
            same = earlier.revision != later.revision or earlier.status == later.status
            rises = earlier.revision <= later.revision and same
            finding.check(rises, f"payment {entry.payment_id}: seen {earlier}, then {later}")
    return finding


def all_agree(evidence: Evidence) -> Finding:
    """The three services and Stripe agree on status and amount of every payment."""
    finding = Finding(number=4, title="customer, payment, admin and Stripe agree on each payment")
    ledgers = evidence.ledgers
    for entry in accepted(evidence):
        rows = [ledger.payments.get(entry.payment_id) for ledger in ledgers.values()]
        intent = next(iter(evidence.intents_of.get(entry.payment_id, [])), None)
        name = f"payment {entry.payment_id}"
        finding.equal(f"{name}: {', '.join(ledgers)}", *map(_state, rows))
        if intent and (row := ledgers["payment"].payments.get(entry.payment_id)):
            finding.equal(f"{name}: Stripe", intent["status"], row["status"])
            finding.equal(f"{name}: PaymentIntent", intent["id"], row["payment_intent_id"])
            moved = (charges_of(intent), refunds_of(intent))
            shown = (ledger.payments.get(entry.payment_id, {}) for ledger in ledgers.values())
            books = evidence.booked_of[entry.payment_id]
            finding.equal(
                f"{name}: Stripe, ledger, {', '.join(ledgers)}",
                *(moved, (books["charges"], books["refunds"]), *map(_moved, shown)),
            )
    for name, ledger in ledgers.items():
        known = {entry.payment_id for entry in accepted(evidence)}
        finding.none_of(ledger.payments.keys() - known, f"payments at {name} nobody was told of")
    subscriptions.check_agree(finding, evidence)
    subscriptions.check_customers(finding, evidence)
    return finding


def _state(row: Row | None) -> tuple[object, ...] | None:
    return (row["status"], row["amount"], row["currency"], row["revision"]) if row else None


def _moved(row: Row) -> tuple[object, object]:
    return row.get("amount_captured"), row.get("amount_refunded")


def sums_agree(evidence: Evidence) -> Finding:
    """Stripe's audit and the three services have the same sums, per currency and day."""
    finding = Finding(number=5, title="sums equal Stripe's audit, per currency")
    sums = {
        name: _sums(list(ledger.payments.values())) for name, ledger in evidence.ledgers.items()
    }
    keys = sorted(set().union(*sums.values()))
    for key in keys:
        finding.equal(f"{key}: {', '.join(sums)}", *(of_each[key] for of_each in sums.values()))
    audit = {currency: of["net"] for currency, of in evidence.audit["per_currency"].items()}
    for currency in sorted({currency for _, currency, _ in keys} | audit.keys()):
        paid = (subscriptions.paid(one.paid, currency) for one in evidence.ledgers.values())
        finding.equal(f"{currency}: subscriptions, {', '.join(evidence.ledgers)}", *paid)
        nets = (_net(ledger, currency) for ledger in evidence.ledgers.values())
        booked = sum(row["amount"] for row in evidence.balance if row["currency"] == currency)
        entered = -sum(row["amount"] for row in evidence.entries if row["currency"] == currency)
        finding.equal(
            f"{currency}: Stripe, books, ledger, {', '.join(evidence.ledgers)}, dashboards",
            *(audit.get(currency, 0), booked, entered, *nets, *figures.nets(evidence, currency)),
        )
    figures.check_payments(finding, evidence)
    return finding


def _net(ledger: Ledger, currency: str) -> int:
    rows = (row for row in ledger.payments.values() if row["currency"] == currency)
    kept: int = sum(row["amount_captured"] - row["amount_refunded"] for row in rows)
    return kept + subscriptions.paid(ledger.paid, currency)


def _sums(rows: list[Row]) -> Counter[tuple[str, str, str]]:
    sums: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        if row["status"] == _SUCCEEDED:
            for of in ("amount", "amount_captured"):
                sums[str(row["created_at"].date()), row["currency"], of] += row[of]
    return sums


def three_d_secure(evidence: Evidence) -> Finding:
    """What waits for its customer is neither charged twice nor reported failed."""
    finding = Finding(
        number=11,
        title="3-D Secure: neither charged twice nor reported failed",
        may_be_empty=not any(order.bank for order in evidence.plan.orders),
    )
    for entry in accepted(evidence):
        if entry.order.bank is None:
            continue
        told = [event["status"] for event in evidence.told_of.get(entry.payment_id, [])]
        name = f"payment {entry.payment_id}"
        finding.check(told[:1] == ["requires_action"], f"{name}: told {told}")
        finding.check("failed" not in told, f"{name}: told {told}")
        charges = sum(charges_of(one) > 0 for one in evidence.intents_of.get(entry.payment_id, []))
        finding.equal(f"{name}: charges", charges, int(entry.went_to_the_bank is Bank.SUCCEEDS))
    return finding


def nothing_final_before_it_is_known(evidence: Evidence) -> Finding:
    """An unknown outcome is never reported final before it is known; no second key meanwhile."""
    finding = Finding(number=13, title="nothing reported final before Stripe's answer was known")
    for entry in accepted(evidence):
        told = [event["status"] for event in evidence.told_of.get(entry.payment_id, [])]
        intents = evidence.intents_of.get(entry.payment_id, [])
        settled = {intent["status"] for intent in intents}
        refused = told[-1:] and told[-1] in _NOT_CHARGED
        charged = any(charges_of(intent) for intent in intents)
        name = f"payment {entry.payment_id}: told {told}, Stripe has {settled}"
        finding.check(not (refused and charged), name)
        finding.check("failed" not in told or not intents, name)
        shown = {*told, *(sighting.status for sighting in entry.sightings)}
        wrong = shown & {_SUCCEEDED, *_NOT_CHARGED} - {entry.expected}
        finding.check(not wrong, f"{name}, and must be {entry.expected}: shown {wrong} meanwhile")
        _check_charged_first(finding, evidence, entry)
    _check_keys(finding, evidence)
    for key, charges in evidence.audit["per_idempotency_key"].items():
        finding.equal(f"{key}: charges", charges, 1)
    return finding


def _check_charged_first(finding: Finding, evidence: Evidence, entry: Entry) -> None:
    """Nothing is told to have succeeded before there is a charge.

    PostgreSQL and the emulator keep the clock that no run moves; Stripe counts in whole seconds.
    """
    told = evidence.told_of.get(entry.payment_id, [])
    succeeded = [event["told_at"] for event in told if event["status"] == _SUCCEEDED]
    charges = [one["latest_charge"] for one in evidence.intents_of.get(entry.payment_id, [])]
    if succeeded:
        began = min((charge["created"] for charge in charges if charge), default=float("inf"))
        name = f"payment {entry.payment_id}"
        finding.check(
            began <= succeeded[0], f"{name}: succeeded at {succeeded[0]}, charged at {began}"
        )


def _check_keys(finding: Finding, evidence: Evidence) -> None:
    """Each PaymentIntent was asked for under its payment's one key, and nothing under another."""
    asked = evidence.arrivals.creating_keys
    ids = [entry.payment_id for entry in accepted(evidence)]
    legal = {_KEY.format(payment_id=one) for one in ids}  # nobody pays with a card they saved
    finding.none_of(asked - legal, "keys of PaymentIntents that are no payment's own")
    for payment_id in evidence.intents_of.keys() & set(ids):
        key = _KEY.format(payment_id=payment_id)
        finding.check(key in asked, f"payment {payment_id}: never asked for under {key}")
