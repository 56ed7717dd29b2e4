"""The demo: start everything, take the tour, stay up with the addresses."""

import argparse
import json
import os
import time
from typing import Any

from devstack.bootstrap import SETUP_SECONDS
from devstack.commands import guarded, say
from devstack.paths import STATE
from devstack.running import RunningStack
from devstack.seeds import Seeds
from devstack.stack import KAFKA_CHOICES, Stack
from devstack.tour import Facts, Tour


def main(arguments: list[str]) -> int:
    """Run the demo and return its exit code: 0, or 1 if anything was off."""
    options = _parse(arguments)
    return guarded(lambda: _demo(options))


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="demo.py", description="Run the whole system here.")
    parser.add_argument("--exit", action="store_true", help="stop after the tour")
    parser.add_argument(
        "--json", action="store_true", help="print the tour's facts as JSON on the last line"
    )
    parser.add_argument(
        "--kafka", choices=KAFKA_CHOICES, default="embedded", help="which broker to start"
    )
    return parser.parse_args(arguments)


def _demo(options: argparse.Namespace) -> int:
    started = time.monotonic()
    print("Starting:", flush=True)
    with Stack(STATE, kafka=options.kafka, say=say) as stack:
        stack.start_servers()
        stack.start_services()
        seeds = Seeds.of(stack.running)
        start_seconds = time.monotonic() - started
        say(f"  Up after {start_seconds:.1f} s.")
        print("\nThe tour:")
        facts = Tour(stack.running, seeds, say=say).run()
        if not options.exit:
            _stay_up(stack, seeds)
        print("Stopping.", flush=True)
    if options.json:
        print(json.dumps(_json(facts, start_seconds)), flush=True)
    return 1 if facts.problems else 0


def _json(facts: Facts, start_seconds: float) -> dict[str, Any]:
    return {
        "payments": facts.payments,
        "latency_ms": facts.latency_ms,
        "figures": facts.figures,
        "setup_seconds": float(os.environ.get(SETUP_SECONDS, "0")),
        "start_seconds": round(start_seconds, 2),
        "problems": facts.problems,
        "ok": not facts.problems,
    }


def _stay_up(stack: Stack, seeds: Seeds) -> None:
    """Print the addresses and logins, and wait for Ctrl-C."""
    for line in _addresses(stack.running, seeds):
        say(line)
    try:
        stack.supervisor.wait()
        say("supervisord has ended; so do the processes.")
    except KeyboardInterrupt:
        print()


def _addresses(stack: RunningStack, seeds: Seeds) -> list[str]:
    lines = [
        f"\nBuy something (as ada / ada): {stack.urls['customer']}/checkout/",
        "Open (login admin / admin):",
        *(f"  {name:<9} {stack.urls[name]}/admin/" for name in ("customer", "payment", "admin")),
        f"  Stripe    {stack.stripe_url or 'api.stripe.com'}",
        f"  Kafka     {stack.bootstrap_servers}",
        f"  Logs      {stack.logs}",
        "Pay:",
        f"  curl {stack.urls['customer']}/api/payments/ -H 'Idempotency-Key: my-first-payment' \\",
        f"    -H 'Authorization: Token {seeds.customer_tokens[0]}' \\",
        "    -H 'Content-Type: application/json' \\",
        '    -d \'{"amount": 1999, "currency": "eur", "payment_method": "pm_card_visa"}\'',
        "Ctrl-C stops everything.",
    ]
    if not stack.kafka_keeps_records:
        lines.append("(The embedded Kafka is in memory only: its topics are gone then.)")
    return lines
