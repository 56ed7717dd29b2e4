import uuid
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from admin_project.ledger import selectors
from admin_project.ledger.handlers import enter, note_count
from admin_project.ledger.models import BalanceTransaction, Entry, StripeCount
from kafka_bridge.contracts import BalanceCounted, CurrencyCount
from tests.admin.conftest import NOW, PAYMENT, measured, recorded
from tests.admin.test_rebuild import take


def in_accounts():
    return {(one.account, one.currency): one.amount for one in selectors.balances()}


@pytest.mark.django_db
class TestEntries:
    def test_a_charge_is_split_into_what_stays_and_the_fee(self):
        enter([recorded()])

        assert in_accounts() == {
            ("stripe_balance", "eur"): 1911,
            ("fees", "eur"): 88,
            ("charges", "eur"): -1999,
        }

    @pytest.mark.parametrize(
        ("category", "amount", "account"),
        [
            ("refund", -500, "refunds"),
            ("refund_failure", 500, "refunds"),
            ("dispute", -1999, "disputes"),
            ("dispute_reversal", 1999, "disputes"),
            ("payout", -900, "payouts"),
            ("fee", -25, "fees"),
            ("something_new", 10, "other"),
        ],
    )
    def test_each_category_has_its_account(self, category, amount, account):
        enter([recorded(category=category, amount=amount, fee=0)])

        assert in_accounts() == {("stripe_balance", "eur"): amount, (account, "eur"): -amount}

    def test_a_dispute_costs_its_fee_as_well(self):
        enter([recorded(category="dispute", amount=-1999, fee=1500)])

        assert in_accounts()["stripe_balance", "eur"] == -3499

    def test_a_transaction_is_entered_once_however_often_it_is_told(self):
        enter([recorded()])
        enter([recorded(), recorded("txn_2", currency="usd")])

        assert BalanceTransaction.objects.count() == 2
        assert in_accounts()["stripe_balance", "eur"] == 1911
        assert not list(selectors.unbalanced())

    def test_the_database_refuses_entries_that_do_not_sum_to_zero(self):
        enter([recorded()])

        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

        with pytest.raises(IntegrityError, match="sum to 1, not zero"), transaction.atomic():
            Entry.objects.filter(account="fees").update(amount=89)


@pytest.mark.django_db
class TestCheck:
    def test_every_cent_is_there(self, capsys):
        take([measured(PAYMENT, amount_captured=1999, amount_refunded=500, timestamp=NOW)])
        enter([recorded(), recorded("txn_2", "refund", -500, 0)])

        call_command("check_ledger")

        assert "no difference" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("missing", "what", "measured_amount", "entered"),
        [("charge", "captured", 1999, 0), ("refund", "refunded", 500, 499)],
    )
    def test_a_cent_that_differs_is_shown(self, capsys, missing, what, measured_amount, entered):
        take([measured(PAYMENT, amount_captured=1999, amount_refunded=500, timestamp=NOW)])
        if missing == "charge":
            enter([recorded("txn_2", "refund", -500, 0)])
        else:
            enter([recorded(), recorded("txn_2", "refund", -499, 0)])

        (difference,) = selectors.differences()
        assert (difference.what, difference.measured) == (what, measured_amount)
        assert (difference.payment_id, difference.in_ledger) == (str(PAYMENT), entered)
        with pytest.raises(CommandError):
            call_command("check_ledger")
        assert str(PAYMENT) in capsys.readouterr().out

    def test_a_charge_of_a_payment_that_nobody_knows_is_shown(self):
        enter([recorded()])

        (difference,) = selectors.differences(measured_before=NOW + timedelta(minutes=1))

        assert difference.payment_id == str(PAYMENT)
        assert (difference.what, difference.measured, difference.in_ledger) == ("captured", 0, 1999)
        assert selectors.differences(measured_before=NOW) == []

    def test_a_payment_of_a_moment_ago_is_compared_when_asked(self):
        take([measured(PAYMENT, amount_captured=1999, timestamp=timezone.now())])

        call_command("check_ledger")
        with pytest.raises(CommandError, match="1 difference"):
            call_command("check_ledger", "--newest")

    def test_what_is_settled_in_another_currency_is_compared_in_that_of_the_payment(self):
        take([measured(PAYMENT, amount_captured=1999, amount_refunded=500, currency="usd")])
        enter([recorded(amount=1850, presentment_amount=1999, presentment_currency="usd")])
        refund = {"category": "refund", "fee": 0, "presentment_currency": "usd"}

        enter([recorded("txn_2", amount=-300, presentment_amount=-300, **refund)])
        (difference,) = selectors.differences()
        assert (difference.what, difference.measured, difference.in_ledger) == (
            "refunded",
            500,
            300,
        )
        assert difference.currency == "usd"

        enter([recorded("txn_3", amount=-185, presentment_amount=-200, **refund)])
        assert selectors.differences() == []
        assert in_accounts()["refunds", "eur"] == 485

    def test_what_is_settled_in_another_currency_and_says_no_more_is_left_out(self):
        take([measured(PAYMENT, amount_captured=1999, currency="usd")])
        enter([recorded(amount=1850)])

        assert selectors.differences() == []

    def test_a_charge_in_another_currency_than_the_payments_is_shown(self):
        take([measured(PAYMENT, amount_captured=1999, currency="usd")])
        enter([recorded(amount=1850, presentment_amount=1999, presentment_currency="gbp")])

        assert [(one.currency, one.measured, one.in_ledger) for one in selectors.differences()] == [
            ("gbp", 0, 1999),
            ("usd", 1999, 0),
        ]

    def test_what_was_authorized_and_not_captured_was_never_charged(self):
        take([measured(PAYMENT, amount_captured=1200)])
        enter([recorded(), recorded("txn_2", "partial_capture_reversal", -799, 0)])

        assert selectors.differences() == []


def listed(*, days=0, timestamp=NOW, **currencies):
    """Say what Stripe lists of a day: `eur=(transactions, amount, fee)`."""
    since = NOW.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=days)
    return BalanceCounted(
        timestamp=timestamp,
        since=since,
        until=since + timedelta(days=1),
        currencies=tuple(
            CurrencyCount(
                currency=currency, transactions=number, amount=amount, fee=fee, net=amount - fee
            )
            for currency, (number, amount, fee) in currencies.items()
        ),
    )


def differing():
    return [
        (one.currency, one.what, one.at_stripe, one.in_ledger)
        for one in selectors.differences_from_stripe()
    ]


@pytest.mark.django_db
class TestComparisonWithStripe:
    def test_what_stripe_lists_too_is_right(self, capsys):
        enter([recorded(payment_id=None), recorded("txn_2", "refund", -500, 0, payment_id=None)])
        enter([recorded("txn_3", occurred_at=NOW + timedelta(days=1), payment_id=None)])

        note_count([listed(eur=(2, 1499, 88)), listed(days=1, eur=(1, 1999, 88))])

        assert differing() == []
        call_command("check_ledger")
        assert f"until {NOW + timedelta(days=2):%Y-%m-%d} 00:00 UTC" in capsys.readouterr().out

    def test_what_the_ledger_lacks_is_shown(self, capsys):
        enter([recorded(payment_id=None)])

        note_count([listed(eur=(2, 2999, 88), usd=(1, 1, 0))])

        assert differing() == [
            ("eur", "amount", 2999, 1999),
            ("eur", "net", 2911, 1911),
            ("eur", "transactions", 2, 1),
            ("usd", "amount", 1, 0),
            ("usd", "net", 1, 0),
            ("usd", "transactions", 1, 0),
        ]
        with pytest.raises(CommandError, match="6 differences"):
            call_command("check_ledger")
        assert f"{NOW:%Y-%m-%d}: amount 2999 eur at Stripe" in capsys.readouterr().out

    def test_what_only_the_ledger_has_is_shown(self):
        enter([recorded()])

        note_count([listed()])

        assert differing()[-1] == ("eur", "transactions", 0, 1)

    @pytest.mark.parametrize("more_at_stripe", [0, 100])
    def test_errors_that_cancel_out_are_shown(self, more_at_stripe):
        enter([recorded("txn_1", amount=2000), recorded("txn_2", amount=2000)])
        at_stripe, here = (
            sum(
                CurrencyCount.checksum_of(txn, amount=amount, fee=88)
                for txn, amount in (("txn_1", 2000 + more), ("txn_2", 2000 - more))
            )
            for more in (more_at_stripe, 0)
        )
        count = listed(eur=(2, 4000, 176))
        (euros,) = count.currencies

        euros = euros.model_copy(update={"checksum": at_stripe})
        note_count([count.model_copy(update={"currencies": (euros,)})])

        assert differing() == ([("eur", "checksum", at_stripe, here)] if more_at_stripe else [])

    def test_what_comes_later_puts_it_right(self):
        note_count([listed(eur=(1, 1999, 88))])
        assert differing()

        enter([recorded()])

        assert differing() == []

    def test_a_later_count_takes_an_earlier_ones_place_whichever_comes_first(self):
        enter([recorded()])
        earlier = listed()
        later = listed(eur=(1, 1999, 88), timestamp=NOW + timedelta(hours=1))

        for batches in ([[earlier, later]], [[later], [earlier]]):
            StripeCount.objects.all().delete()
            for batch in batches:
                note_count([one.model_copy(update={"event_id": uuid.uuid4()}) for one in batch])
            assert differing() == []

    def test_what_is_not_counted_yet_is_not_compared(self):
        enter([recorded(occurred_at=NOW + timedelta(days=1))])

        note_count([listed()])

        assert differing() == []
