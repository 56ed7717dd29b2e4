import pytest

from devstack.testing import (  # noqa: F401 - fixtures
    ada,
    admin_figures,
    anonymous,
    audit,
    books,
    databases,
    grace,
    merchant,
    seeds,
    stack,
    topics,
)


def pytest_collection_modifyitems(items):
    for item in items:
        if "/e2e/" in item.nodeid:
            item.add_marker(pytest.mark.e2e)
