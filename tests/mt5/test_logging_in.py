"""Whose account does a script trade, whatever its own login says, and how is it started?"""

import subprocess
import sys

import pytest

from ccxt_driver.mt5.__main__ import main
from ccxt_driver.mt5.failures import Failure
from ccxt_driver.mt5.settings import Login, read
from tests.e2e.product import ROOT

HERE = {"OMS_API_KEY": "cxp_env", "OMS_ACCOUNT_ID": "7", "OMS_BASE_URL": "http://env/"}
FROM_HERE = Login(7, "cxp_env", "http://env")
BEFORE = Login(3, "cxp_before", "http://before")


@pytest.fixture
def environment(monkeypatch):
    for name in ("API_KEY", "ACCOUNT_ID", "BASE_URL"):
        monkeypatch.delenv(f"OMS_{name}", raising=False)
        monkeypatch.delenv(f"CCXT_OMS_{name}", raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    ("given", "before", "found"),
    [
        ((None, None, None), None, FROM_HERE),
        ((2, "cxp_own", "http://own"), None, Login(2, "cxp_own", "http://own")),
        ((2, None, None), None, Login(2, "cxp_env", "http://env")),
        ((None, "tok_own", None), None, Login(7, "tok_own", "http://env")),
        # A broker's login means nothing here.
        ((25115284, "4zatlbqx", "MetaQuotes-Demo"), None, FROM_HERE),
        ((25115284, None, "MetaQuotes-Demo"), None, FROM_HERE),
        ((25115284, "4zatlbqx", None), None, FROM_HERE),
        # Going over to another account keeps the key and the server.
        ((4, None, None), BEFORE, Login(4, "cxp_before", "http://before")),
        ((4, "cxp_own", None), BEFORE, Login(4, "cxp_own", "http://before")),
    ],
)
def test_what_a_script_does_not_name_comes_from_the_environment(environment, given, before, found):
    for name, value in HERE.items():
        environment.setenv(name, value)

    assert read(*given, before) == found


def test_the_drivers_own_variables_serve_too(environment):
    environment.setenv("CCXT_OMS_API_KEY", "cxp_driver")

    assert read(None, None, None, None) == Login(None, "cxp_driver", "http://127.0.0.1:8000")


def test_without_a_key_it_is_an_authorization_that_failed(environment):
    with pytest.raises(Failure) as told:
        read(1, None, None, None)

    assert told.value.code == -6


def run(*words):
    done = subprocess.run(
        [sys.executable, "-m", "ccxt_driver.mt5", *words], cwd=ROOT, capture_output=True, text=True
    )
    return done.returncode, done.stdout


def test_a_script_is_run_with_its_own_arguments_folder_and_exit(tmp_path):
    (tmp_path / "neighbour.py").write_text("WORD = 'found'\n")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\nimport MetaTrader5\nfrom MetaTrader5 import *\nimport neighbour\n"
        "print(__name__, sys.argv[1:], neighbour.WORD, MetaTrader5.__version__,\n"
        "      MetaTrader5.Buy is Buy, TRADE_ACTION_DEAL)\nsys.exit(3)\n"
    )

    code, said = run(str(script), "one", "--two")

    assert (code, said.strip()) == (3, "__main__ ['one', '--two'] found 5.0.6231 True 1")


def test_without_a_script_it_says_how(capsys):
    assert main([]) == 2
    assert "python -m ccxt_driver.mt5 script.py" in capsys.readouterr().out
    assert main(["--help"]) == 0
