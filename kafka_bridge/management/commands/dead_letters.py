"""Look at dead letters, and decide about them."""

import sys
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db.models import QuerySet

from kafka_bridge import audit, dead_letters, selectors
from kafka_bridge.letters_as_text import describe, summary_lines
from kafka_bridge.models import InboxEvent


class Command(BaseCommand):
    """`manage.py dead_letters list | show | retry | discard`: what Django admin offers, in text."""

    help = (
        "list: groups of dead events that failed alike, or the events of one with --fingerprint. "
        "show: everything about events, private data masked. "
        "retry, discard: decide about events; logged as done by the user manage.py."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Take what to do, and with which events."""
        parser.add_argument("action", choices=["list", "show", "retry", "discard"])
        parser.add_argument("--fingerprint", default="", help="events that failed alike")
        parser.add_argument("--topic", default="", help="events of this topic")
        parser.add_argument(
            "--event-id", dest="event_ids", action="append", type=UUID, default=[], metavar="UUID",
            help="this event; may be given several times",
        )  # fmt: skip
        parser.add_argument("--all", action="store_true", help="every dead event")
        parser.add_argument("--reason", default="", help="why events may be discarded")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--private", action="store_true", help="show private data too")

    def handle(self, *_args: Any, action: str, **options: Any) -> None:
        """Find the events, then do it."""
        chosen = {name: options[name] for name in ("fingerprint", "topic", "event_ids")}
        found = selectors.dead_letters(**chosen)
        if action == "list":
            by_event = bool(options["fingerprint"] or options["event_ids"])
            for line in summary_lines(found, by_event=by_event, private=options["private"]):
                self.stdout.write(line)
            return
        if not any(chosen.values()) and not options["all"]:
            raise CommandError(
                f"{action} what? Give --fingerprint, --topic, --event-id, or --all; "
                "`dead_letters list` shows what there is."
            )
        count = found.count()
        if not count:
            raise CommandError("No dead letter matches; `dead_letters list` shows what there is.")
        if action == "show":
            for event in found.iterator(chunk_size=100):
                self.stdout.write(describe(event, private=options["private"]))
        elif action == "retry":
            self._confirm(f"retry {count} events", yes=options["yes"])
            self._retry(found)
        else:
            self._discard(found, count, reason=options["reason"].strip(), yes=options["yes"])

    def _retry(self, found: QuerySet[InboxEvent]) -> None:
        retried = dead_letters.retry(found.only("pk"), by=audit.command_line_user())
        self.stdout.write(f"{retried.pending} pending again")
        for event_id, reason in retried.refused.items():
            self.stderr.write(f"{event_id} would only die again: {reason}")
        if retried.refused:
            raise CommandError(
                f"{len(retried.refused)} are dead as before. Edit them in Django admin, deploy "
                "what takes them, or discard them."
            )

    def _discard(self, found: QuerySet[InboxEvent], count: int, *, reason: str, yes: bool) -> None:
        if not reason:
            raise CommandError('Why? Give --reason "…": whoever asks later finds it in the log.')
        self._confirm(f"discard {count} events for ever", yes=yes)
        user = audit.command_line_user()
        discarded = dead_letters.discard(found.only("pk"), reason=reason, by=user)
        self.stdout.write(f"{discarded} discarded")

    def _confirm(self, what: str, *, yes: bool) -> None:
        if yes:
            return
        if not sys.stdin.isatty():
            raise CommandError(f"This would {what}. Add --yes to do it.")
        if input(f"This will {what}. Go on? [y/N] ").strip().lower() not in {"y", "yes"}:
            raise CommandError("Nothing was done.")
