import subprocess

import psycopg2
import pytest

from devstack.bench.history import multiply, rows
from devstack.ports import Ports
from devstack.postgres import EmbeddedPostgres
from devstack.waiting import wait_until

SCHEMA = """
CREATE TABLE auth_user (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
CREATE TABLE payments_payment (
    id uuid PRIMARY KEY, user_id bigint NOT NULL REFERENCES auth_user, amount bigint NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE TABLE emails_email (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id uuid REFERENCES payments_payment, kind varchar(16) NOT NULL,
    UNIQUE (payment_id, kind)
);
CREATE TABLE payments_paymentevent (
    event_id uuid PRIMARY KEY, payment_id uuid NOT NULL REFERENCES payments_payment
);
CREATE TABLE idempotency_key (asker varchar(64), key varchar(255), UNIQUE (asker, key));
CREATE TABLE analytics_sum (
    starts_at timestamptz, currency varchar(3), count bigint NOT NULL,
    PRIMARY KEY (starts_at, currency)
);
CREATE TABLE ledger_transaction (id text PRIMARY KEY);
CREATE TABLE ledger_entry (
    transaction_id text, line smallint, amount bigint NOT NULL, PRIMARY KEY (transaction_id, line)
);
CREATE TABLE subscriptions_plan (slug varchar(50) PRIMARY KEY);
CREATE TABLE subscriptions_subscription (
    id uuid PRIMARY KEY, user_id bigint NOT NULL REFERENCES auth_user,
    plan_id varchar(50) NOT NULL REFERENCES subscriptions_plan,
    number text NOT NULL UNIQUE, status varchar(32) NOT NULL, card jsonb, trial_end timestamptz,
    changes integer NOT NULL DEFAULT 7
);
CREATE TABLE subscriptions_invoice (
    id varchar(255) PRIMARY KEY,
    subscription_id uuid NOT NULL REFERENCES subscriptions_subscription
);
INSERT INTO auth_user SELECT FROM generate_series(1, 3);
INSERT INTO payments_payment SELECT uuidv7(), 1 + n % 3, n, now() FROM generate_series(1, 40) AS n;
INSERT INTO emails_email (payment_id, kind) SELECT id, 'receipt' FROM payments_payment;
INSERT INTO payments_paymentevent SELECT uuidv7(), id FROM payments_payment;
INSERT INTO idempotency_key SELECT repeat('a', 64), repeat('k', 99) || n
    FROM generate_series(1, 9) AS n;
INSERT INTO analytics_sum VALUES (now(), 'eur', 1), (now(), 'usd', 1);
INSERT INTO ledger_transaction SELECT n FROM generate_series(1, 10) AS n;
INSERT INTO ledger_entry SELECT n, line, line - 3 FROM generate_series(1, 10) AS n,
    generate_series(2, 4) AS line;
"""
GROWING = {
    "payments_payment": 3_000,
    "emails_email": 3_000,
    "payments_paymentevent": 3_000,
    "idempotency_key": 3_000,
    "analytics_sum": 3_000,
    "ledger_transaction": 3_000,
    "ledger_entry": 3_000,
    "subscriptions_subscription": 3_000,
    "subscriptions_invoice": 3_000,
}


@pytest.fixture
def url(tmp_path):
    postgres = EmbeddedPostgres(tmp_path, Ports(tmp_path / "ports.json"))
    postgres.prepare()
    with subprocess.Popen(postgres.program.launch_command) as process:
        wait_until(lambda: accepts(postgres.url), what="PostgreSQL")
        execute(postgres.url, SCHEMA)
        yield postgres.url
        process.terminate()


def accepts(url):
    try:
        psycopg2.connect(url).close()
    except psycopg2.OperationalError:
        return False
    return True


def execute(url, statement):
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(statement)
        found = cursor.fetchall() if cursor.description else []
    connection.close()
    return found


def test_every_table_grows_and_every_constraint_holds(url):
    multiply(url, rows=1_000)

    assert multiply(url, rows=3_000) == rows(url) == GROWING
    assert execute(url, "SELECT count(*) FROM auth_user") == [(3,)]
    assert execute(url, "SELECT count(*) FROM subscriptions_plan") == [(1_000,)]
    for table, column, parent in [
        ("emails_email", "payment_id", "payments_payment"),
        ("payments_paymentevent", "payment_id", "payments_payment"),
        ("subscriptions_invoice", "subscription_id", "subscriptions_subscription"),
    ]:
        of_each = (
            f"SELECT count({column}) FROM {parent} p LEFT JOIN {table} ON p.id = {column}"  # noqa: S608
            " GROUP BY p.id"
        )
        found = [count for (count,) in execute(url, of_each)]
        assert sum(found) == 3_000  # none refers to nothing
        assert max(found) <= 3


def test_what_belongs_together_is_copied_together(url):
    multiply(url, rows=3_000)

    sums = "SELECT DISTINCT sum(amount) FROM ledger_entry GROUP BY transaction_id"
    lost = (
        "SELECT count(*) FROM ledger_entry LEFT JOIN ledger_transaction t ON t.id = transaction_id"
    )
    assert execute(url, sums) == [(0,)]
    assert execute(url, f"{lost} WHERE t.id IS NULL") == [(0,)]


def test_made_rows_say_little(url):
    multiply(url, rows=1_000)

    said = "SELECT DISTINCT status, card::text, trial_end, changes FROM subscriptions_subscription"
    assert execute(url, said) == [("active", None, None, 7)]
