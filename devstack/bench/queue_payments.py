"""Accepts payments in the customer service's environment, as its API does, and nothing else runs.

python -m devstack.bench.queue_payments --count 10000 --customers 1000
"""

import argparse
import json
import uuid

import django

_WITH_TOKENS = 50


def main() -> None:
    """Make the customers that are missing, then accept the payments one by one."""
    parser = argparse.ArgumentParser(prog="python -m devstack.bench.queue_payments")
    parser.add_argument("--count", type=int, required=True)
    parser.add_argument("--customers", type=int, default=1_000)
    options = parser.parse_args()
    django.setup()
    from customer_project.payments import services  # noqa: PLC0415 - needs Django's apps
    from kafka_bridge.database import keep_no_query_log  # noqa: PLC0415

    keep_no_query_log()
    customers = _customers(options.customers)
    print(json.dumps(_tokens(customers[:_WITH_TOKENS])))
    for number in range(options.count):
        services.request_payment(
            customer=customers[number % len(customers)],
            idempotency_key=str(uuid.uuid4()),
            request={
                "amount": 1000 + number % 1000,
                "currency": "eur",
                "payment_method": "pm_card_visa",
            },
        )


def _tokens(customers: list) -> list[str]:  # type: ignore[type-arg]
    from rest_framework.authtoken.models import Token  # noqa: PLC0415

    return [Token.objects.get_or_create(user_id=one.user_id)[0].key for one in customers]


def _customers(count: int) -> list:  # type: ignore[type-arg] # of models that Django must load first
    from django.contrib.auth.models import User  # noqa: PLC0415 - needs Django's apps

    from customer_project.customers.models import Customer  # noqa: PLC0415

    names = [f"bench-{number}" for number in range(count)]
    User.objects.bulk_create([User(username=name) for name in names], ignore_conflicts=True)
    users = {user.username: user for user in User.objects.filter(username__in=names)}
    existing = dict(
        Customer.objects.filter(user__username__in=names).values_list("user__username", "id")
    )
    Customer.objects.bulk_create(
        [Customer(user=users[name], name=name) for name in names if name not in existing]
    )
    return list(Customer.objects.filter(user__username__in=names).order_by("id"))


if __name__ == "__main__":
    main()
