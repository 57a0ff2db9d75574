"""investing-algorithm-framework, as it was published: its own loop, executor and database."""

import sqlite3
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import ClassVar

from tests.clients.comparing import BotOrder, rows_of
from tests.clients.supervised import STOPS_WITHIN_S, Supervised

SCRIPT = Path(__file__).parent / "bots" / "in_turns.py"
_ORDERS = ("SELECT external_id, target_symbol || '/' || trading_symbol AS symbol, order_side, "
           "status, filled, price FROM orders ORDER BY id")  # fmt: skip


@dataclass
class Investing(Supervised):
    """``App.run`` of a script, until the script is told to stop."""

    gives_up: ClassVar[bool] = True

    def start(self) -> None:
        """Start trading."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.run("python", SCRIPT, self.folder)

    def ask_to_stop(self) -> None:
        """Its script looks for this file between two rounds, and ends."""
        (self.folder / "stop").touch()
        with suppress(subprocess.TimeoutExpired):
            self.popen.wait(timeout=STOPS_WITHIN_S)

    def rounds(self) -> tuple[int, int]:
        """How many buys and how many sells were filled so far."""
        sides = [order.side for order in self.orders() if order.filled]
        return sides.count("buy"), sides.count("sell")

    def orders(self) -> list[BotOrder]:
        """What its database says of its orders; it keeps no average."""
        return [_read(row) for row in rows_of(self._database, _ORDERS) if row["external_id"]]

    @property
    def _database(self) -> Path:
        return self.folder / "databases" / "prod-database.sqlite3"


def _read(row: sqlite3.Row) -> BotOrder:
    return BotOrder(
        id=str(row["external_id"]), symbol=row["symbol"], side=row["order_side"].lower(),
        status=row["status"], filled=Decimal(str(row["filled"] or 0)), average=None,
    )  # fmt: skip
