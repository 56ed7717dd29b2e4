from uuid import UUID, uuid4

import pytest
from django.contrib import admin
from django.db import connection
from django.utils import timezone

from customer_project.customers.models import Customer
from customer_project.emails.models import Email
from customer_project.merchants.models import MerchantToken
from customer_project.merchants.services import make_token
from customer_project.payments.models import Payment, PaymentEvent, SavedCard
from tests.customer.conftest import make_customer
from tests.django_admin import AdminPages, detail_url, list_url


@pytest.mark.django_db
class TestPages(AdminPages):
    @pytest.fixture
    def rows(self):
        def make(count):
            customers = [make_customer(f"customer{uuid4().hex}") for _ in range(count)]
            now = timezone.now()
            payments = [
                Payment.objects.create(
                    customer=customer,
                    correlation_id=uuid4(),
                    amount=1999,
                    currency="eur",
                    next_action={"type": "redirect_to_url"},
                    created_at=now,
                    updated_at=now,
                )
                for customer in customers
            ]
            for payment in payments:
                PaymentEvent.objects.create(
                    payment=payment, event_id=uuid4(), what="answered", amount_captured=1999, at=now
                )
            cards = [
                SavedCard.objects.create(
                    payment_method_id=f"pm_{uuid4().hex}",
                    customer=customer,
                    brand="visa",
                    last4="4242",
                    exp_month=12,
                    exp_year=2030,
                    saved_at=now,
                )
                for customer in customers
            ]
            tokens = [make_token(name="Shop", scopes=["payments:read"])[0] for _ in customers]
            emails = [Email.objects.create(payment=one, kind="receipt") for one in payments]
            return {
                Email: emails,
                Customer: customers,
                Payment: payments,
                SavedCard: cards,
                MerchantToken: tokens,
            }

        return make

    def test_amounts_are_written_as_people_do(self, admin_client, rows):
        [payment] = rows(1)[Payment]

        assert "€19.99" in admin_client.get(list_url(Payment)).text
        page = admin_client.get(detail_url(payment)).text
        assert "€19.99 captured" in page
        assert f"€19.99 ({payment.status})" in page

    @pytest.mark.parametrize("by", ["id", "correlation_id", "payment_intent_id", "email"])
    def test_payments_are_found(self, admin_client, rows, by):
        payment, _other = rows(2)[Payment]
        Payment.objects.filter(id=payment.id).update(payment_intent_id="pi_of_one")
        payment.refresh_from_db()
        term = payment.customer.email.upper() if by == "email" else str(getattr(payment, by))

        response = admin_client.get(list_url(Payment), {"q": term})

        assert list(response.context["cl"].queryset) == [payment]

    @pytest.mark.parametrize(
        ("model", "term"),
        [
            (Payment, str(UUID(int=7))),
            (Payment, "pi_1"),
            (Payment, "ada@example.com"),
            (SavedCard, "pm_1"),
            (SavedCard, "ada@example.com"),
            (Customer, "Ada"),
        ],
    )
    def test_searches_use_indexes(self, rows, model, term):
        rows(1)
        searched, _ = admin.site._registry[model].get_search_results(
            None, model.objects.all(), term
        )

        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
        plan = searched.explain()
        assert "Seq Scan" not in plan, plan
