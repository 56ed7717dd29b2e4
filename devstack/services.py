"""The processes of the three services, and the environment each service gets."""

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from devstack.kafka import Broker
from devstack.paths import PYTHON, ROOT
from devstack.ports import HOST, Ports
from devstack.postgres import database_url
from devstack.program import Program

SERVICES = ("customer", "payment", "admin")

DEMO_API_KEY = "sk_test_paybridge_demo"
DEMO_PUBLISHABLE_KEY = "pk_test_paybridge_demo"

_PREFERRED_PORTS = {"customer-web": 8001, "payment-web": 8002, "admin-web": 8003}

# Variables of the developer's shell that a service gets as they are, beside what is decided here.
_COMMON = ("DJANGO_SECRET_KEY", "DJANGO_DEBUG", "DJANGO_ALLOWED_HOSTS", "LOG_LEVEL", "LOG_FORMAT")
_OWN = {
    "customer": (
        *("STRIPE_PUBLISHABLE_KEY", "STRIPE_WEBHOOK_SECRETS", "STRIPE_JS_URL"),
        *("PAYMENT_RETURN_URLS", "API_CUSTOMER_RATE_LIMIT", "API_MERCHANT_RATE_LIMIT"),
        *("LONG_POLLS", "SHOP_URL", "EMAIL_URL", "DEFAULT_FROM_EMAIL"),
    ),
    "payment": (
        *("STRIPE_API_KEY", "STRIPE_API_BASE", "STRIPE_WEBHOOK_SECRETS"),
        *("STRIPE_RATE_LIMIT", "STRIPE_ENDPOINT_RATE_LIMIT", "STRIPE_LIMITS_URL"),
        *("PAYMENT_DEADLINES", "DUNNING", "STRIPE_ADOPT"),
    ),
    "admin": ("KAFKA_BRIDGE_LINGER",),
}


@dataclass(frozen=True, kw_only=True)
class Backends:
    """Where the servers are that the services use."""

    database_server_url: str
    broker: Broker
    celery_broker_url: str
    stripe_api_base: str | None
    webhook_secret: str = ""
    return_urls: tuple[str, ...] = ()
    host_environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))


def environments(backends: Backends, *, secret_keys: dict[str, str]) -> dict[str, dict[str, str]]:
    """Return each service's variables: its own database, and only the secrets that are its own."""
    host = backends.host_environment
    base = backends.stripe_api_base
    stripe_base = {"STRIPE_API_BASE": base} if base else {}
    stripe_js = {"STRIPE_JS_URL": f"{base}/v3/"} if base else {}
    own = {
        "customer": {
            "STRIPE_PUBLISHABLE_KEY": DEMO_PUBLISHABLE_KEY,
            "STRIPE_WEBHOOK_SECRETS": backends.webhook_secret,
            "PAYMENT_RETURN_URLS": ",".join(backends.return_urls),
            # Two customers make all the payments of the demo, the tests and the benchmark.
            "API_CUSTOMER_RATE_LIMIT": "0",
            **stripe_js,
        },
        "payment": {
            "CELERY_BROKER_URL": backends.celery_broker_url,
            "STRIPE_API_KEY": DEMO_API_KEY,
            "STRIPE_WEBHOOK_SECRETS": backends.webhook_secret,
            **stripe_base,
        },
        "admin": {},
    }
    return {
        service: {
            "DJANGO_SECRET_KEY": secret_keys[service],
            "DJANGO_DEBUG": "1",
            "DJANGO_ALLOWED_HOSTS": f"{HOST},localhost",
            **own[service],
            **{name: host[name] for name in (*_COMMON, *_OWN[service]) if name in host},
            **_kafka_environment(backends.broker, host, service),
            "DATABASE_URL": database_url(backends.database_server_url, f"paybridge_{service}"),
        }
        for service in SERVICES
    }


def _kafka_environment(broker: Broker, host: dict[str, str], service: str) -> dict[str, str]:
    """The broker's address and the client settings it needs, under what the shell says."""
    needed = broker.client_settings(service)
    settings = {}
    for client in ("client", "producer", "consumer"):
        name = f"KAFKA_{client.upper()}_SETTINGS"
        merged = needed.get(client, {}) | json.loads(host.get(name, "{}"))
        if merged:
            settings[name] = json.dumps(merged, separators=(",", ":"))
    passed_on = {key: value for key, value in host.items() if key.startswith("KAFKA_")}
    # Enough for one machine; the embedded broker looks at each one fifty times a second.
    few = {"KAFKA_TOPIC_PARTITIONS": "3"}
    return few | passed_on | settings | {"KAFKA_BOOTSTRAP_SERVERS": broker.bootstrap_servers}


def secret_keys(file: Path) -> dict[str, str]:
    """Return each service's Django secret key, made on the first start and kept."""
    keys: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    for service in SERVICES:
        keys.setdefault(service, secrets.token_urlsafe(48))
    file.touch(mode=0o600)
    file.write_text(json.dumps(keys))
    return keys


def write_env_file(file: Path, variables: dict[str, str]) -> None:
    """Write `KEY=value` lines that only the owner can read."""
    file.touch(mode=0o600)
    file.write_text("".join(f"{key}={value}\n" for key, value in variables.items()))


def manage_command(service: str, *arguments: str) -> list[str]:
    """Return the command line of a service's management command."""
    return [PYTHON, str(ROOT / "manage_scripts" / f"{service}.py"), *arguments]


def web_port(service: str, ports: Ports) -> int:
    """Return the port of a service's web server."""
    name = f"{service}-web"
    return ports.get(name, preferred=_PREFERRED_PORTS[name])


def take_other_ports(folder: Path) -> None:
    """Choose the ports of a stack that runs beside others: not the usual ones, which these want."""
    ports = Ports(folder / "ports.json")
    for program in ("stripe-emulator", *_PREFERRED_PORTS):
        ports.get(program)


def programs(folder: Path, ports: Ports) -> list[Program]:
    """Return the processes of the three services, in the order in which they start."""

    def program(name: str, command: list[str], group: str = "services") -> Program:
        env_file = folder / f"{name.partition('-')[0]}.env"
        return Program(name=name, group=group, command=command, env_file=env_file)

    celery = [PYTHON, "-m", "celery", "-A", "payment_project"]
    worker_options = ["--pool", "threads", "--concurrency", "4", "--loglevel", "INFO"]
    quiet_network = ["--without-gossip", "--without-mingle"]
    schedule = str(folder / "celerybeat-schedule")
    return [
        *(
            program(f"{service}-web", _gunicorn(service, web_port(service, ports)), "web")
            for service in SERVICES
        ),
        *(
            program(f"{service}-consumer", manage_command(service, "consume_events"))
            for service in SERVICES
        ),
        *(
            program(f"{service}-relay", manage_command(service, "relay_outbox"))
            for service in SERVICES
        ),
        program("customer-mailer", manage_command("customer", "send_emails")),
        program("payment-worker", [*celery, "worker", *worker_options, *quiet_network]),
        program("payment-beat", [*celery, "beat", "--schedule", schedule, "--loglevel", "INFO"]),
    ]


def _gunicorn(service: str, port: int) -> list[str]:
    threads = "48" if service == "customer" else "8"  # where requests wait for news
    return [
        *(PYTHON, "-m", "gunicorn", f"{service}_project.wsgi:application"),
        *("--bind", f"{HOST}:{port}", "--worker-class", "gthread", "--threads", threads),
        "--no-control-socket",
    ]
