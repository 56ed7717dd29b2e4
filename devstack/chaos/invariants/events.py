"""Every event on its topic and in its inboxes, once, in order; every bad record dead, once."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping

from devstack.chaos.evidence import TOLD, Evidence
from devstack.chaos.invariants import figures
from devstack.chaos.invariants.finding import Finding
from devstack.chaos.poisons import FAULT, POISONED
from devstack.chaos.steps import Action
from devstack.clients import Json
from devstack.hops import Row
from devstack.topics import TopicRecord
from kafka_bridge.contracts import Topic
from kafka_bridge.contracts.topics import dead_letter_topic, is_dead_letter_topic


def outbox_is_on_its_topics(evidence: Evidence) -> Finding:
    """Each outbox row is on its topic, byte for byte, and nothing on a topic lacks a row."""
    finding = Finding(number=6, title="outbox rows and topics are the same, byte for byte")
    rows = {
        (row["topic"], row["value"])
        for ledger in evidence.ledgers.values()
        for row in ledger.outbox
    }
    records = {
        (topic, record.value or b"")
        for topic, found in evidence.topics.items()
        for record in found
        if POISONED not in record.headers or is_dead_letter_topic(topic)
    }
    for topic, value in rows | records:
        where = f"{topic}: {value[:80]!r}"
        finding.check((topic, value) in records, f"on no topic: {where}")
        finding.check((topic, value) in rows, f"in no outbox: {where}")
    return finding


def one_effect_each(evidence: Evidence) -> Finding:
    """Each event has exactly one effect a consumer, however often it was delivered."""
    finding = Finding(number=7, title="each event has one effect a consumer")
    outbox = evidence.payment.outbox
    answers = Counter(
        _event(row)["causationId"] for row in outbox if row["topic"] == Topic.PAYMENT_CARD_RESULT
    )
    for row in evidence.customer.outbox:
        if row["topic"] == Topic.STRIPE_PAYMENT_REQUEST:
            finding.equal(f"answers to {row['event_id']}", answers[row["event_id"]], 1)
    for topics in (TOLD, (Topic.PAYMENT_ANALYTICS,)):
        events = [_event(row) for row in outbox if row["topic"] in topics]
        told = Counter((event["paymentId"], event["revision"]) for event in events)
        for (payment, revision), times in told.items():
            finding.equal(f"{topics[0]} of {payment} revision {revision}", times, 1)
    webhooks = [_event(row) for row in outbox if row["topic"] == Topic.WEBHOOK_PROCESSED]
    for received, times in Counter(event["causationId"] for event in webhooks).items():
        finding.equal(f"what became of the webhook {received}", times, 1)
    # One that reconciliation has fetched may be delivered after all.
    effects = Counter({event["webhookEventId"]: 0 for event in webhooks})
    effects.update(one["webhookEventId"] for one in webhooks if one["outcome"] != "duplicate")
    for webhook, times in effects.items():
        finding.equal(f"effects of {webhook}", times, 1)
    figures.check_webhooks(finding, evidence, webhooks)
    receipts = Counter(evidence.receipts)
    for entry in evidence.journal:
        sent, due = receipts.pop(entry.payment_id, 0), int(entry.expected == "succeeded")
        finding.equal(f"payment {entry.payment_id}: receipts", sent, due)
    finding.none_of(receipts, "payments with a receipt that nobody made")
    logged = {row["event_id"] for row in evidence.logged if not is_dead_letter_topic(row["topic"])}
    handled = {row["event_id"] for row in evidence.admin.inbox if row["handled_at"]}
    finding.none_of(handled - logged, "events handled and not in the event log")
    finding.none_of(logged - handled, "events in the event log and not handled")
    letters = Counter(_place(row) for row in evidence.logged if is_dead_letter_topic(row["topic"]))
    for topic in {
        lag["topic"] for lag in evidence.lags["admin"] if is_dead_letter_topic(lag["topic"])
    }:
        for record in evidence.topics.get(topic, []):
            place = (topic, record.partition, record.offset)
            finding.equal(f"times that {place} is in the event log", letters[place], 1)
    return finding


def order_is_kept(evidence: Evidence) -> Finding:
    """Effects come in request order for each customer; revisions rise, without a gap."""
    finding = Finding(number=8, title="order kept for each customer; revisions without a gap")
    asked = _payments_by_customer(evidence.customer.outbox, Topic.STRIPE_PAYMENT_REQUEST)
    answered = _payments_by_customer(evidence.payment.outbox, Topic.PAYMENT_CARD_RESULT)
    for customer, payments in asked.items():
        finding.equal(f"requests and answers of {customer}", payments, answered[customer])
    for payment, told in evidence.told_of.items():
        revisions = [event["revision"] for event in told]
        first, last = revisions[0], revisions[0] + len(told) - 1  # a row made anew begins high
        finding.equal(f"revisions of {payment}", revisions, list(range(first, last + 1)))
        for name, ledger in evidence.ledgers.items():
            row = ledger.payments.get(payment, {})
            finding.equal(f"{payment}: revision at {name}", row.get("revision"), last)
    for name, ledger in evidence.ledgers.items():
        for where, ids in _first_places(ledger.outbox, evidence):
            finding.check(ids == sorted(ids), f"{name}'s {where}: produced in the order {ids}")
    return finding


def _payments_by_customer(outbox: list[Row], topic: Topic) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for row in outbox:
        if row["topic"] == topic:
            found[row["key"]].append(_event(row)["paymentId"])
    return found


def _first_places(
    outbox: list[Row], evidence: Evidence
) -> Iterator[tuple[tuple[str, str], list[int]]]:
    """Yield, by topic and key, the ids of outbox rows in the order they first got there."""
    ids = {row["event_id"]: row["id"] for row in outbox if not is_dead_letter_topic(row["topic"])}
    for topic, records in evidence.topics.items():
        places: dict[tuple[str, str], dict[int, None]] = defaultdict(dict)
        for record in records:
            row_id = ids.get(_event_id(record))
            if row_id is not None and not is_dead_letter_topic(topic):
                places[topic, (record.key or b"").decode()].setdefault(row_id)
        for where, found in places.items():
            yield where, list(found)


def skipping() -> Finding:
    """Begin to look for what `nothing_skipped` looks for."""
    return Finding(number=9, title="no committed offset past a record that is not in the inbox")


def nothing_skipped(evidence: Evidence) -> Finding:
    """No committed offset is past a record that is not in the inbox."""
    finding = skipping()
    for service, lags in evidence.lags.items():
        passed_only_what_it_has(
            finding,
            service,
            lags=lags,
            topics=evidence.topics,
            inbox=evidence.inbox_of[service],
            logged=evidence.logged if service == "admin" else [],
        )
    return finding


def passed_only_what_it_has(
    finding: Finding,
    service: str,
    *,
    lags: list[Json],
    topics: Mapping[str, list[TopicRecord]],
    inbox: Mapping[str, Row],
    logged: list[Row],
) -> None:
    """Check each record before a service's committed offsets; `inbox` is by event id.

    `logged` is the admin service's event log, where dead letters go, past the inbox.
    """
    places = {_place(row) for row in inbox.values()}
    places |= {_place(row) for row in logged if is_dead_letter_topic(row["topic"])}
    for lag in lags:
        for record in topics.get(lag["topic"], []):
            if record.partition != lag["partition"] or record.offset >= (lag["committed"] or 0):
                continue
            place = (lag["topic"], record.partition, record.offset)
            known = place in places or _event_id(record) in inbox
            finding.check(known, f"{service} passed {place} and does not have it")


def bad_records_are_dead(evidence: Evidence) -> Finding:
    """Each bad record is dead once, with reason and bytes, on its DLQ; no good record is."""
    finding = Finding(number=10, title="each bad record dead once, with its reason; no good one")
    bad = sum(
        POISONED in record.headers and not is_dead_letter_topic(topic)
        for topic, records in evidence.topics.items()
        for record in records
    )
    produced = evidence.plan.done(Action.POISON)  # and more, where no answer came
    finding.none_of(range(produced - bad), "bad records are on no topic")
    for service, lags in evidence.lags.items():
        ledger = evidence.ledgers[service]
        dead: dict[tuple[str, int, int], list[Row]] = defaultdict(list)
        for row in ledger.inbox:
            if row["dead_at"]:
                dead[row["topic"], row["partition"], row["offset"]].append(row)
        copies = Counter(
            row["correlation_id"] for row in ledger.outbox if is_dead_letter_topic(row["topic"])
        )
        for topic in sorted(
            {lag["topic"] for lag in lags if not is_dead_letter_topic(lag["topic"])}
        ):
            letters = _letters(evidence, topic, service)
            for record in evidence.topics.get(topic, []):
                if POISONED not in record.headers:
                    continue
                place = (topic, record.partition, record.offset)
                rows = dead.pop(place, [])
                reason = f"{record.headers[FAULT]}: "
                name = f"{record.headers[POISONED]} at {service}, {place}"
                finding.equal(f"{name}: times dead", len(rows), 1)
                for row in rows:
                    named = row["error_type"] and row["error"].startswith(reason)
                    finding.check(named, f"{name}: not dead of {reason}{row['error'][:120]}")
                    finding.check((row["value"] or b"") == (record.value or b""), f"{name}: bytes")
                    finding.equal(f"{name}: copies", copies[row["event_id"]], 1)
                    letter = letters.get((record.partition, record.offset))
                    on_topic = letter is not None and (letter.value or b"") == (record.value or b"")
                    finding.check(on_topic, f"{name}: not on the dead letter topic as it came")
                    told = letter.headers.get("dlq_error", "") if letter else ""
                    finding.check(told.startswith(reason), f"{name}: {told[:120]!r} on its letter")
        finding.none_of(
            (
                f"{row['topic']} {row['error_type']} {row['error'][:120]}"
                for rows in dead.values()
                for row in rows
            ),
            f"good records dead at {service}",
        )
    return finding


def _letters(evidence: Evidence, topic: str, service: str) -> dict[tuple[int, int], TopicRecord]:
    return {
        (int(record.headers["dlq_partition"]), int(record.headers["dlq_offset"])): record
        for record in evidence.topics.get(dead_letter_topic(topic), [])
        if record.headers.get("dlq_consumer") == service
    }


def _place(row: Row) -> tuple[str, int, int]:
    return row["topic"], row["partition"], row["offset"]


def _event(row: Row) -> Json:
    event: Json = json.loads(row["value"])
    return event


def _event_id(record: TopicRecord) -> str:
    """Return the event id of one of our own records; empty if it is not readable."""
    try:
        event = record.json()
    except ValueError:
        return ""
    return str(event.get("eventId", "")) if isinstance(event, dict) else ""
