"""What went back of a payment before the invoice was known that it pays.

Webhooks come in any order: a refund may be read before the invoice is recorded. Whoever records the
one or the other locks the PaymentIntent before looking for the other, so that one of them sees it.
"""

import zlib
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from django.db import connection

from kafka_bridge import bulk, database
from kafka_bridge.retention import purges
from payment_project.payments.services.money_back import amount_refunded
from payment_project.stripe_gateway.states import IntentState
from payment_project.subscriptions.models import EarlyMoneyBack, Invoice

_INTENT_LOCKS: Final = 0x0B10
"""The class of the advisory locks on PaymentIntents (`pg_locks.classid`)."""
_LOCK: Final = """
SELECT count(pg_advisory_xact_lock(%s, intent_hash)) FROM unnest(%s::int[]) AS intent_hash
"""
_TAKE: Final = """
DELETE FROM subscriptions_earlymoneyback WHERE payment_intent_id = ANY(%s)
RETURNING payment_intent_id, amount_refunded, dispute_status, read_at
"""
purges(
    """
    DELETE FROM subscriptions_earlymoneyback
    WHERE read_at < clock_timestamp() - greatest(%s::interval, interval '35 days')
    AND payment_intent_id IN (
        SELECT payment_intent_id FROM subscriptions_earlymoneyback ORDER BY read_at LIMIT %s
    )
    """
)


def add_early(invoices: Iterable[Invoice]) -> None:
    """Add to invoices that are about to be recorded what was seen before them.

    Call it before they are recorded, in the same transaction.
    """
    paid = {one.payment_intent_id: one for one in invoices if one.payment_intent_id}
    if not paid:
        return
    _lock(paid)
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, [list(paid)])
        for intent_id, refunded, dispute_status, read_at in cursor.fetchall():
            invoice = paid[intent_id]
            if invoice.money_back_read_at is None or invoice.money_back_read_at < read_at:
                invoice.amount_refunded, invoice.dispute_status = refunded, dispute_status
                invoice.money_back_read_at = read_at


def invoice_or_keep(state: IntentState, read_at: datetime) -> Invoice | None:
    """Keep what went back until its invoice is recorded, unless that has just happened."""
    _lock([state.payment_intent_id])
    invoice = Invoice.objects.filter(payment_intent_id=state.payment_intent_id).first()
    if invoice is None and (state.refunds or state.disputes):
        kept = EarlyMoneyBack.objects.filter(payment_intent_id=state.payment_intent_id)
        kept.filter(read_at__gt=database.now()).delete()  # of a clock that was ahead
        early = EarlyMoneyBack(
            payment_intent_id=state.payment_intent_id,
            amount_refunded=amount_refunded(state.refunds or ()),
            dispute_status=state.disputes[-1].status if state.disputes else "",
            read_at=read_at,
        )
        bulk.upsert_newer([early], version="read_at")
    return invoice


def _lock(payment_intent_ids: Iterable[str]) -> None:
    """Let nobody else see to these PaymentIntents' invoices until the transaction ends."""
    hashes = sorted({zlib.crc32(one.encode()) - 2**31 for one in payment_intent_ids})
    with connection.cursor() as cursor:
        cursor.execute(_LOCK, [_INTENT_LOCKS, hashes])
