import threading
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.db import connection
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from customer_project.customers.models import Customer
from customer_project.merchants.models import Scope
from customer_project.merchants.services import make_token
from customer_project.subscriptions.models import Plan
from kafka_bridge.contracts import decode
from kafka_bridge.models import OutboxEvent

GOOD = {"amount": 1999, "currency": "eur", "payment_method": "pm_card_visa"}


def make_customer(name):
    user = get_user_model().objects.create_user(name, email=f"{name}@example.com")
    return Customer.objects.create(user=user, name=name.title(), email=user.email)


def client_of(customer):
    token, _ = Token.objects.get_or_create(user=customer.user)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token.key}")
    return client


def post(client, body=GOOD, *, key="", **options):
    """Ask for a payment, with a new key if none is given; None sends no key."""
    headers = {} if key is None else {"Idempotency-Key": key or str(uuid.uuid4())}
    return client.post("/api/payments/", body, headers=headers, **options)


def together(calls):
    """Make the calls at the same time, each in a thread of its own; return what they return."""
    start = threading.Barrier(len(calls))

    def make(call):
        try:
            start.wait()
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(make, calls))


def make_plan(*, save=True, **fields):
    plan = Plan(
        **{
            "slug": "pro-monthly",
            "name_en": "Pro",
            "name_fr": "Pro, en français",
            "amount": 1900,
            "currency": "eur",
            "interval": "month",
            **fields,
        }
    )
    if save:
        plan.save()
    return plan


def merchant_client(*scopes):
    _, text = make_token(name="Back office", scopes=scopes or tuple(Scope))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {text}")
    return client


def rows():
    """How many rows each table has."""
    return {
        model._meta.label: model._default_manager.count()
        for model in apps.get_models()
        if model._meta.managed
    }


def published():
    """The events in the outbox, in order."""
    return [
        decode(bytes(row.value), topic=row.topic, partition=0, offset=0)
        for row in OutboxEvent.objects.order_by("id")
    ]


@pytest.fixture(autouse=True)
def settings_of_a_shop(settings):
    settings.PAYMENT_RETURN_URLS = ["https://shop.example"]
    settings.API_CUSTOMER_RATE_LIMIT = settings.API_MERCHANT_RATE_LIMIT = 0


@pytest.fixture
def ada(db):
    return make_customer("ada")


@pytest.fixture
def api(ada):
    return client_of(ada)


@pytest.fixture
def grace_api(db):
    return client_of(make_customer("grace"))


@pytest.fixture
def merchant(db):
    return merchant_client()
