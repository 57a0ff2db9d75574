"""What the accounts do: stops that the OMS watches, and orders that rest near the market."""

import random
from datetime import datetime
from decimal import Decimal

from tests.budget.crowd import QTY, Crowd, base_of, priced
from tests.budget.tape import Tape
from tests.e2e.product import Json

RESTING, WATCHED = 3, 2
NEAREST, FARTHEST = 5, 120  # basis points from the market
LOOK_EVERY = 5
LATE_S = 3.0  # Such a fill is shown.
TRAILING = {"percent": "40"}  # Never reached, always watched.


class Desk:
    """Places orders over REST, and replaces those that were filled."""

    def __init__(self, crowd: Crowd) -> None:
        self._crowd = crowd
        self._random = random.Random(7)
        self._began_at = ""
        self._turns = 0
        self._resting: dict[int, Json] = {}

    @property
    def orders(self) -> int:
        """How many rest."""
        return len(self._resting)

    def prepare(self) -> None:
        """Two positions with a trailing stop and three resting orders for every account."""
        for account in self._crowd.crowd:
            for symbol in account["symbols"][:WATCHED]:
                self._crowd.command("send_order", account["id"], **_order(symbol))
            for row in self._crowd.positions(account):
                self._crowd.command("position_change", position_id=row["id"], trailing=TRAILING)
            for symbol in account["symbols"][-RESTING:]:
                self._rest(account, symbol)
        self._began_at = max(row["created_at"] for row in self._resting.values())

    def renew(self) -> None:
        """Now and then: put another order where one was filled."""
        self._turns += 1
        if self._turns % LOOK_EVERY:
            return
        ids = ",".join(str(row["id"]) for row in self._crowd.crowd)
        rows = self._crowd.every("/oms/orders/open", account_ids=ids)
        open_ids = {row["id"] for row in rows}
        accounts = {row["id"]: row for row in self._crowd.crowd}
        for order_id in self._resting.keys() - open_ids:
            gone = self._resting.pop(order_id)
            self._rest(accounts[gone["account_id"]], gone["symbol"])

    def seen_after_s(self, tape: Tape) -> tuple[list[float], list[float]]:
        """How late the fills of resting orders were booked, sorted: after the ticker told their
        price, of those that it told before; and all of them, after the trade. Prints the late ones.
        """
        ids = ",".join(str(row["id"]) for row in self._crowd.crowd)
        orders = {
            row["id"]: row
            for row in self._crowd.every("/oms/orders/history", account_ids=ids)
            if row["order_type"] == "limit"
        }
        heard, every = [], []
        for deal in self._crowd.every("/oms/deals", account_ids=ids):
            order = orders.get(deal["order_id"])
            if order is None or deal["executed_at"] <= self._began_at:
                continue
            traded_s, booked_s = _moment_s(deal["executed_at"]), _moment_s(deal["created_at"])
            told_s = tape.first_at_or_below(order["symbol"], Decimal(order["price"]), traded_s)
            if told_s is not None and told_s < booked_s:
                heard.append(booked_s - told_s)
            every.append(booked_s - traded_s)
            if every[-1] > LATE_S:
                told_s = None if told_s is None else round(told_s - traded_s, 2)
                print(f"late by {every[-1]:.2f} s: {order['symbol']} at {order['price']},"
                      f" account {order['account_id']}, order {order['id']}, made"
                      f" {order['created_at']}, traded {deal['executed_at']}, told {told_s} s"
                      " after that")  # fmt: skip
        return sorted(heard), sorted(every)

    def _rest(self, account: Json, symbol: str) -> None:
        """A limit buy some basis points below the market."""
        mid = self._crowd.mids()[symbol]
        below = Decimal(self._random.randint(NEAREST, FARTHEST)) / 10_000
        price = priced(symbol, mid * (1 - below))
        found = self._crowd.command(
            "send_order", account["id"], **_order(symbol, order_type="limit", price=price)
        )
        order = found["order"]
        self._resting[order["id"]] = order


def _order(symbol: str, **facts: str) -> Json:
    order = {"symbol": symbol, "side": "buy", "order_type": "market", "strategy_id": 1}
    return order | {"qty": QTY[base_of(symbol)]} | facts


def _moment_s(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
