"""One process of the tutorial: `python -m devstack.bench.tutorial.run accept 300`, or a service."""

import os
import sys
import uuid

import django


def main() -> None:
    """Accept so many payments, or consume until stopped."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "devstack.bench.tutorial.settings")
    django.setup()
    what, *rest = sys.argv[1:]
    if what == "accept":
        accept(int(rest[0]))
    else:
        {"payment": dispatch, "customer": project, "admin": count}[what]()


def accept(payments: int) -> None:
    """Do what the customer service's view does, so many times."""
    from devstack.bench.tutorial import kafka  # noqa: PLC0415 - needs Django's apps
    from devstack.bench.tutorial.models import Payment  # noqa: PLC0415

    for number in range(payments):
        payment = Payment.objects.create(
            id=uuid.uuid4(),
            customer_id=f"customer-{number % 1000}",
            amount=1000 + number % 1000,
            currency="eur",
        )
        kafka.publish(
            kafka.REQUESTS,
            {
                "paymentId": str(payment.id),
                "customerId": payment.customer_id,
                "amount": payment.amount,
                "currency": payment.currency,
            },
        )


def dispatch() -> None:
    """Give each request to Celery."""
    from devstack.bench.tutorial import kafka, tasks  # noqa: PLC0415

    for event in kafka.events(kafka.REQUESTS):
        tasks.charge.delay(event)


def project() -> None:
    """Show each result to its customer."""
    from django.db import transaction  # noqa: PLC0415

    from devstack.bench.tutorial import kafka  # noqa: PLC0415
    from devstack.bench.tutorial.models import Payment  # noqa: PLC0415

    for event in kafka.events(kafka.RESULTS):
        with transaction.atomic():
            payment = Payment.objects.select_for_update().get(id=event["paymentId"])
            payment.status = event["status"]
            payment.payment_intent_id = event["paymentIntentId"]
            payment.save()


def count() -> None:
    """Keep each payment for the figures."""
    from devstack.bench.tutorial import kafka  # noqa: PLC0415
    from devstack.bench.tutorial.models import Payment  # noqa: PLC0415

    for event in kafka.events(kafka.ANALYTICS):
        Payment.objects.get_or_create(
            id=event["paymentId"],
            defaults={
                "customer_id": event["customerId"],
                "amount": event["amount"],
                "currency": event["currency"],
                "status": event["status"],
                "payment_intent_id": event["paymentIntentId"],
            },
        )


if __name__ == "__main__":
    main()
