"""Send what is queued for customers."""

import os
from typing import Any, Final

from django.core.mail import get_connection
from django.core.management.base import BaseCommand

from customer_project.emails.services import send_next
from kafka_bridge.checks import TAG
from kafka_bridge.database import Stopped, keep_no_query_log, until_it_works
from kafka_bridge.signals import stop_on_signal

POLL_INTERVAL: Final = 2.0
"""Seconds between looks at the queue."""
_NICE: Final = 10
"""How far it steps back for payments, where both want a processor."""


class Command(BaseCommand):
    """`customer.py send_emails`: more than one share the queue."""

    help = "Send customers their e-mails as they are queued, until SIGTERM."
    requires_system_checks = (TAG,)

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Send what is due, wait, look again."""
        os.nice(_NICE)
        keep_no_query_log()
        stop = stop_on_signal()
        backend = get_connection()
        try:
            while not stop.is_set():
                if not until_it_works(lambda: send_next(backend), stop=stop):
                    stop.wait(POLL_INTERVAL)
        except Stopped:
            pass
