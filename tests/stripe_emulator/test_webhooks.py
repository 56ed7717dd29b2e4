"""Webhook deliveries: signed, retried, and spoiled on demand."""

import json
import time

import pytest
import stripe


class TestDelivery:
    def test_signed_event_arrives(self, client, receiver, webhook, pay, eventually):
        endpoint = webhook("payment_intent.succeeded")
        intent = pay()
        body, signature = eventually(lambda: receiver.received)[0]

        event = client.construct_event(body, signature, endpoint.secret)

        assert event.type == "payment_intent.succeeded"
        assert event.data.object.id == intent.id
        assert event.api_version == "2026-10-28.endive"
        listed = client.v1.events.retrieve(event.id)
        eventually(lambda: client.v1.events.retrieve(event.id).pending_webhooks == 0)
        assert listed.data.object.id == intent.id

    def test_secret_is_shown_once(self, client, webhook):
        endpoint = webhook("charge.succeeded")

        assert endpoint.secret.startswith("whsec_")
        assert "secret" not in client.v1.webhook_endpoints.retrieve(endpoint.id)

    def test_failed_delivery_is_retried(self, receiver, webhook, pay, eventually):
        receiver.answers = [500, 302, 503]
        webhook("payment_intent.succeeded")
        pay()

        eventually(lambda: len(receiver.received) == 4)
        assert len({body for body, _ in receiver.received}) >= 1
        assert len({json.loads(body)["id"] for body, _ in receiver.received}) == 1

    def test_only_enabled_events_arrive(self, receiver, webhook, pay, eventually):
        webhook("charge.succeeded", "payment_intent.payment_failed")
        pay()
        with pytest.raises(stripe.CardError):
            pay("pm_card_visa_chargeDeclined")

        eventually(lambda: len(receiver.received) == 2)
        assert sorted(receiver.types()) == ["charge.succeeded", "payment_intent.payment_failed"]

    def test_disabled_endpoint_is_told_nothing(
        self, *, client, receiver, webhook, pay, emulator, eventually
    ):
        endpoint = webhook()
        client.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
        pay()

        eventually(lambda: emulator.get("webhooks")["pending"] == 0)
        assert receiver.received == []

    def test_resend(self, *, receiver, webhook, pay, emulator, eventually):
        webhook("payment_intent.succeeded")
        pay()
        body, _ = eventually(lambda: receiver.received)[0]
        emulator.post(f"events/{json.loads(body)['id']}/resend")

        eventually(lambda: len(receiver.received) == 2)


class TestFaults:
    MATCH = "WEBHOOK payment_intent.succeeded"

    def test_duplicate(self, receiver, webhook, pay, emulator, eventually):
        webhook("payment_intent.succeeded")
        emulator.faults({"match": self.MATCH, "action": "duplicate", "times": 1})
        pay()

        eventually(lambda: len(receiver.received) == 2)

    def test_reorder(self, receiver, webhook, pay, emulator, eventually):
        webhook("payment_intent.created", "payment_intent.succeeded")
        emulator.faults(
            {"match": "WEBHOOK payment_intent.created", "action": "reorder", "times": 1}
        )
        pay()

        eventually(lambda: len(receiver.received) == 2)
        assert receiver.types() == ["payment_intent.succeeded", "payment_intent.created"]

    def test_delay(self, receiver, webhook, pay, emulator, eventually):
        webhook("payment_intent.succeeded")
        emulator.faults({"match": self.MATCH, "action": "delay", "seconds": 0.3, "times": 1})
        started = time.monotonic()
        pay()

        eventually(lambda: receiver.received)
        assert time.monotonic() - started >= 0.3

    def test_drop(self, receiver, webhook, pay, emulator, eventually):
        webhook("payment_intent.succeeded")
        emulator.faults({"match": self.MATCH, "action": "drop", "times": 1})
        pay()

        eventually(lambda: emulator.get("faults")[0]["hits"] == 1)
        eventually(lambda: emulator.get("webhooks")["pending"] == 0)
        assert receiver.received == []

    def test_wrong_signature(self, *, client, receiver, webhook, pay, emulator, eventually):
        endpoint = webhook("payment_intent.succeeded")
        emulator.faults({"match": self.MATCH, "action": "wrong_signature", "times": 1})
        pay()
        body, signature = eventually(lambda: receiver.received)[0]

        with pytest.raises(stripe.SignatureVerificationError):
            client.construct_event(body, signature, endpoint.secret)

    def test_older_api_version(self, receiver, webhook, pay, emulator, eventually):
        webhook("payment_intent.succeeded")
        emulator.faults({"match": self.MATCH, "action": "older_api_version", "times": 1})
        pay()
        body, _ = eventually(lambda: receiver.received)[0]

        assert json.loads(body)["api_version"] == "2020-08-27"
