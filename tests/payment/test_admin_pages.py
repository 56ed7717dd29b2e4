from uuid import uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone

from kafka_bridge.contracts import CustomerInfo, PaymentUpdateRequested
from payment_project.customers.models import SavedCard, StripeCustomer
from payment_project.payments.models import Payment
from tests.django_admin import AdminPages, detail_url, list_url
from tests.payment.conftest import asked, published, updates


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
            cards = [
                SavedCard.objects.create(
                    payment_method_id=f"pm_{uuid4()}",
                    customer_id="c1",
                    brand="visa",
                    last4="4242",
                    exp_month=12,
                    exp_year=2030,
                    created_at=now,
                )
                for _ in range(count)
            ]
            customers = [
                StripeCustomer.objects.create(
                    customer_id=f"c{uuid4()}", stripe_customer_id=f"cus_{uuid4()}"
                )
                for _ in range(count)
            ]
            return {Payment: payments, SavedCard: cards, StripeCustomer: customers}

        return make


@pytest.mark.django_db
class TestFinding:
    def found(self, client, **query):
        response = client.get(list_url(Payment), query)
        assert response.status_code == 200
        return set(response.context["cl"].queryset)

    def test_by_whatever_names_it(self, admin_client, handle, at_stripe, paid):
        payment = paid(customer_info=CustomerInfo(email="Ada@Example.org"))
        paid()
        handle(asked("refund", payment, amount=100))
        (refund,) = updates()[-1].refunds

        for term in (
            payment.id,
            payment.request_event_id,
            payment.correlation_id,
            payment.customer_id,
            payment.payment_intent_id,
            refund.stripe_refund_id,
            "ada@example.org",
        ):
            assert self.found(admin_client, q=str(term)) == {payment}, term

    @pytest.mark.parametrize(
        ("amount", "found"),
        [
            ("1999", {1999}),
            ("1000-2000", {1999}),
            ("1000-", {1999, 5000}),
            ("-2000", {1999, 500}),
            ("x", set()),
            ("-", set()),
        ],
    )
    def test_by_amount(self, admin_client, paid, amount, found):
        for given in (500, 1999, 5000):
            paid(amount=given)

        assert {payment.amount for payment in self.found(admin_client, amount=amount)} == found

    def test_by_decline_code_and_currency(self, admin_client, paid):
        paid()
        declined = paid("pm_card_visa_chargeDeclinedLostCard", currency="usd")

        page = admin_client.get(list_url(Payment)).content.decode()
        assert "?decline_code=lost_card" in page
        assert "?currency=usd" in page
        assert self.found(admin_client, decline_code="lost_card") == {declined}
        assert self.found(admin_client, currency="usd") == {declined}


@pytest.mark.django_db
class TestPaymentPage:
    def test_tells_all_that_happened(self, admin_client, handle, at_stripe, paid):
        payment = paid()
        handle(asked("refund", payment, amount=500))
        at_stripe.dispute(payment)
        handle(asked("refresh", payment))

        response = admin_client.get(detail_url(payment))

        page = response.content.decode()
        assert f"https://dashboard.stripe.com/test/payments/{payment.payment_intent_id}" in page
        assert "5.00 EUR" in page
        assert "19.99 EUR (succeeded)" in page  # where the page is, as its links say
        assert "needs_response" in page
        assert [hop.row.topic for hop, _, _ in response.context["hops"]] == [
            "payment.card.result",
            *(["payment.analytics", "payment.status.updated"] * 2),
            "payment.analytics",
        ]
        assert "succeeded, revision 3" in page
        assert payment.payment_intent_id in page


@pytest.mark.django_db
class TestRefund:
    def url(self, payment):
        return reverse("admin:payments_payment_refund", args=[payment.pk])

    def fields(self, client, payment, **changes):
        form = client.get(self.url(payment)).context["form"]
        first = {"amount": str(form["amount"].value()), "token": str(form["token"].value())}
        return first | {"reason": "requested_by_customer"} | changes

    def asked_for(self):
        return [event for event in published() if isinstance(event, PaymentUpdateRequested)]

    def test_is_asked_for_in_the_payments_lane_and_logged(
        self, admin_client, admin_user, handle, at_stripe, paid
    ):
        payment = paid()

        fields = self.fields(admin_client, payment, amount="5.25")
        response = admin_client.post(self.url(payment), fields)

        assert response.status_code == 302
        (event,) = self.asked_for()
        assert (event.action, event.amount, event.reason) == ("refund", 525, fields["reason"])
        assert (event.source, event.customer_id) == ("payment-service", payment.customer_id)
        entry = LogEntry.objects.get()
        assert entry.user == admin_user
        assert "5.25 EUR" in entry.change_message
        handle(event)
        assert updates()[-1].amount_refunded == 525

    def test_form_offers_what_is_left(self, admin_client, handle, paid):
        payment = paid()
        handle(asked("refund", payment, amount=999))

        assert self.fields(admin_client, payment)["amount"] == "10.00"

    def test_form_submitted_twice_is_one_refund(self, admin_client, paid):
        payment = paid()
        fields = self.fields(admin_client, payment)

        for _ in range(2):
            assert admin_client.post(self.url(payment), fields).status_code == 302

        assert len(self.asked_for()) == 1

    @pytest.mark.parametrize("amount", ["20.00", "0", "-1", "1.999", "x", "", "1e9", "NaN"])
    def test_amount_that_cannot_be_refunded_is_refused(self, admin_client, paid, amount):
        payment = paid()
        fields = self.fields(admin_client, payment, amount=amount)

        response = admin_client.post(self.url(payment), fields)

        assert response.status_code == 200
        assert response.context["form"].errors["amount"]
        assert self.asked_for() == []

    def test_yen_have_no_decimals(self, admin_client, paid):
        payment = paid(currency="jpy", amount=500)

        admin_client.post(self.url(payment), self.fields(admin_client, payment, amount="200"))

        assert self.asked_for()[0].amount == 200

    @pytest.mark.parametrize(("currency", "amount"), [("bhd", "1.005"), ("isk", "1.50")])
    def test_last_digits_that_stripe_does_not_take_are_refused(
        self, admin_client, paid, currency, amount
    ):
        payment = paid(currency=currency, amount=5000)

        fields = self.fields(admin_client, payment, amount=amount)
        response = admin_client.post(self.url(payment), fields)

        assert response.context["form"].errors["amount"]
        assert self.asked_for() == []

    def test_needs_its_own_permission(self, client, django_user_model, paid):
        payment = paid()
        clerk = django_user_model.objects.create_user("clerk", is_staff=True)
        clerk.user_permissions.add(Permission.objects.get(codename="view_payment"))
        client.force_login(clerk)

        assert client.get(self.url(payment)).status_code == 403
        assert "Refund…" not in client.get(detail_url(payment)).content.decode()

        clerk.user_permissions.add(Permission.objects.get(codename="refund_payment"))
        assert client.get(self.url(payment)).status_code == 200
        assert "Refund…" in client.get(detail_url(payment)).content.decode()
