"""ccxt's own tests, as its wheel ships them, against the driver on paper accounts.

What is left out there is left out here, and what ``skip-tests.json`` beside this file adds.
"""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ccxt_driver import OmsCcxtExchange
from tests.ccxt_suite.running import VARIANTS, check_passed, told_by, trading
from tests.ccxt_suite.test_own_suite import LIMITS
from tests.ccxt_suite.tree import SKIPS, grow
from tests.e2e.product import Product

pytestmark = pytest.mark.ccxt_suite

RUNNER = Path(__file__).with_name("ccxts_own.py")
MORE_SKIPS = json.loads(Path(__file__).with_name("skip-tests.json").read_text())
SYMBOLS = {"binance": "BTC/USDT", "binanceusdm": "BTC/USDT:USDT"}
RUNS = [(exchange, variant) for exchange in SYMBOLS for variant in VARIANTS]
RUN_WITHIN_S = 240
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
        words = [str(tree), exchange, SYMBOLS[exchange], "--private", "--info", *VARIANTS[variant]]
        log = tree / f"{exchange} {variant}.log"
        env = os.environ | environment(product, exchange)
        return told_by(RUNNER, words, log, within_s=RUN_WITHIN_S, env=env)

    busy = trading(traders(product), first=0.02, every_s=0.5)
    with busy, ThreadPoolExecutor(len(RUNS)) as pool:
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


def traders(product: Product) -> Iterator[tuple[OmsCcxtExchange, str]]:
    for exchange, symbol in SYMBOLS.items():
        words = environment(product, exchange)
        client = OmsCcxtExchange(
            api_key=words["CCXT_OMS_API_KEY"], account_id=words["CCXT_OMS_ACCOUNT_ID"],
            strategy_id=1, base_url=product.base,
        )  # fmt: skip
        yield client, symbol


@pytest.mark.parametrize(("exchange", "variant"), RUNS)
def test_ccxts_own_tests_pass(told, exchange, variant):
    left_out = {name for name, why in merged()[exchange]["skipMethods"].items()
                if isinstance(why, str)}  # fmt: skip

    check_passed(told[exchange, variant], (STREAMS if variant == "pro" else REST) - left_out)
