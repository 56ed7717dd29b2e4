"""Deadlines: no payment waits for ever in a status that is not final."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from django.conf import settings
from django.db import transaction

from kafka_bridge import database, outbox
from kafka_bridge.contracts import PaymentStatus, PaymentUpdateRequested
from payment_project.payments.models import Payment
from payment_project.payments.services.asking import asked_of

_OVERDUE: Final = UUID("7f8f2a8e-8b8c-5a0c-9d0e-6f7665726475")
_AT_ONCE: Final = 500


def deadline_of(status: str, *, since: datetime) -> datetime | None:
    """Return until when a payment may stay in a status; None if for ever.

    `since` is by the database's clock: a process' own may be wrong, and would give up what its
    customer is about to confirm.
    """
    seconds = settings.PAYMENT_DEADLINES.get(status)
    return since + timedelta(seconds=seconds) if seconds else None


@transaction.atomic
def ask_about_overdue() -> int:
    """Publish what is to become of payments past their deadlines, once for each deadline.

    What waits for its customer or for a capture is to be canceled, if it still waits when its turn
    comes in its customer's lane. What Stripe is processing nobody can cancel: it is looked at, and
    again after another while. Returns how many payments were asked about.
    """
    now = database.now()
    overdue = list(
        Payment.objects.select_for_update(skip_locked=True)
        .filter(deadline_at__lte=now)
        .order_by("deadline_at")[:_AT_ONCE]
    )
    requests = [_request(payment) for payment in overdue]
    for payment in overdue:
        again = payment.status == PaymentStatus.PROCESSING
        payment.deadline_at = deadline_of(payment.status, since=now) if again else None
    Payment.objects.bulk_update(overdue, ["deadline_at"])
    outbox.publish(*requests)
    return len(overdue)


def _request(payment: Payment) -> PaymentUpdateRequested:
    is_processing = payment.status == PaymentStatus.PROCESSING
    return asked_of(
        payment,
        event_id=uuid5(_OVERDUE, f"{payment.id}/{payment.deadline_at}"),
        action="refresh" if is_processing else "cancel",
        reason=None if is_processing else "abandoned",
        expected_status=PaymentStatus(payment.status),
    )
