"""One customer's life once more: what comes when, what is read then, and how much later applied.

What the bridge promises holds, and nothing more: the events of one lane are handled one after the
other, and what is asked of Stripe for one is asked after it came and before it is applied. Between
the two, the lanes of others go on, and so does Stripe.
"""

import uuid
from collections import defaultdict, deque
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.utils import timezone

from kafka_bridge.contracts import Event, WebhookReceived
from kafka_bridge.handlers import Answered, Delivery, delivered
from payment_project.turns.services import Covered, Read, once
from tests.payment.copies import Copy, original
from tests.shuffles import Chance

IN_ORDER = ("is done", "is begun", "comes", "goes on")
"""What happens first, if several things can."""
_KNOWN_BY_ITS_PAYMENT = ("charge", "dispute", "refund")
_LIKELY = (1, 3, 10, 30)
_IS_KNOWN = (True,) * 6 + (False,)
_TIMES = (1,) * 8 + (2,) * 2 + (3,)


@dataclass(repr=False, eq=False)
class Turn:
    """An event's turn in a lane."""

    event: Event
    lane: str
    causes: int | None = None
    """Which moment begins with it."""
    moment: int = -1
    """When Stripe is asked for it."""
    came_at: datetime | None = None
    answer: object = None


class Relived:
    """A copy of a life, as chance has it."""

    def __init__(self, life, number, lots):
        self.copy = Copy(number, life.ids)
        self._moments = life.moments
        self._chance = Chance(lots)
        self._likely = {what: self._chance.choice(_LIKELY) for what in IN_ORDER}
        self._now, self._asked = -1, -1
        self._coming, self._lanes, self._begun = [], defaultdict(deque), {}

    def next_turn(self):
        """Let things happen until a turn begins or is to be recorded. None if nothing is left."""
        while possible := {what: found for what in IN_ORDER if (found := self._possible(what))}:
            what, which = self._choose(possible)
            match what:
                case "goes on":
                    self._go_on()
                case "comes":
                    self._coming.remove(which)
                    which.came_at = timezone.now()
                    self._lanes[which.lane].append(which)
                case "is begun":
                    turn = self._lanes[which].popleft()
                    self._begin(turn)
                    return turn
                case "is done":
                    return self._begun.pop(which)
        return None

    def passed_on(self, event):
        """Let an event come that was published for this service."""
        self._coming.append(Turn(event, event.customer_id))

    async def ask(self, turn):
        """Read what the event is about, as it is at Stripe now."""
        moment = self._moments[turn.moment]
        if turn.causes is not None:
            turn.answer = moment.answer
        elif isinstance(turn.event, WebhookReceived):
            turn.answer = await self._read(turn, moment)
        else:
            invoice_id = getattr(turn.event, "invoice_id", None) or ""
            turn.answer = await self._in_turn(turn, moment.looks[original(invoice_id, 0)])

    async def _read(self, turn, moment):
        reading = moment.readings[turn.event.webhook_event["id"]]
        if reading.look is None:
            return reading  # nothing is fetched for it
        told = await self._in_turn(turn, reading)
        if isinstance(told, Read):
            return replace(reading, look=told.look)
        return replace(reading, news=told, look=None)

    async def _in_turn(self, turn, read):
        """Read it, unless that was done after the event came; ids are the original's."""
        look = read.look
        with delivered(Delivery(received_at=turn.came_at, attempts=0, age=timedelta())):
            told = await once(
                self.copy.of(look.object_id),
                lambda: _at_once(read.news),
                about=self.copy.of(look.about),
            )
        if isinstance(told, Read):
            return Read(told.news, look._replace(at=told.look.at))
        return told

    def answered(self, turn):
        """Return the event with what was read for it, by several calls perhaps, for its handler."""
        answer = turn.answer
        if turn.causes is None:
            moment = self._moments[self._chance.choice(range(self._now, turn.moment - 1, -1))]
            if not isinstance(answer, Covered):
                answer = replace(answer, news=moment.later(answer.news))
        return Answered(turn.event, self.copy.of(answer))

    def _possible(self, what):
        if what == "is done":
            return list(self._begun)
        if what == "is begun":
            free = self._lanes.keys() - self._begun.keys()
            return sorted(lane for lane in free if self._lanes[lane])
        if what == "comes":
            return self._coming
        waits_for_us = self._asked > self._now
        return [self._now + 1] if self._now + 1 < len(self._moments) and not waits_for_us else []

    def _choose(self, possible):
        what = self._chance.choice([what for what in possible for _ in range(self._likely[what])])
        return what, self._chance.choice(possible[what])

    def _go_on(self):
        following = self._now + 1
        if cause := self._moments[following].cause:
            self._asked = following
            event = self.copy.of(cause)
            self._coming.append(Turn(event, event.customer_id, causes=following))
        else:
            self._reach(following)

    def _begin(self, turn):
        self._begun[turn.lane] = turn
        if turn.causes is not None:
            self._reach(turn.causes)
        turn.moment = self._now

    def _reach(self, moment):
        self._now = moment
        for webhook in self._moments[moment].webhooks:
            for _ in range(self._chance.choice(_TIMES)):
                lane = self.copy.of(self._lane_of(webhook.webhook_event))
                event_id = uuid.uuid4()  # one that is replayed comes with another
                news = {"event_id": event_id, "customer_id": lane}
                self._coming.append(Turn(webhook.model_copy(update=news), lane))

    def _lane_of(self, webhook_event):
        """Choose a lane as the edge does, which may know whose it is or not."""
        about = webhook_event["data"]["object"]
        is_known = self._chance.choice(_IS_KNOWN)
        metadata = about.get("metadata") or {}
        if about["object"] == "invoice":
            metadata = about["parent"]["subscription_details"]["metadata"]
        of_payment = about["object"] in _KNOWN_BY_ITS_PAYMENT
        if is_known and (of_payment or "customer_id" in metadata):
            return self._moments[0].cause.customer_id
        return about.get("customer") or webhook_event["id"]


async def _at_once(news):
    return news
