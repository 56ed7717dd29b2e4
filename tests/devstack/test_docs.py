"""The documents' links lead somewhere, and the commands they show exist."""

import re

import pytest

from devstack.paths import ROOT

DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SCRIPT = re.compile(r"\b(manage_scripts/\w+\.py|docker/\S+\.ya?ml)\b")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
class TestDocument:
    def test_relative_links_lead_to_files(self, document):
        links = [link.partition("#")[0] for link in LINK.findall(document.read_text())]
        relative = [link for link in links if link and "://" not in link]

        assert [link for link in relative if not (document.parent / link).exists()] == []

    def test_scripts_exist(self, document):
        named = SCRIPT.findall(document.read_text())

        assert [name for name in named if not (ROOT / name).exists()] == []
