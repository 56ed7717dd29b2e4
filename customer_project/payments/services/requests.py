"""Requests to pay: accepted, published, in the history."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.utils import timezone

from customer_project.customers.models import Customer
from customer_project.idempotency.services import Answer, once
from customer_project.payments.models import Payment, PaymentEvent
from kafka_bridge import outbox
from kafka_bridge.contracts import CardPaymentRequested, CustomerInfo, PaymentOptions, Topic
from kafka_bridge.contracts.base import new_event_id
from kafka_bridge.tracing import new_correlation_id


def request_payment(
    *, customer: Customer, idempotency_key: str, request: Mapping[str, Any]
) -> Payment:
    """Accept a request of a page of ours, once for each idempotency key of the customer.

    `request` is what `PaymentRequestSerializer` validates. The keys are not those of the API.

    Raises:
        IdempotencyKeyReused: the key came before with another request.
    """
    asker = f"page:{customer.pk}"
    payment = new_payment(customer=customer, request=request)
    answer = once(
        asker=asker,
        key=idempotency_key,
        asked=request,
        answer=Answer(status_code=202, location="", body=str(payment.id)),
        effect=lambda: accept(payment, customer=customer, request=request, asked_by=asker),
    )
    known = UUID(answer.body)
    return payment if known == payment.id else Payment.objects.get(id=known)


def new_payment(*, customer: Customer, request: Mapping[str, Any]) -> Payment:
    """Return the payment that the request asks for, before anything is done for it."""
    now = timezone.now()
    return Payment(
        id=new_event_id(),
        customer=customer,
        correlation_id=new_correlation_id(),
        amount=request["amount"],
        currency=request["currency"],
        payment_method_id=request.get("payment_method", ""),
        capture_method=request.get("capture_method", "automatic"),
        off_session=request.get("off_session", False),
        description=request.get("description", ""),
        metadata=request.get("metadata", {}),
        created_at=now,
        updated_at=now,
    )


def accept(
    payment: Payment, *, customer: Customer, request: Mapping[str, Any], asked_by: str
) -> None:
    """Write the payment and publish the request, with the transaction of the caller."""
    event = _payment_requested(payment, customer, request)
    payment.save(force_insert=True)
    PaymentEvent.objects.create(
        payment=payment,
        event_id=event.event_id,
        what=PaymentEvent.What.REQUESTED,
        source=asked_by,
        amount=payment.amount,
        status=payment.status,
        revision=0,
        at=payment.created_at,
    )
    outbox.publish(event)


def _payment_requested(
    payment: Payment, customer: Customer, request: Mapping[str, Any]
) -> CardPaymentRequested:
    return CardPaymentRequested(
        event_type=Topic.STRIPE_PAYMENT_REQUEST,
        correlation_id=payment.correlation_id,
        customer_id=str(customer.pk),
        payment_id=payment.id,
        amount=payment.amount,
        currency=payment.currency,
        payment_method_id=payment.payment_method_id or None,
        customer_info=CustomerInfo(email=customer.email or None, name=customer.name or None),
        payment_options=PaymentOptions(
            capture_method=request.get("capture_method"),
            return_url=request.get("return_url"),
            confirmation_token=request.get("confirmation_token"),
            save_card=request.get("save_card"),
            off_session=request.get("off_session"),
            description=payment.description or None,
        ),
        metadata=payment.metadata,
        timestamp=payment.created_at,
    )
