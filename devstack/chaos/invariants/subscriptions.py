"""What must hold of subscriptions: parts of the invariants about money."""

from devstack.chaos.evidence import Evidence, charges_of
from devstack.chaos.invariants.finding import Finding
from devstack.chaos.journal import Subscribed
from devstack.hops import Row


def accepted(evidence: Evidence) -> list[Subscribed]:
    """Return the subscriptions that the API took."""
    return [entry for entry in evidence.journal.subscriptions if entry.subscription_id]


def check_one_each(finding: Finding, evidence: Evidence) -> None:
    """Each accepted one is one at Stripe, and has as many paid invoices as it must."""
    made = [one["metadata"].get("subscription_id") for one in evidence.subscriptions]
    for entry in accepted(evidence):
        name = f"subscription {entry.subscription_id}, {entry.wish.change}"
        finding.equal(f"{name}: at Stripe", made.count(entry.subscription_id), 1)
        paid = {
            service: sum(row["subscription_id"] == entry.subscription_id for row in ledger.paid)
            for service, ledger in evidence.ledgers.items()
        }
        finding.equal(
            f"{name}: invoices paid, {', '.join(paid)}", entry.wish.invoices_paid, *paid.values()
        )
        row = evidence.customer.subscriptions.get(entry.subscription_id, {})
        shown = (row.get("status"), row.get("plan"), row.get("cancel_at_period_end"))
        finding.equal(f"{name}: shown", shown, entry.wish.expected)
    asked = {entry.subscription_id for entry in accepted(evidence)}
    finding.none_of(set(made) - asked, "subscriptions at Stripe nobody asked for")


def check_charge(finding: Finding, evidence: Evidence, intent: Row) -> None:
    """A charge that no payment asked for pays an invoice, and no more than that."""
    invoice = evidence.invoice_of.get(intent["id"])
    finding.check(invoice, f"{intent['id']}: nobody asked for it")
    if invoice:
        asked = (invoice["amount_due"], invoice["currency"], invoice["amount_paid"])
        taken = (intent["amount"], intent["currency"], charges_of(intent))
        finding.equal(f"{intent['id']}: of {invoice['id']}", asked, taken)
        whose = (invoice["customer"], intent["customer"])
        finding.equal(f"{intent['id']}: customer, of {invoice['id']}", *whose)


def check_whose(finding: Finding, evidence: Evidence) -> None:
    """Each is its subscriber's."""
    owners = evidence.owner_of
    theirs = {
        one["metadata"].get("subscription_id"): owners.get(one["customer"])
        for one in evidence.subscriptions
    }
    for entry in accepted(evidence):
        name = f"subscription {entry.subscription_id}"
        asked_by = evidence.id_of(entry.wish.customer)
        finding.equal(f"{name}: whose", asked_by, theirs.get(entry.subscription_id))


def check_customers(finding: Finding, evidence: Evidence) -> None:
    """Each subscriber has one Customer at Stripe, and the payment service knows that one."""
    for stripe_customer_id, customer in evidence.owner_of.items():
        known = evidence.known_customers.get(customer)
        finding.equal(f"Customer of {customer}: Stripe, known", stripe_customer_id, known)
    lost = set(evidence.known_customers.values()) - evidence.owner_of.keys()
    finding.none_of(lost, "Customers that Stripe does not have")


def check_agree(finding: Finding, evidence: Evidence) -> None:
    """The three services and Stripe have the same state of each."""
    at_stripe = {one["id"]: one for one in evidence.subscriptions}
    for entry in accepted(evidence):
        rows = [
            ledger.subscriptions.get(entry.subscription_id, {})
            for ledger in evidence.ledgers.values()
        ]
        name = f"subscription {entry.subscription_id}"
        finding.equal(f"{name}: {', '.join(evidence.ledgers)}", *map(_state, rows))
        for row in rows[:1]:
            stripe = at_stripe.get(row.get("stripe_subscription_id", ""), {})
            has = (stripe.get("status"), stripe.get("cancel_at_period_end"))
            shown = (row.get("status"), row.get("cancel_at_period_end"))
            finding.equal(f"{name}: Stripe, customer", has, shown)


def _state(row: Row) -> tuple[object, ...]:
    return tuple(
        row.get(name)
        for name in ("status", "plan", "cancel_at_period_end", "revision", "stripe_subscription_id")
    )


def paid(rows: list[Row], currency: str) -> int:
    """Sum what was paid for subscriptions in a currency, in minor units."""
    return sum(row["amount"] for row in rows if row["currency"] == currency)
