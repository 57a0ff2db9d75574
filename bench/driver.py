"""What does a bot pay for the driver? The same calls by ccxt itself and by the driver.

Both go to one paper venue, which answers 20 ms late, over connections that stay open.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import ccxt

from bench import calls
from bench.measuring import Goal, Result, summary
from ccxt_driver import OmsCcxtExchange

SYMBOL = "BTC/USDT"


def run() -> list[Result]:
    """Embedded; what the OMS itself adds to an order is measured in ``bench.calls``."""
    with (
        tempfile.TemporaryDirectory() as folder,
        calls.running(Path(folder), "embedded") as product,
    ):
        raw = calls.plain_ccxt(product)
        account = product.account("ccxt.binance")
        driven = OmsCcxtExchange(
            api_key=product.facts["api_key"], account_id=account["id"], strategy_id=1,
            base_url=product.base,
        )  # fmt: skip
        driven.load_markets()
        return [*_reads(raw, driven), _order(calls.Client(product), driven, account["id"])]


def _reads(raw: ccxt.Exchange, driven: OmsCcxtExchange) -> Iterator[Result]:
    for name, most, ask in (
        ("fetch_open_orders", 1.25, lambda one: one.fetch_open_orders(SYMBOL)),
        ("fetch_orders", 1.25, lambda one: one.fetch_orders(SYMBOL, limit=50)),
        ("fetch_my_trades", 1.25, lambda one: one.fetch_my_trades(SYMBOL, limit=50)),
        ("fetch_balance", 1.25, lambda one: one.fetch_balance()),
        ("fetch_ticker", 1.1, lambda one: one.fetch_ticker(SYMBOL)),
    ):
        halves, _ = calls.compared(lambda ask=ask: ask(raw), lambda ask=ask: ask(driven))
        yield summary(
            Goal(f"driver, {name} beside ccxt: p50 ≤ {most}×", "ms", at_most=most), halves
        )


def _order(client: calls.Client, driven: OmsCcxtExchange, account_id: int) -> Result:
    """An order costs what it costs the OMS; the driver adds its reading of the answer."""
    halves, _ = calls.compared(
        lambda: client.order(account_id),
        lambda: driven.create_order(SYMBOL, "market", "buy", calls.QTY),
    )
    goal = Goal("driver, create_order beside the OMS itself: p50 ≤ 1.05×", "ms", at_most=1.05)
    return summary(goal, halves)
