"""Do the examples, and what the README shows, run as they stand?"""

import os
import re
import subprocess
import sys

import pytest

from tests.e2e.product import ROOT

pytestmark = pytest.mark.e2e
DRIVER = ROOT / "ccxt_driver"
SAYS = {
    "basic_usage.py": "position ",
    "order_flow_oms_first.py": "asked twice, one order: True",
    "marketdata_fallback.py": "BTC/USDT: ",
    "watch_pro.py": "watched: buy 0.01 at ",
}


@pytest.fixture
def words(desk):
    account = desk.product.account("ccxt.binance", "strategy_netting")
    return os.environ | {
        "PYTHONPATH": str(ROOT),
        "CCXT_OMS_API_KEY": desk.product.facts["api_key"],
        "CCXT_OMS_ACCOUNT_ID": str(account["id"]),
        "CCXT_OMS_STRATEGY_ID": "1",
        "CCXT_OMS_BASE_URL": desk.base,
    }


def ran(env, *command):
    return subprocess.run([sys.executable, *command], env=env, capture_output=True, text=True)


def test_every_example_does_what_it_says(words):
    assert {path.name for path in (DRIVER / "examples").glob("*.py")} == set(SAYS)
    for name, said in SAYS.items():
        done = ran(words, DRIVER / "examples" / name)

        assert done.returncode == 0, f"{name}: {done.stderr}"
        assert said in done.stdout, name


def test_watching_sees_the_order_through_that_is_filled_in_several_trades(desk, words):
    seller = desk.product.account("ccxt.binance", "netting")
    desk.product.buy(seller, "0.01")
    for share in ("1.00001", "1.00002"):  # Inside the spread, and less than the example buys.
        desk.product.rest(seller, "0.003", share, side="sell")

    done = ran(words, DRIVER / "examples" / "watch_pro.py")

    watched = re.search(r"watched: buy 0.01 at [0-9.]+, in ([0-9]+) trades", done.stdout)
    assert watched, done.stdout + done.stderr
    assert int(watched[1]) >= 3


def test_what_the_readme_shows_runs(words):
    shown = re.findall(r"```python\n(.*?)```", (DRIVER / "README.md").read_text(), re.S)
    account = words["CCXT_OMS_ACCOUNT_ID"]
    text = "\n".join(shown).replace("cxp_…", words["CCXT_OMS_API_KEY"])
    text = text.replace("http://127.0.0.1:8000", words["CCXT_OMS_BASE_URL"])
    text = re.sub(r"account_id(\"?[=:] ?)1\b", rf"account_id\g<1>{account}", text)

    done = ran(words, "-c", text)

    assert len(shown) >= 2
    assert done.returncode == 0, done.stderr
