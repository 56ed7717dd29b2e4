"""What a chaos run leaves behind in which all went well: three payments and a subscription."""

from devstack.chaos.evidence import Evidence, Ledger, Plan
from devstack.chaos.faults import Happened
from devstack.chaos.forgery import Forgery
from devstack.chaos.journal import Answer, Entry, Journal, Sighting, Subscribed
from devstack.chaos.orders import Bank, Order, Then
from devstack.chaos.quota import Arrivals, Quota
from devstack.chaos.steps import Action, Step
from devstack.chaos.wishes import MONTHLY, Wish
from devstack.services import SERVICES
from kafka_bridge.contracts import Topic
from tests.devstack.published import START, Published, at

REFUNDED, DECLINED, AUTHENTICATED = "paid-and-refunded", "declined", "paid-with-3ds"
SUBSCRIPTION, INVOICE_PAYMENT = "subscribed", "paid-by-subscription"
SECRET = "sk_test_secret"
_PAYMENTS = {REFUNDED: (1000, "eur"), DECLINED: (2000, "eur"), AUTHENTICATED: (3000, "usd")}
_TOLD = {
    REFUNDED: ["succeeded", "succeeded"],
    DECLINED: ["requires_payment_method"],
    AUTHENTICATED: ["requires_action", "succeeded"],
}
_MOVED = {REFUNDED: (1000, 333), DECLINED: (0, 0), AUTHENTICATED: (3000, 0)}
_OWNERS = {REFUNDED: "id-0", DECLINED: "id-0", AUTHENTICATED: "id-1"}
_ORDERS = [
    Order(
        number=0,
        customer=0,
        amount=1000,
        currency="eur",
        card="pm_card_visa",
        then=Then.REFUND_PART,
        clicks_twice=True,
        changes_the_body=True,
    ),
    Order(
        number=1,
        customer=0,
        amount=2000,
        currency="eur",
        card="pm_card_visa_chargeDeclined",
    ),
    Order(
        number=2,
        customer=1,
        amount=3000,
        currency="usd",
        card="pm_card_threeDSecure2Required",
        bank=Bank.SUCCEEDS,
    ),
]
GRAINS = ("hour", "day", "month")
_SUMS = [
    dict(zip(("currency", "status", "count", "amount", "captured", "refunded"), row, strict=True))
    for row in (
        ("eur", "succeeded", 2, 1500, 1500, 333),
        ("eur", "requires_payment_method", 1, 2000, 0, 0),
        ("usd", "succeeded", 1, 3000, 3000, 0),
    )
]
_WISH = Wish(number=0, customer=0, card="pm_card_visa", change=None, clicks_twice=False)


def _published():
    all_of_it = Published()
    for payment, statuses in _TOLD.items():
        about, request = {"about": f"about {payment}", "key": _OWNERS[payment]}, f"ask {payment}"
        all_of_it.publish(Topic.STRIPE_PAYMENT_REQUEST, request, **about, paymentId=payment)
        for revision, status in enumerate(statuses, start=1):
            event = {"paymentId": payment, "revision": revision, "status": status, **about}
            topic, name = Topic.PAYMENT_STATUS_UPDATED, f"{payment} {revision}"
            if revision == 1:
                topic, event["causationId"] = Topic.PAYMENT_CARD_RESULT, request
            all_of_it.publish(topic, f"told {name}", **event)
            all_of_it.publish(Topic.PAYMENT_ANALYTICS, f"measured {name}", **event)
    webhook = {"id": "evt_1", "type": "payment_intent.succeeded"}
    all_of_it.publish(Topic.STRIPE_WEBHOOK_RECEIVED, "webhook", key="", webhookEvent=webhook)
    processed = {"webhookEventType": webhook["type"], "webhookEventId": "evt_1"}
    for cause, outcome in (("webhook", "applied"), ("webhook again", "duplicate")):
        about = {**processed, "causationId": cause, "outcome": outcome}
        name = "processed" if outcome == "applied" else "processed again"
        all_of_it.publish(Topic.WEBHOOK_PROCESSED, name, key="", **about)
    all_of_it.poison(Topic.STRIPE_PAYMENT_REQUEST)
    return all_of_it


def _ledger(name, published):
    payments = {
        payment: {
            "id": payment,
            "customer_id": _OWNERS[payment],
            "created_at": at(2),
            "amount": amount,
            "currency": currency,
            "status": _TOLD[payment][-1],
            "revision": len(_TOLD[payment]),
            "payment_intent_id": f"pi_{payment}",
            "amount_captured": _MOVED[payment][0],
            "amount_refunded": _MOVED[payment][1],
            "correlation_id": f"about {payment}",
        }
        for payment, (amount, currency) in _PAYMENTS.items()
    }
    subscription = {"id": SUBSCRIPTION, "status": "active", "plan": MONTHLY, "revision": 1}
    subscription |= {"cancel_at_period_end": False, "stripe_subscription_id": "sub_1"}
    return Ledger(
        payments=payments,
        subscriptions={SUBSCRIPTION: subscription},
        paid=[{"subscription_id": SUBSCRIPTION, "amount": 500, "currency": "eur"}],
        outbox=published.outbox[name],
        inbox=published.inbox[name],
        lanes=[],
    )


def _journal():
    journal = Journal()
    for order, payment in zip(_ORDERS, _TOLD, strict=True):
        clicks = 1 + order.clicks_twice
        entry = Entry(
            order=order,
            key=f"key of {payment}",
            answers=[Answer(202, {"id": payment}) for _ in range(clicks)],
            to_another_body=[Answer(422, {})] * order.changes_the_body,
            payment_id=payment,
            accepted_at=at(2).timestamp(),
            went_to_the_bank=order.bank,
            sightings=[Sighting(n, status) for n, status in enumerate(_TOLD[payment], start=1)],
        )
        journal.open(entry)
        journal.accepted(entry)
    subscribed = Subscribed(wish=_WISH, key="s", subscription_id=SUBSCRIPTION)
    subscribed.accepted_at, subscribed.answered_at = at(2).timestamp(), at(5).timestamp()
    journal.subscriptions.append(subscribed)
    return journal


def _intent(name, amount, currency, *, status, moved, metadata):
    charge = {"status": "succeeded", "amount_captured": moved[0], "amount_refunded": moved[1]}
    charge["created"] = int(at(3).timestamp())
    return {
        "id": f"pi_{name}",
        "status": status,
        "amount": amount,
        "currency": currency,
        "metadata": metadata,
        "customer": "" if metadata else "cus_0",
        "latest_charge": charge if moved[0] else None,
    }


def _intents():
    of_payments = [
        _intent(
            payment,
            *_PAYMENTS[payment],
            status=statuses[-1],
            moved=_MOVED[payment],
            metadata={"payment_id": payment, "customer_id": _OWNERS[payment]},
        )
        for payment, statuses in _TOLD.items()
    ]
    of_invoice = _intent(
        INVOICE_PAYMENT, 500, "eur", status="succeeded", moved=(500, 0), metadata={}
    )
    return [*of_payments, of_invoice]


def _happened():
    steps = [
        Step(at=1, action=Action.POISON, target=Topic.STRIPE_PAYMENT_REQUEST, how="not JSON"),
        Step(at=2, action=Action.FORGE, target="webhook", how="stale"),
    ]
    return [Happened(step=step, at=at(1).timestamp()) for step in steps]


def healthy():
    """Return evidence of which everything may be changed."""
    published = _published()
    paid_by = {"payment": {"payment_intent": f"pi_{INVOICE_PAYMENT}"}}
    invoice = {
        "id": "in_1",
        "amount_due": 500,
        "amount_paid": 500,
        "currency": "eur",
        "customer": "cus_0",
    }
    moved = {**_MOVED, INVOICE_PAYMENT: (500, 0)}
    currencies = {**{name: of for name, (_, of) in _PAYMENTS.items()}, INVOICE_PAYMENT: "eur"}
    return Evidence(
        plan=Plan(orders=_ORDERS, wishes=[_WISH], happened=_happened(), answers_within=60),
        journal=_journal(),
        forgeries=[Forgery(webhook_event_id="evt_chaos_1", how="stale", status=400)],
        ledgers={name: _ledger(name, published) for name in SERVICES},
        customers={"chaos-0": "id-0", "chaos-1": "id-1"},
        logged=published.logged,
        balance=[
            {"currency": "eur", "type": "charge", "amount": 1500},
            {"currency": "eur", "type": "refund", "amount": -333},
            {"currency": "usd", "type": "charge", "amount": 3000},
        ],
        entries=[
            {"payment_id": name, "account": account, "currency": currencies[name], "amount": amount}
            for name, (captured, refunded) in moved.items()
            for account, amount in (("charges", -captured), ("refunds", refunded))
        ],
        facts=_SUMS,
        sums=[{**row, "grain": grain} for row in _SUMS for grain in GRAINS],
        webhook_sums=[
            {
                "grain": grain,
                "webhook_type": "payment_intent.succeeded",
                "outcome": outcome,
                "count": 1,
            }
            for grain in GRAINS
            for outcome in ("applied", "duplicate")
        ],
        receipts=[REFUNDED, AUTHENTICATED],
        known_customers={"id-0": "cus_0"},
        stripe_customers=[{"id": "cus_0", "metadata": {"customer_id": "id-0"}}],
        intents=_intents(),
        subscriptions=[
            {
                "id": "sub_1",
                "status": "active",
                "cancel_at_period_end": False,
                "metadata": {"subscription_id": SUBSCRIPTION},
                "customer": "cus_0",
            }
        ],
        invoices=[{**invoice, "payments": {"data": [paid_by]}}],
        audit={
            "per_metadata": {"payment_id": {REFUNDED: 1, AUTHENTICATED: 1}},
            "per_idempotency_key": {f"{one}:payment_intent": 1 for one in _PAYMENTS},
            "per_currency": {"eur": {"net": 1167}, "usd": {"net": 3000}},
        },
        topics=published.topics,
        lags=published.lags(),
        logs={f"{name}-web.log": "started\n" for name in SERVICES},
        secrets=[SECRET],
        quota=Quota(25),
        arrivals=Arrivals(
            at=[START.timestamp() + second for second in range(10)],
            held_up=[],
            creating_keys=frozenset(f"{payment}:payment_intent" for payment in _PAYMENTS),
        ),
        disturbed=[],
        healed_at=at(4).timestamp(),
    )
