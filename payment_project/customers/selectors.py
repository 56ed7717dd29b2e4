"""Reading who a customer is at Stripe."""

from payment_project.customers.models import SavedCard, StripeCustomer


def stripe_customer_id(customer_id: str) -> str:
    """Return the id of a customer's Customer; empty if there is none yet."""
    found = StripeCustomer.objects.filter(customer_id=customer_id, deleted_at=None)
    return found.values_list("stripe_customer_id", flat=True).first() or ""


def deleted_stripe_customer_id(customer_id: str) -> str:
    """Return the id of a customer's Customer that was deleted; empty if none was."""
    found = StripeCustomer.objects.filter(customer_id=customer_id, deleted_at__isnull=False)
    return found.values_list("stripe_customer_id", flat=True).first() or ""


def has_saved(customer_id: str, payment_method_id: str) -> bool:
    """Tell whether a card is known to be saved with a customer."""
    saved = SavedCard.objects.filter(
        payment_method_id=payment_method_id, customer_id=customer_id, detached_at=None
    )
    return saved.exists()


def customer_id_of(stripe_customer_id: str) -> str:
    """Return whose a Customer is; empty if it is none of ours."""
    found = StripeCustomer.objects.filter(stripe_customer_id=stripe_customer_id)
    return found.values_list("customer_id", flat=True).first() or ""
