"""What changes a payment: the customer's request, and the payment service's answers."""

import contextlib
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import uuid5

import orjson
from django.db import IntegrityError, transaction
from django.utils import timezone

from customer_project.customers.models import Customer
from customer_project.payments.errors import IdempotencyKeyReused, NothingToConfirm
from customer_project.payments.models import Payment
from kafka_bridge import bulk, outbox
from kafka_bridge.contracts import (
    CardPaymentRequested,
    CustomerInfo,
    PaymentOptions,
    PaymentProgress,
    PaymentStatus,
    PaymentUpdateRequested,
    Topic,
)
from kafka_bridge.contracts.base import new_event_id
from kafka_bridge.tracing import new_correlation_id

_WAITING_FOR_CUSTOMER: Final = (
    PaymentStatus.REQUIRES_ACTION,
    PaymentStatus.REQUIRES_CONFIRMATION,
)
_FROM_OUTCOME: Final = (
    "status",
    "payment_intent_id",
    "client_secret",
    "next_action",
    "error_code",
    "decline_code",
    "error_message",
    "updated_at",
)


def request_payment(
    *, customer: Customer, idempotency_key: str, request: Mapping[str, Any]
) -> Payment:
    """Accept a request to pay and publish it, once for each idempotency key of the customer.

    `request` is what `PaymentRequestSerializer` validated, or the checkout page's with a
    `confirmation_token` in place of a `payment_method`, and with `save_card`.

    Raises:
        IdempotencyKeyReused: the key came before with another request.
    """
    request_hash = hashlib.sha256(orjson.dumps(request, option=orjson.OPT_SORT_KEYS)).hexdigest()
    payment = _new_payment(customer, idempotency_key, request_hash, request)
    try:
        with transaction.atomic():
            payment.save(force_insert=True)
            outbox.publish(_payment_requested(payment, customer, request))
    except IntegrityError:
        payment = Payment.objects.get(customer=customer, idempotency_key=idempotency_key)
        if payment.request_hash != request_hash:
            raise IdempotencyKeyReused from None
    return payment


def confirm_payment(*, payment: Payment, idempotency_key: str) -> None:
    """Publish that the customer is back from 3-D Secure, once for each idempotency key.

    Raises:
        NothingToConfirm: the payment does not wait for its customer.
    """
    event_id = uuid5(payment.id, f"confirm:{idempotency_key}")
    if outbox.is_published(event_id):
        return
    if payment.status not in _WAITING_FOR_CUSTOMER:
        raise NothingToConfirm
    confirmation = PaymentUpdateRequested(
        event_id=event_id,
        correlation_id=payment.correlation_id,
        customer_id=str(payment.customer_id),
        payment_id=payment.id,
        payment_intent_id=payment.payment_intent_id,
        action="confirm",
    )
    with contextlib.suppress(IntegrityError), transaction.atomic():  # by another process just now
        outbox.publish(confirmation)


def apply_outcomes(outcomes: Sequence[PaymentProgress]) -> None:
    """Move payments on to what the payment service says, unless something newer was said before."""
    now = timezone.now()
    bulk.update_newer(
        [
            Payment(
                id=outcome.payment_id,
                revision=outcome.revision or 1,
                status=outcome.status,
                payment_intent_id=outcome.payment_intent_id,
                client_secret=outcome.client_secret or "",
                next_action=outcome.next_action,
                error_code=outcome.error_code or "",
                decline_code=outcome.decline_code or "",
                error_message=outcome.error or "",
                updated_at=now,
            )
            for outcome in outcomes
        ],
        fields=_FROM_OUTCOME,
    )


def _new_payment(
    customer: Customer, idempotency_key: str, request_hash: str, request: Mapping[str, Any]
) -> Payment:
    now = timezone.now()
    return Payment(
        id=new_event_id(),
        customer=customer,
        idempotency_key=idempotency_key,
        request_hash=request_hash,
        correlation_id=new_correlation_id(),
        amount=request["amount"],
        currency=request["currency"],
        payment_method_id=request.get("payment_method", ""),
        description=request.get("description", ""),
        metadata=request.get("metadata", {}),
        created_at=now,
        updated_at=now,
    )


def _payment_requested(
    payment: Payment, customer: Customer, request: Mapping[str, Any]
) -> CardPaymentRequested:
    return CardPaymentRequested(
        event_type=Topic.STRIPE_PAYMENT_REQUEST,
        correlation_id=payment.correlation_id,
        customer_id=str(customer.id),
        payment_id=payment.id,
        amount=payment.amount,
        currency=payment.currency,
        payment_method_id=payment.payment_method_id or None,
        customer_info=CustomerInfo(email=customer.email or None, name=customer.name or None),
        payment_options=PaymentOptions(
            return_url=request.get("return_url"),
            confirmation_token=request.get("confirmation_token"),
            save_card=request.get("save_card"),
            description=payment.description or None,
        ),
        metadata=payment.metadata,
        timestamp=payment.created_at,
    )
