"""Reading payments."""

from typing import Any, Final, Literal
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from payment_project.payments.models import Dispute, Payment, Refund

# One look at the index a value, where DISTINCT reads every row.
_VALUES: Final = {
    column: f"""
WITH RECURSIVE found (value) AS (
    (SELECT {column} FROM payments_payment WHERE {column} > '' ORDER BY {column} LIMIT 1)
    UNION ALL
    SELECT (
        SELECT {column} FROM payments_payment
        WHERE {column} > '' AND {column} > found.value ORDER BY {column} LIMIT 1
    ) FROM found WHERE found.value IS NOT NULL
)
SELECT value FROM found WHERE value IS NOT NULL
"""  # noqa: S608 - the columns are those below
    for column in ("currency", "decline_code")
}


def values_of(column: Literal["currency", "decline_code"]) -> list[str]:
    """List the values that a column of payments has, however many payments there are."""
    with connection.cursor() as cursor:
        cursor.execute(_VALUES[column])
        return [value for (value,) in cursor.fetchall()]


def intent_of(payment_id: UUID) -> str | None:
    """Return the PaymentIntent of a payment, empty if it has none; None if it is not known."""
    found = Payment.objects.filter(id=payment_id)
    return found.values_list("payment_intent_id", flat=True).first()


def intent_of_another_request(payment_id: UUID, *, event_id: UUID) -> str | None:
    """Return the PaymentIntent of a payment, empty if it has none; None if no other event asked."""
    found = Payment.objects.filter(id=payment_id).exclude(request_event_id=event_id)
    return found.values_list("payment_intent_id", flat=True).first()


def payment_of_stripes(stripe_id: str) -> UUID | None:
    """Return the payment that a refund or dispute of Stripe's is about, if it is known here."""
    found: QuerySet[Any]
    if stripe_id.startswith("re_"):
        found = Refund.objects.filter(stripe_refund_id=stripe_id)
    elif stripe_id.startswith(("dp_", "du_")):
        found = Dispute.objects.filter(id=stripe_id)
    else:
        return None
    return found.values_list("payment_id", flat=True).first()
