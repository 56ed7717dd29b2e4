"""Reading payments."""

from customer_project.payments.models import Payment


def payment_of_intent(payment_intent_id: str) -> Payment | None:
    """Return the payment that Stripe knows by this id, if there is one here."""
    if not payment_intent_id:
        return None
    found = Payment.objects.filter(payment_intent_id=payment_intent_id)
    # `first()` would sort by primary key, and PostgreSQL might then read by that.
    return next(iter(found.only("customer_id", "correlation_id")[:1]), None)
