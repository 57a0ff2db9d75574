"""freqtrade, live, as it was published: its configuration, its process, its database."""

import json
import sqlite3
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import requests

from tests.clients.comparing import BotOrder, rows_of
from tests.clients.supervised import STOPS_WITHIN_S, Supervised
from tests.e2e.product import free_port

LOGIN = "only for tests"
STOPPED = "to: STOPPED"
COINS = ("BTC", "ETH", "BNB", "SOL")
BOTS = Path(__file__).parent / "bots"
_FILLED = ("SELECT o.order_id, o.symbol, o.side, o.status, o.filled, o.average, o.ft_order_side, "
           "t.is_short FROM orders o JOIN trades t ON t.id = o.ft_trade_id")  # fmt: skip


@dataclass
class Freqtrade(Supervised):
    """``freqtrade trade``, live; its stoploss rests at the exchange where that is asked for."""

    stops_on_exchange: bool = False
    port: int = field(default_factory=free_port)

    def start(self) -> None:
        """Write the configuration and start trading."""
        (self.folder / "user_data").mkdir(parents=True)
        config = self.folder / "config.json"
        config.write_text(json.dumps(self._config(), indent=2))
        self.run("freqtrade", "trade", "--config", config, "--strategy", "Often",
                 "--strategy-path", BOTS, "--userdir", self.folder / "user_data")  # fmt: skip

    def ask_to_stop(self) -> None:
        """By its own API, which lets it end the round that it is in."""
        address = f"http://127.0.0.1:{self.port}/api/v1/stop"
        try:
            requests.post(address, auth=(LOGIN, LOGIN), timeout=30).raise_for_status()
        except requests.RequestException:
            return  # It is not up; Ctrl-C will do.
        deadline = time.monotonic() + STOPS_WITHIN_S
        while STOPPED not in self.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.2)

    def rounds(self) -> tuple[int, int]:
        """How many entries and how many exits were filled so far."""
        done = [row for row in self._rows() if row["filled"]]
        entries = sum(_enters(row) for row in done)
        return entries, len(done) - entries

    def orders(self) -> list[BotOrder]:
        """What its database says of its orders."""
        return [
            BotOrder(
                id=row["order_id"], symbol=row["symbol"], side=row["side"], status=row["status"],
                filled=Decimal(str(row["filled"] or 0)),
                average=Decimal(str(row["average"] or 0)),
            )
            for row in self._rows()
        ]  # fmt: skip

    def _rows(self) -> list[sqlite3.Row]:
        return rows_of(self._database, _FILLED)

    @property
    def _database(self) -> Path:
        return self.folder / "trades.sqlite"

    def _config(self) -> dict:
        on_futures = self.robot.is_futures
        pairs = [f"{coin}/USDT{':USDT' if on_futures else ''}" for coin in COINS]
        modes = {"trading_mode": "futures", "margin_mode": "cross"} if on_futures else {
            "trading_mode": "spot"}  # fmt: skip
        pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
        return modes | {
            "bot_name": self.name,
            "initial_state": "running",
            "dry_run": False,
            "max_open_trades": len(pairs),
            "stake_currency": "USDT",
            "stake_amount": 400,
            "cancel_open_orders_on_exit": True,
            "unfilledtimeout": {"entry": 1, "exit": 1, "unit": "minutes"},
            "entry_pricing": pricing,
            "exit_pricing": pricing,
            "order_types": {
                "entry": "limit", "exit": "limit", "emergency_exit": "market",
                "stoploss": "market" if on_futures else "limit",
                "stoploss_on_exchange": self.stops_on_exchange,
                "stoploss_on_exchange_interval": 10,
            },
            "exchange": {
                "name": "binance", "key": "the OMS has it", "secret": "the OMS has it",
                "pair_whitelist": pairs,
                # The venue's candles are ten times as fast, and of earlier today.
                "outdated_offset": 24 * 60,
                "_ft_has_params": {"ohlcv_max_poll_interval_secs": 1},
            },
            "pairlists": [{"method": "StaticPairList"}],
            "internals": {"process_throttle_secs": 2},
            "api_server": {
                "enabled": True, "listen_ip_address": "127.0.0.1", "listen_port": self.port,
                "username": LOGIN, "password": LOGIN, "jwt_secret_key": LOGIN * 10,
            },
            "db_url": f"sqlite:///{self._database}",
        }  # fmt: skip


def _enters(row: sqlite3.Row) -> bool:
    return row["ft_order_side"] == ("sell" if row["is_short"] else "buy")
