"""Does a bot that cannot be changed trade through the OMS, and is nothing left afterwards?"""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.clients.environments import driver_wheel
from tests.e2e.product import ROOT

pytestmark = pytest.mark.e2e
AUTOPATCH = ["-m", "ccxt_driver.autopatch"]
BOT = """
import asyncio, json, sys
import ccxt, ccxt.async_support, ccxt.pro

found = {"has": hasattr(ccxt, "oms_exchange")}
words = {"apiKey": "the exchange's", "secret": "and its secret", "options": {"defaultType": "spot"}}
bot = ccxt.binance(words)
found["class"] = type(bot).__mro__[1].__name__
if found["class"] == "OmsCcxtExchange":
    order = bot.create_order("BTC/USDT", "market", "buy", 0.01)
    found["status"], found["id"] = order["status"], bot.id

    async def ask():
        for module in (ccxt.async_support, ccxt.pro):
            other = module.binance({})
            await other.load_markets()
            found[module.__name__] = (await other.fetch_order(order["id"]))["status"]
            await other.close()
        assert ccxt.pro.binanceusdm().id == "binanceusdm"

    asyncio.run(ask())
elif found["has"]:
    found["made"] = ccxt.oms_exchange().fetch_balance()["USDT"]["total"] > 0
print(json.dumps(found))
"""

META_TRADER = """
import MetaTrader5 as mt5

assert mt5.initialize(login=25115284, password="a broker's", server="Broker-Demo"), mt5.last_error()
bought = mt5.Buy("BTCUSDT", 0.01)
sold = mt5.Sell("BTCUSDT", 0.01, ticket=bought.order)
print(bought.retcode, sold.retcode, end=" ")
try:  # Where numpy is not installed, the rest works.
    print(len(mt5.copy_rates_from_pos("BTCUSDT", mt5.TIMEFRAME_M1, 0, 1)) == 1)
except ImportError as error:
    print("ccxt-oms-driver[mt5]" in str(error))
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """An environment of its own, with ccxt and what it brings, and without the driver."""
    home = tmp_path_factory.mktemp("bot")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", home / "venv"], check=True)
    packages = next((home / "venv" / "lib").glob("python*/site-packages"))
    lend_ccxt(packages)
    return home / "venv" / "bin" / "python", packages


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    return driver_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def words(desk, tmp_path):
    account = desk.product.account("ccxt.binance")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "CCXT_OMS_API_KEY": desk.product.facts["api_key"],
        "CCXT_OMS_ACCOUNT_ID": str(account["id"]),
        "CCXT_OMS_STRATEGY_ID": "1",
        "CCXT_OMS_BASE_URL": desk.base,
    }


def run(python, env, *command):
    done = subprocess.run([python, *command], cwd=ROOT, env=env, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def told(python, env):
    """What the bot says, started where the driver cannot be found by chance."""
    done = subprocess.run(
        [python, "-c", BOT], cwd=env["HOME"], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def lend_ccxt(packages):
    """Link ccxt and what it brings, and nothing else, into another Python's packages."""
    packages.mkdir(parents=True, exist_ok=True)
    waiting, met = ["ccxt"], set()
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name in met:
            continue
        met.add(name)
        found = distribution(name)
        for part in {file.parts[0] for file in found.files} - {"..", "__pycache__"}:
            (packages / part).symlink_to(Path(str(found.locate_file(part))).resolve())
        for line in found.requires or ():
            wanted = Requirement(line)
            if wanted.marker is None or wanted.marker.evaluate({"extra": ""}):
                waiting.append(wanted.name)


def pip(interpreter, env, *command):
    """pip of the tests' own environment, working on another one."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", interpreter,
         *command],
        cwd=env["HOME"], env=env | {"PIP_BREAK_SYSTEM_PACKAGES": "1"}, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*")
            if path.suffix != ".pyc" and path.name != "__pycache__"}  # fmt: skip


def test_an_environments_bots_trade_through_the_oms_until_it_is_undone(python, words):
    interpreter, packages = python
    before = files(packages)
    plain = told(interpreter, words)

    code, said = run(interpreter, words, *AUTOPATCH, "install", "--scope", "env",
                     "--mode", "aggressive", "--override", "binance")  # fmt: skip
    assert code == 0, said
    assert run(interpreter, words, *AUTOPATCH, "status", "--scope", "env")[0] == 0
    patched = told(interpreter, words)
    switched_off = told(interpreter, words | {"CCXT_OMS_AUTOPATCH": "0"})
    run(interpreter, words, *AUTOPATCH, "uninstall", "--scope", "env")

    assert plain == {"has": False, "class": "Exchange"}
    assert patched == {
        "has": True, "class": "OmsCcxtExchange", "status": "closed", "id": "binance",
        "ccxt.async_support": "closed", "ccxt.pro": "closed",
    }  # fmt: skip
    assert switched_off == told(interpreter, words) == plain
    assert files(packages) == before
    assert run(interpreter, words, *AUTOPATCH, "status", "--scope", "env")[0] == 1


def test_a_users_bots_get_one_function_more_until_it_is_undone(words):
    home, base = Path(words["HOME"]), Path(sys._base_executable)
    # A virtual environment has no user's packages; the Python below it has.
    packages = user_packages(base, words)
    lend_ccxt(packages)
    before = files(home)

    code, said = run(base, words, *AUTOPATCH, "install", "--scope", "user")
    assert code == 0, said
    assert packages == Path(said.split("installed in ")[1].strip()).parent
    patched = told(base, words)
    run(base, words, *AUTOPATCH, "uninstall", "--scope", "user")

    assert patched == {"has": True, "class": "Exchange", "made": True}
    assert told(base, words) == {"has": False, "class": "Exchange"}
    assert files(home) == before


@pytest.mark.parametrize("scope", ["env", "user"])
def test_an_installed_wheel_comes_and_goes_without_a_trace(python, wheel, words, scope):
    interpreter, packages = python
    if scope == "user":
        interpreter = Path(sys._base_executable)
        packages = user_packages(interpreter, words)
        lend_ccxt(packages)
    before, listed = files(packages), pip(interpreter, words, "freeze")

    to_user = ["--user"] if scope == "user" else []
    pip(interpreter, words, "install", "--no-index", "--no-deps", *to_user, wheel)
    pip(interpreter, words, "check")
    shown = run_outside(interpreter, words, "-c", first_example(words))
    script = Path(words["HOME"]) / "script.py"
    script.write_text(META_TRADER)
    served = run_outside(interpreter, words, "-m", "ccxt_driver.mt5", script)
    run_outside(interpreter, words, *AUTOPATCH, "install", "--scope", scope,
                "--mode", "aggressive", "--override", "binance", "--mt5")  # fmt: skip
    patched = told(interpreter, words)
    switched = run_outside(interpreter, words, script)
    run_outside(interpreter, words, *AUTOPATCH, "uninstall", "--scope", scope)
    pip(interpreter, words, "uninstall", "--yes", "ccxt-oms-driver")

    assert shown == ""
    assert (patched["class"], patched["status"]) == ("OmsCcxtExchange", "closed")
    assert served.strip() == switched.strip() == "10009 10009 True"
    script.unlink()
    assert has_no_meta_trader(interpreter, words)
    assert told(interpreter, words) == {"has": False, "class": "Exchange"}
    assert files(packages) == before
    assert not (packages / "ccxt_driver").exists()
    assert pip(interpreter, words, "freeze") == listed


def has_no_meta_trader(interpreter, env):
    asked = "import importlib.util as u; print(u.find_spec('MetaTrader5'))"
    return run_outside(interpreter, env, "-c", asked).strip() == "None"


def user_packages(interpreter, env):
    asked = "import site; print(site.getusersitepackages())"
    return Path(run_outside(interpreter, env, "-c", asked).strip())


def run_outside(interpreter, env, *command):
    """Where nothing but what is installed can be imported."""
    done = subprocess.run(
        [interpreter, *command], cwd=env["HOME"], env=env, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def first_example(words):
    """The README's first lines of Python, for the account of ``words``."""
    shown = re.search(r"```python\n(.*?)```", (ROOT / "ccxt_driver/README.md").read_text(), re.S)[1]
    for told_there, ours in (("cxp_…", words["CCXT_OMS_API_KEY"]),
                             ("account_id=1", f"account_id={words['CCXT_OMS_ACCOUNT_ID']}"),
                             ("http://127.0.0.1:8000", words["CCXT_OMS_BASE_URL"])):  # fmt: skip
        assert told_there in shown
        shown = shown.replace(told_there, ours)
    return shown
