"""Every management command of ours explains itself and shows an example."""

import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import execute_from_command_line

from tests import templates

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = sorted(
    path.stem for path in ROOT.glob("*/management/commands/*.py") if path.stem != "__init__"
)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_help_with_an_example(name, capsys):
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(["manage.py", name, "--help"])

    assert ended.value.code == 0
    assert "example" in capsys.readouterr().out.lower()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["demo"], "start `make run` first"),
        (["install", "--with-account"], "--exchange-id"),
        (["install", "--with-account", "--exchange-id", "binance"], "unsupported_engine"),
        (["install", "--with-account", "--exchange-id", "ccxt.nowhere"], "engine_unavailable"),
    ],
)
def test_bad_input_ends_non_zero_and_says_why(words, says, tmp_path):
    env = {"PATH": "/usr/bin:/bin", "OMS_DATA_DIR": str(tmp_path)}
    templates.fill_sqlite(tmp_path / "oms.sqlite3")

    done = subprocess.run(
        [sys.executable, "manage.py", *words], cwd=ROOT, env=env, capture_output=True, text=True
    )

    assert done.returncode != 0
    assert says in done.stderr
