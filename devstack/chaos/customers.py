"""The customers of a run and their merchant, each with a token."""

import json
from contextlib import closing
from typing import Final

from devstack.hops import Trace
from devstack.running import RunningStack

EMAIL_DOMAIN: Final = "chaos.example"
"""Of every customer: nobody may read it in a log."""

_PREFIX: Final = "chaos-"
_MAKE: Final = """
import json
from django.contrib.auth import get_user_model
from rest_framework.authtoken.models import Token
from customer_project.customers.models import Customer
from customer_project.subscriptions.demo import make_plans

make_plans()
tokens = []
for number in range({count}):
    name = f"{prefix}{{number}}"
    user, _ = get_user_model().objects.get_or_create(username=name)
    Customer.objects.get_or_create(
        user=user, defaults={{"name": name, "email": f"{{name}}@{domain}"}}
    )
    tokens.append(Token.objects.get_or_create(user=user)[0].key)
print(json.dumps(tokens))
"""
_IDS: Final = "SELECT id::text FROM customers_customer ORDER BY created_at, id"


def name_of(number: int) -> str:
    """Return the name of one of the customers."""
    return f"{_PREFIX}{number}"


def make_customers(stack: RunningStack, count: int) -> list[str]:
    """Make customers, and plans for them to subscribe to; return the customers' API tokens."""
    code = _MAKE.format(count=count, domain=EMAIL_DOMAIN, prefix=_PREFIX)
    printed = stack.manage("customer", "shell", "-c", code)
    tokens: list[str] = json.loads(printed.strip().splitlines()[-1])
    return tokens


def customer_ids(stack: RunningStack) -> list[str]:
    """Return the customers' ids, which are the keys of their events."""
    with closing(Trace(stack)) as trace:
        return [row["id"] for row in trace.rows("customer", _IDS)]


def make_merchant(stack: RunningStack) -> str:
    """Make a merchant's token that may do everything, and return it."""
    return stack.manage("customer", "make_merchant_token", "Chaos").strip()
