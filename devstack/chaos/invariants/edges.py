"""What is promised to clients, to Stripe and to readers of logs; and that all comes to rest."""

import json
from collections import Counter
from typing import Final

from devstack.chaos.customers import EMAIL_DOMAIN
from devstack.chaos.evidence import Evidence
from devstack.chaos.invariants.finding import Finding
from devstack.chaos.journal import Entry, Subscribed
from devstack.chaos.quota import WINDOWS, crowds
from devstack.chaos.steps import Action
from kafka_bridge.contracts import Topic
from kafka_bridge.contracts.topics import is_dead_letter_topic

_ACCEPTED, _REFUSED, _REUSED = 202, 400, 422
_CLIENT_SECRET: Final = "_secret_"  # noqa: S105 - a part of every client secret of Stripe's
_NOT_OURS: Final = ("stripe-emulator", "customer-mailer")
"""Stripe's own, and the mail itself, which is printed where no mail server is configured."""
_PUBLIC: Final = (Topic.PAYMENT_ANALYTICS, Topic.WEBHOOK_PROCESSED)


def same_key_same_answer(evidence: Evidence) -> Finding:
    """Same key and body: same answer. Another body: 422, and no effect."""
    finding = Finding(number=12, title="same key and body: same answer; another body: 422")
    for entry in evidence.journal:
        for answer in entry.answers:
            finding.equal(f"{entry.key}: status", answer.status, _ACCEPTED)
        finding.equal(f"{entry.key}: answers", *(answer.body for answer in entry.answers))
        clicks = 1 + entry.order.clicks_twice
        finding.equal(f"{entry.key}: times answered", len(entry.answers), clicks)
        if entry.order.changes_the_body:
            finding.check(entry.to_another_body, f"{entry.key}: another body was not answered")
        for key, answers in entry.updates.items():
            finding.equal(f"{key}: answers", *answers)
        for answer in entry.to_another_body:
            finding.equal(f"{entry.key}: another body", answer.status, _REUSED)
    for subscribed in evidence.journal.subscriptions:
        for key, answers in subscribed.answers.items():
            finding.equal(f"{key}: answers", *answers)
    return finding


def forged_webhooks(evidence: Evidence) -> Finding:
    """A webhook with a bad or stale signature: 400 and no effect. A valid one: one effect."""
    finding = Finding(number=14, title="forged webhooks refused; valid ones taken once")
    events = [
        json.loads(row["value"])
        for row in evidence.customer.outbox
        if row["topic"] == Topic.STRIPE_WEBHOOK_RECEIVED
    ]
    taken = Counter(event["webhookEvent"]["id"] for event in events)
    tried = evidence.plan.done(Action.FORGE)
    finding.equal("forgeries tried and answered", tried, len(evidence.forgeries))
    for forgery in evidence.forgeries:
        name = f"{forgery.webhook_event_id} ({forgery.how})"
        finding.equal(f"{name}: answer", forgery.status, _REFUSED)
        finding.equal(f"{name}: times taken", taken[forgery.webhook_event_id], 0)
    for webhook, times in taken.items():
        finding.equal(f"{webhook}: times taken", times, 1)
    return finding


def nothing_secret_told(evidence: Evidence) -> Finding:
    """No secret and nobody's address in logs, analytics and dead letters."""
    finding = Finding(number=15, title="no secret in logs, event log, analytics, dead letters")
    for name in evidence.ledgers:
        told = any(text for log, text in evidence.logs.items() if log.startswith(f"{name}-"))
        finding.check(told, f"no log of {name} to read")
    finding.check(evidence.logged, "no event log to read")
    for public in _PUBLIC:
        finding.check(evidence.topics.get(public), f"nothing on {public} to read")
    words = [_CLIENT_SECRET, EMAIL_DOMAIN, *evidence.secrets]
    places = {f"log {name}": text for name, text in evidence.logs.items() if _is_ours(name)}
    places["event log"] = "\n".join(row["content"] for row in evidence.logged)
    for topic, records in evidence.topics.items():
        if topic in _PUBLIC or is_dead_letter_topic(topic):
            values = (record.value or b"" for record in records)
            places[f"topic {topic}"] = b"\n".join(values).decode(errors="replace")
    for place, text in places.items():
        for word in words if text else ():
            at = text.find(word)
            found = text[max(0, at - 60) : at] if at >= 0 else ""
            finding.check(at < 0, f"{place} tells a secret, after {found!r}")
    return finding


def quota_is_kept(evidence: Evidence) -> Finding:
    """Stripe never sees more than the configured rate and burst."""
    quota = evidence.quota
    title = f"at most {quota.requests} requests a second at Stripe, and {quota.burst}"
    finding = Finding(number=17, title=title)
    noted = len(evidence.arrivals.at) >= max(len(evidence.intents), 1)
    finding.check(noted, "more PaymentIntents at Stripe than requests of the payment service")
    for seconds in WINDOWS:
        for requests, at in crowds(evidence.arrivals, seconds=seconds):
            if any(since <= at <= until for since, until in evidence.disturbed):
                continue  # what waited for a frozen or killed Stripe comes at once
            kept = requests <= quota.requests * seconds + quota.burst
            finding.check(kept, f"{requests} requests in the {seconds} s before {at}")
    return finding


def _is_ours(log: str) -> bool:
    return not log.startswith(_NOT_OURS)


def all_comes_to_rest(evidence: Evidence) -> Finding:
    """All is final within the bound after the faults stop; nothing pending, parked or behind."""
    finding = Finding(number=16, title="all at rest after the faults: no lag, nothing pending")
    placed = (len(evidence.journal), len(evidence.journal.subscriptions))
    wanted = (len(evidence.plan.orders), len(evidence.plan.wishes))
    finding.equal("payments and subscriptions, wanted and asked for", wanted, placed)
    finding.check(not evidence.unsettled, evidence.unsettled)
    for entry in evidence.journal:
        finding.check(entry.payment_id, f"{entry.key}: never accepted, {entry.problems}")
        finding.check(not entry.problems, f"{entry.key}: {entry.problems}")
        status = evidence.customer.payments.get(entry.payment_id, {}).get("status")
        finding.check(status not in (None, "requested"), f"{entry.key}: {status} in the end")
        _check_in_time(finding, evidence, entry, evidence.answered_at.get(entry.payment_id))
    for subscribed in evidence.journal.subscriptions:
        _check_in_time(finding, evidence, subscribed, subscribed.answered_at)
        finding.check(subscribed.subscription_id, f"{subscribed.key}: never accepted")
        finding.check(not subscribed.problems, f"{subscribed.key}: {subscribed.problems}")
    for name, ledger in evidence.ledgers.items():
        waiting = [row for row in ledger.inbox if not row["handled_at"] and not row["dead_at"]]
        finding.none_of((row["event_id"] for row in waiting), f"events pending at {name}")
        unpublished = [row for row in ledger.outbox if not row["published_at"]]
        finding.none_of((row["event_id"] for row in unpublished), f"events unpublished at {name}")
        finding.none_of((lane["waits_for"] for lane in ledger.lanes), f"lanes open at {name}")
    for name, lags in evidence.lags.items():
        for lag in lags:
            where = f"{name}: {lag['topic']}/{lag['partition']}"
            finding.equal(f"{where}: lag", lag["lag"], 0)
    return finding


def _check_in_time(
    finding: Finding, evidence: Evidence, entry: Entry | Subscribed, answered: float | None
) -> None:
    """Who was accepted is answered within the bound: after the faults, or after that if later."""
    since = max(evidence.healed_at, entry.accepted_at)
    seconds = (answered or float("inf")) - since
    finding.check(
        seconds <= evidence.plan.answers_within,
        f"{entry.key}: answered {seconds:.1f} s after it was accepted and the faults had ended",
    )
