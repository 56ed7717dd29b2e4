from uuid import uuid4

import pytest

from admin_project.analytics.handlers import count as count_payments
from admin_project.analytics.models import PaymentFact
from admin_project.event_log.models import LoggedEvent
from tests.admin.conftest import measured
from tests.django_admin import AdminPages, list_url


@pytest.mark.django_db
class TestPages(AdminPages):
    @pytest.fixture
    def rows(self):
        def make(count):
            events = [measured(customer_id=f"c{uuid4()}") for _ in range(count)]
            count_payments(events)
            ids = [event.event_id for event in events]
            return {
                PaymentFact: PaymentFact.objects.filter(
                    payment_id__in=[event.payment_id for event in events]
                ),
                LoggedEvent: LoggedEvent.objects.filter(event_id__in=ids),
            }

        return make

    def test_the_figures_are_above_the_payments(self, admin_client, rows):
        rows(3)

        page = admin_client.get(list_url(PaymentFact)).content.decode()

        assert "<strong>3</strong> payments" in page
        assert "succeeded <strong>3</strong>" in page
