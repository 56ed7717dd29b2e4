import hashlib
import hmac
import time
from uuid import UUID, uuid4

import orjson
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.authtoken.models import Token

from customer_project.payments.models import Payment
from customer_project.webhooks.api import MAX_BYTES
from kafka_bridge.broker import MAX_RECORD_BYTES
from kafka_bridge.models import OutboxEvent
from tests.customer.conftest import post, published

SECRET = "whsec_of_the_test"


@pytest.fixture(autouse=True)
def secret(settings):
    settings.STRIPE_WEBHOOK_SECRETS = [SECRET]


@pytest.fixture
def payment(api):
    payment = Payment.objects.get(id=post(api).json()["id"])
    payment.payment_intent_id = "pi_1"
    payment.save()
    return payment


def deliver(about, *, event_id="", secret=SECRET):
    event = {
        "id": event_id or f"evt_{uuid4().hex}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "data": {"object": about},
    }
    return deliver_body(orjson.dumps(event), secret=secret)


def deliver_body(body, *, secret=SECRET, signed_ago=0, more=""):
    signed_at = int(time.time()) - signed_ago
    signature = hmac.new(secret.encode(), b"%d." % signed_at + body, hashlib.sha256).hexdigest()
    return Client().post(
        "/webhooks/stripe/",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": f"t={signed_at},v1={signature}{more}"},
    )


class TestWhoseItIs:
    @pytest.mark.parametrize(
        "about",
        [
            {"object": "payment_intent", "id": "pi_1"},
            {"object": "charge", "id": "ch_1", "payment_intent": "pi_1", "metadata": {}},
            {"object": "refund", "id": "re_1", "payment_intent": "pi_1", "metadata": None},
            {"object": "dispute", "id": "du_1", "payment_intent": "pi_1", "customer": "cus_1"},
        ],
        ids=lambda about: about["object"],
    )
    def test_our_payments_customer_by_the_payment_intent(self, payment, about):
        assert deliver(about).json() == {"received": True, "duplicate": False}

        event = published()[-1]
        assert event.customer_id == str(payment.customer_id)
        assert event.correlation_id == payment.correlation_id

    def test_the_customer_of_our_metadata_with_no_look_at_payments(self, payment):
        metadata = {"customer_id": "c1", "correlation_id": str(UUID(int=7))}

        with CaptureQueriesContext(connection) as captured:
            deliver({"object": "payment_intent", "id": "pi_1", "metadata": metadata})

        event = published()[-1]
        assert (event.customer_id, event.correlation_id) == ("c1", UUID(int=7))
        assert not [one for one in captured if "payments_payment" in one["sql"]]

    @pytest.mark.parametrize(
        ("about", "customer_id"),
        [
            ({"object": "charge", "payment_intent": "pi_2", "customer": "cus_1"}, "cus_1"),
            ({"object": "charge", "payment_intent": None, "customer": "cus_1"}, "cus_1"),
            ({"object": "charge", "payment_intent": {"id": "pi_1"}}, "evt_1"),
            ({"object": "payment_intent", "id": None}, "evt_1"),
            ({"object": "account", "id": "acct_1"}, "evt_1"),
        ],
        ids=str,
    )
    def test_stripes_customer_or_nobodys(self, payment, about, customer_id):
        deliver(about, event_id="evt_1")

        assert published()[-1].customer_id == customer_id

    def test_costs_one_select_by_an_index_and_one_insert(self, payment):
        with CaptureQueriesContext(connection) as captured:
            deliver({"object": "refund", "id": "re_1", "payment_intent": "pi_1"})

        statements = [
            one["sql"] for one in captured if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))
        ]
        assert len(statements) == 2, statements
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_seqscan = off")
            cursor.execute(f"EXPLAIN {statements[0]}")
            assert "using payment_intent on" in str(cursor.fetchall())


class TestDelivery:
    def test_repeated_is_stored_once(self, db):
        about = {"object": "charge", "id": "ch_1"}
        deliver(about, event_id="evt_1")

        assert deliver(about, event_id="evt_1").json() == {"received": True, "duplicate": True}
        assert len(published()) == 1

    def test_unsigned_is_refused(self, db):
        response = deliver({"object": "charge"}, secret="whsec_of_somebody")

        assert (response.status_code, published()) == (400, [])

    def test_signature_is_good_for_five_minutes(self, db):
        body = orjson.dumps({"id": "evt_1", "object": "event", "type": "x", "data": {"object": {}}})

        assert deliver_body(body, signed_ago=290).status_code == 200

    def test_old_and_new_secret_are_right_while_one_replaces_the_other(self, db, settings):
        settings.STRIPE_WEBHOOK_SECRETS = ["whsec_new", SECRET]

        assert deliver({"object": "charge"}, secret="whsec_new").status_code == 200
        assert deliver({"object": "charge"}, secret=SECRET).status_code == 200
        assert deliver({"object": "charge"}, secret="whsec_third").status_code == 400

    @pytest.mark.parametrize("text", ["x", '"', "\u20ac"], ids=ascii)
    def test_largest_body_fits_into_a_record(self, db, text):
        about = {"object": "charge", "metadata": {}, "description": ""}
        room = MAX_BYTES - 500
        about["description"] = text * (room // (len(orjson.dumps(text)) - 2))

        assert deliver(about).status_code == 200

        (row,) = OutboxEvent.objects.all()
        assert 2 * room < len(row.value) < MAX_RECORD_BYTES
        assert published()[0].webhook_event["data"]["object"] == about

    def test_thin_event_is_passed_on_as_it_is(self, db):
        thin = {"id": "evt_thin", "object": "v2.core.event", "type": "v1.billing.meter.error"}

        assert deliver_body(orjson.dumps(thin)).status_code == 200
        assert published()[0].webhook_event == thin

    def test_invoice_goes_to_its_subscriptions_customer(self, db):
        details = {"metadata": {"customer_id": "c1"}, "subscription": "sub_1"}
        deliver({"object": "invoice", "parent": {"subscription_details": details}})

        assert published()[0].customer_id == "c1"

    @pytest.mark.parametrize(
        ("body", "options", "status"),
        [
            (b"{}", {"secret": "whsec_of_somebody"}, 400),
            (b'{"id": "evt_1"}', {"signed_ago": 310}, 400),
            (b"{}", {"more": "\u00e9"}, 400),
            (b"[]", {}, 400),
            (b'{"id": 7}', {}, 400),
            (b'{"id": "evt_1", "object": "event", "data": 7}', {}, 400),
            (b"no json", {}, 400),
            (b" " * 300_000, {}, 413),
        ],
        ids=["signature", "stale", "not ASCII", "list", "id", "data", "json", "size"],
    )
    def test_refused_is_counted_where_operators_see_it(self, admin_user, body, options, status):
        response = deliver_body(body, **options)

        assert (response.status_code, published()) == (status, [])
        refused = Client().get("/health/").json()["webhooks"]["refused_in_24_hours"]
        assert refused == {response.json()["error"]: 1}
        assert deliver_body(body, **options).status_code == status
        refused = Client().get("/health/").json()["webhooks"]["refused_in_24_hours"]
        assert refused == {response.json()["error"]: 2}
        token = Token.objects.create(user=admin_user)
        metrics = Client().get("/metrics", headers={"Authorization": f"Bearer {token.key}"}).text
        why = response.json()["error"]
        assert f'paybridge_refused_webhooks_total{{reason="{why}"}} 2\n' in metrics
