"""Where the bots trade: an OMS and its venue, accounts for several robots, restricted keys."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.e2e.product import Json, Product
from tests.e2e.strategies import add_robot, add_strategy_account, let_product_trade

LEVERAGE = 3
FAST_CANDLES = ("--candle-speed", "10", "--tick-ms", "0", "--volatility", "4", "--funding-s", "60")
STEP_S = 0.5
_PERPETUALS = [f"{coin}/USDT:USDT" for coin in ("BTC", "ETH", "BNB", "SOL")]


@dataclass(frozen=True)
class Robot:
    """A restricted key, and what a bot's environment says of it."""

    account: Json
    key: str
    strategy_id: int
    base_url: str

    @property
    def is_futures(self) -> bool:
        """Whether it trades perpetuals."""
        return self.account["exchange_id"].endswith("usdm")

    @property
    def env(self) -> dict[str, str]:
        """The driver's variables."""
        return {
            "CCXT_OMS_API_KEY": self.key,
            "CCXT_OMS_ACCOUNT_ID": str(self.account["id"]),
            "CCXT_OMS_STRATEGY_ID": str(self.strategy_id),
            "CCXT_OMS_BASE_URL": self.base_url,
        }


class Stage:
    """A running OMS; ``spot`` and ``usdm`` are its accounts."""

    def __init__(self, folder: Path) -> None:
        self.product = Product(folder, venue_options=FAST_CANDLES).start()
        self.spot, self.usdm = (
            add_strategy_account(self.product, name)
            for name in ("ccxt.binance", "ccxt.binanceusdm")
        )
        let_product_trade(self.product, self.accounts)
        for symbol in _PERPETUALS:
            self._set_leverage(symbol)
        self._frozen = threading.Event()
        self._pace = threading.Thread(target=self._walk)
        self._pace.start()

    @property
    def accounts(self) -> list[Json]:
        """Both accounts."""
        return [self.spot, self.usdm]

    def robot(self, name: str, account: Json) -> Robot:
        """A robot of that name, with a strategy of its own."""
        key, strategy_id = add_robot(self.product, name, account)
        return Robot(account, key, strategy_id, self.product.base)

    def restart(self, say: Callable[[str], None]) -> None:
        """kill -9, and start again."""
        oms = self.product.processes["oms"]
        oms.kill()
        say("the OMS was killed")
        oms.start()
        self.product.wait_until_ready()
        say("the OMS is back")

    def freeze(self) -> None:
        """From now on prices stand still: nothing fills that its bot would not live to see."""
        self._frozen.set()
        self._pace.join()

    def stop(self) -> None:
        """End OMS and venue."""
        self.freeze()
        self.product.stop()

    def _walk(self) -> None:
        while not self._frozen.wait(STEP_S):
            self.product.venue("POST", "step", {"count": 1})

    def _set_leverage(self, symbol: str) -> None:
        answer = requests.post(
            f"{self.product.base}/ccxt/{self.usdm['id']}/setLeverage",
            json={"args": [LEVERAGE, symbol], "kwargs": {}},
            headers={"x-api-key": self.product.facts["api_key"]},
            timeout=30,
        )
        assert answer.ok, answer.text
