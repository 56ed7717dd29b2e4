"""The demo's users and tokens, made by each service's `seed_demo`."""

import json
from dataclasses import dataclass
from typing import Self

import psycopg2

from devstack.running import RunningStack
from devstack.services import SERVICES

DEMO_CUSTOMERS = ("ada", "grace")

_TOKENS = (
    "SELECT auth_user.username, authtoken_token.key FROM authtoken_token"
    " JOIN auth_user ON auth_user.id = authtoken_token.user_id"
    " WHERE auth_user.username IN ('ada', 'grace', 'admin')"
)


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """API tokens of the demo's customers and of the admin service."""

    customer_tokens: list[str]
    admin_token: str

    @classmethod
    def of(cls, stack: RunningStack) -> Self:
        """Find the tokens in the databases, or have `seed_demo` make them."""
        tokens = {name: _tokens(stack.database_urls[name]) for name in SERVICES}
        if not all(tokens.values()):
            printed = stack.manage_all("seed_demo")
            tokens = {name: json.loads(text)["tokens"] for name, text in printed.items()}
        return cls(
            customer_tokens=[tokens["customer"][name] for name in DEMO_CUSTOMERS],
            admin_token=tokens["admin"]["admin"],
        )


def _tokens(url: str) -> dict[str, str]:
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor:
        cursor.execute(_TOKENS)
        tokens = dict(cursor.fetchall())
    connection.close()
    return tokens
