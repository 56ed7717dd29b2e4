import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

from devstack.paths import STATE
from devstack.services import DEMO_API_KEY
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
from tests.at_stripe import AtStripe


def pytest_collection_modifyitems(items):
    for item in items:
        if "/e2e/" in item.nodeid:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def chromium():
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip("No browser: install Chromium (Debian: apt install chromium) or set CHROMIUM.")
    with sync_playwright() as playwright:
        # Chromium's own sandbox does not start for root, as which CI may run.
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def screenshots():
    folder = STATE / "screenshots"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def at_stripe(stack):  # noqa: F811 - the fixture
    if not stack.uses_emulator:
        pytest.skip("Only the emulator can be changed, and says what is due: unset STRIPE_API_KEY.")
    return AtStripe(stack.stripe_url, DEMO_API_KEY)
