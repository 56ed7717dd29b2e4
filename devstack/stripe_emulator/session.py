"""One request's view of the store: what it read, made and changed, written together."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from devstack.stripe_emulator import API_VERSION
from devstack.stripe_emulator.errors import StripeObject, resource_missing
from devstack.stripe_emulator.faults import Fault
from devstack.stripe_emulator.objects import hidden, new_object, public
from devstack.stripe_emulator.references import references
from devstack.stripe_emulator.store import Store

Finder = Callable[[str], StripeObject | None]


@dataclass
class _Held:
    """An object in hand: where it is stored, and what it was found under when it was read."""

    stripe_object: StripeObject
    seq: int | None
    references: set[tuple[str, str]] = field(default_factory=set)
    changed: bool = False


class Session:
    """Reads and writes objects. Use it inside `store.transaction()`, then `flush`."""

    def __init__(
        self,
        store: Store,
        *,
        base_url: str,
        request_id: str | None = None,
        idempotency_key: str | None = None,
    ) -> None:
        self.store = store
        self.base_url = base_url
        self.request_id = request_id
        self.idempotency_key = idempotency_key
        self.wakes_webhooks = False
        self.wakes_schedule = False
        self.asked_to_process: Fault | None = None
        self.asked_to_redirect = False
        self._held: dict[str, _Held] = {}
        self._endpoints: list[StripeObject] | None = None

    # -- objects

    def create(self, kind: str, *, created: int | None = None, **fields: Any) -> StripeObject:
        """Make an object of `kind` and hold it for writing."""
        made = new_object(kind, created=created or int(time.time()), **fields)
        self._held[made["id"]] = _Held(made, None, changed=True)
        return made

    def find(self, object_id: str) -> StripeObject | None:
        """Return the object with this id, if there is one."""
        held = self._held.get(object_id)
        if held is None:
            found = self.store.find(object_id)
            if found is None:
                return None
            seq, stripe_object = found
            held = self._held[object_id] = _Held(stripe_object, seq, references(stripe_object))
        return held.stripe_object

    def get(self, kind: str, object_id: str, *, param: str | None = None) -> StripeObject:
        """Return the object, or raise Stripe's error for an id that names nothing."""
        found = self.find(object_id)
        if found is None or found["object"] != kind:
            raise resource_missing(kind, object_id, param=param)
        return found

    def the(self, object_id: str) -> StripeObject:
        """Return an object that must exist, because another one names it."""
        found = self.find(object_id)
        if found is None:
            raise KeyError(object_id)
        return found

    def save(self, stripe_object: StripeObject, **fields: Any) -> StripeObject:
        """Set fields and hold the object for writing."""
        stripe_object.update(fields)
        self._held[stripe_object["id"]].changed = True
        return stripe_object

    def forget(self, stripe_object: StripeObject) -> None:
        """Delete an object for good."""
        self.flush()
        held = self._held.pop(stripe_object["id"])
        if held.seq is not None:
            self.store.refer(held.seq, old=held.references, new=set())
            self.store.execute("delete from object where seq = ?", (held.seq,))

    def select(
        self,
        kind: str,
        *,
        where: dict[str, str] | None = None,
        before: int | None = None,
        after: int | None = None,
        oldest_first: bool = False,
    ) -> Iterator[tuple[int, StripeObject]]:
        """Yield (place, object) of a kind, newest first, found under every field of `where`."""
        self.flush()
        pairs = [(f"{kind}.{name}", value) for name, value in (where or {}).items()]
        conditions: list[str] = []
        parameters: list[Any] = []
        if pairs:
            source, seq = "reference join object using (seq)", "reference.seq"
            conditions.append("reference.field = ? and reference.value = ?")
            parameters.extend(pairs[0])
        else:
            source, seq = "object", "object.seq"
            conditions.append("object.kind = ?")
            parameters.append(kind)
        for pair in pairs[1:]:
            conditions.append(
                "object.seq in (select seq from reference where field = ? and value = ?)"
            )
            parameters.extend(pair)
        for limit, sign in ((before, "<"), (after, ">")):
            if limit is not None:
                conditions.append(f"{seq} {sign} ?")
                parameters.append(limit)
        order = "asc" if oldest_first else "desc"
        where_clause = " and ".join(conditions)
        sql = f"select object.seq, object.id from {source} where {where_clause} order by {seq}"  # noqa: S608 - names only
        for place, object_id in self.store.iterate(f"{sql} {order}", parameters):
            yield place, self.the(object_id)

    def all(self, kind: str, **where: str) -> list[StripeObject]:
        """Return every object of a kind found under these fields, oldest first."""
        return [found for _, found in self.select(kind, where=where, oldest_first=True)]

    def place(self, object_id: str) -> int | None:
        """Return where an object stands in the order of creation."""
        self.flush()
        found = self.store.find(object_id)
        return found[0] if found else None

    def flush(self) -> None:
        """Write what changed, so that it can be selected."""
        for held in self._held.values():
            if not held.changed:
                continue
            found_under = references(held.stripe_object)
            if held.seq is None:
                created = held.stripe_object.get("created") or held.stripe_object.get("date") or 0
                held.seq = self.store.insert(held.stripe_object, created=created)
            else:
                self.store.update(held.seq, held.stripe_object)
            if found_under != held.references:
                self.store.refer(held.seq, old=held.references, new=found_under)
                held.references = found_under
            held.changed = False

    @contextlib.contextmanager
    def undone(self) -> Iterator[None]:
        """Let things happen as if, and undo all of it at the end."""
        self.flush()
        wakes = self.wakes_webhooks, self.wakes_schedule
        self.store.execute("savepoint undone")
        try:
            yield
        finally:
            self.store.execute("rollback to undone")
            self.store.execute("release undone")
            self._held, self._endpoints = {}, None
            self.wakes_webhooks, self.wakes_schedule = wakes

    # -- time

    def now(self, stripe_object: StripeObject | None = None) -> int:
        """Return the time in seconds: the test clock's, for an object that lives on one."""
        clock_id = (stripe_object or {}).get("test_clock")
        if clock_id:
            frozen_time: int = self.the(clock_id)["frozen_time"]
            return frozen_time
        return int(time.time())

    def schedule(self, action: str, object_id: str, *, after: float, **arguments: Any) -> None:
        """Have `action` done to an object after some seconds, even across a restart."""
        self.wakes_schedule = True
        self.store.execute(
            "insert into scheduled (due_at, action, object, arguments) values (?, ?, ?, ?)",
            (time.time() + after, action, object_id, orjson.dumps(arguments)),
        )

    # -- events

    def emit(
        self,
        event_type: str,
        stripe_object: StripeObject,
        *,
        previous: dict[str, Any] | None = None,
    ) -> StripeObject:
        """Record an event about an object as it is now, and queue it for the webhook endpoints."""
        snapshot = orjson.Fragment(orjson.dumps(public(stripe_object)))
        contents: dict[str, Any] = {"object": snapshot}
        if previous:
            contents["previous_attributes"] = previous
        event = self.create(
            "event",
            created=self.now(stripe_object),
            type=event_type,
            api_version=API_VERSION,
            data=contents,
            request={"id": self.request_id, "idempotency_key": self.idempotency_key},
        )
        return self.deliver(event)

    def deliver(self, event: StripeObject) -> StripeObject:
        """Queue an event for every endpoint that listens to its type."""
        for endpoint in self._listening_endpoints(event["type"]):
            self.save(event)
            event["pending_webhooks"] += 1
            self.store.execute(
                "insert into delivery (event, webhook_endpoint, attempts, due_at)"
                " values (?, ?, 0, ?)",
                (event["id"], endpoint["id"], time.time()),
            )
            self.wakes_webhooks = True
        return event

    def _listening_endpoints(self, event_type: str) -> list[StripeObject]:
        if self._endpoints is None:
            rows = self.store.rows("select id from object where kind = 'webhook_endpoint'")
            self._endpoints = [self.the(object_id) for (object_id,) in rows]
        return [
            endpoint
            for endpoint in self._endpoints
            if endpoint["status"] == "enabled"
            and not hidden(endpoint).get("deleted")
            and not {"*", event_type}.isdisjoint(endpoint["enabled_events"])
        ]
