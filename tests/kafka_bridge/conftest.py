import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases

from kafka_bridge.handlers import handles, handles_answers
from kafka_bridge.testing import contract_of_topic, only_handlers_of_the_test, stranded_keys
from tests.kafka_bridge.noted import CallingLedger, Ledger, Noted, create_table, empty_all_tables


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker):
    """The test database, also for tests without pytest-django's mark, and the effects' table."""
    with django_db_blocker.unblock():
        databases = setup_databases(verbosity=0, interactive=False)
        create_table()
    yield
    with django_db_blocker.unblock():
        connection.close()
        teardown_databases(databases, verbosity=0)


@pytest.fixture(autouse=True)
def database(django_db_setup, django_db_blocker):
    """Real transactions and several connections; and whatever was done, no event is stranded.

    Instead of `django_db(transaction=True)`, whose flush would take half of the suite's time.
    """
    with django_db_blocker.unblock():
        empty_all_tables()
        yield
        assert stranded_keys() == set()


@pytest.fixture
def registry(database):
    """No handlers but the test's, and Noted as the contract of its topic."""
    with only_handlers_of_the_test(), contract_of_topic(Noted):
        yield


@pytest.fixture
def ledger(registry):
    """Handles Noted in the consumer's transaction."""
    ledger = Ledger()
    handles(Noted)(ledger.record_events)
    return ledger


@pytest.fixture
def answering_ledger(registry):
    """Handles what its `call` answers to Noted."""
    ledger = CallingLedger()
    handles_answers(Noted, call=ledger.answer)(ledger.record_answers)
    return ledger
