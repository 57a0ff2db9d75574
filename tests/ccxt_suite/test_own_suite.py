"""ccxt's own integration tests, as its wheel ships them, against the paper venue.

Each variant runs once, in a process of its own, with public and private tests together; what must
be left out stands with its reason in ``skip-tests.json``, the file that ccxt's runner reads. It
also pins the symbols: ccxt's stream tests would take the market that was traded most, and wait
without end for orders in it when that is not one that we trade.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import ccxt
import pytest
from ccxt.test.exchange.base import test_market as ccxts_market_test

from tests.ccxt_suite.running import VARIANTS, check_passed, told_by, trading
from tests.ccxt_suite.tree import grow
from tests.paper.conftest import VenueProcess, point, secret_of

pytestmark = pytest.mark.ccxt_suite

RUNNER = Path(__file__).with_name("run.py")
SYMBOLS = {"binance": ("BTC/USDT", "BTC/USDT:USDT"), "binanceusdm": ("BTC/USDT:USDT",)}
RUNS = [(exchange, variant) for exchange in SYMBOLS for variant in VARIANTS]
# ccxt's futures streams tell no free balance, so here the spot half of ``binance`` runs alone.
WHERE = {("binance", "pro"): ["BTC/USDT"]}
RUN_WITHIN_S = 150  # One waits for most of the half minute that it takes alone.
# A position needs a liquidation price above zero for ccxt to work out what backs it.
MONEY = {"spot": {"USDT": "100000", "BTC": "2"}, "linear": {"USDT": "300"}}
LIMITS = ("--weight-limit", "1000000", "--linear-weight-limit", "1000000")

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
        return told_by(RUNNER, words, log, within_s=RUN_WITHIN_S)

    busy = trading(traders(venue), first=0.01, every_s=0.4)
    with busy, ThreadPoolExecutor(len(RUNS)) as pool:
        return dict(zip(RUNS, pool.map(run, *zip(*RUNS, strict=True)), strict=True))


def traders(venue: VenueProcess) -> Iterator[tuple[ccxt.Exchange, str]]:
    for exchange, symbols in SYMBOLS.items():
        client = private(getattr(ccxt, exchange), exchange, venue.url)
        yield from ((client, symbol) for symbol in symbols)


def private(kind: type, key: str, url: str) -> ccxt.Exchange:
    words = {"apiKey": key, "secret": secret_of(key), "enableRateLimit": False}
    client = point(kind(words), url)
    client.load_markets()
    return client


@pytest.mark.parametrize(("exchange", "variant"), RUNS)
def test_ccxts_own_tests_pass(told, exchange, variant):
    wanted = STREAMS if variant == "pro" else REST

    check_passed(told[exchange, variant], wanted | ONLY.get((exchange, variant), set()))


@pytest.mark.parametrize("exchange", SYMBOLS)
def test_every_market_is_one_that_ccxts_market_test_accepts(venue, exchange):
    client = private(getattr(ccxt, exchange), exchange, venue.url)

    for market in client.markets.values():
        ccxts_market_test(client, {}, "loadMarkets", market)
