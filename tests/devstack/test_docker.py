"""compose.yaml, checked without an engine: its schema, its commands, who gets which secret."""

import re

import compose_spec
import pytest
import yaml

from devstack import services
from devstack.paths import ROOT
from devstack.ports import Ports

VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
COMPOSE = ROOT / "docker" / "compose.yaml"

ONLY = {
    "STRIPE_API_KEY": {"payment"},
    "CELERY_BROKER_URL": {"payment"},
    "STRIPE_PUBLISHABLE_KEY": {"customer"},
    "STRIPE_WEBHOOK_SECRETS": {"customer", "payment"},
}


def interpolated(text):
    """Put a value or the default in the place of each variable, as Compose does."""
    return VARIABLE.sub(lambda found: found[3] if found[2] == "-" else "example1", text)


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

    def test_each_service_gets_its_own_secrets_only(self, ours):
        for name, one in ours.items():
            service = "admin" if name == "create-topics" else name.partition("-")[0]
            for variable, owners in ONLY.items():
                assert (variable in one["environment"]) == (service in owners), (name, variable)
            assert one["environment"]["DATABASE_URL"].endswith(f"/paybridge_{service}")

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
        read = set()
        for folder in ("kafka_bridge", *(f"{name}_project" for name in services.SERVICES)):
            for file in (ROOT / folder).rglob("*.py"):
                read |= set(re.findall(r"\benv\.\w+\(\s*\"(\w+)\"", file.read_text()))

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


def example_names():
    lines = (ROOT / ".env.example").read_text().splitlines()
    return {found[1] for line in lines if (found := re.match(r"(?:# )?([A-Z][A-Z0-9_]*)=", line))}
