import traceback

import pytest

from kafka_bridge import inbox
from kafka_bridge.contracts import decode
from kafka_bridge.errors import InvalidEvent
from kafka_bridge.fingerprints import fingerprint_of, traceback_without_values, without_values
from kafka_bridge.models import InboxEvent
from tests.kafka_bridge.noted import noted, record_of, record_with, value_with, work_until_idle


class NoSuchThing(Exception):
    """A handler's own trouble."""


class Strange(Exception):
    """Cannot even be printed."""

    def __str__(self):
        raise NoSuchThing


def raised(error):
    try:
        raise error  # noqa: TRY301
    except Exception as caught:  # noqa: BLE001
        return caught


def raised_elsewhere(error):
    try:
        raise error  # noqa: TRY301
    except Exception as caught:  # noqa: BLE001
        return caught


class TestFingerprint:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("no payment 4711", "no payment 12"),
            ("no such card: 'pm_1Nabc234def'", "no such card: 'pm_9Nxyz876fgh'"),
            ("customer cus_Na6dX7aXxi11N4 unknown", "customer cus_Mb7eY8bYyj22O5 unknown"),
            ('"ada" is taken', '"o\'brien" is taken'),
            ("mail to ada@example.com bounced", "mail to grace.h+x@mail.example.org bounced"),
            (
                "no event 01a20562-e6f5-7333-8a41-855a9c25bcd1",
                "no event 0191f0c4-7b1e-7a0c-9d2e-0f1e2d3c4b5a",
            ),
            ("took 1.5 s of -3", "took 20 s of 4"),
            ("key taken\nDETAIL: Key (email)=(ada)", "key taken\nDETAIL: Key (email)=(bob)"),
        ],
    )
    def test_values_do_not_count(self, one, other):
        assert fingerprint_of(raised(NoSuchThing(one))) == fingerprint_of(
            raised(NoSuchThing(other))
        )

    def test_what_is_wrong_counts(self):
        assert fingerprint_of(raised(NoSuchThing("no card"))) != fingerprint_of(
            raised(NoSuchThing("no payment"))
        )

    def test_class_counts(self):
        assert fingerprint_of(raised(NoSuchThing("no"))) != fingerprint_of(raised(KeyError("no")))

    def test_place_counts(self):
        assert fingerprint_of(raised(NoSuchThing("no"))) != fingerprint_of(
            raised_elsewhere(NoSuchThing("no"))
        )

    def test_error_without_a_text(self):
        assert len(fingerprint_of(raised(Strange()))) == 16

    def test_words_with_apostrophes_and_underscores_stay(self):
        assert without_values("can't set payment_intent: it's 'Ada'") == (
            "can't set payment_intent: it's <value>"
        )


class TestTracebackWithoutValues:
    def test_frames_stay_and_values_go(self):
        try:
            try:
                raise KeyError("ada@example.com")  # noqa: TRY301
            except KeyError as cause:
                raise NoSuchThing("no 'Ada Lovelace' here\nDETAIL: (Ada, 4711)") from cause
        except NoSuchThing as error:
            text = "".join(traceback.format_exception(error))

        shown = traceback_without_values(text)

        messages = [line for line in shown.splitlines() if not line.startswith(" ")]
        assert "Ada" not in "".join(messages)
        assert "4711" not in "".join(messages)
        assert any(line.endswith("NoSuchThing: no <value> here") for line in messages)
        assert "The above exception was the direct cause" in shown
        assert "in test_frames_stay_and_values_go" in shown

    def test_groups_tell_their_frames_only(self):
        try:
            raise ExceptionGroup("all", [raised(NoSuchThing("secret of Ada"))])  # noqa: TRY301
        except ExceptionGroup as error:
            text = "".join(traceback.format_exception(error))

        shown = traceback_without_values(text)

        assert "Ada" not in shown
        assert "in raised" in shown


class TestStored:
    def test_of_records_that_break_their_contract(self, ledger):
        inbox.receive([record_with(value_with(amount=amount)) for amount in (10.5, "x", 1.25)])
        inbox.receive([record_with(value_with(customerId=""))])

        found = InboxEvent.objects.order_by("pk").values_list("fingerprint", flat=True)

        assert found[0] == found[2]
        assert len(found[0]) == 16
        assert found[3] not in {"", found[0]}

    def test_same_fault_on_arrival_and_in_a_lane(self, ledger):
        value = value_with(amount="x")
        with pytest.raises(InvalidEvent) as found:
            decode(value, topic=noted().topic, partition=0, offset=0)
        inbox.receive([record_with(value)])

        assert InboxEvent.objects.get().error == str(found.value)

    def test_of_what_a_handler_refuses_for_good(self, ledger):
        ledger.refuse = lambda event: InvalidEvent(f"no {event.number}")
        inbox.receive([record_of(noted("c1", 1)), record_of(noted("c2", 2))])
        work_until_idle()

        (one, other) = InboxEvent.objects.values_list("fingerprint", flat=True)

        assert one == other != ""

    def test_of_what_is_tried_again_there_is_none(self, ledger):
        ledger.refuse = lambda _event: NoSuchThing("not now")
        inbox.receive([record_of(noted())])
        work_until_idle()

        assert InboxEvent.objects.get().fingerprint == ""
