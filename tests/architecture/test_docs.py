"""Do the documents name what there is?"""

import re
from pathlib import Path

import pytest

from accounts.rights import acts

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]


def test_every_setting_of_the_environment_is_documented():
    code = "".join((ROOT / "oms_project" / name).read_text() for name in ("settings.py", "keys.py"))
    read = set(re.findall(r"env\.\w+\(\s*\"([A-Z_]+)\"", code))
    documented = (ROOT / "docs/howto/settings.md").read_text()

    assert sorted(name for name in read if f"`{name}`" not in documented) == []


def test_no_document_names_a_setting_that_is_not_there():
    code = "".join(path.read_text() for path in ROOT.glob("*/**/*.py") if ".venv" not in path.parts)
    code += (ROOT / "docker-compose.yml").read_text() + (ROOT / "tests/run_all.sh").read_text()
    code += (ROOT / "Makefile").read_text()
    for document in DOCUMENTS:
        named = set(re.findall(r"`(OMS_[A-Z_]+|DJANGO_[A-Z_]+)`", document.read_text()))
        unknown = sorted(name for name in named if name not in code)

        assert unknown == [], document.name


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document):
    links = re.findall(r"\]\((?!https?://|#|mailto:)([^)#]+)", document.read_text())

    broken = [link for link in links if not (document.parent / link).exists()]

    assert broken == []


def test_decisions_are_short_and_numbered_without_gaps():
    decisions = sorted((ROOT / "docs/adr").glob("*.md"))

    assert [int(path.name[:4]) for path in decisions] == list(range(1, len(decisions) + 1))
    for path in decisions:
        assert len(path.read_text().splitlines()) <= 40, path.name


def test_the_table_of_acts_is_the_one_that_judges():
    rows = (ROOT / "docs/howto/access.md").read_text()
    shown = rows[rows.index("<!-- acts -->") : rows.index("<!-- /acts -->")]

    assert [line for line in shown.splitlines() if line.startswith("|")] == [
        "| act | roles | rights of the key | a restricted key |",
        "|---|---|---|---|",
        *(f"| {' | '.join(line)} |" for line in acts.lines()),
    ]
