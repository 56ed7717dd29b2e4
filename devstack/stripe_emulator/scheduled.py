"""What happens some time after a request: settling, bank answers, refunds that take their time.

Kept in the database, so that a restart forgets none of it.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import orjson

from devstack.stripe_emulator.emulator import Emulator
from devstack.stripe_emulator.errors import StripeError, StripeObject
from devstack.stripe_emulator.resources import (
    billing_timeline,
    charges,
    payment_attempts,
    refunds,
    test_clocks,
)
from devstack.stripe_emulator.session import Session

logger = logging.getLogger(__name__)

Action = Callable[..., Any]
_BATCH = 25
_LONGEST_SLEEP = 60.0


def _settle_charge(session: Session, charge: StripeObject) -> None:
    charges.settle_later(session, charge)


def _finish_processing(session: Session, intent: StripeObject, *, success: bool) -> None:
    if intent["status"] == "processing":
        payment_attempts.finish_processing(session, intent, success=success)


def _finish_refund(session: Session, refund: StripeObject, *, success: bool) -> None:
    refunds.finish(session, refund, success=success)


def _advance_clock(session: Session, clock: StripeObject, *, target: int) -> None:
    test_clocks.arrive(session, clock, target=target)


def _bill(session: Session, subscription: StripeObject) -> None:
    billing_timeline.run_now(session, subscription)


ACTIONS: dict[str, Action] = {
    "advance_clock": _advance_clock,
    "bill": _bill,
    "finish_processing": _finish_processing,
    "finish_refund": _finish_refund,
    "settle_charge": _settle_charge,
}


async def run_scheduled(emulator: Emulator) -> None:
    """Do what is due, for ever."""
    while True:
        emulator.schedule_changed.clear()
        if do_due(emulator):
            await asyncio.sleep(0)
            continue
        rows = emulator.store.rows("select min(due_at) from scheduled")
        due_at = rows[0][0]
        seconds = _LONGEST_SLEEP if due_at is None else due_at - time.time()
        try:
            await asyncio.wait_for(
                emulator.schedule_changed.wait(), timeout=min(max(seconds, 0.001), _LONGEST_SLEEP)
            )
        except TimeoutError:
            continue


def do_due(emulator: Emulator) -> bool:
    """Do a batch of what is due in one transaction. Return whether there was any."""
    store = emulator.store
    rows = store.rows(
        "select id, action, object, arguments from scheduled where due_at <= ?"
        " order by due_at, id limit ?",
        (time.time(), _BATCH),
    )
    if rows and not _all_at_once(emulator, rows):
        for row in rows:
            if not _all_at_once(emulator, [row]):
                logger.error("scheduled %s of %s was given up", row[1], row[2])
                store.execute("delete from scheduled where id = ?", (row[0],))
    return bool(rows)


def _all_at_once(emulator: Emulator, rows: list[tuple[Any, ...]]) -> bool:
    session = emulator.session()
    try:
        with emulator.store.transaction():
            for row_id, action, object_id, arguments in rows:
                found = session.find(object_id)
                if found:
                    ACTIONS[action](session, found, **orjson.loads(arguments))
                emulator.store.execute("delete from scheduled where id = ?", (row_id,))
            session.flush()
    except (StripeError, KeyError, ValueError, TypeError):
        logger.exception("scheduled work failed")
        return False
    emulator.after(session)
    return True
