"""A consumer as a process of its own, to be killed: `consumer_process.py TOPIC GROUP`."""

import sys

from kafka_bridge.signals import stop_on_signal

stop = stop_on_signal()  # first of all: it may be stopped while it starts

import django  # noqa: E402
from django.conf import settings  # noqa: E402


def main(topic: str, service: str) -> None:
    django.setup()
    settings.SERVICE_NAME = service

    from kafka_bridge.consumer import EventConsumer  # noqa: PLC0415 - needs Django's apps
    from kafka_bridge.handlers import handles  # noqa: PLC0415
    from kafka_bridge.testing import only_handlers_of_the_test  # noqa: PLC0415
    from tests.kafka_bridge.noted import Ledger  # noqa: PLC0415
    from tests.kafka_bridge.topics import consumed_topic  # noqa: PLC0415

    with only_handlers_of_the_test(), consumed_topic(topic) as event_class:
        handles(event_class)(Ledger().record)
        EventConsumer(stop=stop).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
