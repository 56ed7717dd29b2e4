import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.test import Client

DOCUMENT = Path(__file__).parent.parent.parent / "docs/openapi.yaml"


class TestDocument:
    def test_committed_one_is_current_and_valid(self, tmp_path):
        generated = tmp_path / "openapi.yaml"

        call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(generated))

        assert DOCUMENT.read_text() == generated.read_text(), (
            "run: manage_scripts/customer.py spectacular --validate --fail-on-warn"
            " --file docs/openapi.yaml"
        )


@pytest.mark.django_db
class TestPage:
    def test_runs_no_script_but_ours(self):
        page = Client().get("/api/docs/")

        policy = page["Content-Security-Policy"]
        assert page.status_code == 200
        assert "script-src 'self';" in policy
        scripts = re.findall(r'<script src="([^"]+)"></script>', page.text)
        assert len(scripts) == page.text.count("<script") == 3
        *files, own = scripts
        assert all(finders.find(file.removeprefix("/static/")) for file in files)
        assert Client().get(own).status_code == 200

    def test_schema_is_served(self):
        assert "/api/payments/{id}/refunds/:" in Client().get("/api/schema/").text
