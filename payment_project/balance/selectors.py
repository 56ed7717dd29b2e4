"""Whose payments the movements of the balance are about."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from uuid import UUID

from payment_project.customers.models import StripeCustomer
from payment_project.payments.models import Payment
from payment_project.stripe_gateway.balance import Movement
from payment_project.subscriptions.models import Invoice
from payment_project.subscriptions.services.telling import payment_id_of


class Whose(NamedTuple):
    """Our payment and customer; None and empty where a movement is about neither."""

    payment_id: UUID | None = None
    customer_id: str = ""


def owners_of(movements: Iterable[Movement]) -> dict[str, Whose]:
    """Return by its id whose each movement is: by our metadata, else by what is recorded here."""
    listed = list(movements)
    intents = _by_intent({one.payment_intent_id for one in listed if one.payment_intent_id})
    customers = _by_customer({one.stripe_customer_id for one in listed if one.stripe_customer_id})
    return {one.balance_transaction_id: _owner(one, intents, customers) for one in listed}


def _owner(one: Movement, intents: Mapping[str, Whose], customers: Mapping[str, str]) -> Whose:
    if one.payment_id and one.customer_id:
        return Whose(one.payment_id, one.customer_id)
    if found := intents.get(one.payment_intent_id):
        return found
    return Whose(None, one.customer_id or customers.get(one.stripe_customer_id, ""))


def _by_intent(intent_ids: Iterable[str]) -> dict[str, Whose]:
    ids = list(intent_ids)
    invoices = Invoice.objects.filter(payment_intent_id__in=ids).values_list(
        "payment_intent_id", "id", "subscription__customer_id"
    )
    payments = Payment.objects.filter(payment_intent_id__in=ids).values_list(
        "payment_intent_id", "id", "customer_id"
    )
    return {
        **{intent: Whose(payment_id_of(invoice), who) for intent, invoice, who in invoices},
        **{intent: Whose(payment, who) for intent, payment, who in payments},
    }


def _by_customer(stripe_customer_ids: Iterable[str]) -> dict[str, str]:
    found = StripeCustomer.objects.filter(stripe_customer_id__in=list(stripe_customer_ids))
    return dict(found.values_list("stripe_customer_id", "customer_id"))
