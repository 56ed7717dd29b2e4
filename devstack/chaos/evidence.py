"""Everything that was written down anywhere: Stripe's objects, three databases, every topic."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from devstack.chaos.customers import name_of
from devstack.chaos.faults import Happened
from devstack.chaos.forgery import Forgery
from devstack.chaos.journal import Journal
from devstack.chaos.orders import Order
from devstack.chaos.quota import Arrivals, Quota
from devstack.chaos.steps import Action
from devstack.chaos.wishes import Wish
from devstack.clients import Json
from devstack.hops import RESULT_TOPIC, Row
from devstack.topics import TopicRecord
from kafka_bridge.contracts import Topic

TOLD: Final = (Topic.PAYMENT_CARD_RESULT, Topic.PAYMENT_STATUS_UPDATED)
"""Where the payment service tells the customer's of payments."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run was to contain, and what became of its schedule."""

    orders: Sequence[Order]
    wishes: Sequence[Wish]
    happened: Sequence[Happened]
    answers_within: float
    """Seconds that anything may take to be answered once nothing goes wrong."""

    def done(self, action: Action) -> int:
        """Count the steps of a kind that were not missed."""
        return sum(one.step.action is action and not one.missed for one in self.happened)


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """One service's database."""

    payments: dict[str, Row]
    subscriptions: dict[str, Row]
    paid: list[Row]
    """What was paid for subscriptions, a row an invoice."""
    outbox: list[Row]
    inbox: list[Row]
    lanes: list[Row]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a run left behind."""

    plan: Plan
    journal: Journal
    forgeries: list[Forgery]
    ledgers: Mapping[str, Ledger]
    customers: Mapping[str, str]
    """The ids of the customers, by name."""
    logged: list[Row]
    balance: list[Row]
    """What the payment service's own books have of Stripe's balance, by currency and type."""
    entries: list[Row]
    """The admin service's ledger of charges and refunds, by payment, account and currency."""
    facts: list[Row]
    """The admin service's payments, counted and summed up, by currency and status."""
    sums: list[Row]
    """The same, as it keeps them for its dashboards, by the hour, the day and the month."""
    webhook_sums: list[Row]
    """How many webhooks it counted, by hour, day and month, type and what became of them."""
    receipts: list[str]
    """The payments of which the customer was sent a receipt."""
    known_customers: Mapping[str, str]
    """Stripe's Customers that the payment service knows, by the customer's id."""
    stripe_customers: list[Json]
    intents: list[Json]
    subscriptions: list[Json]
    invoices: list[Json]
    """Stripe's, with the payments of each."""
    audit: Json
    topics: Mapping[str, list[TopicRecord]]
    lags: Mapping[str, list[Json]]
    """Of each service's partitions, as its own `lag` command tells."""
    logs: Mapping[str, str]
    secrets: list[str]
    quota: Quota
    arrivals: Arrivals
    """Of the payment service's requests at Stripe."""
    disturbed: list[tuple[float, float]]
    """From when to when more of them could come than the quota."""
    healed_at: float
    """When the faults had ended, in seconds of the epoch."""
    unsettled: str = ""
    """What still moved when it should not; empty if all came to rest."""

    @property
    def customer(self) -> Ledger:
        """The customer service's database."""
        return self.ledgers["customer"]

    @property
    def payment(self) -> Ledger:
        """The payment service's database."""
        return self.ledgers["payment"]

    @property
    def admin(self) -> Ledger:
        """The admin service's database."""
        return self.ledgers["admin"]

    def id_of(self, customer: int) -> str | None:
        """Return the id of one of the customers."""
        return self.customers.get(name_of(customer))

    @cached_property
    def intents_of(self) -> dict[str, list[Json]]:
        """PaymentIntents at Stripe by the payment that their metadata names."""
        return _by(self.intents, lambda intent: intent["metadata"].get("payment_id", ""))

    @cached_property
    def owner_of(self) -> dict[str, str]:
        """The id of the customer that each Customer at Stripe stands for, by Stripe's id."""
        return {one["id"]: one["metadata"].get("customer_id", "") for one in self.stripe_customers}

    @cached_property
    def inbox_of(self) -> dict[str, dict[str, Row]]:
        """Each service's inbox by event id."""
        return {
            name: {row["event_id"]: row for row in ledger.inbox}
            for name, ledger in self.ledgers.items()
        }

    @cached_property
    def invoice_of(self) -> dict[str, Json]:
        """Invoices at Stripe by the PaymentIntent that pays them."""
        return {
            payment["payment"]["payment_intent"]: invoice
            for invoice in self.invoices
            for payment in invoice["payments"]["data"]
        }

    @cached_property
    def booked_of(self) -> dict[str, Counter[str]]:
        """What the admin's ledger has of each payment, by account: taken and given back."""
        booked: dict[str, Counter[str]] = defaultdict(Counter)
        for row in self.entries:  # what comes in is a credit there: negative
            sign = -1 if row["account"] == "charges" else 1
            booked[row["payment_id"]][row["account"]] += sign * row["amount"]
        return booked

    @cached_property
    def told_of(self) -> dict[str, list[Json]]:
        """What the payment service published for the customer, by payment, in its own order.

        Each with the moment at which it was written, as `told_at`, in seconds of the epoch.
        """
        told = [
            json.loads(row["value"]) | {"told_at": row["created_at"].timestamp()}
            for row in self.payment.outbox
            if row["topic"] in TOLD
        ]
        return _by(told, lambda event: event["paymentId"])

    @cached_property
    def answered_at(self) -> dict[str, float]:
        """When each payment's first answer was handled by customer and admin.

        In seconds of the epoch, by PostgreSQL's clock, which no run moves.
        """
        of_correlation: dict[str, list[float]] = {}
        wanted = ((self.customer, RESULT_TOPIC), (self.admin, Topic.PAYMENT_ANALYTICS))
        for ledger, topic in wanted:
            first: dict[str, float] = {}
            for row in ledger.inbox:
                if row["topic"] == topic and row["handled_at"]:
                    first.setdefault(row["correlation_id"], row["handled_at"].timestamp())
            for correlation, moment in first.items():
                of_correlation.setdefault(correlation, []).append(moment)
        payments = {
            row["correlation_id"]: payment for payment, row in self.customer.payments.items()
        }
        return {
            payments[correlation]: max(moments)
            for correlation, moments in of_correlation.items()
            if len(moments) == len(wanted) and correlation in payments
        }


def charges_of(intent: Json) -> int:
    """Return what a PaymentIntent's charge took, in minor units; 0 if it has none."""
    charge = intent.get("latest_charge")
    return int(charge["amount_captured"]) if charge and charge["status"] == "succeeded" else 0


def refunds_of(intent: Json) -> int:
    """Return what of a PaymentIntent's charge went back, in minor units."""
    charge = intent.get("latest_charge")
    return int(charge["amount_refunded"]) if charge and charges_of(intent) else 0


def _by(rows: list[Json], key: Any) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return found
