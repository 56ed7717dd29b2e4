"""What the manage scripts of the three services share."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def _load_environment(file: Path) -> None:
    """Set the variables that the developer's stack wrote for the service, unless they are set."""
    if file.exists():
        for line in file.read_text().splitlines():
            name, _, value = line.partition("=")
            os.environ.setdefault(name, value)


def main(service: str) -> None:
    """Run one management command of a service: Django's manage.py."""
    sys.path.insert(0, str(ROOT))
    _load_environment(ROOT / ".devstack" / f"{service}.env")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", f"{service}_project.settings")

    from django.core.management import execute_from_command_line  # noqa: PLC0415 - after the path

    execute_from_command_line(sys.argv)
