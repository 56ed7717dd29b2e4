import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.models import Permission
from django.db import connection

from kafka_bridge.contracts import (
    BalanceTransactionRecorded,
    CardPaymentAnswered,
    CardPaymentRequested,
    CustomerInfo,
    PaymentMeasured,
    PaymentOptions,
    PaymentStatus,
    SubscriptionStatus,
    SubscriptionStatusUpdated,
    Topic,
)

NOW = datetime(2026, 11, 22, 10, 15, 30, tzinfo=UTC)
PAYMENT = uuid.UUID(int=1)


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker):
    """The test database, in which the log may be emptied after tests that commit."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE event_log_loggedevent DISABLE TRIGGER not_truncated")


def measured(payment_id=None, **fields):
    """A measurement of a payment, as the payment service makes it."""
    return PaymentMeasured(
        **{
            "correlation_id": uuid.uuid4(),
            "customer_id": "c1",
            "payment_id": payment_id or uuid.uuid4(),
            "payment_intent_id": "pi_1",
            "status": PaymentStatus.SUCCEEDED,
            "amount": 1999,
            "currency": "eur",
            "revision": 1,
            "card_brand": "visa",
            "card_country": "FR",
            "requested_at": NOW,
            **fields,
        }
    )


def subscription_state(subscription_id, revision=1, **fields):
    """A subscription as it is told: active, for 10 euros a month."""
    fields["status"] = SubscriptionStatus(fields.get("status", "active"))
    return SubscriptionStatusUpdated(
        **{
            "customer_id": f"c{subscription_id}",
            "subscription_id": subscription_id,
            "stripe_subscription_id": "sub_1",
            "subscription_plan_id": "pro",
            "amount": 1000,
            "currency": "eur",
            "interval": "month",
            "revision": revision,
            "timestamp": NOW + timedelta(days=revision),
            **fields,
        }
    )


def recorded(txn="txn_1", category="charge", amount=1999, fee=88, **fields):
    """A balance transaction of a payment, as the payment service tells it."""
    return BalanceTransactionRecorded(
        **{
            "customer_id": "c1",
            "balance_transaction_id": txn,
            "type": category,
            "reporting_category": category,
            "amount": amount,
            "fee": fee,
            "net": amount - fee,
            "currency": "eur",
            "payment_id": PAYMENT,
            "occurred_at": NOW,
            "available_on": NOW,
            **fields,
        }
    )


def requested(**fields):
    """A request to pay, with what is nobody's business."""
    return CardPaymentRequested(
        **{
            "event_type": Topic.STRIPE_PAYMENT_REQUEST,
            "customer_id": "c1",
            "amount": 1999,
            "currency": "eur",
            "payment_method_id": "pm_card_visa",
            "customer_info": CustomerInfo(email="ada@example.com", name="Ada Löwe"),
            "metadata": {"note": "private words"},
            "payment_options": PaymentOptions(
                description="private words", return_url="https://shop/?token=private"
            ),
            **fields,
        }
    )


def answered(**fields):
    """An answer to a request to pay, with secrets."""
    return CardPaymentAnswered(
        **{
            "customer_id": "c1",
            "payment_id": uuid.uuid4(),
            "payment_intent_id": "pi_1",
            "status": PaymentStatus.REQUIRES_ACTION,
            "success": True,
            "client_secret": "pi_1_secret_words",
            "next_action": {"type": "redirect_to_url", "redirect_to_url": {"url": "https://bank"}},
            "amount": 1999,
            "currency": "eur",
            "revision": 1,
            **fields,
        }
    )


@pytest.fixture
def staff(django_user_model):
    return django_user_model.objects.create_user("clerk", is_staff=True)


@pytest.fixture
def reader(django_user_model):
    """Staff who may see the figures and the timeline."""
    reader = django_user_model.objects.create_user("reader", is_staff=True)
    names = ("view_paymentfact", "view_loggedevent")
    reader.user_permissions.add(*Permission.objects.filter(codename__in=names))
    return reader
