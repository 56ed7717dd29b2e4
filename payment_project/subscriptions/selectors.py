"""Reading subscriptions."""

from uuid import UUID

from payment_project.subscriptions.models import Invoice, Subscription


def subscription_of_another_request(subscription_id: UUID, *, event_id: UUID) -> str | None:
    """Return Stripe's id of a subscription, empty if it has none; None if no other event asked."""
    found = Subscription.objects.filter(id=subscription_id).exclude(request_event_id=event_id)
    return found.values_list("stripe_subscription_id", flat=True).first()


def subscription_of_stripes(stripe_id: str) -> UUID | None:
    """Return the subscription that an invoice or PaymentIntent of Stripe's is of, if known here."""
    if stripe_id.startswith("in_"):
        found = Invoice.objects.filter(id=stripe_id)
    elif stripe_id.startswith("pi_"):
        found = Invoice.objects.filter(payment_intent_id=stripe_id)
    else:
        return None
    return found.values_list("subscription_id", flat=True).first()
