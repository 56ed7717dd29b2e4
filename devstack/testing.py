"""pytest fixtures for tests against a running stack.

`test.py` names its stack's folder in PAYBRIDGE_STACK; a developer may name the demo's.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest

from devstack.books import Books
from devstack.clients import CustomerApi, Json, analytics, emulator_audit
from devstack.hops import Trace
from devstack.running import RunningStack
from devstack.seeds import Seeds
from devstack.topics import Topics

STACK_FOLDER = "PAYBRIDGE_STACK"


class Audit(Protocol):
    """Asks the emulator what really happened; filters narrow the charges that are counted."""

    def __call__(self, **filters: str) -> Json: ...


@pytest.fixture(scope="session")
def stack() -> RunningStack:
    """The running stack: addresses, kill, and the supervisor."""
    folder = os.environ.get(STACK_FOLDER)
    if folder is None:
        pytest.skip(
            "No running stack: use manage_scripts/test.py, or set PAYBRIDGE_STACK=.devstack "
            "while the demo is up."
        )
    return RunningStack.of(Path(folder).resolve())


@pytest.fixture(scope="session")
def seeds(stack: RunningStack) -> Seeds:
    """The demo's users."""
    return Seeds.of(stack)


@pytest.fixture
def ada(stack: RunningStack, seeds: Seeds) -> CustomerApi:
    """The API as the customer Ada uses it."""
    return CustomerApi(stack.urls["customer"], seeds.customer_tokens[0])


@pytest.fixture
def grace(stack: RunningStack, seeds: Seeds) -> CustomerApi:
    """The API as another customer uses it."""
    return CustomerApi(stack.urls["customer"], seeds.customer_tokens[1])


@pytest.fixture
def anonymous(stack: RunningStack) -> CustomerApi:
    """The API without a token."""
    return CustomerApi(stack.urls["customer"], token="")


@pytest.fixture(scope="session")
def merchant(stack: RunningStack) -> CustomerApi:
    """The API as a merchant's system uses it, with all scopes."""
    token = stack.manage("customer", "make_merchant_token", "End-to-end tests").strip()
    return CustomerApi(stack.urls["customer"], token, scheme="Bearer")


@pytest.fixture
def databases(stack: RunningStack) -> Iterator[Trace]:
    """The three databases."""
    trace = Trace(stack)
    yield trace
    trace.close()


@pytest.fixture(scope="session")
def topics(stack: RunningStack) -> Topics:
    """A plain Kafka client."""
    return Topics(stack.bootstrap_servers)


@pytest.fixture
def audit(stack: RunningStack) -> Audit:
    """What really happened at Stripe."""
    if not stack.uses_emulator or stack.stripe_url is None:
        pytest.skip("Stripe itself has no audit: unset STRIPE_API_KEY to use the emulator.")
    url = stack.stripe_url

    def ask(**filters: str) -> Json:
        return emulator_audit(url, **filters)

    return ask


@pytest.fixture
def books(stack: RunningStack, seeds: Seeds) -> Books:
    """Stripe's books and the admin's figures, to compare with what was asked for."""
    return Books(stack, seeds)


@pytest.fixture
def admin_figures(stack: RunningStack, seeds: Seeds) -> Callable[[], Json]:
    """Return a function that asks the admin service for its figures."""
    return lambda: analytics(stack.urls["admin"], seeds.admin_token)
