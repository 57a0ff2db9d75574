"""A bot of investing-algorithm-framework that buys and sells in turns, with prices that are met.

It trades by its framework's own loop, executor and database, for as long as that runs.
"""

import sys
from pathlib import Path

from investing_algorithm_framework import (
    RESOURCE_DIRECTORY,
    CCXTTickerDataProvider,
    DataSource,
    TimeUnit,
    TradingStrategy,
    create_app,
)

COINS = ("BTC", "ETH", "BNB", "SOL")
QTY = {
    "BTC": {"BUY": 0.006, "SELL": 0.005},
    "ETH": {"BUY": 0.12, "SELL": 0.1},
    "BNB": {"BUY": 0.6, "SELL": 0.5},
    "SOL": {"BUY": 2.4, "SELL": 2},
}
MEETS = {"BUY": 1.002, "SELL": 0.998}
ITERATIONS = 100_000
WINDOW = 1000  # The venue's fast candles are of up to nine hours ago.


def sources(kind: str) -> list[DataSource]:
    """What the framework loads of each coin."""
    return [
        DataSource(market="BINANCE", symbol=f"{coin}/USDT", identifier=f"{coin} {kind}",
                   data_type=kind, time_frame="1m", window_size=WINDOW)
        for coin in COINS
    ]  # fmt: skip


STOP = Path(sys.argv[1]) / "stop"


class Candles(TradingStrategy):
    """The framework looks after what is held by candles, which nothing faster may ask for."""

    time_unit = TimeUnit.MINUTE
    interval = 1
    symbols = list(COINS)
    trading_symbol = "USDT"
    data_sources = sources("ohlcv")

    def run_strategy(self, context, data):
        """Nothing more."""


class InTurns(TradingStrategy):
    """Each time the other side of the last order; less is sold than bought, for the fees."""

    time_unit = TimeUnit.SECOND
    interval = 2
    symbols = list(COINS)
    trading_symbol = "USDT"
    data_sources = sources("ticker")

    def run_strategy(self, context, data):
        """One order for each coin that has none open."""
        if STOP.exists():
            raise KeyboardInterrupt
        for coin in COINS:
            if context.has_open_orders(coin):
                continue
            sides = [order.order_side for order in context.get_orders(target_symbol=coin)]
            side = "BUY" if len(sides) % 2 == 0 else "SELL"
            price = round(context.get_latest_price(f"{coin}/USDT") * MEETS[side], 1)
            context.create_limit_order(
                target_symbol=coin, order_side=side, price=price, amount=QTY[coin][side]
            )


def main(folder: str) -> None:
    app = create_app(config={RESOURCE_DIRECTORY: folder})
    app.add_market(
        market="BINANCE", trading_symbol="USDT", initial_balance=10_000,
        api_key="the OMS has it", secret_key="the OMS has it",
    )  # fmt: skip
    app.add_data_provider(CCXTTickerDataProvider())
    for strategy in (Candles, InTurns):
        app.add_strategy(strategy)
    app.run(number_of_iterations=ITERATIONS)  # Without, it ends after one: findings/.


if __name__ == "__main__":
    main(str(Path(sys.argv[1]).resolve()))
