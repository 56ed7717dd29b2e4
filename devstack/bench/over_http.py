"""Requests, on one running system: T4, T6 and T8."""

import json
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from devstack.bench.medians import median, medians
from devstack.bench.processes import Processes, difference
from devstack.bench.size import Size
from devstack.bench.system import WEBHOOK_SECRET, System
from devstack.bench.targets import Target
from devstack.launch import clean_environment
from devstack.paths import PYTHON, ROOT

_CLIENTS: Final = 16
"""Who each send again as soon as they are answered, to find how much there can be."""
_SHARES: Final = (0.1, 0.5, 0.8)
"""Of what can be done at most: how busy the system is while it is looked at."""
_LATENCY: Final = """
SELECT count(*),
    percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY
        extract(epoch FROM updated_at - created_at) * 1000)
FROM payments_payment WHERE status = 'succeeded' AND created_at >= to_timestamp(%s)
"""
_FINAL_A_SECOND: Final = """
SELECT count(*) / extract(epoch FROM max(updated_at) - min(created_at))
FROM payments_payment WHERE status = 'succeeded' AND created_at >= to_timestamp(%s)
"""


@dataclass(frozen=True, kw_only=True)
class OverHttp:
    """The measurements over HTTP on one running system."""

    system: System
    size: Size
    tell: Callable[[str], None]

    def latency(self) -> list[Target]:
        """Measure open loops of payments: T4, and what a request costs, T6."""
        tokens = self.system.queue(0)
        url = f"{self.system.running.urls['customer']}/api/payments/"
        given = {"url": url, "tokens": tokens}
        self.tell("Payments over HTTP: open loops of 200/s and 50/s")
        runs = [
            (self._payments(200, given), self._payments(50, given))
            for _ in range(self.size.repeats)
        ]
        most = self._most_payments(given)
        self.tell(f"  as many as there can be: {most:.0f}/s; open loops of shares of that")
        at_50 = medians([one["added_ms"] for _, one in runs])
        at_200 = medians([one["added_ms"] for one, _ in runs])
        return [
            Target(
                name="T4",
                what="ms p99 from accepted to final at 50/s",
                value=at_50["p99"],
                target=50,
                better="less",
                figures={
                    "at_50": {
                        "added_ms": at_50,
                        "api_ms": medians([one["api_ms"] for _, one in runs]),
                    },
                    "at_200": {
                        "added_ms": at_200,
                        "api_ms": medians([one["api_ms"] for one, _ in runs]),
                    },
                    "most_per_second": most,
                    "at_shares_of_the_most": {
                        str(share): self._payments(share * most, given) for share in _SHARES
                    },
                    "all_met": at_200["p99"] <= 100 and at_50["p50"] <= 25,  # noqa: PLR2004
                },
            ),
            Target(
                name="T6",
                what="ms CPU of the web server for a POST",
                value=median(one["web_ms"] for one, _ in runs),
                target=1.5,
                better="less",
            ),
        ]

    def _most_payments(self, given: dict[str, Any]) -> float:
        """Return how many a second get through, from the first accepted to the last final."""
        began = time.time()
        self._load("payments", given, "--clients", _CLIENTS)
        self.system.running.wait_until_settled(seconds=120)
        return float(self.system.row("customer", _FINAL_A_SECOND, began)[0])

    def _payments(self, rate: float, given: dict[str, Any]) -> dict[str, Any]:
        self.system.wait_until_emails_are_sent()  # those of the payments before
        processes = Processes(self.system.running.supervisor, {})
        began, before = time.time(), processes.cpu_seconds()
        sent = self._load("payments", given, "--rate", rate)
        self.system.running.wait_until_settled(seconds=120)
        used = difference(processes.cpu_seconds(), before)
        count, cuts = self.system.row("customer", _LATENCY, began)
        assert count == sent["sent"], sent  # noqa: S101 - or some were refused
        return {
            "per_second": rate,
            "added_ms": dict(zip(("p50", "p95", "p99"), cuts, strict=True)),
            "api_ms": sent["ms"],
            "web_ms": used["customer-web"] / count * 1000,
        }

    def webhooks(self) -> list[Target]:
        """Measure how fast webhooks are acknowledged: T8."""
        self.tell("Webhooks: an open loop of 200/s, then as many as there can be")
        self.system.wait_until_emails_are_sent()  # those of the payments before
        event = {
            "object": "event",
            "type": "payment_intent.succeeded",
            "api_version": "2026-10-28.endive",
            "created": int(time.time()),
            "livemode": False,
            "pending_webhooks": 1,
        }
        given = {
            "url": f"{self.system.running.urls['customer']}/webhooks/stripe/",
            "secret": WEBHOOK_SECRET,
            "event": event,
            "objects": self.system.intents(),
        }
        self._load(
            "webhooks", given, "--rate", 50, seconds=1
        )  # its threads connect to the database
        read, unread = [], []
        for _ in range(self.size.repeats):
            read.append(self._webhooks(given, "--rate", 200))
            with self.system.relay_stands_still():
                unread.append(self._load("webhooks", given, "--rate", 200))
            self.system.running.wait_until_settled(seconds=120)
        most = self._webhooks(given, "--clients", _CLIENTS)
        statuses = {status for one in [*read, *unread, most] for status in one["statuses"]}
        ms = medians([one["ms"] for one in read])
        return [
            Target(
                name="T8",
                what="ms p99 until a webhook is acknowledged, at 200/s",
                value=ms["p99"],
                target=50,
                better="less",
                figures={
                    "ms": ms,
                    "ms_while_nobody_reads_them": medians([one["ms"] for one in unread]),
                    "most_per_second": most["per_second"],
                    "ms_at_the_most": most["ms"],
                    "statuses": sorted(statuses),
                    "all_met": statuses == {"200"},
                },
            )
        ]

    def _webhooks(self, given: dict[str, Any], option: str, value: float) -> dict[str, Any]:
        sent = self._load("webhooks", given, option, value)
        self.system.running.wait_until_settled(seconds=120)
        return sent

    def _load(
        self,
        what: str,
        given: dict[str, Any],
        option: str,
        value: float,
        *,
        seconds: float | None = None,
    ) -> dict[str, Any]:
        load = [PYTHON, "-m", "devstack.bench.load", what, option, str(value)]
        loaded = subprocess.run(
            [*load, "--seconds", str(seconds or self.size.seconds)],
            input=json.dumps(given).encode(),
            stdout=subprocess.PIPE,
            env=clean_environment(),
            cwd=ROOT,
            check=True,
        )
        answer: dict[str, Any] = json.loads(loaded.stdout)
        return answer
