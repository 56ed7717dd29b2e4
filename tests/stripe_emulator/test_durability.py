"""Killed with -9 under load and started again, it has lost no answered write."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from devstack.stripe_emulator.process import EmulatorProcess

PAYMENT = {
    "amount": 1000,
    "currency": "usd",
    "confirm": True,
    "payment_method": "pm_card_visa",
    "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
}


@pytest.fixture
def own_emulator(tmp_path):
    with EmulatorProcess(database=tmp_path / "emulator.sqlite3") as process:
        process.post("webhooks", {"first_backoff": 0.02, "longest_backoff": 0.1})
        yield process


def connect(emulator):
    return stripe.StripeClient(
        "sk_test_durable", base_addresses={"api": emulator.url}, max_network_retries=0
    )


class TestKilled:
    def test_every_answered_write_is_there(self, own_emulator, eventually):
        answered = {}
        going = threading.Event()
        going.set()

        def pay(worker):
            client = connect(own_emulator)
            number = 0
            while going.is_set():
                key = f"{worker}:{number}"
                number += 1
                try:
                    intent = client.v1.payment_intents.create(PAYMENT, {"idempotency_key": key})
                except stripe.APIConnectionError:
                    continue
                answered[key] = (intent.id, intent.latest_charge)

        with ThreadPoolExecutor(4) as pool:
            for worker in range(4):
                pool.submit(pay, worker)
            eventually(lambda: len(answered) > 100, within=30)
            own_emulator.kill()
            going.clear()
        own_emulator.start()

        client = connect(own_emulator)
        audit = own_emulator.audit()
        assert set(audit["charge_ids"]) >= {charge for _, charge in answered.values()}
        assert all(audit["per_idempotency_key"][key] == 1 for key in answered)
        for key, (intent_id, _) in list(answered.items())[-20:]:
            again = client.v1.payment_intents.create(PAYMENT, {"idempotency_key": key})
            assert again.id == intent_id
        assert own_emulator.audit()["succeeded"] == audit["succeeded"]

    def test_deliveries_go_on_after_a_restart(self, own_emulator, receiver, eventually):
        client = connect(own_emulator)
        endpoint = client.v1.webhook_endpoints.create(
            {"url": receiver.url, "enabled_events": ["payment_intent.succeeded"]}
        )
        receiver.answers = [503] * 50
        intent = client.v1.payment_intents.create(PAYMENT)
        eventually(lambda: receiver.received)
        own_emulator.kill()
        receiver.answers.clear()
        before = len(receiver.received)
        own_emulator.start()

        eventually(lambda: len(receiver.received) > before)
        body, signature = receiver.received[-1]
        event = client.construct_event(body, signature, endpoint.secret)
        assert event.data.object.id == intent.id

    def test_what_was_planned_is_done(self, own_emulator, eventually):
        client = connect(own_emulator)
        own_emulator.faults(
            {
                "match": "POST /v1/payment_intents$",
                "action": "processing",
                "seconds": 0.5,
            }
        )
        intent = client.v1.payment_intents.create(PAYMENT)
        assert intent.status == "processing"
        own_emulator.kill()
        own_emulator.start()

        client = connect(own_emulator)
        eventually(lambda: client.v1.payment_intents.retrieve(intent.id).status == "succeeded")
