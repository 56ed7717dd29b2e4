"""Refunds never exceed what was paid; disputes move money and back."""

import contextlib

import pytest
import stripe
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class TestRefunds:
    def test_in_part_then_in_full(self, client, pay, emulator):
        intent = pay()
        first = client.v1.refunds.create(
            {"payment_intent": intent.id, "amount": 300, "expand": ["charge"]}
        )
        assert first.status == "succeeded"
        assert first.charge.amount_refunded == 300
        assert not first.charge.refunded

        second = client.v1.refunds.create({"charge": first.charge.id, "expand": ["charge"]})

        assert second.amount == 700
        assert second.charge.refunded
        sums = emulator.audit(payment_intent=intent.id)["per_currency"]["usd"]
        assert (sums["captured"], sums["refunded"], sums["net"]) == (1000, 1000, 0)
        with pytest.raises(stripe.InvalidRequestError) as refused:
            client.v1.refunds.create({"charge": first.charge.id})
        assert refused.value.code == "charge_already_refunded"

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(amounts=st.lists(st.integers(1, 900), min_size=1, max_size=5))
    def test_never_more_than_was_paid(self, client, pay, emulator, amounts):
        intent = pay()
        refunded = 0
        for amount in amounts:
            try:
                refunded += client.v1.refunds.create(
                    {"payment_intent": intent.id, "amount": amount}
                ).amount
            except stripe.InvalidRequestError:
                assert refunded + amount > 1000

        sums = emulator.audit(payment_intent=intent.id)["per_currency"]["usd"]
        assert sums["refunded"] == refunded <= 1000

    def test_refund_takes_no_fee(self, client, pay):
        refund = client.v1.refunds.create(
            {"payment_intent": pay().id, "amount": 250, "expand": ["balance_transaction"]}
        )
        assert refund.balance_transaction.amount == refund.balance_transaction.net == -250

    def test_unpaid_intent_cannot_be_refunded(self, client, pay):
        with pytest.raises(stripe.InvalidRequestError):
            client.v1.refunds.create({"payment_intent": pay(capture_method="manual").id})

    def test_pending_refund_arrives(self, client, pay, emulator):
        refund = client.v1.refunds.create({"payment_intent": pay("pm_card_pendingRefund").id})
        assert refund.status == "pending"

        emulator.post(f"refunds/{refund.id}/finish")

        assert client.v1.refunds.retrieve(refund.id).status == "succeeded"

    def test_failed_refund_gives_the_money_back(self, client, pay, emulator):
        intent = pay("pm_card_refundFail")
        refund = client.v1.refunds.create({"payment_intent": intent.id})
        emulator.post(f"refunds/{refund.id}/finish", {"outcome": "failed"})

        assert client.v1.refunds.retrieve(refund.id).status == "failed"
        charge = client.v1.charges.retrieve(intent.latest_charge)
        assert charge.amount_refunded == 0


def next_of(intent_ids):
    """Return the latest intent, or one that does not exist."""
    return intent_ids[-1] if intent_ids else "pi_none"


class TestBooks:
    """Whatever is done, the audit, the charges and the balance tell one story."""

    STEPS = st.lists(
        st.tuples(
            st.sampled_from(["pay", "decline", "authorize", "capture", "cancel", "refund"]),
            st.integers(50, 3000),
        ),
        min_size=3,
        max_size=12,
    )

    @settings(
        max_examples=10,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(steps=STEPS)
    def test_balance(self, client, pay, emulator, steps):
        customer = client.v1.customers.create({})
        captured, refunded, authorized, paid = 0, 0, [], []
        intents = client.v1.payment_intents
        for step, amount in steps:
            with contextlib.suppress(stripe.CardError, stripe.InvalidRequestError):
                if step == "pay":
                    paid.append(pay(amount=amount, customer=customer.id).id)
                    captured += amount
                elif step == "decline":
                    pay("pm_card_visa_chargeDeclined", amount=amount, customer=customer.id)
                elif step == "authorize":
                    intent = pay(amount=amount, customer=customer.id, capture_method="manual")
                    authorized.append(intent.id)
                elif step == "capture":
                    intent = intents.capture(next_of(authorized), {"amount_to_capture": amount})
                    captured += intent.amount_received
                    paid.append(intent.id)
                elif step == "cancel":
                    intents.cancel(next_of(authorized))
                else:
                    params = {"payment_intent": next_of(paid), "amount": amount}
                    refunded += client.v1.refunds.create(params).amount

        sums = emulator.audit(customer=customer.id)["per_currency"].get(
            "usd", {"captured": 0, "refunded": 0, "net": 0}
        )
        assert (sums["captured"], sums["refunded"]) == (captured, refunded)
        charges = client.v1.charges.list({"customer": customer.id, "limit": 100}).data
        for charge in charges:
            if charge.captured:
                emulator.post(f"charges/{charge.id}/settle")
        moved = [
            transaction.amount
            for charge in charges
            for source in (charge, *client.v1.refunds.list({"charge": charge.id}).data)
            for transaction in client.v1.balance_transactions.list({"source": source.id}).data
        ]
        assert sum(moved) == captured - refunded == sums["net"]


class TestDisputes:
    def test_test_card_is_disputed(self, client, pay):
        intent = pay("pm_card_createDispute")
        (dispute,) = client.v1.disputes.list({"payment_intent": intent.id}).data

        assert dispute.status == "needs_response"
        assert dispute.reason == "fraudulent"
        assert dispute.balance_transactions[0].net == -1000 - 1500
        assert client.v1.charges.retrieve(intent.latest_charge).disputed

    def test_by_command(self, client, pay, emulator):
        intent = pay()
        dispute = emulator.post(f"charges/{intent.latest_charge}/dispute", {"amount": 400})

        assert client.v1.disputes.retrieve(dispute["id"]).amount == 400

    @pytest.mark.parametrize(
        ("evidence", "status", "net"),
        [("winning_evidence", "won", -1500), ("losing_evidence", "lost", -2500)],
    )
    def test_evidence_decides(self, client, pay, evidence, status, net):
        intent = pay("pm_card_createDispute")
        (dispute,) = client.v1.disputes.list({"payment_intent": intent.id}).data
        client.v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": evidence}})

        closed = client.v1.disputes.retrieve(dispute.id)
        assert closed.status == status
        assert sum(item.net for item in closed.balance_transactions) == net

    def test_inquiry_takes_no_money(self, client, pay):
        intent = pay("pm_card_createDisputeInquiry")
        (dispute,) = client.v1.disputes.list({"payment_intent": intent.id}).data

        assert dispute.status == "warning_needs_response"
        assert dispute.balance_transactions == []
        assert client.v1.disputes.close(dispute.id).status == "warning_closed"
