from uuid import uuid4

import pytest
from django.utils import timezone

from customer_project.customers.models import Customer
from customer_project.payments.models import Payment
from tests.customer.conftest import make_customer
from tests.django_admin import AdminPages


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
            return {Customer: customers, Payment: payments}

        return make
