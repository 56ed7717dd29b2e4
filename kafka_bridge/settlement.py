"""Settlement: what became of claimed events, written many to a transaction, each exactly once."""

import random
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import structlog
from django.db import connection, transaction

from kafka_bridge import dead_letters, lanes
from kafka_bridge.contracts import Event
from kafka_bridge.database import is_away
from kafka_bridge.errors import CannotBeHandled, OutcomeUnknown, TryLater, storable, text_of
from kafka_bridge.fingerprints import fingerprint_of
from kafka_bridge.handlers import Answered, Handler, handler_of
from kafka_bridge.lanes import NO_WAIT, Claim, Wait

logger = structlog.get_logger(__name__)

MAX_ATTEMPTS: Final = 25
"""With the waits below, an event is tried for about two and a half hours before it is dead."""
_UNKNOWN_COUNTS_TO: Final = MAX_ATTEMPTS // 2
"""Silence lengthens the waits and kills nothing: half of the attempts are left for failures."""
_FIRST_WAIT: Final = 0.5
_LONGEST_WAIT: Final = 600.0
_LONGEST_TRACEBACK: Final = 100_000

_MARK_HANDLED: Final = """
UPDATE kafka_bridge_inboxevent SET handled_at = clock_timestamp(), attempts = attempts + 1
WHERE id = ANY(%s)
"""
_MARK_FAILED: Final = """
UPDATE kafka_bridge_inboxevent
SET attempts = %s, error_type = %s, error = %s, traceback = %s, fingerprint = %s,
    dead_at = CASE WHEN %s THEN clock_timestamp() END
WHERE id = %s
"""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A claimed event and what its handler's call brought: an answer, or an error."""

    claim: Claim
    event: Event | None = None
    answer: Any = None
    error: Exception | None = None


def read(claim: Claim) -> Outcome:
    """Decode a claimed event. One that no longer can be is an outcome already."""
    try:
        event = claim.record.event()
        handler_of(type(event))
    except CannotBeHandled as error:
        return Outcome(claim, error=error)
    return Outcome(claim, event=event)


def settle(outcomes: Sequence[Outcome]) -> None:
    """Record the effects of what went well, and what is to become of the rest.

    Outcomes whose lease has run out are dropped: somebody else has their lane. If the effects of
    one cannot be recorded, the others are settled without it and it counts as failed. It is found
    by halves, so that one in a batch of 500 costs 18 more transactions and not 500; and when it is
    tried again, those that never failed are settled apart from it.

    Raises:
        OperationalError, InterfaceError: the database is away. Settle the same outcomes again.
    """
    new = [outcome for outcome in outcomes if not outcome.claim.attempts]
    retried = [outcome for outcome in outcomes if outcome.claim.attempts]
    _settle_each_of([part for part in (new, retried) if part])


def _settle_each_of(parts: Sequence[Sequence[Outcome]]) -> None:
    unsettled: list[Exception] = []
    for part in parts:
        try:
            _settle_together(part)
        except Exception as error:
            if is_away(error):
                raise
            unsettled.append(error)
    if unsettled:
        raise ExceptionGroup("outcomes whose failure could not be recorded", unsettled)


def _settle_together(outcomes: Sequence[Outcome]) -> None:
    try:
        with transaction.atomic():
            _settle(outcomes)
            return
    except Exception as error:
        if is_away(error):
            raise
        if len(outcomes) == 1:
            if outcomes[0].error is not None:
                raise
            _settle_together([replace(outcomes[0], error=error)])
            return
    # Outside the except block, or what failed for one event would stand as its context in the
    # traceback of another: somebody else's data.
    middle = len(outcomes) // 2
    _settle_each_of([outcomes[:middle], outcomes[middle:]])


def _settle(outcomes: Sequence[Outcome]) -> None:
    # By lease, not by event: a process that was frozen may bring one event under two leases.
    leased = {(one.event_id, one.lease) for one in lanes.hold(each.claim for each in outcomes)}
    held = [one for one in outcomes if (one.claim.event_id, one.claim.lease) in leased]
    for outcome in outcomes:
        if (outcome.claim.event_id, outcome.claim.lease) not in leased:
            logger.warning("lease_lost", event_id=str(outcome.claim.event_id))
    succeeded = [outcome for outcome in held if outcome.error is None]
    _record_effects(succeeded)
    with connection.cursor() as cursor:
        cursor.execute(_MARK_HANDLED, [[outcome.claim.inbox_id for outcome in succeeded]])
    waits = {outcome.claim.key: NO_WAIT for outcome in succeeded}
    for outcome in held:
        if outcome.error is not None:
            waits[outcome.claim.key] = _record_failure(outcome.claim, outcome.error)
    lanes.release(waits)


def _record_effects(outcomes: Sequence[Outcome]) -> None:
    batches: dict[Callable[..., None], list[Any]] = {}
    for outcome in outcomes:
        if outcome.event is None:
            continue
        handler = handler_of(type(outcome.event))
        batches.setdefault(handler.record, []).append(_argument(handler, outcome))
    for record, batch in batches.items():
        record(batch)


def _argument(handler: Handler, outcome: Outcome) -> Any:
    return Answered(outcome.event, outcome.answer) if handler.call else outcome.event


def _record_failure(claim: Claim, error: Exception) -> Wait:
    if isinstance(error, TryLater):
        logger.info("try_later", event_id=str(claim.event_id), reason=str(error))
        seconds = error.seconds * random.uniform(1.0, 1.5)  # noqa: S311 - jitter
        return Wait(timedelta(seconds=seconds), text_of(error))
    attempts = claim.attempts + 1
    if isinstance(error, OutcomeUnknown):
        attempts = min(attempts, _UNKNOWN_COUNTS_TO)
    dead = attempts >= MAX_ATTEMPTS or isinstance(error, CannotBeHandled)
    trace = storable("".join(traceback.format_exception(error))[:_LONGEST_TRACEBACK])
    text = text_of(error)
    alike = fingerprint_of(error) if dead else ""
    with connection.cursor() as cursor:
        cursor.execute(
            _MARK_FAILED,
            [attempts, type(error).__name__, text, trace, alike, dead, claim.inbox_id],
        )
    if dead:
        dead_letters.publish_copies([dead_letters.DeadRecord(claim.record, claim.event_id, error)])
    logger.warning(
        "event_dead" if dead else "event_failed",
        event_id=str(claim.event_id),
        topic=claim.record.topic,
        attempts=attempts,
        error_type=type(error).__name__,
        error=text,
    )
    return NO_WAIT if dead else Wait(_wait_after(attempts), f"{type(error).__name__}: {text}")


def _wait_after(attempts: int) -> timedelta:
    longest = min(_FIRST_WAIT * 2 ** min(attempts, MAX_ATTEMPTS), _LONGEST_WAIT)
    return timedelta(seconds=random.uniform(longest / 2, longest))  # noqa: S311 - jitter
