"""Reading subscriptions."""

from uuid import UUID

from payment_project.subscriptions.models import Invoice


def subscription_of_stripes(stripe_id: str) -> UUID | None:
    """Return the subscription that an invoice or PaymentIntent of Stripe's is of, if known here."""
    if stripe_id.startswith("in_"):
        found = Invoice.objects.filter(id=stripe_id)
    elif stripe_id.startswith("pi_"):
        found = Invoice.objects.filter(payment_intent_id=stripe_id)
    else:
        return None
    return found.values_list("subscription_id", flat=True).first()
