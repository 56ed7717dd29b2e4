"""compose.yaml, checked without an engine: its schema, its commands, who gets which secret."""

import contextlib
import os
import re
import subprocess
import time

import compose_spec
import pytest
import yaml

from devstack import services
from devstack.paths import PYTHON, ROOT
from devstack.ports import HOST, Ports, answers

VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
COMPOSE = ROOT / "docker" / "compose.yaml"
INIT = ROOT / "docker" / "postgres-init.sh"

ONLY = {
    "POSTGRES_PASSWORD": {"postgres"},
    "CUSTOMER_DB_PASSWORD": {"postgres", "customer"},
    "PAYMENT_DB_PASSWORD": {"postgres", "payment"},
    "ADMIN_DB_PASSWORD": {"postgres", "admin"},
    "CUSTOMER_SECRET_KEY": {"customer"},
    "PAYMENT_SECRET_KEY": {"payment"},
    "ADMIN_SECRET_KEY": {"admin"},
    "STRIPE_API_KEY": {"payment"},
    "CELERY_BROKER_URL": {"payment"},
    "STRIPE_PUBLISHABLE_KEY": {"customer"},
    "STRIPE_WEBHOOK_SECRETS": {"customer", "payment"},
    "EMAIL_URL": {"customer"},
}


def interpolated(text, values=()):
    """Put a value, the default or its name in the place of each variable, as Compose does."""
    values = dict(values)
    return VARIABLE.sub(
        lambda found: values.get(found[1]) or (found[3] if found[2] == "-" else found[1]), text
    )


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(interpolated(COMPOSE.read_text()))


@pytest.fixture(scope="module")
def ours(compose):
    return {name: one for name, one in compose["services"].items() if one["image"] == "paybridge"}


class TestCompose:
    def test_is_valid(self, compose):
        without_anchors = {key: value for key, value in compose.items() if key[:2] != "x-"}

        parsed = compose_spec.PyCompose.from_yaml(yaml.safe_dump(without_anchors))

        assert set(parsed.service_names()) == set(compose["services"])

    def test_has_the_processes_of_the_developers_stack(self, ours, tmp_path):
        programs = services.programs(tmp_path, Ports(tmp_path / "ports.json"))

        assert {program.name for program in programs} <= set(ours)

    def test_runs_them_by_the_same_commands(self, ours, tmp_path):
        def comparable(command):
            words = " ".join(map(str, command))
            words = re.sub(r"\S*/(celerybeat-schedule|manage_scripts/)", r"\1", words)
            words = re.sub(r"^\S*python(\S*)( -m)? ?", "", words)
            return re.sub(r"--bind \S+|--no-control-socket", "", words).split()

        for program in services.programs(tmp_path, Ports(tmp_path / "ports.json")):
            assert comparable(ours[program.name]["command"]) == comparable(program.command)

    def test_each_service_gets_its_own_secrets_only(self, compose, ours):
        for name, one in compose["services"].items():
            service = "admin" if name == "create-topics" else name.partition("-")[0]
            environment = one.get("environment", {})
            for variable, owners in ONLY.items():
                told = variable in environment or variable in str(environment.values())
                assert told == (service in owners), (name, variable)
            if name in ours:
                assert environment["DATABASE_URL"].endswith(f"/paybridge_{service}")

    def test_each_database_user_gets_a_password_of_its_own(self):
        made = dict(re.findall(r"^database_of (\w+) \"\$(\w+)\"$", INIT.read_text(), re.MULTILINE))

        assert made == {one: f"{one.upper()}_DB_PASSWORD" for one in services.SERVICES}

    def test_each_service_gets_every_variable_that_its_settings_read(self, ours):
        for service in services.SERVICES:
            of_others = {name for name, owners in ONLY.items() if service not in owners}
            read = read_by("kafka_bridge", f"{service}_project") - of_others
            assert read <= set(ours[f"{service}-web"]["environment"])

    @pytest.mark.parametrize("variable", ["EMAIL_URL", "SHOP_URL", "DEFAULT_FROM_EMAIL"])
    def test_starts_nothing_that_cannot_reach_customers(self, variable):
        asked = [found for found in VARIABLE.finditer(COMPOSE.read_text()) if found[1] == variable]

        assert [found[2] for found in asked] == ["?"]

    @pytest.mark.parametrize("hosts", ["", "pay.example.com"])
    def test_web_is_healthy_however_it_is_reached(self, hosts, tmp_path):
        values = {"DJANGO_ALLOWED_HOSTS": hosts, "DJANGO_SECURE_SSL_REDIRECT": "1"}
        values["EMAIL_URL"] = "smtp://127.0.0.1:9"
        web = yaml.safe_load(interpolated(COMPOSE.read_text(), values))["services"]["customer-web"]
        port = Ports(tmp_path / "ports.json").get("web")

        with serving(web, port, values):
            kind, program, *check = web["healthcheck"]["test"]
            assert (kind, program) == ("CMD", "python")
            here = [word.replace(":8000", f":{port}") for word in check]
            assert subprocess.run([PYTHON, *here], check=False).returncode == 0

    def test_only_this_machine_reaches_the_published_ports(self, compose):
        published = [port for one in compose["services"].values() for port in one.get("ports", [])]

        assert published
        assert all(port.startswith("127.0.0.1:") for port in published)

    def test_every_variable_is_in_the_example(self, ours):
        asked = {found[1] for found in VARIABLE.finditer(COMPOSE.read_text())}
        for one in ours.values():
            asked |= {name for name, value in one["environment"].items() if value is None}

        assert asked <= example_names()


class TestEnvExample:
    def test_names_every_variable_that_the_settings_read(self):
        read = read_by("kafka_bridge", *(f"{name}_project" for name in services.SERVICES))

        assert read
        assert read <= example_names()


class TestDockerfile:
    def test_copies_what_exists(self):
        text = (ROOT / "docker" / "Dockerfile").read_text().replace("\\\n", " ")
        sources = [
            source
            for line in re.findall(r"^COPY (?!--from)(.+)$", text, re.MULTILINE)
            for source in line.split()[:-1]
        ]

        assert sources
        assert [source for source in sources if not (ROOT / source).exists()] == []


@contextlib.contextmanager
def serving(web, port, values):
    """Run a web process of compose.yaml on this machine, without its database."""
    passed_on = {name: text or values.get(name) for name, text in web["environment"].items()}
    environment = {name: str(text) for name, text in passed_on.items() if text}
    command = [word.replace("0.0.0.0:8000", f"{HOST}:{port}") for word in web["command"]]
    process = subprocess.Popen(
        [PYTHON, "-m", *command, "--no-control-socket"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
    )
    try:
        while not answers(port):
            assert process.poll() is None
            time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait()


def read_by(*folders):
    """The variables that modules in these folders read."""
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    return {
        name for file in files for name in re.findall(r"\benv\.\w+\(\s*\"(\w+)\"", file.read_text())
    }


def example_names():
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {found[1] for line in lines if (found := re.match(r"(?:# )?([A-Z][A-Z0-9_]*)=", line))}
