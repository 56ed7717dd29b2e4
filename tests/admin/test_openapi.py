from pathlib import Path

from django.core.management import call_command

DOCUMENT = Path(__file__).parent.parent.parent / "docs/openapi-admin.yaml"


def test_committed_document_is_current_and_valid(tmp_path):
    generated = tmp_path / "openapi.yaml"

    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(generated))

    assert DOCUMENT.read_text() == generated.read_text(), (
        "run: manage_scripts/admin.py spectacular --validate --fail-on-warn"
        " --file docs/openapi-admin.yaml"
    )
