"""A tour through a running OMS, as a client sees it: ``make demo``.

Only HTTP, so it shows exactly what anybody's program would send and get.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal
from typing import Any

from rich.console import Console
from rich.table import Table

Json = dict[str, Any]
QTY = Decimal("0.01")
HALF = QTY / 2
TIMEOUT_S = 70


class TourFailed(Exception):
    """A step did not do what it should; the text says which and what came back."""


@dataclass(slots=True)
class Client:
    """Requests with the key."""

    base_url: str
    api_key: str

    def get(self, path: str) -> Json:
        """Read an address.

        Raises:
            TourFailed: nobody answers, or it is an error.
        """
        return self._ask(urllib.request.Request(self.base_url + path))  # noqa: S310 (as below)

    def command(self, **command: Any) -> Json:
        """Give one command and return its result.

        Raises:
            TourFailed: it was refused.
        """
        request = urllib.request.Request(  # noqa: S310 (as below)
            f"{self.base_url}/oms/commands",
            data=json.dumps(command).encode(),
            headers={"content-type": "application/json"},
        )
        result = self._ask(request)["results"][0]
        if result["status"] != "completed":
            raise TourFailed(f"{command['command']} is {result['status']}: {result['error']}")
        return result

    def _ask(self, request: urllib.request.Request) -> Json:
        request.add_header("x-api-key", self.api_key)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310 (our own base URL)
                return json.load(answer)
        except urllib.error.HTTPError as error:
            body = error.read().decode(errors="replace")
            try:
                return json.loads(body) if "results" in body else _refuse(error.code, body)
            except ValueError:
                _refuse(error.code, body)
                raise
        except OSError as error:
            raise TourFailed(
                f"{self.base_url} does not answer ({error}); is `make run` up?"
            ) from None


def _refuse(status: int, body: str) -> Json:
    raise TourFailed(f"HTTP {status}: {body[:500]}")


@dataclass(slots=True)
class Tour:
    """The steps on one account, and how long each took."""

    client: Client
    account_id: int
    symbol: str
    console: Console
    times: list[tuple[str, str, float]] = field(default_factory=list)

    def run(self) -> None:
        """Buy, rest an order, change it, cancel it, close a part, close the rest, and show it.

        Raises:
            TourFailed: a step did not do what it should.
        """
        bought = self._step("market buy", self._buy)
        position_id = bought["order"]["position_id"]
        price = Decimal(bought["order"]["avg_fill_price"])
        resting = self._step("limit order far below", lambda: self._rest(price))["order_id"]
        self._step("change its price", lambda: self._change(resting, price))
        self._step("cancel it", lambda: self._cancel(resting))
        self._step("close a part", lambda: self._close(position_id, HALF))
        self._step("close the rest", lambda: self._close(position_id, None))
        self._show()

    def _step(self, name: str, work: Callable[[], Json]) -> Json:
        started = time.perf_counter()
        result = work()
        took_ms = (time.perf_counter() - started) * 1000
        order = result["order"]
        outcome = order["status"] if order else result["status"]
        self.times.append((name, outcome, took_ms))
        self.console.print(f"  {name:<24} {outcome:<12} {took_ms:8.1f} ms")
        return result

    def _buy(self) -> Json:
        return self._send(order_type="market", qty=str(QTY))

    def _rest(self, price: Decimal) -> Json:
        return self._send(order_type="limit", qty=str(QTY), price=_at(price, "0.9"))

    def _send(self, **payload: Any) -> Json:
        return self.client.command(
            account_id=self.account_id,
            command="send_order",
            payload={"symbol": self.symbol, "side": "buy", "strategy_id": 1,
                     "comment": "demo", **payload},
        )  # fmt: skip

    def _change(self, order_id: int, price: Decimal) -> Json:
        payload = {"order_id": order_id, "new_price": _at(price, "0.91")}
        return self.client.command(command="change_order", payload=payload)

    def _cancel(self, order_id: int) -> Json:
        return self.client.command(command="cancel_order", payload={"order_id": order_id})

    def _close(self, position_id: int, qty: Decimal | None) -> Json:
        payload: Json = {"position_id": position_id, "comment": "demo"}
        payload |= {} if qty is None else {"qty": str(qty)}
        return self.client.command(command="close_position", payload=payload)

    def _show(self) -> None:
        query = f"account_ids={self.account_id}&limit=6"
        read = self.client.get
        orders = read(f"/oms/orders/history?{query}")["items"]
        deals = read(f"/oms/deals?{query}")["items"]
        live = read(f"/oms/positions/open?{query}")["items"]
        closed = read(f"/oms/positions/history?{query}")["items"]
        self.console.print()
        self._table("Orders", orders, ORDER_COLUMNS)
        self._table("Deals", deals, DEAL_COLUMNS)
        self._table("Positions", (live + closed)[:6], POSITION_COLUMNS)

    def _table(self, title: str, items: list[Json], columns: dict[str, str]) -> None:
        table = Table(title=f"{title}, newest first", title_justify="left")
        for heading, name in columns.items():
            table.add_column(heading, justify="right" if name in NUMBERS else "left")
        for item in items:
            table.add_row(*(_shown(item[name]) for name in columns.values()))
        self.console.print(table)


ORDER_COLUMNS = {
    "id": "id",
    "side": "side",
    "type": "order_type",
    "status": "status",
    "qty": "qty",
    "price": "price",
    "filled": "filled_qty",
    "average": "avg_fill_price",
    "fee": "fee",
    "in": "fee_currency",
    "position": "position_id",
    "created (UTC)": "created_at",
}
DEAL_COLUMNS = {
    "id": "id",
    "order": "order_id",
    "position": "position_id",
    "entry": "entry",
    "side": "side",
    "qty": "qty",
    "price": "price",
    "profit": "profit",
    "fee": "fee",
    "in": "fee_currency",
    "executed (UTC)": "executed_at",
}
POSITION_COLUMNS = {
    "id": "id",
    "state": "state",
    "side": "side",
    "qty": "qty",
    "average": "avg_price",
    "profit": "profit",
    "fees": "fees",
    "floating": "floating_profit",
    "opened (UTC)": "opened_at",
}
NUMBERS = {"id", "order_id", "position_id", "qty", "price", "filled_qty", "avg_fill_price", "fee",
           "profit", "fees", "avg_price", "floating_profit"}  # fmt: skip


def _at(price: Decimal, share: str) -> str:
    """A share of the price, on a step that every market of the tour takes."""
    return str((price * Decimal(share)).quantize(Decimal(1), ROUND_DOWN))


def _shown(value: Any) -> str:
    if value is None:
        return "–"
    text = str(value)
    is_time = len(text) == len("2026-01-31T12:00:00.000000Z") and text.endswith("Z")
    return text[11:23] if is_time else text
