"""E-mails: queued in the transaction of what they tell of, sent by a process of their own.

A mail server knows no idempotency key: if the process dies between its answer and our commit, the
same e-mail, by its Message-ID, is sent again.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from customer_project.emails.models import Email
from customer_project.emails.texts import message_of
from customer_project.subscriptions.signals import News
from kafka_bridge.contracts import PaymentProgress, PaymentStatus
from kafka_bridge.errors import text_of

logger = structlog.get_logger(__name__)

MAX_ATTEMPTS: Final = 20
"""With the waits below, an e-mail is tried for half a day."""
_FIRST_WAIT: Final = 10.0
_LONGEST_WAIT: Final = 3600.0
_ADDRESS: Final = re.compile(r"""[^\s<>"'(){}\[\],:;]+@[^\s<>"'(){}\[\],:;]+""")
_SOMEBODY: Final = "(address)"


def queue(outcomes: Sequence[PaymentProgress]) -> None:
    """Queue what customers are to be told of these outcomes, each once."""
    Email.objects.bulk_create(
        [
            Email(payment_id=outcome.payment_id, kind=kind, due_at=timezone.now())
            for outcome in outcomes
            if (kind := _kind(outcome))
        ],
        ignore_conflicts=True,
    )


def queue_news(
    *,
    kind: News,
    subscription_id: UUID,
    invoice_id: str,
    attempt: int,
    **_kwargs: object,
) -> None:
    """Queue what a customer is to be told of a subscription: of each try to pay an invoice once."""
    email = Email(
        subscription_id=subscription_id,
        kind=Email.Kind(kind),
        invoice_id=invoice_id,
        invoice_attempt=attempt,
        due_at=timezone.now(),
    )
    Email.objects.bulk_create([email], ignore_conflicts=True)


def queue_again(emails: QuerySet[Email]) -> int:
    """Queue those that were given up, to be tried as often as new ones; return how many."""
    return emails.filter(given_up_at__isnull=False).update(
        due_at=timezone.now(), given_up_at=None, attempts=0
    )


def send_next(backend: BaseEmailBackend) -> bool:
    """Send the e-mail that has been due for longest. Returns False if none is due."""
    with transaction.atomic():
        email = (
            Email.objects.select_for_update(skip_locked=True, of=("self",))
            .select_related("payment__customer", "subscription__customer")
            .filter(due_at__lte=timezone.now())
            .order_by("due_at")
            .first()
        )
        if email is None:
            return False
        message = message_of(email)
        email.due_at = None
        if message is not None:
            _send(email, message, backend)
        email.save(update_fields=["due_at", "sent_at", "given_up_at", "attempts", "error"])
        return True


def _kind(outcome: PaymentProgress) -> Email.Kind | None:
    if outcome.status == PaymentStatus.SUCCEEDED:
        return Email.Kind.RECEIPT
    missed = (PaymentStatus.REQUIRES_PAYMENT_METHOD, "authentication_required")
    return Email.Kind.BANK_ASKS if (outcome.status, outcome.error_code) == missed else None


def _send(email: Email, message: EmailMessage, backend: BaseEmailBackend) -> None:
    try:
        backend.send_messages([message])
    except Exception as error:  # noqa: BLE001 - whatever the backend raises; it is recorded
        email.attempts += 1
        email.error = f"{type(error).__name__}: {_without_addresses(text_of(error), message)}"
        if email.attempts < MAX_ATTEMPTS:
            wait = min(_FIRST_WAIT * 2**email.attempts, _LONGEST_WAIT)
            email.due_at = timezone.now() + timedelta(seconds=wait)
        else:
            email.given_up_at = timezone.now()
        logger.warning("email_failed", email=email.pk, attempts=email.attempts, error=email.error)
    else:
        email.error = ""
        email.sent_at = timezone.now()


def _without_addresses(text: str, message: EmailMessage) -> str:
    """Take out the addresses that mail servers repeat: errors go to the log."""
    for address in message.recipients():
        text = text.replace(address, _SOMEBODY)
    return _ADDRESS.sub(_SOMEBODY, text)
