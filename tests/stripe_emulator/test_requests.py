"""Requests: keys, versions, unknown endpoints and parameters, expansion, pages."""

import pytest
import requests
import stripe


class TestKeys:
    @pytest.mark.parametrize("key", ["sk_live_abcdefgh", "nonsense", "sk_test_"])
    def test_other_keys_are_refused(self, make_client, key):
        with pytest.raises(stripe.AuthenticationError) as refused:
            make_client(key).v1.customers.list()

        assert refused.value.http_status == 401

    def test_no_key(self, emulator):
        assert requests.get(f"{emulator.url}/v1/customers", timeout=5).status_code == 401

    def test_basic_authentication(self, emulator):
        answered = requests.get(
            f"{emulator.url}/v1/customers", auth=("sk_test_emulated", ""), timeout=5
        )
        assert answered.status_code == 200

    def test_publishable_key_may_not_create(self, make_client):
        with pytest.raises(stripe.AuthenticationError, match="publishable"):
            make_client("pk_test_emulated").v1.customers.create({})

    def test_publishable_key_needs_the_client_secret(self, client, make_client):
        intent = client.v1.payment_intents.create({"amount": 1000, "currency": "usd"})
        browser = make_client("pk_test_emulated")
        with pytest.raises(stripe.AuthenticationError):
            browser.v1.payment_intents.retrieve(intent.id)
        with pytest.raises(stripe.InvalidRequestError):
            browser.v1.payment_intents.retrieve(intent.id, {"client_secret": "guess"})

        found = browser.v1.payment_intents.retrieve(
            intent.id, {"client_secret": intent.client_secret}
        )
        assert found.id == intent.id


class TestChecks:
    @pytest.mark.parametrize(
        ("params", "code", "param"),
        [
            ({"currency": "usd"}, "parameter_missing", "amount"),
            ({"amount": 10, "currency": "usd", "colour": "red"}, "parameter_unknown", "colour"),
            (
                {"amount": 1000, "currency": "usd", "payment_method_types": ["card"]},
                "parameter_unknown",
                "payment_method_types",
            ),
            (
                {
                    "amount": 1000,
                    "currency": "usd",
                    "automatic_payment_methods": {"enabled": True, "x": 1},
                },
                "parameter_unknown",
                "automatic_payment_methods[x]",
            ),
            ({"amount": "10.5", "currency": "usd"}, "parameter_invalid_integer", "amount"),
            ({"amount": "", "currency": "usd"}, "parameter_invalid_empty", "amount"),
            (
                {"amount": 1000, "currency": "usd", "capture_method": "later"},
                None,
                "capture_method",
            ),
            ({"amount": 1000, "currency": "usd", "confirm": "maybe"}, None, "confirm"),
        ],
    )
    def test_refused_as_stripe_does(self, client, params, code, param):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.payment_intents.create(params)

        assert refused.value.http_status == 400
        assert refused.value.code == code
        assert refused.value.param == param

    def test_unknown_endpoint(self, client):
        with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL") as refused:
            client.v1.coupons.create({"percent_off": 10})

        assert refused.value.http_status == 404

    def test_unknown_object(self, client):
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.customers.retrieve("cus_none")

        assert refused.value.http_status == 404
        assert refused.value.code == "resource_missing"

    def test_other_api_version(self, emulator):
        answered = requests.get(
            f"{emulator.url}/v1/customers",
            headers={"Authorization": "Bearer sk_test_x", "Stripe-Version": "2020-08-27"},
            timeout=5,
        )
        assert answered.status_code == 400


class TestExpand:
    def test_nested(self, client, pay, customer):
        intent = pay(customer=customer.id)
        found = client.v1.payment_intents.retrieve(
            intent.id, {"expand": ["latest_charge.customer", "latest_charge.refunds"]}
        )

        assert found.latest_charge.customer.id == customer.id
        assert found.latest_charge.refunds.data == []

    def test_in_a_list(self, client, pay, customer):
        pay(customer=customer.id)
        (found,) = client.v1.payment_intents.list(
            {"customer": customer.id, "expand": ["data.latest_charge"]}
        ).data

        assert found.latest_charge.object == "charge"

    @pytest.mark.parametrize("path", ["amount", "nothing", "latest_charge.a.b.c.d"])
    def test_what_cannot_be_expanded(self, client, pay, path):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.payment_intents.retrieve(pay().id, {"expand": [path]})


class TestPages:
    def test_newest_first_both_ways(self, client, pay, customer):
        made = [pay(customer=customer.id).id for _ in range(5)]
        first = client.v1.payment_intents.list({"customer": customer.id, "limit": 2})
        second = client.v1.payment_intents.list(
            {"customer": customer.id, "limit": 2, "starting_after": first.data[-1].id}
        )
        back = client.v1.payment_intents.list(
            {"customer": customer.id, "limit": 2, "ending_before": second.data[0].id}
        )

        assert [item.id for item in first.data] == made[:2:-1]
        assert first.has_more
        assert [item.id for item in second.data] == [made[2], made[1]]
        assert [item.id for item in back.data] == [item.id for item in first.data]
        every = client.v1.payment_intents.list({"customer": customer.id, "limit": 2})
        assert [item.id for item in every.auto_paging_iter()] == made[::-1]

    def test_created(self, client, customer):
        later = {"gt": customer.created + 1000}
        assert client.v1.customers.list({"created": later}).data == []
        exactly = {"gte": customer.created, "lte": customer.created}
        found = client.v1.customers.list({"created": exactly, "limit": 100}).data
        assert customer.id in [item.id for item in found]

    @pytest.mark.parametrize("limit", [0, 101])
    def test_limit_has_bounds(self, client, limit):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.customers.list({"limit": limit})


class TestEvents:
    def test_listed_by_type(self, client, pay):
        intent = pay()
        newest = client.v1.events.list({"type": "payment_intent.succeeded", "limit": 1}).data[0]
        family = client.v1.events.list({"type": "charge.*", "limit": 3}).data
        several = client.v1.events.list(
            {"types": ["payment_intent.created", "payment_intent.succeeded"], "limit": 2}
        ).data

        assert newest.data.object.id == intent.id
        assert all(event.type.startswith("charge.") for event in family)
        assert {event.type for event in several} == {
            "payment_intent.created",
            "payment_intent.succeeded",
        }

    def test_name_their_request(self, client, pay):
        intent = pay(idempotency_key="evt-request-1")
        event = client.v1.events.list({"type": "payment_intent.succeeded", "limit": 1}).data[0]

        assert event.request.idempotency_key == "evt-request-1"
        assert event.request.id == intent.last_response.request_id
