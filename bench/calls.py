"""G1: what does the OMS add to a call of ccxt? An order, and a read of the exchange through /ccxt.

Both go to the same paper venue, which answers 20 ms late; each round does so many of each, one
after the other, over connections that stay open.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import ccxt
import requests

from bench.measuring import ROUNDS, Goal, Result, percentile, summary
from tests.e2e.conftest import missing_servers
from tests.e2e.product import Product
from tests.paper.conftest import point

VENUE_MS = 20
CALLS = 40  # a round
LOGIN = {"api_key": "bench", "secret": "bench"}
QTY = "0.0002"

Call = Callable[[], object]


def run() -> list[Result]:
    """Embedded, and in server mode where MariaDB and Redis answer."""
    modes = ["embedded"] if missing_servers() else ["embedded", "server"]
    return [result for mode in modes for result in _measure(mode)]


def _measure(mode: str) -> Iterator[Result]:
    most = {"embedded": 1.15, "server": 1.25}[mode]
    with tempfile.TemporaryDirectory() as folder, running(Path(folder), mode) as product:
        ours, raw = Client(product), plain_ccxt(product)
        account_id = product.account("ccxt.binance")["id"]
        halves, tails = compared(
            lambda: raw.create_order("BTC/USDT", "market", "buy", QTY),
            lambda: ours.order(account_id),
        )
        what = f"an order through the OMS, {mode}, beside ccxt"
        yield summary(Goal(f"G1 {what}: p50 ≤ {most}×", "ms", at_most=most), halves)
        yield summary(Goal(f"G1 {what}: p99 ≤ 2×", "ms", at_most=2), tails)
        halves, _ = compared(raw.fetch_balance, lambda: ours.balance(account_id))
        yield summary(Goal(f"fetchBalance through /ccxt, {mode}, beside ccxt: p50", "ms"), halves)


def compared(baseline: Call, candidate: Call) -> tuple[list, list]:
    """The median and the 99th percentile of each round, baseline and candidate."""
    halves, tails = [], []
    for number in range(ROUNDS + 1):
        times = [[_timed(call) for _ in range(CALLS)] for call in (baseline, candidate)]
        if number:  # The first round does not count.
            halves.append(tuple(median(each) for each in times))
            tails.append(tuple(percentile(each, 99) for each in times))
    return halves, tails


def _timed(call: Call) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


class Client:
    """A client of the OMS that keeps its connection."""

    def __init__(self, product: Product) -> None:
        self._base = product.base
        self._session = requests.Session()
        self._session.headers["x-api-key"] = product.facts["api_key"]

    def order(self, account_id: int) -> None:
        """A market order, until it is filled and booked."""
        payload = {"symbol": "BTC/USDT", "side": "buy", "order_type": "market", "qty": QTY,
                   "strategy_id": 1}  # fmt: skip
        body = {"account_id": account_id, "command": "send_order", "payload": payload}
        answer = self._session.post(f"{self._base}/oms/commands?wait_ms=5000", json=body)
        result = answer.json()["results"][0]
        assert result["status"] == "completed", result

    def balance(self, account_id: int) -> None:
        """What the exchange says now: nothing of this is cached."""
        answer = self._session.post(f"{self._base}/ccxt/{account_id}/fetchBalance", json={})
        assert answer.ok, answer.text


def plain_ccxt(product: Product) -> ccxt.Exchange:
    """ccxt itself, at the same venue with a login of its own."""
    money = {"market": "spot", "balances": {"USDT": "1000000"}}
    product.venue("POST", "logins", LOGIN | money)
    options = {"fetchCurrencies": False, "fetchMargins": False, "fetchMarkets": {"types": ["spot"]}}
    words = {"apiKey": LOGIN["api_key"], "secret": LOGIN["secret"], "enableRateLimit": False}
    client = point(ccxt.binance(words | {"options": options}), _venue_of(product))
    client.load_markets()
    return client


@contextmanager
def running(folder: Path, mode: str) -> Iterator[Product]:
    product = Product(folder / mode, mode=mode, settings={"OMS_POLL_S": "3600"})
    try:
        product.start()
        product.venue("POST", "faults", {"kind": "slow", "ms": VENUE_MS})
        yield product
    finally:
        product.stop()


def _venue_of(product: Product) -> str:
    return f"http://127.0.0.1:{product.venue_port}"
