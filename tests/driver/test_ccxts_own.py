"""ccxt's own tests, as its wheel ships them, against the driver on paper accounts.

What is left out there is left out here, and what ``skip-tests.json`` beside this file adds.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from ccxt_driver import OmsCcxtExchange
from tests.ccxt_suite.test_own_suite import LIMITS, VARIANTS
from tests.ccxt_suite.tree import SKIPS, grow
from tests.e2e.product import Product

pytestmark = pytest.mark.ccxt_suite

RUNNER = Path(__file__).with_name("ccxts_own.py")
MORE_SKIPS = json.loads(Path(__file__).with_name("skip-tests.json").read_text())
SYMBOLS = {"binance": "BTC/USDT", "binanceusdm": "BTC/USDT:USDT"}
RUNS = [(exchange, variant) for exchange in SYMBOLS for variant in VARIANTS]
RUN_WITHIN_S = 240
DONE = re.compile(r"\[INFO\] TESTING DONE +\w+ (\w+)")
REST = {
    "features", "afterConstruct", "fetchTicker", "fetchTickers", "fetchOHLCV", "fetchTrades",
    "fetchOrderBook", "fetchStatus", "fetchBalance", "fetchOrders", "fetchOpenOrders",
    "fetchClosedOrders", "fetchMyTrades", "fetchTradingFees",
}  # fmt: skip
STREAMS = {
    "watchTicker", "watchTickers", "watchOrderBook", "watchTrades", "watchOHLCV", "watchOrders",
    "watchMyTrades", "watchBalance",
}  # fmt: skip


@pytest.fixture(scope="module")
def product(tmp_path_factory) -> Iterator[Product]:
    """One whose prices move."""
    one = Product(tmp_path_factory.mktemp("product"), venue_options=("--tick-ms", "250", *LIMITS))
    try:
        yield one.start()
    finally:
        one.stop()


@pytest.fixture(scope="module")
def told(product, tmp_path_factory) -> dict[tuple[str, str], str]:
    """What ccxt's runner told of every run, all of them at once, and whether it came to its end."""
    keys = {exchange: {"apiKey": product.facts["api_key"]} for exchange in SYMBOLS}
    tree = grow(tmp_path_factory.mktemp("ccxt"), keys, skips=merged())

    def run(exchange: str, variant: str) -> str:
        words = [str(tree), exchange, SYMBOLS[exchange], "--private", "--info"]
        log = tree / f"{exchange} {variant}.log"
        env = os.environ | environment(product, exchange)
        with log.open("wb") as file:
            command = [sys.executable, "-u", str(RUNNER), *words, *VARIANTS[variant]]
            running = subprocess.Popen(command, env=env, stdout=file, stderr=subprocess.STDOUT)
            try:
                ending = f"ended with {running.wait(RUN_WITHIN_S)}"
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
                ending = f"did not end within {RUN_WITHIN_S} s"
        return f"{log.read_text()}\nThe run {ending}."

    with trading(product), ThreadPoolExecutor(len(RUNS)) as pool:
        return dict(zip(RUNS, pool.map(run, *zip(*RUNS, strict=True)), strict=True))


def environment(product: Product, exchange: str) -> dict[str, str]:
    account = product.account(f"ccxt.{exchange}")
    return {
        "CCXT_OMS_API_KEY": product.facts["api_key"],
        "CCXT_OMS_ACCOUNT_ID": str(account["id"]),
        "CCXT_OMS_STRATEGY_ID": "1",
        "CCXT_OMS_BASE_URL": product.base,
    }


def merged() -> dict:
    skips = json.loads(SKIPS.read_text())
    for exchange, more in MORE_SKIPS.items():
        known = skips[exchange]["skipMethods"]
        for method, why in more.items():
            known[method] = {**known.get(method, {}), **why} if isinstance(why, dict) else why
    return skips


@contextmanager
def trading(product: Product) -> Iterator[None]:
    """Small trades all the while, because ccxt's stream tests wait for something to happen."""
    clients = []
    for exchange, symbol in SYMBOLS.items():
        words = environment(product, exchange)
        client = OmsCcxtExchange(
            api_key=words["CCXT_OMS_API_KEY"], account_id=words["CCXT_OMS_ACCOUNT_ID"],
            strategy_id=1, base_url=product.base,
        )  # fmt: skip
        client.create_order(symbol, "market", "buy", 0.02)
        client.create_order(symbol, "limit", "buy", 0.001, 58000)
        clients.append((client, symbol))
    stop = Event()

    def trade() -> None:
        side = "buy"
        while not stop.wait(0.5):
            for client, symbol in clients:
                client.create_order(symbol, "market", side, 0.001)
            side = "sell" if side == "buy" else "buy"

    with ThreadPoolExecutor(1) as thread:
        trades = thread.submit(trade)
        try:
            yield
        finally:
            stop.set()
        trades.result()


@pytest.mark.parametrize(("exchange", "variant"), RUNS)
def test_ccxts_own_tests_pass(told, exchange, variant):
    text = told[exchange, variant]

    assert text.endswith("The run ended with 0."), text[-3000:]
    assert not [line for line in text.splitlines() if "TEST_FAILURE" in line], text
    assert "TEST_WARNING" not in text
    left_out = {name for name, why in merged()[exchange]["skipMethods"].items()
                if isinstance(why, str)}  # fmt: skip
    wanted = (STREAMS if variant == "pro" else REST) - left_out
    assert wanted <= set(DONE.findall(text))


def test_what_every_exchange_of_ccxt_can_do_the_driver_can(tmp_path):
    tree = grow(tmp_path, {})

    done = subprocess.run(
        [sys.executable, str(RUNNER), str(tree), "base"], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "base tests done" in done.stdout


def test_no_more_than_five_further_tests_are_left_out_each_with_its_reason():
    reasons = [reason for more in MORE_SKIPS.values() for reason in more.values()]

    assert len({method for more in MORE_SKIPS.values() for method in more}) <= 5
    assert all(reasons)
