from uuid import uuid4

import pytest
from django.utils import timezone

from payment_project.payments.models import Payment
from tests.django_admin import AdminPages


@pytest.mark.django_db
class TestPages(AdminPages):
    @pytest.fixture
    def rows(self):
        def make(count):
            now = timezone.now()
            payments = [
                Payment.objects.create(
                    id=uuid4(),
                    customer_id="c1",
                    request_event_id=uuid4(),
                    correlation_id=uuid4(),
                    payment_intent_id=f"pi_{number}",
                    amount=1999,
                    currency="eur",
                    status="succeeded",
                    revision=1,
                    requested_at=now,
                    created_at=now,
                    updated_at=now,
                )
                for number in range(count)
            ]
            return {Payment: payments}

        return make
