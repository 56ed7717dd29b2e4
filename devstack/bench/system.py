"""The system as it is: the real stack, its payments queued and drained, timed by its own tables."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import psycopg2
import requests

from devstack.bench.processes import Processes, difference
from devstack.launch import clean_environment, read_env
from devstack.paths import PYTHON, ROOT
from devstack.ports import HOST, Ports
from devstack.stack import Stack
from devstack.waiting import wait_until

WEBHOOK_SECRET: Final = "whsec_paybridge_bench"  # noqa: S105 - of the stand-in
_STRIPE: Final = "stripe-canned"
OF_SERVICES: Final = ("customer-", "payment-", "admin-")
"""What the names of the services' processes begin with."""
_DRAINED_WITHIN: Final = 600
_FEW: Final = 200

_FINAL_AT_CUSTOMER: Final = """
SELECT count(*) FILTER (WHERE status = 'succeeded'), count(*) FROM payments_payment
WHERE created_at >= to_timestamp(%s)
"""
_COUNTED_AT_ADMIN: Final = """
SELECT count(*) FROM analytics_paymentfact
WHERE status = 'succeeded' AND requested_at >= to_timestamp(%s)
"""
_LAST_HANDLED: Final = """
SELECT extract(epoch FROM max(handled_at)) FROM kafka_bridge_inboxevent WHERE id > %s
"""
_LAST_INBOX_ID: Final = "SELECT coalesce(max(id), 0) FROM kafka_bridge_inboxevent"
_LAST_OUTBOX_ID: Final = "SELECT coalesce(max(id), 0) FROM kafka_bridge_outboxevent"
_RELAYED: Final = """
SELECT count(published_at), extract(epoch FROM max(published_at))
FROM kafka_bridge_outboxevent WHERE id > %s
"""
_STORED: Final = """
SELECT count(*), extract(epoch FROM max(received_at)) FROM kafka_bridge_inboxevent WHERE id > %s
"""


@dataclass(frozen=True, kw_only=True)
class Drained:
    """A queue of payments that was worked off."""

    count: int
    seconds: float
    cpu_ms: dict[str, float]
    """CPU milliseconds a payment, by process; without Stripe's stand-in."""
    megabytes: dict[str, float]
    """What each process had at its end."""

    @property
    def rate(self) -> float:
        """Payments a second, from the outbox to the customer's state and the admin's count."""
        return self.count / self.seconds

    @property
    def cpu_ms_in_all(self) -> float:
        """CPU milliseconds a payment, of all processes together."""
        return sum(self.cpu_ms.values())


class System:
    """A running stack whose Stripe only answers."""

    def __init__(self, stack: Stack, stripe_url: str) -> None:
        self.stack = stack
        self.running = stack.running
        self.stripe_url = stripe_url

    @classmethod
    @contextmanager
    def started(
        cls, folder: Path, *, kafka: str, say: Callable[[str], None] = print
    ) -> Iterator[Self]:
        """Start the servers, the services and the stand-in; stop them all in the end."""
        folder.mkdir(parents=True, exist_ok=True)
        port = Ports(folder / "bench-ports.json").get(_STRIPE)
        url = f"http://{HOST}:{port}"
        command = [PYTHON, "-m", "devstack.bench.canned_stripe", "--port", str(port)]
        environment = {
            "STRIPE_API_BASE": url,
            "STRIPE_API_KEY": "sk_test_paybridge_bench",
            "STRIPE_PUBLISHABLE_KEY": "pk_test_paybridge_bench",
            "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            "DJANGO_DEBUG": "0",
            "DJANGO_ALLOWED_HOSTS": HOST,
            "LOG_LEVEL": "WARNING",
            "KAFKA_TOPIC_REPLICATION": "1",
            "EMAIL_URL": "dummymail://",  # receipts are written, and nobody is there to take them
        }
        with subprocess.Popen(command, cwd=ROOT) as stripe:
            try:
                with Stack(
                    folder / "stack", kafka=kafka, say=say, environment=environment
                ) as stack:
                    stack.start_servers()
                    stack.start_services()
                    yield cls(stack, url)
            finally:
                stripe.terminate()

    def stripe(self, *, latency: float | None = None) -> dict[str, int]:
        """Set Stripe's latency in seconds, if one is given, and return its counts."""
        url = f"{self.stripe_url}/_canned"
        if latency is None:
            answer = requests.get(url, timeout=10)
        else:
            answer = requests.post(url, json={"latency": latency}, timeout=10)
        counts: dict[str, int] = answer.json()
        return counts

    def intents(self) -> list[dict[str, Any]]:
        """Return the PaymentIntents that were made at Stripe's stand-in, as it shows them."""
        answer = requests.get(f"{self.stripe_url}/_canned/intents", timeout=10)
        intents: list[dict[str, Any]] = answer.json()
        return intents

    def environment(self, service: str) -> dict[str, str]:
        """Return a service's environment, for a process of the benchmark's own."""
        variables = read_env(str(self.running.env_file(service)))
        settings = {"DJANGO_SETTINGS_MODULE": f"{service}_project.settings"}
        return clean_environment() | variables | settings

    def drain(self, count: int, *, worker: Mapping[str, int] | None = None) -> Drained:
        """Queue payments while the customer's relay stands still, then let it go.

        `worker` names a process of the benchmark's own that works instead of the stack's, and
        does not call Stripe.
        """
        supervisor = self.running.supervisor
        relay = wait_until(lambda: supervisor.pid("customer-relay"), what="the relay to run")
        processes = Processes(supervisor, worker or {})
        with self.relay_stands_still():
            asked_at = time.time()
            self.queue(count)
            self.wait_until_emails_are_sent()  # those of the payments before
            before, calls = self._last_inbox_ids(), self.stripe()
            cpu = processes.cpu_seconds()
            began = time.time()
        self._wait_until_drained(asked_at, count)
        ended = max(self._last_handled(name, before[name]) for name in ("customer", "admin"))
        used = difference(processes.cpu_seconds(), cpu)
        charges = self.stripe()["charges"] - calls["charges"]
        assert relay == supervisor.pid("customer-relay")  # noqa: S101 - or what was timed is another
        assert charges == (0 if worker else count)  # noqa: S101 - or it measured something else
        return Drained(
            count=count,
            seconds=ended - began,
            cpu_ms={name: seconds / count * 1000 for name, seconds in used.items()},
            megabytes=processes.megabytes(),
        )

    def legs(self, count: int) -> dict[str, float]:
        """Return how many records a second two processes take while no other works.

        They are the customer's relay and the payment service's consumer, which stores them.
        """
        before = self._last_inbox_ids()["payment"]
        (last,) = self.row("customer", _LAST_OUTBOX_ID)
        others = ["payment-worker", "customer-consumer", "admin-consumer"]
        with ExitStack() as relay:
            relay.enter_context(self.relay_stands_still())
            asked_at = time.time()
            self.queue(count)
            self.wait_until_emails_are_sent()
            with self._stand_still(others):
                with self._stand_still(["payment-consumer"]):
                    relay.close()
                    relayed = self._rate_of("customer", _RELAYED, last, count)
                stored = self._rate_of("payment", _STORED, before, count)
        self._wait_until_drained(asked_at, count)
        return {"relay": relayed, "ingest": stored}

    def _rate_of(self, service: str, statement: str, after: int, count: int) -> float:
        began = time.time()
        wait_until(
            lambda: self.row(service, statement, after)[0] >= count,
            what=f"{count} records at {service}",
            seconds=60,
            every=0.1,
        )
        return count / (float(self.row(service, statement, after)[1]) - began)

    def relay_stands_still(self) -> AbstractContextManager[None]:
        """Keep everything in the customer's outbox, so that nothing else has work."""
        return self._stand_still(["customer-relay"])

    @contextmanager
    def stands_still(self) -> Iterator[None]:
        """Leave the machine to others: what asks for work is frozen, after it has done its own.

        The web servers, which ask for nothing, stay. In the end consumers may have lost their
        groups; it returns when a few payments have come through.
        """
        self.running.wait_until_settled(seconds=120)
        self.wait_until_emails_are_sent()
        names = self.running.supervisor.names()
        with self._stand_still(
            [name for name in names if name.startswith(OF_SERVICES) and not name.endswith("-web")]
        ):
            yield
        self.drain(_FEW)

    @contextmanager
    def _stand_still(self, names: Sequence[str]) -> Iterator[None]:
        frozen: list[int] = []
        try:
            frozen.extend(self.running.kill(name, signal.SIGSTOP) for name in names)
            yield
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)

    def queue(self, count: int) -> list[str]:
        """Accept payments without HTTP, and return API tokens of some who pay."""
        queued = subprocess.run(
            [PYTHON, "-m", "devstack.bench.queue_payments", "--count", str(count)],
            env=self.environment("customer"),
            cwd=ROOT,
            check=True,
            stdout=subprocess.PIPE,
        )
        tokens: list[str] = json.loads(queued.stdout)
        return tokens

    def _wait_until_drained(self, asked_at: float, count: int) -> None:
        wait_until(
            lambda: self._is_drained(asked_at, count),
            what=f"{count} payments to be final",
            seconds=_DRAINED_WITHIN,
            every=0.1,
        )

    def _is_drained(self, asked_at: float, count: int) -> bool:
        final, asked = self.row("customer", _FINAL_AT_CUSTOMER, asked_at)
        (counted,) = self.row("admin", _COUNTED_AT_ADMIN, asked_at)
        assert asked == count  # noqa: S101 - or something else paid meanwhile
        return bool(final == counted == count)

    def _last_inbox_ids(self) -> dict[str, int]:
        return {name: self.row(name, _LAST_INBOX_ID)[0] for name in self.running.database_urls}

    def _last_handled(self, service: str, after: int) -> float:
        return float(self.row(service, _LAST_HANDLED, after)[0])

    def wait_until_emails_are_sent(self) -> None:
        """Wait for the mailer, which is slower than the payments that it tells of."""
        sent = (
            "SELECT NOT EXISTS (SELECT FROM emails_email WHERE sent_at IS NULL AND due_at <= now())"
        )
        wait_until(lambda: self.row("customer", sent)[0], what="e-mails to be sent", seconds=300)

    def row(self, service: str, statement: str, *parameters: Any) -> tuple[Any, ...]:
        """Return the first row that a service's database answers."""
        connection = psycopg2.connect(self.running.database_urls[service])
        try:
            with connection.cursor() as cursor:
                cursor.execute(statement, parameters)
                return cursor.fetchone() or ()
        finally:
            connection.close()

    @contextmanager
    def own_worker(self, *, settings: str) -> Iterator[dict[str, int]]:
        """Run a worker with other settings in place of the stack's. Yields its name and pid."""
        supervisor = self.running.supervisor
        supervisor.stop("payment-worker")
        celery = [PYTHON, "-W", "ignore", "-m", "celery", "--quiet", "-A", "payment_project"]
        command = [*celery, "worker"]
        options = ["--pool", "threads", "--concurrency", "4", "--loglevel", "ERROR"]
        quiet = ["--without-gossip", "--without-mingle"]
        environment = self.environment("payment") | {"DJANGO_SETTINGS_MODULE": settings}
        with subprocess.Popen([*command, *options, *quiet], env=environment, cwd=ROOT) as worker:
            try:
                yield {"payment-worker": worker.pid}
            finally:
                worker.terminate()
        supervisor.start("payment-worker")
