"""Reading subscriptions."""

from uuid import UUID

from payment_project.subscriptions.models import Invoice, Subscription


def asked_for_before(subscription_id: UUID, *, event_id: UUID) -> Subscription | None:
    """Return the subscription that another event has asked for by this id, if one has."""
    return (
        Subscription.objects.filter(id=subscription_id).exclude(request_event_id=event_id).first()
    )


def subscription_of_stripes(stripe_id: str) -> UUID | None:
    """Return the subscription that an invoice or PaymentIntent of Stripe's is of, if known here."""
    if stripe_id.startswith("in_"):
        found = Invoice.objects.filter(id=stripe_id)
    elif stripe_id.startswith("pi_"):
        found = Invoice.objects.filter(payment_intent_id=stripe_id)
    else:
        return None
    return found.values_list("subscription_id", flat=True).first()
