import re

import orjson
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.urls import reverse

from kafka_bridge import inbox, outbox
from kafka_bridge.errors import InvalidEvent
from kafka_bridge.models import InboxEvent, Lane, OutboxEvent
from tests.kafka_bridge.noted import (
    Noted,
    noted,
    record_of,
    record_with,
    value_with,
    work_until_idle,
)

GROUPS = "/admin/kafka_bridge/deadletter/"
EVENTS = "/admin/kafka_bridge/deadletter/events/"
ACTIONS = ("retry", "edit", "discard", "dry_run")


class NotNow(Exception):
    """A handler's own trouble."""


@pytest.fixture
def log_in(client):
    """Log in a member of staff with these permissions."""

    def log_in(*codenames):
        user = User.objects.create(username="olga", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
        client.force_login(user)
        return client

    return log_in


@pytest.fixture
def admin(client):
    client.force_login(User.objects.create_superuser("root"))
    return client


@pytest.fixture
def dead(ledger):
    """An event whose handler refused it for good, and would take it now."""
    ledger.refuse = lambda event: InvalidEvent(f"no card 'of {event.customer_id}'")
    inbox.receive([record_of(noted("c1", 1))])
    work_until_idle()
    ledger.refuse = lambda _event: None
    return InboxEvent.objects.get()


@pytest.fixture
def private_field(monkeypatch):
    monkeypatch.setattr(Noted, "private", frozenset({"number"}))


def page(row, action="change"):
    return reverse(f"admin:kafka_bridge_{row._meta.model_name}_{action}", args=[row.pk])


def text(answer):
    assert answer.status_code == 200
    return re.sub(r"\s+", " ", answer.content.decode())


def messages(answer):
    return [str(message) for message in answer.context["messages"]]


def log():
    return list(LogEntry.objects.values_list("user__username", "change_message"))


class TestGroups:
    def test_events_that_failed_alike_are_one(self, admin, ledger):
        inbox.receive([record_with(value_with(amount=amount)) for amount in (1.5, 2.5, "x")])
        inbox.receive([record_with(b"no JSON")])

        shown = text(admin.get(GROUPS))

        assert "4 events can not be handled, for 2 reasons" in shown
        assert "3<small>events</small>" in shown
        assert "amount: Input should be a valid integer" in shown

    def test_of_one_topic(self, admin, dead):
        assert "1 event can not" in text(admin.get(GROUPS, {"topic": dead.topic}))
        assert "No dead letters" in text(admin.get(GROUPS, {"topic": "another"}))

    def test_none(self, admin):
        assert "No dead letters" in text(admin.get(GROUPS))

    def test_lead_to_their_events_and_those_to_their_page(self, admin, dead):
        address = f"{EVENTS}?fingerprint={dead.fingerprint}"
        assert address in text(admin.get(GROUPS))

        assert page(dead) in text(admin.get(address))

    def test_group_that_is_gone_leads_back(self, admin):
        assert admin.get(f"{EVENTS}?fingerprint=gone").url == GROUPS


class TestBulk:
    def post(self, client, dead, action, **more):
        chosen = {"_selected_action": dead.pk, "select_across": 1, "index": 0}
        fields = chosen | {"action": f"{action}_events"} | more
        return client.post(f"{EVENTS}?fingerprint={dead.fingerprint}", fields, follow=True)

    def test_retry_asks_first(self, admin, dead):
        assert "Retry 1 event?" in text(self.post(admin, dead, "retry"))

        assert InboxEvent.objects.get().dead_at is not None

    def test_retry(self, admin, dead, ledger):
        answer = self.post(admin, dead, "retry", confirmed=1)
        work_until_idle()

        assert messages(answer) == ["1 event is pending again."]
        assert ledger.numbers() == [1]
        assert log() == [("root", "Retried.")]

    def test_retry_of_what_would_die_again(self, admin, ledger):
        inbox.receive([record_with(value_with(amount="x"))])

        answer = self.post(admin, InboxEvent.objects.get(), "retry", confirmed=1)

        assert messages(answer) == [
            "1 would only die again: amount: Input should be a valid integer"
        ]

    def test_discard_wants_a_reason(self, admin, dead):
        asked = text(self.post(admin, dead, "discard"))
        asked_again = text(self.post(admin, dead, "discard", confirmed=1, reason=" "))

        assert "This field is required" not in asked
        assert "This field is required" in asked_again
        assert InboxEvent.objects.get().dead_at is not None

    def test_discard(self, admin, dead):
        self.post(admin, dead, "discard", confirmed=1, reason="a test order")

        assert InboxEvent.objects.get().handled_at is not None
        assert log() == [("root", "Discarded: a test order")]

    def test_without_permission(self, log_in, dead):
        client = log_in("view_inboxevent")

        for action in ("retry", "discard"):
            self.post(client, dead, action, confirmed=1, reason="because")

        assert InboxEvent.objects.get().dead_at is not None
        shown = text(client.get(GROUPS))
        assert "Retry all" not in shown
        assert "Discard all" not in shown


class TestEvent:
    def test_page_tells_everything(self, admin, dead):
        shown = text(admin.get(page(dead)))

        for told in (
            str(dead.event_id),
            str(dead.correlation_id),
            "partition 0",
            "no card &#x27;of c1&#x27;",
            "in record_events",
            "&quot;number&quot;: 1",
            "after 1 attempt",
            f"fingerprint={dead.fingerprint}",
        ):
            assert told in shown

    def test_page_links_what_belongs_together(self, admin, ledger):
        cause = noted("c1", 1)
        inbox.receive([record_of(cause)])
        inbox.receive([record_of(Noted.caused_by(cause, number=2))])
        inbox.receive([record_of(noted("c2", 3))])
        first, second, other = InboxEvent.objects.order_by("pk")

        shown = text(admin.get(page(first)))

        assert page(second) in shown
        assert page(other) not in shown

    def test_copy_of_a_dead_letter_and_its_event_lead_to_each_other(self, admin, dead):
        copy = OutboxEvent.objects.get(topic__endswith=".dlq")

        assert page(copy) in text(admin.get(page(dead)))
        assert page(dead) in text(admin.get(page(copy)))

    def test_private_fields_are_masked(self, log_in, dead, private_field):
        client = log_in("view_inboxevent", "view_outboxevent")

        for row in (dead, OutboxEvent.objects.get(topic__endswith=".dlq")):
            shown = text(client.get(page(row)))
            assert "&quot;number&quot;: &quot;••••••&quot;" in shown
            assert "&quot;customerId&quot;: &quot;c1&quot;" in shown
            assert "of c1&#x27;" not in shown  # what the error quotes
        assert "no card &lt;value&gt;" in text(client.get(page(dead)))

    def test_private_fields_for_those_who_may(self, log_in, dead, private_field):
        client = log_in("view_inboxevent", "view_private_data")

        assert "&quot;number&quot;: 1" in text(client.get(page(dead)))

    @pytest.mark.parametrize(
        "value",
        [
            value_with(amount="quimby@example.com"),
            b"quimby@example.com",
            b'"quimby@example.com"',
            b'["quimby@example.com"]',
            value_with(amount="x", **{"quimby@example.com": 1}),
        ],
    )
    def test_all_of_a_broken_record_is_masked(self, value, log_in, ledger):
        headers = {"note": "quimby@example.com", "traceparent": "00-1-2-03"}
        inbox.receive([record_with(value, headers=headers)])

        shown = text(log_in("view_inboxevent").get(page(InboxEvent.objects.get())))

        assert "quimby" not in shown
        assert "00-1-2-03" in shown

    def test_fields_that_no_contract_names_are_masked(self, log_in, ledger):
        inbox.receive([record_with(value_with(card="4242424242424242"))])

        shown = text(log_in("view_inboxevent").get(page(InboxEvent.objects.get())))

        assert "42424242" not in shown
        assert "1 fields unknown to the contract" in shown

    def test_markup_in_a_record_stays_text(self, admin, ledger):
        script = "<script>alert(1)</script>"
        inbox.receive([record_with(script.encode(), headers={"note": script})])

        assert script not in text(admin.get(page(InboxEvent.objects.get())))

    def test_nobody_changes_an_event_otherwise(self, admin, dead):
        assert admin.post(page(dead), {"topic": "x"}).status_code in {200, 403}
        assert admin.get("/admin/kafka_bridge/inboxevent/add/").status_code == 403
        assert admin.post(page(dead, "delete"), {"post": "yes"}).status_code == 403

        assert InboxEvent.objects.get().topic == dead.topic


class TestPermissions:
    @pytest.mark.parametrize("action", ACTIONS)
    def test_each_action_needs_its_own(self, action, log_in, dead):
        others = [f"{other}_inboxevent" for other in ACTIONS if other != action]
        client = log_in("view_inboxevent", "view_private_data", *others)

        assert client.post(page(dead, action), {"reason": "x", "value": "{}"}).status_code == 403
        assert page(dead, action) not in text(client.get(page(dead)))
        assert InboxEvent.objects.get().dead_at is not None

    def test_edit_needs_to_see_private_data_too(self, log_in, dead):
        client = log_in("view_inboxevent", "edit_inboxevent")

        assert client.get(page(dead, "edit")).status_code == 403

    def test_page_needs_the_view_permission(self, log_in, dead):
        client = log_in("view_outboxevent")

        for address in (page(dead), GROUPS, EVENTS):
            assert client.get(address).status_code == 403

    def test_strangers_log_in_first(self, client, dead):
        for address in (page(dead), page(dead, "retry"), GROUPS, EVENTS):
            assert "/admin/login/" in client.get(address).url

    def test_handled_event_offers_nothing(self, admin, ledger):
        inbox.receive([record_of(noted())])
        row = InboxEvent.objects.get()

        shown = text(admin.get(page(row)))

        assert not any(page(row, action) in shown for action in ACTIONS)


class TestActions:
    def test_retry(self, admin, dead, ledger):
        assert "Retry this event?" in text(admin.get(page(dead, "retry")))
        answer = admin.post(page(dead, "retry"), follow=True)
        work_until_idle()

        assert messages(answer) == ["1 event is pending again."]
        assert ledger.numbers() == [1]

    def test_second_retry_finds_nothing(self, admin, dead):
        admin.post(page(dead, "retry"))

        answer = admin.post(page(dead, "retry"), follow=True)

        assert messages(answer)[-1] == "Nothing to retry: no dead letter any more."
        work_until_idle()

    def test_discard(self, admin, dead):
        assert "This field is required" in text(admin.post(page(dead, "discard"), {"reason": ""}))

        answer = admin.post(page(dead, "discard"), {"reason": "a test order"}, follow=True)

        assert messages(answer) == ["The event is discarded."]
        assert "discarded: a test order" in text(answer)
        assert "Discarded: a test order" in text(admin.get(page(dead)))

    def test_edit_shows_the_value_as_it_is(self, admin, dead):
        assert "&quot;number&quot;: 1" in text(admin.get(page(dead, "edit")))

    def test_edit_is_checked_against_the_contract(self, admin, dead):
        value = orjson.loads(bytes(dead.value)) | {"amount": "x", "number": None}

        shown = text(admin.post(page(dead, "edit"), {"value": orjson.dumps(value).decode()}))

        assert "amount: Input should be a valid integer" in shown
        assert "number: Input should be a valid integer" in shown
        assert InboxEvent.objects.get().dead_at is not None

    def test_edit_that_is_no_json(self, admin, dead):
        shown = text(admin.post(page(dead, "edit"), {"value": '{"a": 1'}))

        assert "This is no JSON" in shown

    def test_edit_and_retry(self, admin, dead, ledger):
        value = orjson.loads(bytes(dead.value)) | {"number": 5}

        answer = admin.post(
            page(dead, "edit"), {"value": orjson.dumps(value).decode()}, follow=True
        )
        work_until_idle()

        assert messages(answer) == ["The edited event is pending again."]
        assert ledger.numbers() == [5]
        assert log() == [("root", "Edited and retried. number: 1 → 5")]
        shown = text(admin.get(page(dead)))
        assert "Value as it came" in shown
        assert "number: 1 → 5" in shown


class TestDryRun:
    def run(self, client, row):
        return client.post(page(row, "dry_run"), follow=True)

    def test_shows_what_would_be_written_and_writes_nothing(self, admin, dead, ledger):
        shown = text(self.run(admin, dead))

        assert "It succeeds, and writes" in shown
        assert "tests_effect" in shown
        assert ledger.numbers() == []
        assert InboxEvent.objects.get().dead_at is not None

    def test_shows_what_would_be_published_and_publishes_nothing(self, admin, dead, ledger):
        record = ledger.refuse

        def publish(event):
            outbox.publish(Noted.caused_by(event, number=77))
            return record(event)

        ledger.refuse = publish
        before = OutboxEvent.objects.count()

        assert "&quot;number&quot;: 77" in text(self.run(admin, dead))
        assert OutboxEvent.objects.count() == before

    def test_shows_the_traceback(self, admin, dead, ledger):
        ledger.refuse = lambda _event: NotNow("not now")

        shown = text(self.run(admin, dead))

        assert "It fails" in shown
        assert "NotNow: not now" in shown

    def test_shows_what_only_the_commit_would_meet(self, admin, dead, ledger):
        def break_late(_event):
            with connection.cursor() as cursor:
                cursor.execute(
                    "INSERT INTO authtoken_token (key, created, user_id) VALUES ('x', now(), -1)"
                )

        ledger.refuse = break_late

        assert "authtoken_token" in text(self.run(admin, dead))
        assert "It fails" in text(self.run(admin, dead))

    def test_handler_that_calls_is_not_run(self, admin, answering_ledger):
        answering_ledger.refuse = lambda _event: InvalidEvent("no")
        inbox.receive([record_of(noted())])
        work_until_idle()
        row = InboxEvent.objects.get()

        answer = self.run(admin, row)

        assert "calls another system" in messages(answer)[0]
        assert page(row, "dry_run") not in text(answer)

    def test_record_that_breaks_its_contract_is_not_run(self, admin, ledger):
        inbox.receive([record_with(value_with(amount="x"))])

        answer = self.run(admin, InboxEvent.objects.get())

        assert messages(answer) == ["Not run: amount: Input should be a valid integer."]

    def test_only_by_post(self, admin, dead):
        assert admin.get(page(dead, "dry_run")).status_code == 405


class TestLists:
    @pytest.fixture
    def events(self, ledger):
        """One handled, one parked, one behind it, one dead."""
        ledger.refuse = lambda event: NotNow() if event.number == 2 else None
        inbox.receive([record_of(noted("handled", 1))])
        inbox.receive([record_of(noted("parked", 2)), record_of(noted("parked", 3))])
        inbox.receive([record_with(b"no JSON")])
        work_until_idle()
        return {event.key or "dead": event for event in InboxEvent.objects.all()}

    @pytest.mark.parametrize(
        ("state", "keys"), [("pending", {"parked"}), ("handled", {"handled"}), ("dead", {""})]
    )
    def test_inbox_by_state(self, state, keys, admin, events):
        answer = admin.get("/admin/kafka_bridge/inboxevent/", {"state": state})

        assert {event.key for event in answer.context["cl"].result_list} == keys

    def test_inbox_by_topic(self, admin, events):
        answer = admin.get("/admin/kafka_bridge/inboxevent/", {"topic": Noted.topic})

        assert len(answer.context["cl"].result_list) == 4

    def test_search_by_any_id(self, admin, events):
        handled = events["handled"]
        for wanted in (handled.event_id, handled.correlation_id, "handled", f" {handled.event_id}"):
            answer = admin.get("/admin/kafka_bridge/inboxevent/", {"q": wanted})
            assert list(answer.context["cl"].result_list) == [handled]

    def test_lanes(self, admin, events):
        shown = text(admin.get("/admin/kafka_bridge/lane/"))

        assert 'bridge-parked">parked' in shown
        assert '<td class="field-pending">2</td>' in shown
        assert "?state=pending&amp;q=parked" in shown
        lane = Lane.objects.get()
        assert admin.get(page(lane)).status_code == 200

    def test_outbox_by_state(self, admin, events):
        address = "/admin/kafka_bridge/outboxevent/"
        OutboxEvent.objects.update(published_at="2020-01-01T00:00Z")

        def shown(state):
            return len(admin.get(address, {"state": state}).context["cl"].result_list)

        assert (shown("unpublished"), shown("published"), shown("dlq")) == (0, 1, 1)
        assert admin.get(address, {"topic": "x"}).status_code == 200
