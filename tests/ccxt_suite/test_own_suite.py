"""ccxt's own integration tests, as its wheel ships them, against the paper venue.

Each variant runs once, in a process of its own, with public and private tests together; what must
be left out stands with its reason in ``skip-tests.json``, the file that ccxt's runner reads. It
also pins the symbols: ccxt's stream tests would take the market that was traded most, and wait
without end for orders in it when that is not one that we trade.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import ccxt
import pytest
from ccxt.test.exchange.base import test_market as ccxts_market_test

from tests.ccxt_suite.tree import grow
from tests.paper.conftest import VenueProcess, point, secret_of

pytestmark = pytest.mark.ccxt_suite

RUNNER = Path(__file__).with_name("run.py")
SYMBOLS = {"binance": ("BTC/USDT", "BTC/USDT:USDT"), "binanceusdm": ("BTC/USDT:USDT",)}
VARIANTS = {"sync": ["--sync"], "async": [], "pro": ["--ws"]}
RUNS = [(exchange, variant) for exchange in SYMBOLS for variant in VARIANTS]
# ccxt's futures streams tell no free balance, so here the spot half of ``binance`` runs alone.
WHERE = {("binance", "pro"): ["BTC/USDT"]}
RUN_WITHIN_S = 150  # One waits for most of the half minute that it takes alone.
# A position needs a liquidation price above zero for ccxt to work out what backs it.
MONEY = {"spot": {"USDT": "100000", "BTC": "2"}, "linear": {"USDT": "300"}}
LIMITS = ("--weight-limit", "1000000", "--linear-weight-limit", "1000000")
DONE = re.compile(r"\[INFO\] TESTING DONE +\w+ (\w+)")

REST = {
    "features", "afterConstruct", "fetchTicker", "fetchTickers", "fetchLastPrices", "fetchOHLCV",
    "fetchTrades", "fetchOrderBook", "fetchStatus", "fetchCurrencies", "fetchBalance",
    "fetchOrders", "fetchOpenOrders", "fetchClosedOrders", "fetchMyTrades", "fetchTradingFees",
    "fetchDeposits", "fetchWithdrawals", "fetchTransfers", "fetchBorrowInterest",
    "fetchFundingRateHistory", "fetchLedger", "fetchLedgerEntry", "fetchPositions",
}  # fmt: skip
STREAMS = {
    "watchOHLCV", "watchOHLCVForSymbols", "watchTicker", "watchTickers", "watchOrderBook",
    "watchOrderBookForSymbols", "watchTrades", "watchTradesForSymbols", "watchMyTrades",
    "watchOrders",
}  # fmt: skip
ONLY = {
    ("binance", "pro"): {"watchBalance"},
    ("binanceusdm", "pro"): {"watchBidsAsks", "watchPositions"},
}


@pytest.fixture(scope="module")
def venue(tmp_path_factory) -> Iterator[VenueProcess]:
    """A venue whose prices move, with one login per exchange class."""
    process = VenueProcess(tmp_path_factory.mktemp("venue"), "--tick-ms", "250", *LIMITS)
    for exchange in SYMBOLS:
        for market, balances in MONEY.items():
            process.open_login(exchange, market=market, balances=balances)
    yield process
    process.stop()


@pytest.fixture(scope="module")
def told(venue, tmp_path_factory) -> dict[tuple[str, str], str]:
    """What ccxt's runner told of every run, all of them at once, and whether it came to its end."""
    keys = {exchange: {"apiKey": exchange, "secret": secret_of(exchange)} for exchange in SYMBOLS}
    tree = grow(tmp_path_factory.mktemp("ccxt"), keys)

    def run(exchange: str, variant: str) -> str:
        where = WHERE.get((exchange, variant), [])
        words = [str(tree), venue.url, exchange, *where, "--private", "--info", *VARIANTS[variant]]
        log = tree / f"{exchange} {variant}.log"
        with log.open("wb") as file:
            command = [sys.executable, "-u", str(RUNNER), *words]
            running = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)
            try:
                ending = f"ended with {running.wait(RUN_WITHIN_S)}"
            except subprocess.TimeoutExpired:
                running.kill()
                running.wait()
                ending = f"did not end within {RUN_WITHIN_S} s"
        return f"{log.read_text()}\nThe run {ending}."

    with trading(venue), ThreadPoolExecutor(len(RUNS)) as pool:
        return dict(zip(RUNS, pool.map(run, *zip(*RUNS, strict=True)), strict=True))


@contextmanager
def trading(venue: VenueProcess) -> Iterator[None]:
    """Small trades all the while, because ccxt's stream tests wait for something to happen.

    Whatever ends them too early is raised at the end, because the waiting had no other cause.
    """
    clients = [private(getattr(ccxt, exchange), exchange, venue.url) for exchange in SYMBOLS]
    for client in clients:
        for symbol in SYMBOLS[client.id]:
            client.create_order(symbol, "market", "buy", 0.01)
            client.create_order(symbol, "limit", "buy", 0.001, 58000)
    stop = Event()

    def trade() -> None:
        side = "buy"
        while not stop.wait(0.4):
            for client in clients:
                for symbol in SYMBOLS[client.id]:
                    client.create_order(symbol, "market", side, 0.001)
            side = "sell" if side == "buy" else "buy"

    with ThreadPoolExecutor(1) as thread:
        trades = thread.submit(trade)
        try:
            yield
        finally:
            stop.set()
        trades.result()


def private(kind: type, key: str, url: str) -> ccxt.Exchange:
    words = {"apiKey": key, "secret": secret_of(key), "enableRateLimit": False}
    client = point(kind(words), url)
    client.load_markets()
    return client


@pytest.mark.parametrize(("exchange", "variant"), RUNS)
def test_ccxts_own_tests_pass(told, exchange, variant):
    text = told[exchange, variant]

    assert text.endswith("The run ended with 0."), text[-3000:]
    assert not [line for line in text.splitlines() if "TEST_FAILURE" in line], text
    assert "TEST_WARNING" not in text
    wanted = STREAMS if variant == "pro" else REST
    wanted = wanted | ONLY.get((exchange, variant), set())
    assert wanted <= set(DONE.findall(text))


@pytest.mark.parametrize("exchange", SYMBOLS)
def test_every_market_is_one_that_ccxts_market_test_accepts(venue, exchange):
    client = private(getattr(ccxt, exchange), exchange, venue.url)

    for market in client.markets.values():
        ccxts_market_test(client, {}, "loadMarkets", market)
